// SPDX-License-Identifier: Apache-2.0

package zipkingo_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openzipkin/zipkin-go"
	zipkinhttp "github.com/openzipkin/zipkin-go/middleware/http"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/propagation/b3"
	"google.golang.org/grpc/metadata"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/propagation/propagationtest"
	"github.com/spanbridge/spanbridge/propagation/zipkingo"
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
	tracer, spans := newTracer(t)
	for name, in := range propagationtest.Malformed() {
		if hop := serve(t, zipkingo.New("order"), tracer, spans, in); !hop.Recorded || hop.ServerParent != 0 {
			t.Errorf("%s: %+v", name, hop)
		}
	}
}

func TestSkyWalkingCaller(t *testing.T) {
	tracer, spans := newTracer(t)
	codec := zipkingo.New("order", zipkingo.Instance("order-1"))
	in := fromJava()
	in.Set("traceparent", "00-"+span.TraceOf(javaName).String()+"-00000000000000ab-01")
	in.Set("tracestate", "vendor=x")
	came := tracer.Extract(codec.ExtractHTTP(request(t, "http://order/", in)))
	native := read(in, propagation.SW8)
	if diff := cmp.Diff(map[string]string{"sw8.trace_id": javaName, "sw8.parent": native.ParentTag()}, zipkingo.Tags(came)); diff != "" {
		t.Error(diff)
	}
	hop := serve(t, codec, tracer, spans, in, func(s zipkin.Span) {
		zipkingo.BaggageOf(s.Context()).SetEndpoint("GET /orders/{id}")
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
		if c := read(hop.Out, f); c.Name() != javaName {
			t.Errorf("%s: name %s", f, c.Name())
		}
	}
	if c := read(hop.Out, propagation.W3C); c.State != "vendor=x" {
		t.Errorf("tracestate %q", c.State)
	}
	zipkingo.BaggageOf(model.SpanContext{}).SetEndpoint("x") // does nothing
	if tags := zipkingo.Tags(model.SpanContext{}); tags != nil {
		t.Error(tags)
	}
}

func TestBaggage(t *testing.T) {
	tracer, spans := newTracer(t)
	in := propagationtest.Sent(propagation.W3C, propagation.Accept)
	in.Set("baggage", "user=J%C3%BCrgen;ttl=5,gone=1,cart=2")
	hop := serve(t, zipkingo.New("order"), tracer, spans, in, func(s zipkin.Span) {
		b := zipkin.BaggageFromContext(zipkin.NewContext(t.Context(), s))
		if diff := cmp.Diff([]string{"Jürgen"}, b.Get("user")); diff != "" {
			t.Error(diff)
		}
		if b.Get("none") != nil || !b.Delete("gone") || b.Delete("gone") || !b.Set("cart", "3", "4") || b.Add("cart", "5") || !b.Add("extra", "x") ||
			b.Set("") || b.Add("") {
			t.Error("baggage does not do as it is told")
		}
		b.Iterate(func(key string, values []string) {
			if key != "baggage-user" && key != "baggage-cart" && key != "baggage-extra" || len(values) != 1 {
				t.Errorf("%s=%v", key, values)
			}
		})
	})
	if got, want := hop.Out.Get("baggage"), "user=J%C3%BCrgen;ttl=5,cart=3,extra=x"; got != want {
		t.Errorf("baggage %s, want %s", got, want)
	}
	// Of a trace that begins here.
	root := tracer.StartSpan("job", zipkin.Parent(model.SpanContext{Baggage: zipkingo.NewBaggage()}))
	root.Context().Baggage.Set("user", "7")
	m := map[string]string{}
	if err := zipkingo.New("order").InjectMap(m, "kafka:9092")(root.Context()); err != nil {
		t.Fatal(err)
	}
	if m["uberctx-user"] != "7" || root.Context().ParentID != nil {
		t.Errorf("%v", m)
	}
	// zipkin-go's own baggage goes along too.
	root = tracer.StartSpan("job", zipkin.Parent(model.SpanContext{Baggage: fields{}}))
	if err := zipkingo.New("order").InjectMap(m, "kafka:9092")(root.Context()); err != nil || m["uberctx-user"] != "8" {
		t.Errorf("%v, %v", m, err)
	}
}

// fields are baggage that somebody else made.
type fields struct{ model.BaggageFields }

func (fields) Iterate(f func(string, []string)) { f("user", []string{"8", "9"}) }

func TestWithoutIDs(t *testing.T) {
	tracer, spans := newTracer(t)
	for value, want := range map[string]propagation.Sampling{"0": propagation.Deny, "1": propagation.Accept, "d": propagation.Debug} {
		hop := serve(t, zipkingo.New("order"), tracer, spans, http.Header{"B3": {value}})
		if got := read(hop.Out, propagation.B3); got.Sampling != want || hop.Recorded != (want != propagation.Deny) {
			t.Errorf("b3: %s: %s, recorded %v", value, got.Sampling, hop.Recorded)
		}
	}
	came := tracer.Extract(zipkingo.New("order").ExtractMap(map[string]string{"jaeger-debug-id": "order 7"}))
	if !came.Debug || zipkingo.Tags(came)["jaeger-debug-id"] != "order 7" {
		t.Errorf("%+v", came)
	}
}

// zipkin-go reads what is written into each kind of carrier as it does B3 of its
// own, and its own B3 is read.
func TestCarriers(t *testing.T) {
	tracer, _ := newTracer(t, zipkin.WithTraceID128Bit(true))
	codec := zipkingo.New("order", zipkingo.Propagator(propagation.New(propagation.Write(propagation.B3Multi, propagation.SW8))))
	parent := tracer.StartSpan("a")
	sc := tracer.StartSpan("b", zipkin.Parent(parent.Context())).Context()
	same := func(name string, got *model.SpanContext, err error) {
		t.Helper()
		if err != nil || got.TraceID != sc.TraceID || got.ID != sc.ID || *got.ParentID != *sc.ParentID || !*got.Sampled {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	md := metadata.MD{"x-b3-flags": {"1"}} // of an earlier writing
	if err := codec.InjectGRPC(md, "billing:50051")(sc); err != nil {
		t.Fatal(err)
	}
	got, err := b3.ExtractGRPC(&md)()
	same("gRPC", got, err)
	c := read(http.Header(md), propagation.SW8)
	if from, _ := c.Caller(); from.Address != "billing:50051" {
		t.Errorf("%+v", from)
	}
	got, err = codec.ExtractGRPC(md)()
	same("gRPC back", got, err)
	// gRPC fails calls with a key like this one.
	baggage := zipkingo.NewBaggage()
	baggage.Set("no!key", "1")
	with := sc
	with.Baggage = baggage
	if err := zipkingo.New("order").InjectGRPC(md, "billing:50051")(with); err != nil || md["baggage-no!key"] != nil || md["uberctx-no!key"] != nil {
		t.Errorf("%v, %v", md, err)
	}

	r := request(t, "http://billing/", http.Header{})
	if err := codec.InjectHTTP(r)(sc); err != nil {
		t.Fatal(err)
	}
	got, err = b3.ExtractHTTP(r)()
	same("HTTP", got, err)
	r.Header = nil
	if err := codec.InjectHTTP(r)(sc); err != nil || r.Header.Get("X-B3-SpanId") == "" {
		t.Errorf("%v, %v", r.Header, err)
	}

	for _, option := range [][]b3.InjectOption{nil, {b3.WithSingleHeaderOnly()}, {b3.WithSingleAndMultiHeader()}} {
		m := b3.Map{}
		if err := m.Inject(option...)(sc); err != nil {
			t.Fatal(err)
		}
		got, err = codec.ExtractMap(m)()
		same("map", got, err)
	}
}

// zipkin-go's middleware on both sides, between a caller and a service of other
// formats.
func TestMiddleware(t *testing.T) {
	tracer, spans := newTracer(t)
	codec := zipkingo.New("order")
	got := make(chan http.Header, 1)
	billing := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	defer billing.Close()
	client, err := zipkinhttp.NewClient(tracer, zipkinhttp.TransportOptions(zipkinhttp.RoundTripper(codec.Transport(nil))))
	if err != nil {
		t.Fatal(err)
	}
	order := httptest.NewServer(codec.Handler(zipkinhttp.NewServerMiddleware(tracer)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		zipkingo.FromContext(r.Context()).SetEndpoint("GET /orders")
		out, err := http.NewRequestWithContext(r.Context(), http.MethodGet, billing.URL+"/bills", nil)
		if err != nil {
			t.Error(err)
			return
		}
		answer, err := client.Do(out)
		if err != nil {
			t.Error(err)
			return
		}
		answer.Body.Close()
	}))))
	defer order.Close()
	call := func(in http.Header) http.Header {
		t.Helper()
		answer, err := http.DefaultClient.Do(request(t, order.URL+"/orders", in))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		return <-got
	}
	in := fromJava()
	in.Set("baggage", "user=5")
	out := call(in)
	sw8 := read(out, propagation.SW8)
	from, _ := sw8.Caller()
	if from.Endpoint != "GET:/orders" || from.Address != billing.Listener.Addr().String() || sw8.Name() != javaName || !sw8.SkipAnalysis {
		t.Errorf("%+v %+v", from, sw8)
	}
	if v, _ := sw8.Baggage.Get("user"); v != "5" {
		t.Errorf("baggage %v", sw8.Baggage)
	}
	all := spans.Flush()
	if len(all) != 2 || span.ID(all[0].ID) != sw8.Span || *all[0].ParentID != all[1].ID || span.ID(all[1].ID) != 0xab {
		t.Errorf("%+v", all)
	}
	if c := read(out, propagation.B3); c.Span != sw8.Span || c.Sampling != propagation.Accept || c.Parent != 0xab {
		t.Errorf("b3: %+v", c)
	}
	if out = call(propagationtest.Sent(propagation.Uber, propagation.Deny)); read(out, propagation.B3).Sampling != propagation.Deny || len(spans.Flush()) != 0 {
		t.Errorf("denied: %v", out)
	}
	if out = call(propagationtest.Sent(propagation.W3C, propagation.Debug)); read(out, propagation.W3C).Sampling != propagation.Debug {
		t.Errorf("debug: %v", out)
	}
	if out = call(propagationtest.Sent(propagation.W3C, propagation.Firehose)); read(out, propagation.W3C).Sampling != propagation.Firehose {
		t.Errorf("firehose: %v", out)
	}
	for name, in := range propagationtest.Malformed() {
		if len(in.Get("b3")) > 1<<10 {
			continue // the server of this test takes no more
		}
		if c := read(call(in), propagation.SW8); !c.HasIDs() {
			t.Errorf("%s: the call carries no sw8", name)
		}
	}
	// A client outside of a request.
	answer, err := client.Do(request(t, billing.URL, http.Header{}))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if c := read(<-got, propagation.Uber); !c.HasIDs() {
		t.Error("no header")
	}
}
