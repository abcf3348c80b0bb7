// SPDX-License-Identifier: Apache-2.0

package otel_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	otel "go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanbridge/spanbridge/propagation"
	bridge "github.com/spanbridge/spanbridge/propagation/otel"
	"github.com/spanbridge/spanbridge/propagation/propagationtest"
	"github.com/spanbridge/spanbridge/span"
)

const javaName = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001"

// fromJava is what a Java agent sends.
func fromJava() http.Header {
	c := propagation.Context{Trace: span.TraceOf(javaName), TraceName: javaName, Span: 0xab, Sampling: propagation.Accept}
	h := http.Header{"Sw8-X": {"1-"}}
	h.Set("sw8", string(c.AppendSW8(nil, propagationtest.From)))
	return h
}

func TestMalformedHeadersAreAsIfAbsent(t *testing.T) {
	tracer, spans := newTracer(t, sdk.AlwaysSample())
	for name, in := range propagationtest.Malformed() {
		if hop := serve(t, bridge.New("order"), tracer, spans, in); !hop.Recorded || hop.ServerParent != 0 {
			t.Errorf("%s: %+v", name, hop)
		}
	}
}

func TestSkyWalkingCaller(t *testing.T) {
	tracer, spans := newTracer(t, sdk.ParentBased(sdk.AlwaysSample()))
	p := bridge.New("order", bridge.Instance("order-1"))
	in := fromJava()
	in.Set("traceparent", "00-"+span.TraceOf(javaName).String()+"-00000000000000ab-01")
	in.Set("tracestate", "vendor=x")
	ctx := p.Extract(t.Context(), otel.HeaderCarrier(in))
	native := read(in, propagation.SW8)
	if diff := cmp.Diff([]attribute.KeyValue{attribute.String("sw8.parent", native.ParentTag()), attribute.String("sw8.trace_id", javaName)}, bridge.Attributes(ctx),
		cmp.Comparer(func(a, b attribute.KeyValue) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if sc := trace.SpanContextFromContext(ctx); !sc.IsRemote() || sc.TraceState().String() != "vendor=x" {
		t.Errorf("%+v", sc)
	}
	hop := serve(t, p, tracer, spans, in, func(ctx context.Context) context.Context {
		bridge.SetEndpoint(ctx, "GET /orders/{id}")
		return ctx
	})
	sw8 := read(hop.Out, propagation.SW8)
	from, _ := sw8.Caller()
	if want := (propagation.Caller{Service: "order", Instance: "order-1", Endpoint: "GET:/orders/{id}", Address: "billing:8080"}); from != want {
		t.Errorf("sw8 names %+v, want %+v", from, want)
	}
	if sw8.Name() != javaName || !sw8.SkipAnalysis || sw8.Span != hop.Client {
		t.Errorf("%+v", sw8)
	}
	for _, f := range []propagation.Format{propagation.B3, propagation.W3C, propagation.Uber} {
		if c := read(hop.Out, f); c.Name() != javaName || f != propagation.W3C && c.Parent != hop.Server {
			t.Errorf("%s: name %s, parent %s", f, c.Name(), c.Parent)
		}
	}
	if c := read(hop.Out, propagation.W3C); c.State != "vendor=x" {
		t.Errorf("tracestate %q", c.State)
	}
	if a := bridge.Attributes(t.Context()); a != nil {
		t.Error(a)
	}
	bridge.SetEndpoint(t.Context(), "x") // does nothing
}

// A context that is handed on without a span of its own is written as it came.
func TestPassedOn(t *testing.T) {
	p := bridge.New("proxy")
	in := fromJava()
	out := http.Header{}
	p.Inject(p.Extract(t.Context(), otel.HeaderCarrier(in)), otel.HeaderCarrier(out))
	if out.Get("sw8") != in.Get("sw8") {
		t.Errorf("sw8 %s, want %s", out.Get("sw8"), in.Get("sw8"))
	}
	for _, s := range propagationtest.States {
		in := propagationtest.Sent(propagation.B3, s)
		out := http.Header{}
		p.Inject(p.Extract(t.Context(), otel.HeaderCarrier(in)), otel.HeaderCarrier(out))
		if out.Get("b3") != in.Get("b3") {
			t.Errorf("b3 %s, want %s", out.Get("b3"), in.Get("b3"))
		}
	}
}

func TestBaggage(t *testing.T) {
	tracer, spans := newTracer(t, sdk.AlwaysSample())
	in := propagationtest.Sent(propagation.W3C, propagation.Accept)
	in.Set("baggage", "user=J%C3%BCrgen;ttl=5;secret,gone=1,cart=2,bin=%FF,user=twice")
	hop := serve(t, bridge.New("order"), tracer, spans, in, func(ctx context.Context) context.Context {
		b := baggage.FromContext(ctx)
		if b.Len() != 3 {
			t.Errorf("%s", b)
		}
		b = b.DeleteMember("gone")
		m, err := baggage.NewMemberRaw("cart", "3 4")
		if err != nil {
			t.Fatal(err)
		}
		if b, err = b.SetMember(m); err != nil {
			t.Fatal(err)
		}
		if m, err = baggage.NewMemberRaw("extra", "x"); err != nil {
			t.Fatal(err)
		}
		if b, err = b.SetMember(m); err != nil {
			t.Fatal(err)
		}
		return baggage.ContextWithBaggage(ctx, b)
	})
	if got, want := hop.Out.Get("baggage"), "user=twice,cart=3%204,bin=%FF,extra=x"; got != want {
		t.Errorf("baggage %s, want %s", got, want)
	}
	// More than OpenTelemetry takes goes along.
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("k%03d=v", i))
	}
	in.Set("baggage", strings.Join(many, ","))
	in.Set("tracestate", "=bad=")
	hop = serve(t, bridge.New("order", bridge.Headers(propagation.New(propagation.Write(propagation.Uber)))), tracer, spans, in)
	for _, key := range []string{"uberctx-k000", "uberctx-k099"} {
		if hop.Out.Get(key) != "v" {
			t.Errorf("%s is %q", key, hop.Out.Get(key))
		}
	}
	// Baggage without a trace.
	m, _ := baggage.NewMemberRaw("user", "5")
	b, _ := baggage.New(m)
	out := otel.MapCarrier{}
	bridge.New("order").Inject(baggage.ContextWithBaggage(t.Context(), b), out)
	if out["baggage"] != "user=5" || out["traceparent"] != "" {
		t.Errorf("%v", out)
	}
	bridge.New("order").Inject(t.Context(), out)
}

