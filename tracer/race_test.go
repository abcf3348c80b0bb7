// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/opentracing/opentracing-go/log"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// TestConcurrentUse does everything at once to the same spans, for the race
// detector. Each span is reported once.
func TestConcurrentUse(t *testing.T) {
	for name, options := range map[string][]tracer.Option{
		"sampled": nil, "not sampled": {denied()}, "shared": {tracer.WithSharedSpans()},
	} {
		t.Run(name, func(t *testing.T) {
			tr, m := newTracer(options...)
			remote := extract(t, tr, "sw8", sw8Header)
			if name == "not sampled" {
				remote = nil
			}
			const spans, hands = 200, 4
			for i := range spans {
				server := tr.StartSpan("server", ext.RPCServerOption(remote), ext.SpanKindRPCServer)
				ctx := opentracing.ContextWithSpan(context.Background(), server)
				s, ctx := opentracing.StartSpanFromContextWithTracer(ctx, tr, "op", ext.SpanKindRPCClient)
				var all sync.WaitGroup
				for h := range hands {
					all.Go(func() {
						s.SetTag("hand", h).SetTag(fmt.Sprint("hand", h), h)
						s.SetTag("peer.hostname", "callee")
						s.LogFields(log.Int("hand", h))
						s.SetBaggageItem(fmt.Sprint("hand", h), "x")
						_ = s.BaggageItem("hand0")
						header := http.Header{}
						_ = tr.Inject(s.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(header))
						s.SetOperationName("renamed")
						server.SetOperationName("renamed")
						child, _ := opentracing.StartSpanFromContextWithTracer(ctx, tr, "below")
						s.Context().ForeachBaggageItem(func(string, string) bool { return true })
						if i%2 == 0 && h == 1 {
							ext.SamplingPriority.Set(s, uint16(i/2%2))
						}
						if h == 2 {
							s.Finish()
						}
						child.Finish()
						_ = contextOf(s.Context()).String()
					})
				}
				all.Wait()
				s.Finish()
				server.Finish()
			}
			c := tr.Counts()
			if c.Started+c.NotSampled < spans*(2+hands) || c.Finished+c.TakenBack != c.Started || int64(len(m.Records())) != c.Finished {
				t.Errorf("counts %+v with %d records, want each span once", c, len(m.Records()))
			}
			seen := map[*tracer.Record]bool{}
			for _, r := range m.Records() {
				if seen[r] {
					t.Fatalf("%s was reported twice", r.Operation)
				}
				seen[r] = true
			}
		})
	}
}

// TestConcurrentUnsampled has many goroutines share the slots. Each sees its own
// baggage and no other's.
func TestConcurrentUnsampled(t *testing.T) {
	tr, _ := newTracer(denied())
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			mine := fmt.Sprint(g)
			var old opentracing.Span
			for i := range 3000 {
				s := tr.StartSpan("op", opentracing.Tag{Key: "a", Value: 1})
				if i%7 == 0 {
					s.SetBaggageItem("mine", mine)
				}
				if i%5 == 0 {
					child := tr.StartSpan("child", opentracing.ChildOf(s.Context()))
					if got := child.BaggageItem("mine"); got != "" && got != mine {
						t.Errorf("goroutine %s has the baggage of %s", mine, got)
					}
					child.Finish()
				}
				if got := s.BaggageItem("mine"); (got != "") != (i%7 == 0) || got != "" && got != mine {
					t.Errorf("goroutine %s, span %d: baggage %q", mine, i, got)
				}
				s.Finish()
				if old != nil {
					old.Finish() // once more
				}
				old = s
			}
		})
	}
	all.Wait()
	if c := tr.Counts(); c.NotSampled < 8*3000 || c.Started != 0 {
		t.Errorf("counts %+v", c)
	}
}

// TestConcurrentSamplers asks each sampler from many goroutines.
func TestConcurrentSamplers(t *testing.T) {
	half, err := tracer.NewProbabilisticSampler(0.5)
	if err != nil {
		t.Fatal(err)
	}
	byOperation, err := tracer.NewOperationSampler(tracer.OperationStrategies{DefaultRate: 0.5, LowerBound: 1, MaxOperations: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []tracer.Sampler{half, byOperation, tracer.NewRateLimitingSampler(1000), tracer.NewSkyWalkingSampler(100)} {
		var all sync.WaitGroup
		for g := range 4 {
			all.Go(func() {
				for i := range 1000 {
					s.Sample(span.TraceID{Lo: uint64(i) << 50}, fmt.Sprint("op", i%20, g))
				}
			})
		}
		all.Wait()
	}
}
