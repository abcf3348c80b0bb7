// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

// The published types are the oracle. TracesData has the layout of
// ExportTraceServiceRequest, whose own package needs a gateway to HTTP.

func mustMarshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	p, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustUnmarshal(t testing.TB, p []byte) *tracepb.TracesData {
	t.Helper()
	m := &tracepb.TracesData{}
	if err := proto.Unmarshal(p, m); err != nil {
		t.Fatalf("not a TracesData: %v\n%x", err, p)
	}
	return m
}

// encode writes a batch as a request.
func encode(b *span.Batch, rewrite bool) []byte {
	e := &Encoder{rewrite: rewrite}
	e.Reset()
	e.Add(spantest.Items(b))
	var out []byte
	for _, m := range e.Messages() {
		out = append(out, m.Body...)
	}
	return out
}

func origin(format string) span.Origin { return span.Origin{Format: format, Transport: "test"} }

// diff compares two messages; NaN equals NaN.
func diff(want, got proto.Message) string {
	if proto.Equal(want, got) {
		return ""
	}
	return cmp.Diff(want, got, protocmp.Transform()) + "(messages differ)"
}

// normal is the normal form that the package comment describes for what is
// written anew.
func normal(m *tracepb.TracesData) *tracepb.TracesData {
	m = proto.Clone(m).(*tracepb.TracesData)
	out := &tracepb.TracesData{}
	for _, rs := range m.ResourceSpans {
		var scopes []*tracepb.ScopeSpans
		for _, ss := range rs.ScopeSpans {
			if len(ss.Spans) == 0 {
				continue
			}
			if ss.Scope == nil && ss.SchemaUrl != "" {
				ss.Scope = &commonpb.InstrumentationScope{}
			}
			normalAttrs(ss.Scope.GetAttributes())
			for _, s := range ss.Spans {
				normalSpan(s)
			}
			scopes = appendScopeSpans(scopes, ss)
		}
		if len(scopes) == 0 {
			continue
		}
		if rs.Resource == nil && rs.SchemaUrl != "" {
			rs.Resource = &resourcepb.Resource{}
		}
		if rs.Resource != nil {
			rs.Resource.EntityRefs = nil
			normalAttrs(rs.Resource.Attributes)
		}
		rs.ScopeSpans = scopes
		if n := len(out.ResourceSpans); n > 0 && rs.Resource == nil && out.ResourceSpans[n-1].Resource == nil {
			last := out.ResourceSpans[n-1]
			for _, ss := range scopes {
				last.ScopeSpans = appendScopeSpans(last.ScopeSpans, ss)
			}
			continue
		}
		out.ResourceSpans = append(out.ResourceSpans, rs)
	}
	return out
}

func appendScopeSpans(list []*tracepb.ScopeSpans, ss *tracepb.ScopeSpans) []*tracepb.ScopeSpans {
	if n := len(list); n > 0 && ss.Scope == nil && list[n-1].Scope == nil {
		list[n-1].Spans = append(list[n-1].Spans, ss.Spans...)
		return list
	}
	return append(list, ss)
}

func normalSpan(s *tracepb.Span) {
	if bytes.Equal(s.ParentSpanId, make([]byte, 8)) || bytes.Equal(s.ParentSpanId, s.SpanId) {
		s.ParentSpanId = nil
	}
	if s.Kind < 0 || s.Kind > 5 {
		s.Kind = 0
	}
	if s.Status != nil && (s.Status.Code < 0 || s.Status.Code > 2) {
		s.Status.Code = 0
	}
	normalAttrs(s.Attributes)
	for _, e := range s.Events {
		normalAttrs(e.Attributes)
	}
	for _, l := range s.Links {
		if len(l.TraceId) != 16 || bytes.Equal(l.TraceId, make([]byte, 16)) {
			l.TraceId = nil
		}
		if len(l.SpanId) != 8 || bytes.Equal(l.SpanId, make([]byte, 8)) {
			l.SpanId = nil
		}
		normalAttrs(l.Attributes)
	}
}

func normalAttrs(attrs []*commonpb.KeyValue) {
	for _, kv := range attrs {
		kv.KeyStrindex = 0
		if kv.Value == nil {
			kv.Value = &commonpb.AnyValue{}
		}
		normalValue(kv.Value)
	}
}

