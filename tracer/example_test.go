// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/opentracing/opentracing-go/log"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// A service reads whatever headers its caller sent, makes its own spans, and
// writes the headers that its callee understands.
func Example() {
	finished := tracer.NewInMemoryReporter(0)
	t := tracer.New("orders", tracer.WithReporter(finished))
	defer t.Close()

	incoming := http.Header{"B3": {"463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1"}}
	caller, err := t.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(incoming))
	if err != nil && !errors.Is(err, opentracing.ErrSpanContextNotFound) {
		fmt.Println(err)
	}
	server := t.StartSpan("GET /orders/{id}", ext.RPCServerOption(caller))
	client := t.StartSpan("SELECT", opentracing.ChildOf(server.Context()), ext.SpanKindRPCClient)
	client.SetTag("peer.address", "db:5432")
	client.LogFields(log.String("event", "slow"), log.Int("rows", 17))

	outgoing := http.Header{}
	if err := t.Inject(client.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(outgoing)); err != nil {
		fmt.Println(err)
	}
	client.Finish()
	server.Finish()

	for name := range outgoing {
		if propagation.IsHeader(name, propagation.SW8) {
			fmt.Println("SkyWalking's agents understand it too")
		}
	}
	for _, r := range finished.Records() {
		fmt.Println(r.Operation, r.Kind, "of", r.Trace)
	}
	// Output:
	// SkyWalking's agents understand it too
	// SELECT client of 463ac35c9f6413ad48485a3953bb6124
	// GET /orders/{id} server of 463ac35c9f6413ad48485a3953bb6124
}

func ExampleNew() {
	t := tracer.New("orders",
		tracer.WithInstance("orders-7f9c"),
		tracer.WithIP(netip.MustParseAddr("192.0.2.7")),
		tracer.WithTags(tracer.Tag{Key: "zone", Value: "a"}),
		tracer.WithSampler(tracer.NewConstSampler(true)),
		tracer.WithReporter(tracer.NewInMemoryReporter(1000)),
		tracer.WithPropagator(propagation.New(propagation.Write(propagation.B3, propagation.SW8))),
		tracer.With64BitTraceIDs(),
		tracer.WithSharedSpans(),
		tracer.WithMaxTagValueLength(1024),
		tracer.WithMaxTagsPerSpan(100),
		tracer.WithMaxLogsPerSpan(100),
	)
	opentracing.SetGlobalTracer(t)
	defer t.Close()
	fmt.Println(t.Process().Service, t.Process().Instance, t.Process().IP)
	// Output: orders orders-7f9c 192.0.2.7
}

func ExampleTracer_Counts() {
	t := tracer.New("orders", tracer.WithMaxTagValueLength(4))
	t.StartSpan("a").SetTag("k", "too long").Finish()
	t.StartSpan("b", opentracing.Tag{Key: "sampling.priority", Value: 0}).Finish()
	c := t.Counts()
	fmt.Println(c.Started, c.Finished, c.NotSampled, c.TakenBack, c.Cut)
	// Output: 1 1 1 0 1
}

// Shutdown sends what is left, but waits no longer than a moment.
func ExampleTracer_Shutdown() {
	t := tracer.New("orders")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	fmt.Println(t.Shutdown(ctx))
	// Output: <nil>
}

func ExampleTracer_Propagator() {
	t := tracer.New("orders", tracer.WithPropagator(propagation.New(propagation.Write(propagation.W3C))))
	fmt.Println(t.Propagator().Writes()[0])
	// Output: w3c
}

// The binary carrier is that of Jaeger's clients.
func ExampleTracer_Inject_binary() {
	t := tracer.New("orders")
	s := t.StartSpan("op").SetBaggageItem("tenant", "7")
	var b bytes.Buffer
	if err := t.Inject(s.Context(), opentracing.Binary, &b); err != nil {
		fmt.Println(err)
	}
	c, err := t.Extract(opentracing.Binary, &b)
	fmt.Println(c.(*tracer.SpanContext).Baggage[0].Value, err)
	// Output: 7 <nil>
}

