// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"encoding/binary"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

var otlpKinds = map[Kind]tracepb.Span_SpanKind{
	Local: tracepb.Span_SPAN_KIND_INTERNAL, Server: tracepb.Span_SPAN_KIND_SERVER, Client: tracepb.Span_SPAN_KIND_CLIENT,
	Producer: tracepb.Span_SPAN_KIND_PRODUCER, Consumer: tracepb.Span_SPAN_KIND_CONSUMER,
}

// otlp is an export request with a resource for each service.
func otlp(list []Trace) (*Message, error) {
	var request collector.ExportTraceServiceRequest
	of := make(map[string]*tracepb.ScopeSpans)
	for i := range list {
		for j := range list[i].Spans {
			s := &list[i].Spans[j]
			group := of[s.Local.Service]
			if group == nil {
				group = &tracepb.ScopeSpans{Scope: &commonpb.InstrumentationScope{Name: "shop/" + s.Local.Service, Version: "1.2.3"}}
				of[s.Local.Service] = group
				request.ResourceSpans = append(request.ResourceSpans, &tracepb.ResourceSpans{
					Resource: &resourcepb.Resource{Attributes: attributes([]Pair{
						{"service.name", s.Local.Service},
						{"service.instance.id", s.Local.Instance},
						{"telemetry.sdk.language", "go"},
					})},
					ScopeSpans: []*tracepb.ScopeSpans{group},
				})
			}
			group.Spans = append(group.Spans, otlpSpan(&list[i], s))
		}
	}
	body, err := proto.Marshal(&request)
	if err != nil {
		return nil, err
	}
	return newMessage(body, list, bigEndian, littleNanos)
}

func otlpSpan(t *Trace, s *Span) *tracepb.Span {
	trace := binary.BigEndian.AppendUint64(nil, t.High)
	o := &tracepb.Span{
		TraceId: binary.BigEndian.AppendUint64(trace, id(sampleNonce, t.ID)),
		SpanId:  binary.BigEndian.AppendUint64(nil, id(sampleNonce, s.ID)),
		Name:    s.Name, Kind: otlpKinds[s.Kind], Attributes: attributes(s.Tags), Status: &tracepb.Status{},
		StartTimeUnixNano: uint64(sampleTime.Add(s.Start).UnixNano()),
		EndTimeUnixNano:   uint64(sampleTime.Add(s.Start + s.Duration).UnixNano()),
	}
	if s.Parent != 0 {
		o.ParentSpanId = binary.BigEndian.AppendUint64(nil, id(sampleNonce, s.Parent))
	}
	for _, e := range s.Events {
		o.Events = append(o.Events, &tracepb.Span_Event{TimeUnixNano: uint64(sampleTime.Add(e.At).UnixNano()), Name: e.Name})
	}
	return o
}

func attributes(list []Pair) (all []*commonpb.KeyValue) {
	for _, p := range list {
		all = append(all, &commonpb.KeyValue{Key: p.Key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: p.Value}}})
	}
	return all
}
