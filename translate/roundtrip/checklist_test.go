// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	bridgejaeger "github.com/spanbridge/spanbridge/translate/jaeger"
)

// ways are those over other protocols and back.
var ways = [][]*hop{{viaJaeger}, {viaOTLP}, {viaJaeger, viaOTLP}, {viaOTLP, viaJaeger}}

// travel sends items over hops.
func travel(t *testing.T, list []span.Item, way []*hop) *span.Batch {
	t.Helper()
	var at *span.Batch
	for _, h := range way {
		body := h.encode(list)
		if body == nil {
			t.Fatalf("by %s: a residue beyond its bound", h.name)
		}
		var err error
		if at, err = h.decode(body); err != nil {
			t.Fatalf("by %s: %v\n%q", h.name, err, body)
		}
		list = spantest.Items(at)
	}
	return at
}

func named(way []*hop) string {
	var names []string
	for _, h := range way {
		names = append(names, h.name)
	}
	return strings.Join(names, " and ")
}

// What the Collector's Zipkin translators lose or refuse.
func TestRow30CollectorsFaults(t *testing.T) {
	t.Parallel()
	const ids = `"traceId":"000000000000000a","id":"0000000000000001"`
	spans := func(fields []string) string {
		var list []string
		for _, f := range fields {
			if f != "" {
				f = "," + f
			}
			list = append(list, "{"+ids+f+"}")
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	becomes := func(in, want []string) {
		t.Helper()
		b, err := viaZipkin.decode([]byte(spans(in)))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			return
		}
		for _, way := range ways {
			if got := string(viaZipkin.encode(spantest.Items(travel(t, items(b), way)))); got != spans(want) {
				t.Errorf("%s by %s:\n%s\nwant\n%s", in, named(way), got, spans(want))
			}
		}
	}
	stays := func(fields ...string) {
		t.Helper()
		becomes(fields, fields)
	}
	stays(`"tags":{"error":"timeout"}`)
	stays(`"tags":{"error":"false"}`)
	stays(`"tags":{"error":""}`)
	stays(`"tags":{"error":"true"}`)
	stays(`"tags":{"otel.status_code":"ERROR","otel.status_description":"boom"}`)
	stays(`"kind":"SERVER","debug":true,"shared":true`)
	stays(`"kind":"CONSUMER","shared":true`)
	stays(`"shared":true`)
	stays(`"annotations":[{"timestamp":5,"value":"foo|bar"}]`)
	stays(`"annotations":[{"timestamp":5,"value":"a|b|c"}]`)
	stays(`"annotations":[{"timestamp":5,"value":"ev|{\"s\":\"t\"}|3"}]`)
	stays(``)
	stays(`"localEndpoint":{"ipv4":"1.2.3.4"}`)
	stays(`"localEndpoint":{"serviceName":"a"},"tags":{"host.name":"one","k8s.pod.name":"p1"}`, `"localEndpoint":{"serviceName":"a"},"tags":{"host.name":"two","k8s.pod.name":"p2"}`)
	stays(`"remoteEndpoint":{"port":80}`)
	stays(`"remoteEndpoint":{"ipv4":"1.2.3.4","ipv6":"2001:db8::1"}`)
	stays(`"localEndpoint":{"serviceName":"a","ipv4":"1.2.3.4","ipv6":"2001:db8::1","port":80}`)
	stays(`"tags":{"net.host.ip":"zz","net.peer.port":"notnum"}`)
	stays(`"tags":{"span.kind":"client"}`)
	stays(`"timestamp":1700000000000001`)
	stays(`"duration":5`)
	stays(`"timestamp":1700000000000001,"duration":5`)
	stays(`"name":"GET /X","localEndpoint":{"serviceName":"Fe"},"remoteEndpoint":{"serviceName":"Be"}`)
	stays(`"remoteEndpoint":{"serviceName":"be"},"tags":{"peer.service":"other"}`)
	becomes([]string{`"timestamp":"1700000000000001","duration":"7"`}, []string{`"timestamp":1700000000000001,"duration":7`})
	becomes([]string{`"timestamp":1700000000000001.0,"duration":-7`}, []string{`"timestamp":1700000000000001`})
	becomes([]string{`"localEndpoint":{"ipv4":"bad","port":-1},"remoteEndpoint":{"serviceName":"","ipv6":"::ffff:9.8.7.6"}`}, []string{`"remoteEndpoint":{"ipv4":"9.8.7.6"}`})
	becomes([]string{`"tags":{"n":5,"m":-1.50e3}`}, []string{`"tags":{"n":"5","m":"-1.50e3"}`})
	becomes([]string{`"annotations":[{"timestamp":6,"value":"b"},{"timestamp":5,"value":"a"},{"timestamp":6,"value":"b"}]`},
		[]string{`"annotations":[{"timestamp":5,"value":"a"},{"timestamp":6,"value":"b"}]`})
}

func tag(key string, v any) *jaeger.Tag {
	g := &jaeger.Tag{Key: key}
	switch v := v.(type) {
	case string:
		g.VStr = &v
	case int64:
		g.VType, g.VLong = jaeger.TagType_LONG, &v
	case float64:
		g.VType, g.VDouble = jaeger.TagType_DOUBLE, &v
	case bool:
		g.VType, g.VBool = jaeger.TagType_BOOL, &v
	case []byte:
		g.VType, g.VBinary = jaeger.TagType_BINARY, v
	}
	return g
}

// Everything that Jaeger can say, one thing a span.
func TestRow31Jaeger(t *testing.T) {
	t.Parallel()
	ref := func(kind jaeger.SpanRefType, trace, id int64) *jaeger.SpanRef {
		return &jaeger.SpanRef{RefType: kind, TraceIdLow: trace, SpanId: id}
	}
	const child, follows = jaeger.SpanRefType_CHILD_OF, jaeger.SpanRefType_FOLLOWS_FROM
	var spans []*jaeger.Span
	add := func(s jaeger.Span) {
		s.TraceIdLow, s.SpanId = 1, int64(len(spans)+1000)
		spans = append(spans, &s)
	}
	add(jaeger.Span{Tags: []*jaeger.Tag{tag("a", "1"), tag("a", "2"), tag("b", "x"), tag("a", int64(3))}})
	add(jaeger.Span{Tags: []*jaeger.Tag{
		tag("s", "t"), tag("i", int64(1<<60)), tag("f", 0.1), tag("nan", math.NaN()), tag("inf", math.Inf(-1)), tag("zero", math.Copysign(0, -1)),
		tag("yes", true), tag("no", false), tag("bytes", []byte{0, 255}), tag("none", []byte{}), tag("min", int64(math.MinInt64)), tag("", ""),
	}})
	for _, refs := range [][]*jaeger.SpanRef{
		{ref(child, 1, 3)},
		{ref(follows, 1, 3)},
		{ref(follows, 1, 2), ref(child, 1, 3), ref(child, 1, 4)},
		{ref(child, 9, 3)},
		{ref(follows, 9, 3), ref(follows, 1, 3)},
		{ref(child, 1, 3), ref(child, 9, 3)},
		{ref(child, 1, 3), ref(child, 1, 3)},
	} {
		add(jaeger.Span{References: refs})
		add(jaeger.Span{References: refs, ParentSpanId: 3})
	}
	add(jaeger.Span{ParentSpanId: 3})
	for _, fields := range [][]*jaeger.Tag{
		{},
		{tag("event", "retry")},
		{tag("event", int64(5)), tag("x", "y"), tag("x", "z")},
		{tag("message", "a|b")},
		{tag("event", "a|{\"b\":1}|0")},
		{tag("event", "e"), tag("n", int64(1)), tag("n", 2.0), tag("n", true)},
		{tag("event", "")},
		{tag("event", "one"), tag("event", "two")},
	} {
		add(jaeger.Span{Logs: []*jaeger.Log{{Timestamp: 1700000000000002, Fields: fields}, {Timestamp: 1700000000000001, Fields: fields}, {Fields: fields}}})
	}
	for flags := range int32(12) {
		add(jaeger.Span{Flags: flags, OperationName: "GET /Case"})
	}
	for _, tags := range [][]*jaeger.Tag{
		{tag("error", "true")},
		{tag("error", true)},
		{tag("error", false), tag("error", "msg")},
		{tag("http.status_code", int64(500))},
		{tag("span.kind", "weird")},
		{tag("span.kind", "client"), tag("peer.ipv4", int64(16909060)), tag("peer.port", int64(80)), tag("peer.service", "Be")},
		{tag("otel.status_code", "ERROR"), tag("otel.status_description", "boom")},
		{tag("w3c.tracestate", "k=v")},
		{tag("otel.scope.name", "lib")},
	} {
		add(jaeger.Span{Tags: tags, StartTime: 1700000000000001, Duration: 7})
	}
	for _, process := range []*jaeger.Process{
		{ServiceName: "Front", Tags: []*jaeger.Tag{tag("hostname", "h1"), tag("hostname", "h2"), tag("ip", int64(-1062731774)), tag("jaeger.version", "Go-2"), tag("load", 0.5), tag("raw", []byte{1})}},
		{ServiceName: "", Tags: []*jaeger.Tag{tag("a", "b")}},
		{},
	} {
		m := thrift.NewTMemoryBuffer()
		batch := &jaeger.Batch{Process: process, Spans: spans}
		if err := batch.Write(context.Background(), thrift.NewTBinaryProtocolConf(m, nil)); err != nil {
			t.Fatal(err)
		}
		thriftAgain(t, m.Bytes())
	}
}

// thriftAgain sends a Batch over the ways, and wants the same Batch of the other
// end, read by Apache's code.
func thriftAgain(t *testing.T, body []byte) {
	t.Helper()
	decode := decoder(bridgejaeger.New(nil), "jaeger.thrift")
	read := func(b *span.Batch) *jaeger.Batch {
		m := thrift.NewTMemoryBuffer()
		m.Write(bridgejaeger.AppendBatch(nil, spantest.Items(b), false))
		out := jaeger.NewBatch()
		if err := out.Read(context.Background(), thrift.NewTBinaryProtocolConf(m, nil)); err != nil {
			t.Fatal(err)
		}
		return out
	}
	in, err := decode(body)
	if err != nil {
		t.Fatal(err)
	}
	// The reference that says the parent again is Jaeger's own to add: the
	// normal form has it, as protobuf knows no other parent.
	normal, err := viaJaeger.decode(viaJaeger.encode(spantest.Items(in)))
	if err != nil {
		t.Fatal(err)
	}
	want := read(normal)
	for _, way := range [][]*hop{{viaZipkin, viaJaeger}, {viaOTLP, viaJaeger}, {viaZipkin, viaOTLP, viaJaeger}, {viaOTLP, viaZipkin, viaJaeger}} {
		got := read(travel(t, spantest.Items(in), way))
		if len(got.Spans) != len(want.Spans) {
			t.Errorf("by %s: %d spans, want %d", named(way), len(got.Spans), len(want.Spans))
			continue
		}
		if g, w := got.Process.ServiceName+shownTags(got.Process.Tags), want.Process.ServiceName+shownTags(want.Process.Tags); g != w {
			t.Errorf("by %s: process %s\nwant %s", named(way), g, w)
		}
		for i := range want.Spans {
			// A not-a-number does not equal itself, its text does.
			if g, w := shown(got.Spans[i]), shown(want.Spans[i]); g != w {
				t.Errorf("by %s: span %d:\n%s\nwant\n%s", named(way), i, g, w)
			}
		}
	}
}

func shown(s *jaeger.Span) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %d %d %d %q flags %d at %d for %d %v", s.TraceIdHigh, s.TraceIdLow, s.SpanId, s.ParentSpanId, s.OperationName, s.Flags, s.StartTime, s.Duration, s.References)
	b.WriteString(shownTags(s.Tags))
	for _, l := range s.Logs {
		fmt.Fprintf(&b, "\n\tlog %d%s", l.Timestamp, shownTags(l.Fields))
	}
	return b.String()
}