func normalValue(v *commonpb.AnyValue) {
	switch x := v.Value.(type) {
	case *commonpb.AnyValue_ArrayValue:
		for _, e := range x.ArrayValue.GetValues() {
			normalValue(e)
		}
	case *commonpb.AnyValue_KvlistValue:
		normalAttrs(x.KvlistValue.GetValues())
	case *commonpb.AnyValue_StringValueStrindex:
		v.Value = nil
	}
}

// Random requests. All fields occur, with values at their limits.

var (
	words    = rapid.SampledFrom([]string{"", "a", "GET /", "service.name", "peer.service", "shop é 世 🚀", "quote\" \\ \n\t\x00", "  "})
	texts    = rapid.OneOf(words, rapid.StringN(0, 30, 60))
	keys     = rapid.OneOf(rapid.SampledFrom([]string{"service.name", "peer.service", "network.peer.address", "network.peer.port", "net.peer.name", "server.address", "host.ip", "net.host.ip", "db.name", "bytesValue", "doubleValue", "kvlistValue", "error", ""}), texts)
	values   = rapid.OneOf(texts, rapid.SampledFrom([]string{"10.0.0.1", "::1", "::ffff:1.2.3.4", "2001:DB8::1", "fe80::1%eth0", "80"}))
	counts   = rapid.OneOf(rapid.Just(uint32(0)), rapid.SampledFrom([]uint32{1, 127, 128, 1<<32 - 1}), rapid.Uint32())
	times    = rapid.OneOf(rapid.SampledFrom([]uint64{0, 1, 1700000000000001499, 1<<63 - 1, 1 << 63, 1<<64 - 1}), rapid.Uint64Range(1_700_000_000_000_000_000, 1_700_000_001_000_000_000))
	traceIDs = rapid.SliceOfN(rapid.Byte(), 16, 16).Filter(func(p []byte) bool { return !bytes.Equal(p, make([]byte, 16)) })
	spanIDs  = rapid.SliceOfN(rapid.Byte(), 8, 8).Filter(func(p []byte) bool { return !bytes.Equal(p, make([]byte, 8)) })
)

func drawValue(t *rapid.T, depth int) *commonpb.AnyValue {
	most := 7
	if depth > 3 {
		most = 5
	}
	switch rapid.IntRange(0, most).Draw(t, "member") {
	case 0:
		return &commonpb.AnyValue{}
	case 1:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: values.Draw(t, "text")}}
	case 2:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: rapid.Bool().Draw(t, "bool")}}
	case 3:
		v := rapid.OneOf(rapid.SampledFrom([]int64{0, 1, 80, -1, math.MinInt64, math.MaxInt64, 1<<53 + 1}), rapid.Int64()).Draw(t, "int")
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}
	case 4:
		v := rapid.OneOf(rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 2, 1e21, 1e-7, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53}), rapid.Float64()).Draw(t, "double")
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v}}
	case 5:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")}}
	case 6:
		a := &commonpb.ArrayValue{}
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			a.Values = append(a.Values, drawValue(t, depth+1))
		}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: a}}
	default:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: drawAttrs(t, depth+1)}}}
	}
}

func drawAttrs(t *rapid.T, depth int) (out []*commonpb.KeyValue) {
	for range rapid.IntRange(0, 3).Draw(t, "attributes") {
		kv := &commonpb.KeyValue{Key: keys.Draw(t, "key"), Value: drawValue(t, depth)}
		if rapid.IntRange(0, 20).Draw(t, "no value") == 0 {
			kv.Value = nil
		}
		out = append(out, kv)
	}
	return out
}

