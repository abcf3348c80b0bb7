// SPDX-License-Identifier: Apache-2.0

package jaegerclient_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/config"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/propagation/jaegerclient"
	"github.com/spanbridge/spanbridge/propagation/propagationtest"
	"github.com/spanbridge/spanbridge/span"
)

const (
	javaName    = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001"
	javaSegment = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430002"
)

// fromJava is what a Java agent sends from span 2 of a segment.
func fromJava() http.Header {
	c := propagation.Context{Trace: span.TraceOf(javaName), TraceName: javaName, Span: 1, Sampling: propagation.Accept}
	f := strings.Split(string(c.AppendSW8(nil, propagationtest.From)), "-")
	f[2], f[3] = "NTZhNWUxYzUxOWFlNGM3NmEyYjhiMTFkOTJjZWFkN2YuMTIuMTY1NjM0NzQyOTY0MzAwMDI=", "2"
	return http.Header{"Sw8": {strings.Join(f, "-")}, "Sw8-X": {"1-"}}
}

func read(h http.Header, f propagation.Format) propagation.Context {
	return propagation.New(propagation.Read(f)).Extract(propagation.HTTP(h))
}

func TestMalformedHeadersAreAsIfAbsent(t *testing.T) {
	tracer, spans := newTracer(t, true, jaegerclient.New("order"))
	for name, in := range propagationtest.Malformed() {
		for _, format := range []opentracing.BuiltinFormat{opentracing.HTTPHeaders, opentracing.TextMap} {
			if _, err := tracer.Extract(format, opentracing.HTTPHeadersCarrier(in)); !errors.Is(err, opentracing.ErrSpanContextNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		spans.Reset()
		if hop := serve(t, tracer, in); hop.ServerParent != 0 || len(spans.GetSpans()) != 2 {
			t.Errorf("%s: parent %s, %d spans", name, hop.ServerParent, len(spans.GetSpans()))
		}
	}
	if _, err := tracer.Extract(opentracing.HTTPHeaders, 5); !errors.Is(err, opentracing.ErrInvalidCarrier) {
		t.Error(err)
	}
	for format, none := range map[any]any{
		opentracing.HTTPHeaders: opentracing.HTTPHeadersCarrier(nil), opentracing.TextMap: opentracing.TextMapCarrier(nil),
	} {
		if err := tracer.Inject(tracer.StartSpan("x").Context(), format, none); !errors.Is(err, opentracing.ErrInvalidCarrier) {
			t.Errorf("%T of nil: %v", none, err)
		}
	}
	if err := tracer.Inject(tracer.StartSpan("x").Context(), opentracing.TextMap, 5); !errors.Is(err, opentracing.ErrInvalidCarrier) {
		t.Error(err)
	}
}

// A trace that a Java agent began keeps its name and everything else that Jaeger
// has no place for.
func TestSkyWalkingCaller(t *testing.T) {
	tracer, spans := newTracer(t, false, jaegerclient.New("order", jaegerclient.Instance("order-1")))
	in := fromJava()
	in.Set("traceparent", "00-"+span.TraceOf(javaName).String()+"-00f067aa0ba902b7-01")
	in.Set("tracestate", "vendor=x")
	hop := serve(t, tracer, in)

	sw8 := read(hop.Out, propagation.SW8)
	from, _ := sw8.Caller()
	if want := (propagation.Caller{Service: "order", Instance: "order-1", Endpoint: "GET:/orders", Address: "billing:8080"}); from != want {
		t.Errorf("sw8 names %+v, want %+v", from, want)
	}
	if sw8.Name() != javaName || !sw8.SkipAnalysis {
		t.Errorf("name %s, skip %v", sw8.Name(), sw8.SkipAnalysis)
	}
	for _, f := range []propagation.Format{propagation.B3, propagation.W3C, propagation.Uber} {
		if c := read(hop.Out, f); c.Name() != javaName {
			t.Errorf("%s: name %s", f, c.Name())
		}
	}
	if c := read(hop.Out, propagation.W3C); c.State != "vendor=x" {
		t.Errorf("tracestate %q", c.State)
	}
	if want := span.SpanOf(hop.Trace, javaSegment, 2); hop.ServerParent != want {
		t.Errorf("parent %s, want %s", hop.ServerParent, want)
	}
	tags := spans.GetSpans()[1].(*jaeger.Span).Tags()
	came := read(in, propagation.SW8)
	if tags["sw8.trace_id"] != javaName || tags["sw8.parent"] != came.ParentTag() || came.ParentTag() == "" {
		t.Errorf("tags %v", tags)
	}
	if tags := spans.GetSpans()[0].(*jaeger.Span).Tags(); tags["sw8.parent"] != nil {
		t.Errorf("the call has %v", tags)
	}
}

// Where only Jaeger's own codec is between two of ours, the name goes along as
// baggage.
func TestNameThroughJaegersOwnCodec(t *testing.T) {
	first, _ := newTracer(t, true, jaegerclient.New("first", jaegerclient.Propagator(propagation.New(propagation.Write(propagation.Uber)))))
	last, _ := newTracer(t, true, jaegerclient.New("last"))
	native, closer := jaeger.NewTracer("native", jaeger.NewConstSampler(true), jaeger.NewInMemoryReporter())
	defer closer.Close()

	one := serve(t, first, fromJava())
	two := serve(t, native, one.Out)
	three := serve(t, last, two.Out)
	if c := read(three.Out, propagation.SW8); c.Name() != javaName || c.Trace != one.Trace {
		t.Errorf("name %s", c.Name())
	}
	if two.ServerParent != one.Client || three.ServerParent != two.Client {
		t.Errorf("parents %s %s, want %s %s", two.ServerParent, three.ServerParent, one.Client, two.Client)
	}
	// Binary is Jaeger's own and keeps the name as well.
	came, err := first.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(fromJava()))
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := first.Inject(came, opentracing.Binary, &buf); err != nil {
		t.Fatal(err)
	}
	if came, err = last.Extract(opentracing.Binary, &buf); err != nil {
		t.Fatal(err)
	}
	out := http.Header{}
	if err := last.Inject(came, opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(out)); err != nil {
		t.Fatal(err)
	}
	if c := read(out, propagation.SW8); c.Name() != javaName {
		t.Errorf("binary: name %s", c.Name())
	}
}

// A context that is handed on without a span of its own is written as it came.
func TestPassedOn(t *testing.T) {
	tracer, _ := newTracer(t, true, jaegerclient.New("proxy"))
	in := fromJava()
	came, err := tracer.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(in))
	if err != nil {
		t.Fatal(err)
	}
	out := http.Header{}
	if err := tracer.Inject(came, opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(out)); err != nil {
		t.Fatal(err)
	}
	if out.Get("sw8") != in.Get("sw8") {
		t.Errorf("sw8 %s, want %s", out.Get("sw8"), in.Get("sw8"))
	}
}

