// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/mocktracer"
	"github.com/uber/jaeger-client-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
)

// A request through HTTP, gRPC, Kafka and a database is one trace with the right
// parents, whatever the header that each service writes.
func TestOneTrace(t *testing.T) {
	all := propagation.AllFormats()
	each := map[string][][]propagation.Format{"default": nil}
	for _, f := range all {
		each[f.String()] = [][]propagation.Format{{f}, {f}, {f}, {f}}
	}
	for i := range all { // each service another one
		name := fmt.Sprintf("%v first", all[i])
		for j := range services {
			each[name] = append(each[name], []propagation.Format{all[(i+j)%len(all)]})
		}
	}
	for name, formats := range each {
		for _, short := range []bool{false, true} {
			for _, c := range []struct {
				name     string
				option   opentracing.StartSpanOption
				sampling propagation.Sampling
			}{
				{"sampled", opentracing.Tag{Key: "x", Value: 1}, propagation.Accept},
				{"denied", opentracing.Tag{Key: "sampling.priority", Value: 0}, propagation.Deny},
				{"debug", opentracing.Tag{Key: "sampling.priority", Value: 1}, propagation.Debug},
			} {
				t.Run(fmt.Sprintf("%s, short %v, %s", name, short, c.name), func(t *testing.T) {
					spans := tracer.NewInMemoryReporter(100)
					tracers := make(map[string]opentracing.Tracer)
					for i, s := range services {
						options := []tracer.Option{tracer.WithReporter(spans)}
						if formats != nil {
							options = append(options, tracer.WithPropagator(propagation.New(propagation.Write(formats[i]...))))
						}
						if short {
							options = append(options, tracer.With64BitTraceIDs())
						}
						tracers[s] = tracer.New(s, options...)
					}
					f := start(t, tracers)
					user := f.request(t, c.option)
					f.wait(t)
					if c.sampling == propagation.Deny {
						// SkyWalking has no word for a denial: whoever gets sw8 alone
						// begins a trace.
						unaware := 0
						for i, f := range formats {
							if f[0] == propagation.SW8 {
								unaware = 2 * (len(services) - 1 - i)
								break
							}
						}
						if n := len(spans.Records()); n != unaware {
							t.Errorf("%d spans, want %d", n, unaware)
						}
						return
					}
					if user != "ann" {
						t.Errorf("baggage %q", user)
					}
					inOrder(t, spans, short)
				})
			}
		}
	}
}

// inOrder wants the spans of a request, in one trace, each below the one before.
func inOrder(t *testing.T, reported *tracer.InMemoryReporter, short bool) []*tracer.Record {
	t.Helper()
	list := reported.Records()
	for end := time.Now().Add(time.Minute); len(list) < len(steps); list = reported.Records() {
		if time.Now().After(end) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if len(list) != len(steps) {
		t.Fatalf("%d spans, want %d", len(list), len(steps))
	}
	var above *tracer.Record
	var chain []*tracer.Record
	for i, step := range steps {
		var here *tracer.Record
		for _, s := range list {
			if s.Process.Service == step.service && s.Operation == step.operation && (above == nil) == (s.Parent == 0) && (above == nil || s.Parent == above.ID) {
				here = s
			}
		}
		if here == nil {
			t.Fatalf("step %d, %s of %s, is not below the one before", i, step.operation, step.service)
		}
		if here.Trace != list[0].Trace || short && here.Trace.Hi != 0 {
			t.Errorf("step %d: trace %v, want %v", i, here.Trace, list[0].Trace)
		}
		chain, above = append(chain, here), here
	}
	return chain
}

// The same with the tracers of others: middleware knows OpenTracing alone.
func TestOneTraceOfOthers(t *testing.T) {
	t.Run("mocktracer", func(t *testing.T) {
		mock := mocktracer.New()
		tracers := make(map[string]opentracing.Tracer)
		for _, s := range services {
			tracers[s] = mock
		}
		f := start(t, tracers)
		if user := f.request(t); user != "ann" {
			t.Errorf("baggage %q", user)
		}
		f.wait(t)
		for end := time.Now().Add(time.Minute); len(mock.FinishedSpans()) < len(steps) && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		below := make(map[int]*mocktracer.MockSpan)
		for _, s := range mock.FinishedSpans() {
			below[s.ParentID] = s
		}
		id := 0
		for i, step := range steps {
			s := below[id]
			if s == nil || s.OperationName != step.operation {
				t.Fatalf("step %d: %v, want %s", i, s, step.operation)
			}
			id = s.SpanContext.SpanID
		}
	})
	t.Run("jaeger-client-go", func(t *testing.T) {
		reporter := jaeger.NewInMemoryReporter()
		tracers := make(map[string]opentracing.Tracer)
		for _, s := range services {
			tr, closer := jaeger.NewTracer(s, jaeger.NewConstSampler(true), reporter)
			defer closer.Close()
			tracers[s] = tr
		}
		f := start(t, tracers)
		if user := f.request(t); user != "ann" {
			t.Errorf("baggage %q", user)
		}
		f.wait(t)
		for end := time.Now().Add(time.Minute); reporter.SpansSubmitted() < len(steps) && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		below := make(map[jaeger.SpanID]*jaeger.Span)
		for _, s := range reporter.GetSpans() {
			s := s.(*jaeger.Span)
			below[s.SpanContext().ParentID()] = s
		}
		id := jaeger.SpanID(0)
		for i, step := range steps {
			s := below[id]
			if s == nil || s.OperationName() != step.operation {
				t.Fatalf("step %d: %v, want %s", i, s, step.operation)
			}
			id = s.SpanContext().SpanID()
		}
	})
	t.Run("none", func(t *testing.T) {
		tracers := make(map[string]opentracing.Tracer)
		for _, s := range services {
			tracers[s] = opentracing.NoopTracer{}
		}
		f := start(t, tracers)
		f.request(t)
		f.wait(t)
	})
}