func drawSpan(t *rapid.T) *tracepb.Span {
	s := &tracepb.Span{
		TraceId: traceIDs.Draw(t, "trace"), SpanId: spanIDs.Draw(t, "span"),
		TraceState: texts.Draw(t, "state"), Name: texts.Draw(t, "name"),
		Kind:              tracepb.Span_SpanKind(rapid.Int32Range(-1, 7).Draw(t, "kind")),
		StartTimeUnixNano: times.Draw(t, "start"), EndTimeUnixNano: times.Draw(t, "end"),
		Attributes: drawAttrs(t, 0), Flags: counts.Draw(t, "flags"),
		DroppedAttributesCount: counts.Draw(t, "dropped"), DroppedEventsCount: counts.Draw(t, "dropped events"),
		DroppedLinksCount: counts.Draw(t, "dropped links"),
	}
	switch rapid.IntRange(0, 4).Draw(t, "parent") {
	case 0:
		s.ParentSpanId = make([]byte, 8)
	case 1:
		s.ParentSpanId = s.SpanId
	case 2, 3:
		s.ParentSpanId = spanIDs.Draw(t, "parent id")
	}
	if rapid.Bool().Draw(t, "has status") {
		s.Status = &tracepb.Status{
			Message: texts.Draw(t, "message"),
			Code:    tracepb.Status_StatusCode(rapid.Int32Range(-1, 3).Draw(t, "code")),
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "events") {
		s.Events = append(s.Events, &tracepb.Span_Event{
			TimeUnixNano: times.Draw(t, "time"), Name: texts.Draw(t, "name"),
			Attributes: drawAttrs(t, 0), DroppedAttributesCount: counts.Draw(t, "dropped"),
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "links") {
		s.Links = append(s.Links, &tracepb.Span_Link{
			TraceId:    rapid.OneOf(traceIDs, rapid.SliceOfN(rapid.Byte(), 0, 17)).Draw(t, "trace"),
			SpanId:     rapid.OneOf(spanIDs, rapid.SliceOfN(rapid.Byte(), 0, 9)).Draw(t, "span"),
			TraceState: texts.Draw(t, "state"), Attributes: drawAttrs(t, 0),
			DroppedAttributesCount: counts.Draw(t, "dropped"), Flags: counts.Draw(t, "flags"),
		})
	}
	return s
}

var requests = rapid.Custom(func(t *rapid.T) *tracepb.TracesData {
	m := &tracepb.TracesData{}
	for range rapid.IntRange(0, 3).Draw(t, "resources") {
		rs := &tracepb.ResourceSpans{SchemaUrl: words.Draw(t, "schema")}
		if rapid.Bool().Draw(t, "has resource") {
			rs.Resource = &resourcepb.Resource{Attributes: drawAttrs(t, 0), DroppedAttributesCount: counts.Draw(t, "dropped")}
			if rapid.IntRange(0, 3).Draw(t, "has entity") == 0 {
				rs.Resource.EntityRefs = []*commonpb.EntityRef{{Type: "service", IdKeys: []string{"service.name", ""}}}
			}
		}
		for range rapid.IntRange(0, 2).Draw(t, "scopes") {
			ss := &tracepb.ScopeSpans{SchemaUrl: words.Draw(t, "schema")}
			if rapid.Bool().Draw(t, "has scope") {
				ss.Scope = &commonpb.InstrumentationScope{
					Name: texts.Draw(t, "name"), Version: texts.Draw(t, "version"),
					Attributes: drawAttrs(t, 0), DroppedAttributesCount: counts.Draw(t, "dropped"),
				}
			}
			for range rapid.IntRange(0, 2).Draw(t, "spans") {
				ss.Spans = append(ss.Spans, drawSpan(t))
			}
			rs.ScopeSpans = append(rs.ScopeSpans, ss)
		}
		m.ResourceSpans = append(m.ResourceSpans, rs)
	}
	return m
})

// toOTLPJSON writes a message in OTLP's JSON: protojson with the ids in hex.
func toOTLPJSON(t testing.TB, m proto.Message) []byte {
	t.Helper()
	p, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	out, err := convertIDs(p, func(s string) (string, error) {
		raw, err := base64.StdEncoding.DecodeString(s)
		return hex.EncodeToString(raw), err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fromOTLPJSON reads OTLP's JSON by protojson.
func fromOTLPJSON(body []byte) (*tracepb.TracesData, error) {
	p, err := convertIDs(body, func(s string) (string, error) {
		raw, err := hex.DecodeString(s)
		return base64.StdEncoding.EncodeToString(raw), err
	})
	if err != nil {
		return nil, err
	}
	m := &tracepb.TracesData{}
	return m, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(p, m)
}

// convertIDs changes the spelling of all ids. Attribute maps cannot be mixed up
// with messages: their keys stand in a field.
func convertIDs(body []byte, convert func(string) (string, error)) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("text after the request")
	}
	var walk func(any) error
	walk = func(v any) error {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				if err := walk(e); err != nil {
					return err
				}
			}
		case map[string]any:
			for k, e := range v {
				switch k {
				case "traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id":
					if s, ok := e.(string); ok {
						c, err := convert(s)
						if err != nil {
							return err
						}
						v[k] = c
						continue
					}
				}
				if err := walk(e); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := walk(tree); err != nil {
		return nil, err
	}
	return json.Marshal(tree)
}
