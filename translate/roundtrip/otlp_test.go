// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"encoding/binary"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// otlpBody is an ExportTraceServiceRequest, which has the form of TracesData.
func otlpBody(t *rapid.T) []byte {
	request := &trace.TracesData{}
	for left := rapid.IntRange(1, perCheck).Draw(t, "spans"); left > 0; {
		rs := &trace.ResourceSpans{}
		if !yes(t, 5) {
			rs.Resource = &resource.Resource{Attributes: otlpAttrs(t, 4)}
			if !yes(t, 3) {
				rs.Resource.Attributes = append(rs.Resource.Attributes, &common.KeyValue{
					Key: "service.name", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: services.Draw(t, "service")}},
				})
			}
			if yes(t, 4) {
				rs.Resource.DroppedAttributesCount = 2
			}
			if yes(t, 4) {
				rs.SchemaUrl = "https://schema/1"
			}
		}
		ss := &trace.ScopeSpans{}
		if yes(t, 2) {
			ss.Scope = &common.InstrumentationScope{Name: texts.Draw(t, "scope"), Version: texts.Draw(t, "version")}
			if yes(t, 3) {
				ss.Scope.Attributes = otlpAttrs(t, 2)
				ss.Scope.DroppedAttributesCount = 1
				ss.SchemaUrl = "https://schema/2"
			}
		}
		for range min(left, rapid.IntRange(1, 6).Draw(t, "in scope")) {
			ss.Spans = append(ss.Spans, otlpSpan(t))
			left--
		}
		rs.ScopeSpans = append(rs.ScopeSpans, ss)
		request.ResourceSpans = append(request.ResourceSpans, rs)
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func bytes8(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

func otlpSpan(t *rapid.T) *trace.Span {
	s := &trace.Span{
		TraceId: append(bytes8(id(t)), bytes8(id(t))...), SpanId: bytes8(id(t)),
		Name: texts.Draw(t, "name"), Kind: trace.Span_SpanKind(rapid.IntRange(0, 5).Draw(t, "kind")),
		Attributes: otlpAttrs(t, 6),
	}
	if yes(t, 2) {
		s.ParentSpanId = bytes8(id(t))
	}
	if !yes(t, 5) {
		s.StartTimeUnixNano = uint64(instant(t))
		s.EndTimeUnixNano = s.StartTimeUnixNano + uint64(span64(t))
	}
	if yes(t, 4) {
		s.TraceState = rapid.SampledFrom([]string{"k=v", "a=b,c=d|e", "GET"}).Draw(t, "state")
	}
	if yes(t, 4) {
		s.DroppedAttributesCount, s.DroppedEventsCount, s.DroppedLinksCount = 1, uint32(few(t, 3)), uint32(few(t, 3))
	}
	if yes(t, 3) {
		s.Flags = rapid.SampledFrom([]uint32{0, 1, 2, 0x101, 0x300}).Draw(t, "flags")
	}
	if yes(t, 2) {
		s.Status = &trace.Status{Code: trace.Status_StatusCode(rapid.IntRange(0, 2).Draw(t, "code")), Message: texts.Draw(t, "message")}
	}
	for range few(t, 4) {
		e := &trace.Span_Event{TimeUnixNano: uint64(instant(t)), Name: texts.Draw(t, "event"), Attributes: otlpAttrs(t, 2)}
		if yes(t, 4) {
			e.DroppedAttributesCount = 3
		}
		s.Events = append(s.Events, e)
		if yes(t, 5) {
			s.Events = append(s.Events, e)
		}
	}
	for range few(t, 2) {
		l := &trace.Span_Link{TraceId: append(bytes8(id(t)), bytes8(id(t))...), SpanId: bytes8(id(t)), Attributes: otlpAttrs(t, 2)}
		if yes(t, 3) {
			l.TraceId = s.TraceId
			l.Attributes = append(l.Attributes, &common.KeyValue{
				Key: "opentracing.ref_type", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: "child_of"}},
			})
		}
		if yes(t, 3) {
			l.TraceState, l.Flags, l.DroppedAttributesCount = "k=v|w", 1, 2
		}
		s.Links = append(s.Links, l)
	}
	return s
}

func otlpAttrs(t *rapid.T, most int) (list []*common.KeyValue) {
	for range few(t, most) {
		list = append(list, &common.KeyValue{Key: keys.Draw(t, "key"), Value: otlpValue(t, 2)})
	}
	return list
}

func otlpValue(t *rapid.T, depth int) *common.AnyValue {
	switch rapid.IntRange(0, 9).Draw(t, "type") {
	case 0:
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: ints.Draw(t, "int")}}
	case 1:
		return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: floats.Draw(t, "float")}}
	case 2:
		return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: rapid.Bool().Draw(t, "bool")}}
	case 3:
		return &common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "bytes")}}
	case 4:
		return &common.AnyValue{}
	case 5:
		if depth == 0 {
			return &common.AnyValue{}
		}
		list := &common.ArrayValue{}
		for range few(t, 2) {
			list.Values = append(list.Values, otlpValue(t, depth-1))
		}
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: list}}
	case 6:
		if depth == 0 {
			return &common.AnyValue{}
		}
		list := &common.KeyValueList{}
		for range few(t, 2) {
			list.Values = append(list.Values, &common.KeyValue{Key: keys.Draw(t, "key"), Value: otlpValue(t, depth-1)})
		}
		return &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: list}}
	}
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: texts.Draw(t, "text")}}
}
