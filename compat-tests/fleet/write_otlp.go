// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

var otlpKinds = [...]trace.Span_SpanKind{
	trace.Span_SPAN_KIND_INTERNAL, trace.Span_SPAN_KIND_SERVER, trace.Span_SPAN_KIND_CLIENT,
	trace.Span_SPAN_KIND_PRODUCER, trace.Span_SPAN_KIND_CONSUMER,
}

func (f *Fleet) otlp(instance int32, spans []int32) *collector.ExportTraceServiceRequest {
	scope := &trace.ScopeSpans{Scope: &common.InstrumentationScope{Name: "fleet"}}
	for _, n := range spans {
		s := &f.Spans[n]
		id := f.Traces[s.Trace].ID.bytes()
		at := 1000 * f.micros(instance, s.Start)
		o := &trace.Span{
			TraceId: id[:], SpanId: be64(s.ID), Name: f.endpoint(n), Kind: otlpKinds[s.Kind],
			StartTimeUnixNano: uint64(at), EndTimeUnixNano: uint64(at + s.End - s.Start),
		}
		f.attributes(n, func(key, value string) { o.Attributes = append(o.Attributes, attribute(key, value)) })
		if s.ParentID != 0 {
			o.ParentSpanId = be64(s.ParentID)
		}
		if r := f.remote(s); r != "" {
			o.Attributes = append(o.Attributes, attribute("peer.service", r))
		}
		scope.Spans = append(scope.Spans, o)
	}
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{
			attribute("service.name", f.service(instance).Name), attribute("service.instance.id", f.Instances[instance].Name),
		}},
		ScopeSpans: []*trace.ScopeSpans{scope},
	}}}
}

func attribute(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}
}
