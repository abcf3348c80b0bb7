// SPDX-License-Identifier: Apache-2.0

package go2sky_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	agent "github.com/SkyAPM/go2sky"
	plugin "github.com/SkyAPM/go2sky/plugins/http"
	headers "github.com/SkyAPM/go2sky/propagation"
	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/propagation"
	bridge "github.com/spanbridge/spanbridge/propagation/go2sky"
	"github.com/spanbridge/spanbridge/propagation/propagationtest"
	"github.com/spanbridge/spanbridge/span"
)

const javaName = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001"

func TestMalformedHeadersAreAsIfAbsent(t *testing.T) {
	tracer, segments := newTracer(t)
	for name, in := range propagationtest.Malformed() {
		if hop := serve(t, bridge.New(), tracer, segments, in); !hop.Recorded || hop.ServerParent != 0 {
			t.Errorf("%s: %+v", name, hop)
		}
	}
}

// What go2sky gets is what it would have got from an agent: sw8 goes through as
// it came, another format's ids are found again in it.
func TestReference(t *testing.T) {
	reference := func(in http.Header, options ...bridge.Option) *headers.SpanContext {
		t.Helper()
		_, extract := bridge.New(options...).Entry(context.Background(), propagation.HTTP(in))
		var sc headers.SpanContext
		if err := sc.Decode(extract); err != nil || !sc.Valid {
			t.Errorf("%v: %v %+v", in, err, sc)
		}
		return &sc
	}
	in := propagationtest.Sent(propagation.SW8, propagation.Accept)
	var native headers.SpanContext
	if err := native.DecodeSW8(in.Get("sw8")); err != nil {
		t.Fatal(err)
	}
	native.CorrelationContext = map[string]string{"user": "5", "region": "eu-1"}
	if diff := cmp.Diff(&native, reference(in)); diff != "" {
		t.Error(diff)
	}
	if got, want := reference(in).ParentService, propagationtest.From.Service; got != want {
		t.Errorf("caller %s, want %s", got, want)
	}

	sc := reference(propagationtest.Sent(propagation.Uber, propagation.Debug))
	if sc.TraceID != propagationtest.Trace.String() || sc.ParentSpanID != 0 ||
		span.SpanOf(propagationtest.Trace, sc.ParentSegmentID, 0) != propagationtest.Caller || sc.ParentService != "unknown" {
		t.Errorf("%+v", sc)
	}
	sc = reference(propagationtest.Sent(propagation.Uber, propagation.Accept), bridge.CallerOf(func(c *propagation.Context) propagation.Caller {
		user, _ := c.Baggage.Get("user")
		return propagation.Caller{Service: "service-of-" + user, Endpoint: "/x"}
	}))
	if sc.ParentService != "service-of-5" || sc.ParentEndpoint != "/x" {
		t.Errorf("%+v", sc)
	}
}

// A trace that a Java agent began, with everything that go2sky does not know.
func TestWhatGo2skyHasNoPlaceFor(t *testing.T) {
	tracer, segments := newTracer(t)
	in := http.Header{"Sw8-X": {"1- "}, "Traceparent": {"00-" + span.TraceOf(javaName).String() + "-00000000000000ab-01"}, "Tracestate": {"vendor=x"}}
	c := propagation.Context{Trace: span.TraceOf(javaName), TraceName: javaName, Span: 0xab, Sampling: propagation.Accept}
	in.Set("sw8", string(c.AppendSW8(nil, propagationtest.From)))
	in.Set("baggage", "one=1;p=q,two=2,three=3,four=4,five=5")
	hop := serve(t, bridge.New(), tracer, segments, in, func(ctx context.Context) {
		if v := agent.GetCorrelation(ctx, "two"); v != "2" {
			t.Errorf("two is %q", v)
		}
		agent.PutCorrelation(ctx, "two", "")
		agent.PutCorrelation(ctx, "three", "drei")
		agent.PutCorrelation(ctx, "mine", "x")
	})
	if got, want := hop.Out.Get("baggage"), "one=1;p=q,three=drei,mine=x,four=4,five=5"; got != want {
		t.Errorf("baggage %s, want %s", got, want)
	}
	if got := read(hop.Out, propagation.SW8); got.Name() != javaName || !got.SkipAnalysis {
		t.Errorf("%s %v", got.Name(), got.SkipAnalysis)
	} else if want := (propagation.Baggage{{Key: "one", Value: "1"}, {Key: "three", Value: "drei"}, {Key: "mine", Value: "x"}}); cmp.Diff(want, got.Baggage) != "" {
		t.Errorf("correlation %v", got.Baggage)
	}
	if got := read(hop.Out, propagation.W3C); got.Name() != javaName || got.State != "vendor=x" {
		t.Errorf("%s %q", got.Name(), got.State)
	}
	if got := read(hop.Out, propagation.B3); got.Parent != hop.Server || got.Span != hop.Client {
		t.Errorf("b3 %+v", got)
	}
}