func TestWithoutIDs(t *testing.T) {
	tracer, spans := newTracer(t, true, jaegerclient.New("order"))
	f := func(key, value string) (opentracing.Tags, propagation.Sampling) {
		t.Helper()
		spans.Reset()
		in := http.Header{}
		in.Set(key, value)
		hop := serve(t, tracer, in)
		var tags opentracing.Tags
		if all := spans.GetSpans(); len(all) == 2 {
			tags = all[1].(*jaeger.Span).Tags()
		}
		return tags, read(hop.Out, propagation.B3).Sampling
	}
	if tags, s := f("jaeger-debug-id", "order 7 is late"); tags["jaeger-debug-id"] != "order 7 is late" || s != propagation.Debug {
		t.Errorf("jaeger-debug-id: %v %s", tags, s)
	}
	for _, h := range [][2]string{{"b3", "d"}, {"X-B3-Flags", "1"}} {
		if tags, s := f(h[0], h[1]); tags["jaeger-debug-id"] != "debug" || s != propagation.Debug {
			t.Errorf("%s: %v %s", h, tags, s)
		}
	}
	for _, h := range [][2]string{{"b3", "0"}, {"X-B3-Sampled", "0"}} {
		if tags, s := f(h[0], h[1]); tags != nil || s != propagation.Deny {
			t.Errorf("%s: %v %s", h, tags, s)
		}
	}
	if tags, s := f("b3", "1"); tags == nil || s != propagation.Accept {
		t.Errorf("b3: 1: %v %s", tags, s)
	}

	in := http.Header{"Jaeger-Baggage": {"user=5, region=eu"}}
	hop := serve(t, tracer, in)
	c := read(hop.Out, propagation.W3C)
	want := propagation.Baggage{{Key: "user", Value: "5"}, {Key: "region", Value: "eu"}}
	if hop.ServerParent != 0 || len(c.Baggage) != len(want) {
		t.Errorf("jaeger-baggage: parent %s, %v", hop.ServerParent, c.Baggage)
	}
	// A context of baggage alone is written as such.
	came, err := tracer.Extract(opentracing.TextMap, opentracing.TextMapCarrier{"jaeger-baggage": "user=5"})
	if err != nil {
		t.Fatal(err)
	}
	out := opentracing.TextMapCarrier{}
	if err := tracer.Inject(came, opentracing.TextMap, out); err != nil || out["jaeger-baggage"] != "user=5" || out["uber-trace-id"] != "" {
		t.Errorf("%v, %v", out, err)
	}
}