func shownTags(list []*jaeger.Tag) string {
	var b strings.Builder
	for _, g := range list {
		fmt.Fprintf(&b, "\n\t%q %v %q %v %v %v %x", g.Key, g.VType, g.GetVStr(), g.GetVLong(), g.GetVDouble(), g.GetVBool(), g.VBinary)
	}
	return b.String()
}

func value(v any) *common.AnyValue {
	switch v := v.(type) {
	case string:
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}
	case int64:
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v}}
	case float64:
		return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: v}}
	case bool:
		return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: v}}
	case []byte:
		return &common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: v}}
	case []any:
		list := &common.ArrayValue{}
		for _, e := range v {
			list.Values = append(list.Values, value(e))
		}
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: list}}
	case []*common.KeyValue:
		return &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: v}}}
	}
	return &common.AnyValue{}
}

func attrs(kv ...any) (list []*common.KeyValue) {
	for i := 0; i < len(kv); i += 2 {
		list = append(list, &common.KeyValue{Key: kv[i].(string), Value: value(kv[i+1])})
	}
	return list
}

// Everything that OTLP can say, one thing a span.
func TestRow32OTLP(t *testing.T) {
	t.Parallel()
	other := append(bytes8(7), bytes8(8)...)
	id := uint64(1000)
	var spans []*trace.Span
	add := func(s *trace.Span) {
		id++
		s.TraceId, s.SpanId = append(bytes8(1), bytes8(2)...), bytes8(id)
		if s.StartTimeUnixNano == 0 {
			s.StartTimeUnixNano, s.EndTimeUnixNano = 1_700_000_000_000_001_499, 1_700_000_000_000_002_001
		}
		spans = append(spans, s)
	}
	add(&trace.Span{Links: []*trace.Span_Link{
		{TraceId: other, SpanId: bytes8(3), TraceState: "a=b|c", Attributes: attrs("k", int64(1), "l", "m"), DroppedAttributesCount: 2, Flags: 0x101},
		{TraceId: other, SpanId: bytes8(3)},
	}})
	add(&trace.Span{TraceState: "a=b,c=d", Flags: 0x301, ParentSpanId: bytes8(5)})
	add(&trace.Span{DroppedAttributesCount: 1, DroppedEventsCount: 2, DroppedLinksCount: 3})
	add(&trace.Span{Attributes: attrs(
		"array", []any{"a", int64(1), 2.0, true, []any{}}, "map", attrs("x", int64(9007199254740993), "y", attrs("z", 2.0)), "bytes", []byte{0, 255},
		"float", 2.0, "nan", math.NaN(), "int", int64(1<<60), "no", false, "none", nil, "json", `[1]`, "", "")})
	for code := range trace.Status_StatusCode(3) {
		add(&trace.Span{Status: &trace.Status{Code: code}})
		add(&trace.Span{Status: &trace.Status{Code: code, Message: "boom"}})
	}
	add(&trace.Span{Status: &trace.Status{Code: 2, Message: "boom"}, Attributes: attrs("error", "timeout")})
	for kind := range trace.Span_SpanKind(6) {
		add(&trace.Span{Kind: kind, Name: "GET /X"})
	}
	same := &trace.Span_Event{TimeUnixNano: 1_700_000_000_000_001_700, Name: "e"}
	add(&trace.Span{Events: []*trace.Span_Event{
		same, same,
		{TimeUnixNano: 1_700_000_000_000_001_700, Name: "d", Attributes: attrs("a", []any{int64(1)}, "f", 2.0, "s", "t"), DroppedAttributesCount: 4},
		{TimeUnixNano: 1_700_000_000_000_001_600, Name: "a|b|c"},
		same,
	}})
	add(&trace.Span{StartTimeUnixNano: 1_700_000_000_000_000_001, EndTimeUnixNano: 1_700_000_000_000_000_001})
	libA := &common.InstrumentationScope{Name: "libA", Version: "1.0", Attributes: attrs("s", int64(1)), DroppedAttributesCount: 1}
	request := &trace.TracesData{ResourceSpans: []*trace.ResourceSpans{
		{
			Resource:  &resource.Resource{Attributes: attrs("service.name", "Shop", "host.name", "one", "pid", int64(7)), DroppedAttributesCount: 2},
			SchemaUrl: "https://schema/1", ScopeSpans: []*trace.ScopeSpans{{Scope: libA, SchemaUrl: "https://schema/2", Spans: spans[:3]}, {Spans: spans[3:9]}},
		},
		{Resource: &resource.Resource{Attributes: attrs("host.name", "two")}, ScopeSpans: []*trace.ScopeSpans{{Scope: &common.InstrumentationScope{Name: "libB"}, Spans: spans[9:12]}}},
		{ScopeSpans: []*trace.ScopeSpans{{Spans: spans[12:]}}},
	}}
	body, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	in, err := viaOTLP.decode(body)
	if err != nil {
		t.Fatal(err)
	}
	read := func(b *span.Batch) map[string]string {
		got := &trace.TracesData{}
		if err := proto.Unmarshal(viaOTLP.encode(spantest.Items(b)), got); err != nil {
			t.Fatal(err)
		}
		return spansOf(t, got)
	}
	want := spansOf(t, request)
	if len(want) != len(spans) {
		t.Fatalf("%d spans, want %d", len(want), len(spans))
	}
	for _, way := range [][]*hop{{viaZipkin}, {viaJaeger}, {viaZipkin, viaJaeger}, {viaJaeger, viaZipkin}} {
		got := read(travel(t, spantest.Items(in), way))
		for id, w := range want {
			if got[id] != w {
				t.Errorf("by %s:\n%s\nwant\n%s", named(way), got[id], w)
			}
		}
	}
}

// spansOf shows each span with its scope and resource.
func spansOf(t *testing.T, request *trace.TracesData) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, r := range request.ResourceSpans {
		for _, s := range r.ScopeSpans {
			for _, one := range s.Spans {
				// A status that says nothing is none, as is an empty scope or
				// resource.
				alone := &trace.ResourceSpans{Resource: r.Resource, SchemaUrl: r.SchemaUrl, ScopeSpans: []*trace.ScopeSpans{{Scope: s.Scope, SchemaUrl: s.SchemaUrl}}}
				one := proto.Clone(one).(*trace.Span)
				if one.Status.GetCode() == 0 && one.Status.GetMessage() == "" {
					one.Status = nil
				}
				if proto.Size(alone.Resource) == 0 {
					alone.Resource = nil
				}
				if proto.Size(s.Scope) == 0 {
					alone.ScopeSpans[0].Scope = nil
				}
				alone.ScopeSpans[0].Spans = []*trace.Span{one}
				p, err := proto.MarshalOptions{Deterministic: true}.Marshal(alone)
				if err != nil {
					t.Fatal(err)
				}
				all[string(one.SpanId)] = fmt.Sprintf("%q", p)
			}
		}
	}
	return all
}