func TestWithoutIDs(t *testing.T) {
	tracer, segments := newTracer(t)
	for value, want := range map[string]propagation.Sampling{"0": propagation.Deny, "1": propagation.Accept, "d": propagation.Debug} {
		hop := serve(t, bridge.New(), tracer, segments, http.Header{"B3": {value}})
		if got := read(hop.Out, propagation.B3); got.Sampling != want || hop.Recorded != (want != propagation.Deny) {
			t.Errorf("b3: %s: %s, recorded %v", value, got.Sampling, hop.Recorded)
		}
	}
	hop := serve(t, bridge.New(), tracer, segments, http.Header{"Jaeger-Baggage": {"user=5"}})
	if got, _ := read(hop.Out, propagation.Uber).Baggage.Get("user"); got != "5" {
		t.Errorf("baggage %q", got)
	}
	// Without what Entry knows a call is written from what go2sky says alone.
	entry, ctx, err := tracer.CreateEntrySpan(context.Background(), "/x", func(string) (string, error) { return "", nil })
	if err != nil {
		t.Fatal(err)
	}
	out := propagation.TextMap{}
	exit, err := tracer.CreateExitSpan(ctx, "/y", "billing", bridge.New().Exit(context.Background(), out))
	if err != nil {
		t.Fatal(err)
	}
	exit.End()
	entry.End()
	<-segments
	if c := propagation.New(propagation.Read(propagation.Uber)).Extract(out); c.Name() != agent.TraceID(ctx) {
		t.Errorf("%v", out)
	}
}

// The plugin for HTTP on both sides, between a caller and a service of other
// formats.
func TestPlugin(t *testing.T) {
	tracer, segments := newTracer(t)
	codec := bridge.New()
	got := make(chan http.Header, 1)
	billing := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	defer billing.Close()
	client, err := plugin.NewClient(tracer, plugin.WithClient(&http.Client{Transport: codec.Transport(nil)}))
	if err != nil {
		t.Fatal(err)
	}
	middleware, err := plugin.NewServerMiddleware(tracer)
	if err != nil {
		t.Fatal(err)
	}
	order := httptest.NewServer(codec.Handler(middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
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
		if out.Header.Get("b3") != "" {
			t.Error("the transport wrote into the caller's request")
		}
	}))))
	defer order.Close()

	call := func(in http.Header) http.Header {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, order.URL+"/orders", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = in
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		return <-got
	}
	out := call(propagationtest.Sent(propagation.B3Multi, propagation.Debug))
	segment := <-segments
	for _, s := range segment {
		if s.Context().TraceID != propagationtest.Trace.String() {
			t.Errorf("trace %s", s.Context().TraceID)
		}
		for _, ref := range s.Refs() {
			if want := order.Listener.Addr().String(); ref.AddressUsedAtClient != want {
				t.Errorf("address %s, want %s", ref.AddressUsedAtClient, want)
			}
		}
	}
	sw8 := read(out, propagation.SW8)
	from, _ := sw8.Caller()
	if want := (propagation.Caller{Service: "order", Instance: "order-1", Endpoint: "/GET/orders", Address: billing.Listener.Addr().String()}); from != want {
		t.Errorf("sw8 names %+v, want %+v", from, want)
	}
	if c := read(out, propagation.B3); c.Trace != propagationtest.Trace || c.Span != sw8.Span || c.Sampling != propagation.Debug {
		t.Errorf("b3 %+v", c)
	}
	if diff := cmp.Diff(propagation.Baggage{{Key: "region", Value: "eu-1"}, {Key: "user", Value: "5"}}, byKey(sw8.Baggage)); diff != "" {
		t.Error(diff)
	}

	out = call(propagationtest.Sent(propagation.Uber, propagation.Deny))
	if out.Get("sw8") != "" || read(out, propagation.Uber).Sampling != propagation.Deny || len(segments) != 0 {
		t.Errorf("denied: %v, %d segments", out, len(segments))
	}
	for name, in := range propagationtest.Malformed() {
		if len(in.Get("b3")) > 1<<10 {
			continue // the server of this test takes no more
		}
		if c := read(call(in), propagation.SW8); !c.HasIDs() {
			t.Errorf("%s: the call carries no sw8", name)
		}
		<-segments
	}
}