func TestBaggage(t *testing.T) {
	tracer, _ := newTracer(t, true, jaegerclient.New("order"))
	in := propagationtest.Sent(propagation.W3C, propagation.Accept)
	in.Set("baggage", "user=J%C3%BCrgen;ttl=5,Tenant=a%2Cb,cart=1%202")
	for _, sampling := range []string{"01", "00"} {
		in.Set("traceparent", in.Get("traceparent")[:53]+sampling)
		came, err := tracer.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(in))
		if err != nil {
			t.Fatal(err)
		}
		s := tracer.StartSpan("x", opentracing.ChildOf(came))
		if s.BaggageItem("user") != "Jürgen" || s.BaggageItem("Tenant") != "a,b" {
			t.Errorf("baggage %q %q", s.BaggageItem("user"), s.BaggageItem("Tenant"))
		}
		s.SetBaggageItem("cart", "3")
		s.SetBaggageItem("extra", "ü")
		out := http.Header{}
		if err := tracer.Inject(s.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(out)); err != nil {
			t.Fatal(err)
		}
		if got, want := out.Get("baggage"), "user=J%C3%BCrgen;ttl=5,Tenant=a%2Cb,cart=3,extra=%C3%BC"; sampling == "01" && got != want {
			t.Errorf("baggage: %s, want %s", got, want)
		}
		if got := out.Get("uberctx-tenant"); sampling == "01" && got != "a%2Cb" {
			t.Errorf("uberctx-tenant: %s", got)
		}
	}
	// Debug contexts are built another way.
	in = propagationtest.Sent(propagation.Uber, propagation.Debug)
	came, err := tracer.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(in))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	came.ForeachBaggageItem(func(k, v string) bool { got[k] = v; return true })
	if diff := cmp.Diff(map[string]string{"user": "5", "region": "eu-1"}, got); diff != "" {
		t.Error(diff)
	}
}

// Text maps carry baggage as it is, as jaeger-client-go has it.
func TestTextMap(t *testing.T) {
	tracer, _ := newTracer(t, true, jaegerclient.New("order"))
	native, closer := jaeger.NewTracer("native", jaeger.NewConstSampler(true), jaeger.NewInMemoryReporter())
	defer closer.Close()
	s := native.StartSpan("x")
	s.SetBaggageItem("user", "50% ü")
	m := opentracing.TextMapCarrier{}
	if err := native.Inject(s.Context(), opentracing.TextMap, m); err != nil {
		t.Fatal(err)
	}
	for _, carrier := range []any{m, custom{m}} {
		came, err := tracer.Extract(opentracing.TextMap, carrier)
		if err != nil {
			t.Fatal(err)
		}
		out := opentracing.TextMapCarrier{}
		var to any = out
		if _, ok := carrier.(custom); ok {
			to = custom{out}
		}
		if err := tracer.Inject(came, opentracing.TextMap, to); err != nil {
			t.Fatal(err)
		}
		if out["uberctx-user"] != "50% ü" || out["uber-trace-id"] == "" {
			t.Errorf("%T: %v", carrier, out)
		}
		back, err := native.Extract(opentracing.TextMap, out)
		if err != nil {
			t.Fatal(err)
		}
		if back.(jaeger.SpanContext).TraceID() != s.Context().(jaeger.SpanContext).TraceID() {
			t.Errorf("%T: %v", carrier, back)
		}
	}
	// Headers in a carrier of another kind are escaped.
	out := opentracing.TextMapCarrier{}
	if err := tracer.Inject(s.Context(), opentracing.HTTPHeaders, custom{out}); err != nil || out["uberctx-user"] != "50%25%20%C3%BC" {
		t.Errorf("%v, %v", out, err)
	}
	if came, err := tracer.Extract(opentracing.HTTPHeaders, custom{out}); err != nil || came.(jaeger.SpanContext).TraceID() != s.Context().(jaeger.SpanContext).TraceID() {
		t.Errorf("%v, %v", came, err)
	}
}