func TestWithoutIDs(t *testing.T) {
	tracer, spans := newTracer(t, sdk.ParentBased(sdk.AlwaysSample()))
	for value, want := range map[string]propagation.Sampling{"0": propagation.Deny, "1": propagation.Accept, "d": propagation.Debug} {
		hop := serve(t, bridge.New("order"), tracer, spans, http.Header{"B3": {value}})
		if got := read(hop.Out, propagation.B3); got.Sampling != want || hop.Recorded != (want != propagation.Deny) {
			t.Errorf("b3: %s: %s, recorded %v", value, got.Sampling, hop.Recorded)
		}
	}
	ctx := bridge.New("order").Extract(t.Context(), otel.MapCarrier{"jaeger-debug-id": "order 7"})
	if a := bridge.Attributes(ctx); len(a) != 1 || a[0] != attribute.String("jaeger-debug-id", "order 7") {
		t.Errorf("%v", a)
	}
	out := otel.MapCarrier{}
	bridge.New("order").Inject(ctx, out)
	if out["jaeger-debug-id"] != "order%207" {
		t.Errorf("%v", out)
	}
}

// OpenTelemetry's own propagators read what is written, in a map as well, and
// carriers that list no keys are asked for the known ones.
func TestCarriers(t *testing.T) {
	tracer, _ := newTracer(t, sdk.AlwaysSample())
	p := bridge.New("order", bridge.Headers(propagationtest.All()))
	ctx, s := tracer.Start(t.Context(), "x")
	m := otel.MapCarrier{}
	p.Inject(ctx, m)
	if m["x-b3-traceid"] != s.SpanContext().TraceID().String() {
		t.Errorf("%v", m)
	}
	if sc := trace.SpanContextFromContext(otel.TraceContext{}.Extract(t.Context(), m)); !sc.Equal(s.SpanContext().WithRemote(true)) {
		t.Errorf("%+v, want %+v", sc, s.SpanContext())
	}
	for _, carrier := range []otel.TextMapCarrier{m, silent{m}, several{m}} {
		if sc := trace.SpanContextFromContext(p.Extract(t.Context(), carrier)); sc.SpanID() != s.SpanContext().SpanID() || !sc.IsSampled() {
			t.Errorf("%T: %+v", carrier, sc)
		}
	}
	fields := p.Fields()
	for k := range m {
		if !slices.Contains(fields, k) && !strings.HasPrefix(k, "ot-baggage-") {
			t.Errorf("%s is not in Fields", k)
		}
	}
}

// silent is a carrier that does not list its keys.
type silent struct{ otel.MapCarrier }

func (silent) Keys() []string { return nil }

// several is one with several values for a key.
type several struct{ otel.MapCarrier }

func (s several) Values(key string) []string { return []string{s.Get(key), "second"} }

// The address is that of the peer, as far as the span tells it.
func TestAddress(t *testing.T) {
	tracer, _ := newTracer(t, sdk.AlwaysSample())
	for want, attributes := range map[string][]attribute.KeyValue{
		"unknown":      {},
		"billing":      {attribute.String("peer.service", "billing"), attribute.String("server.address", "b")},
		"10.0.0.7:80":  {attribute.String("net.peer.name", "10.0.0.7"), attribute.Int("net.peer.port", 80)},
		"b":            {attribute.String("server.address", "b"), attribute.String("url.full", "http://c/")},
		"billing:8443": {attribute.String("url.full", "https://billing:8443/x?y=1")},
	} {
		ctx, _ := tracer.Start(t.Context(), "call", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
		out := http.Header{}
		bridge.New("order").Inject(ctx, otel.HeaderCarrier(out))
		c := read(out, propagation.SW8)
		if from, _ := c.Caller(); from.Address != want || from.Endpoint != "/" {
			t.Errorf("%v: %+v, want %s", attributes, from, want)
		}
	}
	ctx, _ := tracer.Start(t.Context(), "GET /x", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("server.address", "me")))
	out := http.Header{}
	bridge.New("order").Inject(ctx, otel.HeaderCarrier(out))
	c := read(out, propagation.SW8)
	if from, _ := c.Caller(); from.Address != "unknown" || from.Endpoint != "GET:/x" {
		t.Errorf("of a server: %+v", from)
	}
}