func ExampleSpanContext() {
	t := tracer.New("orders")
	h := http.Header{"Uber-Trace-Id": {"463ac35c9f6413ad48485a3953bb6124:a2fb4a1d1a96d312:0:3"}, "Uberctx-Tenant": {"7"}}
	found, _ := t.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h))
	c := found.(*tracer.SpanContext)
	fmt.Println(c)
	fmt.Println(c.Trace, c.Span, c.Sampling, c.IsSampled())
	c.ForeachBaggageItem(func(k, v string) bool { fmt.Println(k, v); return true })
	// Output:
	// 463ac35c9f6413ad48485a3953bb6124:a2fb4a1d1a96d312
	// 463ac35c9f6413ad48485a3953bb6124 a2fb4a1d1a96d312 debug true
	// tenant 7
}

// tenPercent is a sampler of one's own.
type tenPercent struct{}

func (tenPercent) Sample(trace span.TraceID, _ string) tracer.Decision {
	return tracer.Decision{Sampled: trace.Lo%10 == 0}
}

func ExampleWithSampler() {
	t := tracer.New("orders", tracer.WithSampler(tenPercent{}))
	n := 0
	for range 10_000 {
		if t.StartSpan("op").Context().(*tracer.SpanContext).IsSampled() {
			n++
		}
	}
	fmt.Println(n > 500 && n < 1500)
	// Output: true
}

func ExampleNewConstSampler() {
	fmt.Println(tracer.NewConstSampler(false).Sample(span.TraceID{Lo: 1}, "op").Sampled)
	// Output: false
}

func ExampleNewProbabilisticSampler() {
	s, err := tracer.NewProbabilisticSampler(0.25)
	fmt.Println(s.Rate(), err)
	fmt.Println(s.Sample(span.TraceID{Lo: 1 << 60}, "op"), s.Sample(span.TraceID{Lo: 1 << 62}, "op").Sampled)
	_, err = tracer.NewProbabilisticSampler(25)
	fmt.Println(err)
	// Output:
	// 0.25 <nil>
	// {true [{sampler.type probabilistic} {sampler.param 0.25}]} false
	// probabilistic sampler: a rate of 25, want 0 to 1
}

func ExampleNewRateLimitingSampler() {
	s := tracer.NewRateLimitingSampler(2) // traces a second
	for range 3 {
		fmt.Println(s.Sample(span.TraceID{Lo: 1}, "op").Sampled)
	}
	// Output:
	// true
	// true
	// false
}

func ExampleNewSkyWalkingSampler() {
	s := tracer.NewSkyWalkingSampler(1) // trace in every three seconds
	fmt.Println(s.Sample(span.TraceID{Lo: 1}, "op").Sampled)
	// Output: true
}

func ExampleNewOperationSampler() {
	s, err := tracer.NewOperationSampler(tracer.OperationStrategies{
		DefaultRate: 0.5,
		LowerBound:  0.1, // one trace in ten seconds of each operation
		Rates:       map[string]float64{"GET /health": 0},
	})
	if err != nil {
		fmt.Println(err)
	}
	most := span.TraceID{Lo: 1<<63 - 1} // no share has it
	fmt.Println(s.Sample(most, "GET /health").Tags)
	fmt.Println(s.Sample(most, "GET /health").Sampled)
	// Output:
	// [{sampler.type lowerbound} {sampler.param 0}]
	// false
}

func ExampleNewRemoteSampler() {
	// A bridge, or Jaeger: http://127.0.0.1:5778/sampling.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("asked for", r.URL.Query().Get("service"))
		fmt.Fprint(w, `{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.25}}`)
	}))
	defer server.Close()
	s, err := tracer.NewRemoteSampler("orders", tracer.RemoteSampling{
		Endpoint: server.URL + "/sampling",
		Interval: time.Minute,
		Initial:  tracer.NewConstSampler(false), // until there is an answer
	})
	if err != nil {
		fmt.Println(err)
	}
	t := tracer.New("orders", tracer.WithSampler(s))
	for s.Counts().Changes == 0 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println(s.Sample(span.TraceID{Lo: 1}, "op").Tags)
	fmt.Println(t.Close()) // closes the sampler as well
	// Output:
	// asked for orders
	// [{sampler.type probabilistic} {sampler.param 0.25}]
	// <nil>
}

func ExampleComposite() {
	a, b := tracer.NewInMemoryReporter(0), tracer.NewInMemoryReporter(0)
	t := tracer.New("orders", tracer.WithReporter(tracer.Composite(a, b)))
	t.StartSpan("op").Finish()
	fmt.Println(len(a.Records()), len(b.Records()))
	// Output: 1 1
}