// custom is a carrier that somebody else wrote.
type custom struct{ opentracing.TextMapCarrier }

// The address is that of the peer, as far as the span tells it.
func TestAddress(t *testing.T) {
	tracer, _ := newTracer(t, true, jaegerclient.New("order"))
	address := func(carrier func(http.Header) any, tags opentracing.Tags) string {
		server := tracer.StartSpan("GET /orders", ext.SpanKindRPCServer, opentracing.Tag{Key: "peer.hostname", Value: "caller"})
		server.SetOperationName("GET /orders/{id}")
		s := tracer.StartSpan("call", opentracing.ChildOf(server.Context()), tags)
		defer s.Finish()
		out := http.Header{}
		if err := tracer.Inject(s.Context(), opentracing.HTTPHeaders, carrier(out)); err != nil {
			t.Fatal(err)
		}
		c := read(out, propagation.SW8)
		from, ok := c.Caller()
		if !ok || from.Endpoint != "GET:/orders/{id}" {
			t.Errorf("caller %+v", from)
		}
		return from.Address
	}
	plain := func(h http.Header) any { return opentracing.HTTPHeadersCarrier(h) }
	for _, c := range []struct {
		tags opentracing.Tags
		want string
	}{
		{opentracing.Tags{}, "unknown"},
		{opentracing.Tags{"http.url": "https://billing:8443/x?y=1"}, "billing:8443"},
		{opentracing.Tags{"http.url": "::"}, "unknown"},
		{opentracing.Tags{"peer.hostname": "billing", "peer.port": uint16(80)}, "billing:80"},
		{opentracing.Tags{"peer.address": "billing:81", "peer.port": uint16(80)}, "billing:81"},
		{opentracing.Tags{"peer.ipv4": uint32(10<<24 | 7), "peer.port": uint16(80)}, "10.0.0.7:80"},
		{opentracing.Tags{"peer.ipv4": "10.0.0.7"}, "10.0.0.7"},
		{opentracing.Tags{"peer.service": "billing", "http.url": "http://b/"}, "billing"},
		{opentracing.Tags{"span.kind": "server", "peer.service": "caller"}, "unknown"},
		{opentracing.Tags{"span.kind": "producer", "peer.service": "kafka", "peer.address": "b1:9092;b2:9092"}, "b1:9092;b2:9092"},
		{opentracing.Tags{"span.kind": "producer", "peer.service": "kafka"}, "kafka"},
	} {
		if got := address(plain, c.tags); got != c.want {
			t.Errorf("%v: %s, want %s", c.tags, got, c.want)
		}
	}
	request := func(h http.Header) any {
		r, _ := http.NewRequest(http.MethodGet, "http://billing:9000/", nil)
		r.Header = h
		return jaegerclient.Request(r)
	}
	if got := address(request, opentracing.Tags{"peer.service": "x"}); got != "billing:9000" {
		t.Errorf("of a request: %s", got)
	}
}

// Spans that are made by the config package, with ids of the width, and Zipkin's
// shared spans.
func TestConfig(t *testing.T) {
	spans := jaeger.NewInMemoryReporter()
	cfg := config.Configuration{ServiceName: "order", Sampler: &config.SamplerConfig{Type: "const", Param: 1}}
	tracer, closer, err := cfg.NewTracer(append(jaegerclient.New("order").Config(), config.Reporter(spans), config.ZipkinSharedRPCSpan(true))...)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	in := propagationtest.Sent(propagation.B3, propagation.Accept)
	hop := serve(t, tracer, in)
	if hop.Server != propagationtest.Caller || hop.ServerParent != propagationtest.Parent || hop.ClientParent != propagationtest.Caller {
		t.Errorf("%+v", hop)
	}
	if c := read(hop.Out, propagation.B3); c.Span != hop.Client || c.Parent != propagationtest.Caller {
		t.Errorf("%+v", c)
	}
	// From now on the codec knows the tracer, whose sampler decides.
	if hop := serve(t, tracer, propagationtest.Sent(propagation.B3, propagation.Defer)); read(hop.Out, propagation.B3).Sampling != propagation.Accept {
		t.Error("an undecided trace is not sampled")
	}
}