// A test looks at the spans that its code made.
func ExampleInMemoryReporter() {
	m := tracer.NewInMemoryReporter(1)
	t := tracer.New("orders", tracer.WithReporter(m))
	t.StartSpan("first", ext.SpanKindRPCServer).SetTag("http.status_code", 200).Finish()
	t.StartSpan("second").Finish()
	r := m.Records()[0]
	fmt.Println(r.Operation, r.Kind, r.Tags, m.Dropped())
	m.Reset()
	fmt.Println(len(m.Records()))
	// Output:
	// first server [{http.status_code 200}] 1
	// 0
}

// timeless is a logger without what differs from run to run.
func timeless() slog.Handler {
	return slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey, slog.LevelKey, "trace_id", "span_id", "SW_CTX", "start", "duration":
			return slog.Attr{}
		}
		return a
	}})
}

func ExampleNewLoggingReporter() {
	r := tracer.NewLoggingReporter(slog.New(timeless()), slog.LevelInfo)
	t := tracer.New("orders", tracer.WithReporter(r))
	t.StartSpan("op", opentracing.Tag{Key: "a", Value: 1}).Finish()
	// Output: msg=span service=orders operation=op tags.a=1
}

func ExampleNewLogHandler() {
	logger := slog.New(tracer.NewLogHandler(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})))
	t := tracer.New("orders")
	caller, _ := t.Extract(opentracing.TextMap, opentracing.TextMapCarrier{"b3": "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-0"})
	ctx := opentracing.ContextWithSpan(context.Background(), t.StartSpan("op", opentracing.ChildOf(caller)))
	logger.InfoContext(ctx, "paid", "amount", 5)
	// Output: level=INFO msg=paid amount=5 trace_id=463ac35c9f6413ad48485a3953bb6124 span_id=a2fb4a1d1a96d312
}

// SkyWalking's log collection finds the lines of a trace by TID or SW_CTX.
func ExampleWithTID() {
	logger := slog.New(tracer.NewLogHandler(timeless(), tracer.WithTID(), tracer.WithoutIDs()))
	t := tracer.New("orders", tracer.WithInstance("i-1"))
	caller, _ := t.Extract(opentracing.TextMap, opentracing.TextMapCarrier{"b3": "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1"})
	ctx := opentracing.ContextWithSpan(context.Background(), t.StartSpan("op", opentracing.ChildOf(caller)))
	logger.InfoContext(ctx, "paid")
	fmt.Println(tracer.TID(ctx))
	fmt.Println(tracer.TID(context.Background()))
	fmt.Println(strings.HasPrefix(tracer.SkyWalkingContext(ctx), "[orders,i-1,463ac35c9f6413ad48485a3953bb6124,"))
	fmt.Println(tracer.LogAttrs(ctx)[0]) // the ids, for another logger
	// Output:
	// msg=paid TID=463ac35c9f6413ad48485a3953bb6124
	// TID: 463ac35c9f6413ad48485a3953bb6124
	// TID: N/A
	// true
	// trace_id=463ac35c9f6413ad48485a3953bb6124
}

// everyTenth is a Sampler of one's own.
type everyTenth struct{}

func (everyTenth) Sample(trace span.TraceID, _ string) tracer.Decision {
	return tracer.Decision{Sampled: trace.Lo%10 == 0, Tags: []tracer.Tag{{Key: "sampler.type", Value: "every tenth"}}}
}

// counting is a Reporter of one's own. Report must not block.
type counting map[string]int

func (c counting) Report(r *tracer.Record)     { c[r.Operation+" to "+r.Address()]++ }
func (c counting) Close(context.Context) error { return nil }

func ExampleSampler() {
	seen := counting{}
	t := tracer.New("orders", tracer.WithSampler(everyTenth{}), tracer.WithReporter(seen))
	defer t.Close()
	for _, id := range []string{"14", "15", "1e"} { // 20, 21 and 30
		incoming := opentracing.TextMapCarrier{"x-b3-traceid": id, "x-b3-spanid": "7"} // undecided
		caller, err := t.Extract(opentracing.TextMap, incoming)
		if err != nil {
			fmt.Println(err)
			return
		}
		s := t.StartSpan("call", opentracing.ChildOf(caller), ext.SpanKindRPCClient)
		ext.PeerHostname.Set(s, "billing")
		ext.PeerPort.Set(s, 8080)
		s.Finish()
	}
	fmt.Println(seen)
	// Output: map[call to billing:8080:2]
}
