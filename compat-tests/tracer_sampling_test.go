// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/uber/jaeger-client-go"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// strategies are in Jaeger's format, one of each kind.
const strategies = `{
  "service_strategies": [
    {"service": "half", "type": "probabilistic", "param": 0.5},
    {"service": "five", "type": "ratelimiting", "param": 5},
    {"service": "each", "type": "probabilistic", "param": 0.75, "operation_strategies": [
      {"operation": "GET /rare", "type": "probabilistic", "param": 0.125},
      {"operation": "GET /all", "type": "probabilistic", "param": 1},
      {"operation": "GET /health", "type": "probabilistic", "param": 0}
    ]}
  ],
  "default_strategy": {"type": "probabilistic", "param": %s}
}`

// TestRemoteSamplingByBridge asks a running gateway for its strategies, by both
// forms of its answers, and decides trace by trace as jaeger-client-go does that
// asked the same gateway.
func TestRemoteSamplingByBridge(t *testing.T) {
	file := t.TempDir() + "/strategies.json"
	write := func(otherwise string) {
		if err := os.WriteFile(file, fmt.Appendf(nil, strategies, otherwise), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("0.25")
	b := lab.StartBridge(t, fmt.Sprintf("sampling: {strategies_file: %q}\n", file))
	for _, path := range []string{"/sampling", "/"} {
		for _, service := range []string{"half", "each", "some other"} {
			t.Run(service+" at "+path, func(t *testing.T) {
				ours := remoteSampler(t, service, b.JaegerSampling+path)
				theirs := newJaegerDecider(t, service, b.JaegerSampling+"/sampling")
				operations := []string{"GET /rare", "GET /all", "GET /health", "GET /else"}
				for _, operation := range operations {
					// With a lower bound of 0 jaeger-client-go samples the first trace of
					// an operation all the same, and then none. We do not.
					theirs.sample(1<<63-1, operation)
				}
				sampled := 0
				for range 2000 {
					id := rand.Uint64()
					for _, operation := range operations {
						got, want := ours.Sample(span.TraceID{Hi: rand.Uint64(), Lo: id}, operation), theirs.sample(id, operation)
						if got.Sampled != want {
							t.Fatalf("trace %x, %s: %v, jaeger-client-go says %v", id, operation, got.Sampled, want)
						}
						if got.Sampled {
							sampled++
						}
					}
				}
				if sampled == 0 || sampled == 8000 {
					t.Errorf("%d of 8000 sampled, want some", sampled)
				}
			})
		}
		t.Run("five at "+path, func(t *testing.T) {
			s := remoteSampler(t, "five", b.JaegerSampling+path)
			n := 0
			start := time.Now()
			for time.Since(start) < 10*time.Millisecond {
				if s.Sample(span.TraceID{Lo: 1}, "op").Sampled {
					n++
				}
			}
			if most := 5 + int(5*time.Since(start).Seconds()) + 1; n < 5 || n > most {
				t.Errorf("%d sampled at once, want 5", n)
			}
		})
	}
	// The gateway reads its file again, and the sampler follows.
	s, err := tracer.NewRemoteSampler("some other", tracer.RemoteSampling{Endpoint: b.JaegerSampling + "/sampling", Interval: 20 * time.Millisecond, Initial: tracer.NewConstSampler(false)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	all := func(context.Context) error {
		for range 100 {
			if !s.Sample(span.TraceID{Lo: rand.Uint64()}, "op").Sampled {
				return errors.New("not all traces are sampled")
			}
		}
		return nil
	}
	write("1")
	lab.Eventually(t, visible, "the new strategy", all)
}

// remoteSampler has an answer already.
func remoteSampler(t *testing.T, service, endpoint string) *tracer.RemoteSampler {
	t.Helper()
	s, err := tracer.NewRemoteSampler(service, tracer.RemoteSampling{Endpoint: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	lab.Eventually(t, visible, "an answer", func(context.Context) error {
		if c := s.Counts(); c.Answers == 0 {
			return fmt.Errorf("counts %+v", c)
		}
		return nil
	})
	return s
}

// jaegerDecider is jaeger-client-go, whose random numbers we choose.
type jaegerDecider struct {
	tracer opentracing.Tracer
	next   uint64
}

func newJaegerDecider(t *testing.T, service, endpoint string) *jaegerDecider {
	sampler := jaeger.NewRemotelyControlledSampler(service, jaeger.SamplerOptions.SamplingServerURL(endpoint),
		jaeger.SamplerOptions.SamplingRefreshInterval(time.Hour))
	sampler.UpdateSampler()
	d := new(jaegerDecider)
	tr, closer := jaeger.NewTracer(service, sampler, jaeger.NewNullReporter(), jaeger.TracerOptions.RandomNumber(func() uint64 { return d.next }))
	t.Cleanup(func() { closer.Close() })
	d.tracer = tr
	return d
}

func (d *jaegerDecider) sample(id uint64, operation string) bool {
	d.next = id
	s := d.tracer.StartSpan(operation)
	defer s.Finish()
	return s.Context().(jaeger.SpanContext).IsSampled()
}

// TestProbabilisticAsJaeger compares the two samplers at the rates that matter.
func TestProbabilisticAsJaeger(t *testing.T) {
	for _, rate := range []float64{0, 1e-9, 0.001, 0.01, 1. / 3, 0.5, 0.9999, 1} {
		ours, err := tracer.NewProbabilisticSampler(rate)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := jaeger.NewProbabilisticSampler(rate)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10_000 {
			id := rand.Uint64() >> (i % 64)
			got := ours.Sample(span.TraceID{Lo: id}, "op").Sampled
			if want, _ := theirs.IsSampled(jaeger.TraceID{Low: id}, "op"); got != want {
				t.Fatalf("rate %v, trace %x: %v, jaeger-client-go says %v", rate, id, got, want)
			}
		}
	}
}

// TestBinaryAsJaeger hands contexts to jaeger-client-go and back by the binary
// carrier.
func TestBinaryAsJaeger(t *testing.T) {
	theirs, closer := jaeger.NewTracer("theirs", jaeger.NewConstSampler(true), jaeger.NewNullReporter(), jaeger.TracerOptions.Gen128Bit(true))
	defer closer.Close()
	ours := tracer.New("ours")
	for _, priority := range []any{nil, uint16(1), uint16(0)} {
		s := ours.StartSpan("op").SetBaggageItem("tenant", "7")
		x := theirs.StartSpan("op").SetBaggageItem("tenant", "8")
		if priority != nil {
			s.SetTag("sampling.priority", priority)
			x.SetTag("sampling.priority", priority)
		}
		var b bytes.Buffer
		if err := ours.Inject(s.Context(), opentracing.Binary, &b); err != nil {
			t.Fatal(err)
		}
		c, err := theirs.Extract(opentracing.Binary, &b)
		if err != nil {
			t.Fatal(err)
		}
		got, want := c.(jaeger.SpanContext), s.Context().(*tracer.SpanContext)
		if got.TraceID().High != want.Trace.Hi || got.TraceID().Low != want.Trace.Lo || uint64(got.SpanID()) != uint64(want.Span) || got.IsSampled() != want.IsSampled() ||
			got.IsDebug() != (priority == uint16(1)) || theirs.StartSpan("x", opentracing.ChildOf(c)).BaggageItem("tenant") != "7" {
			t.Errorf("priority %v: jaeger-client-go read %v, want %v", priority, got, want)
		}
		b.Reset()
		if err := theirs.Inject(x.Context(), opentracing.Binary, &b); err != nil {
			t.Fatal(err)
		}
		c, err = ours.Extract(opentracing.Binary, &b)
		if err != nil {
			t.Fatal(err)
		}
		back, sent := c.(*tracer.SpanContext), x.Context().(jaeger.SpanContext)
		if v, _ := back.Baggage.Get("tenant"); back.Trace.Hi != sent.TraceID().High || back.Trace.Lo != sent.TraceID().Low || uint64(back.Span) != uint64(sent.SpanID()) ||
			back.IsSampled() != sent.IsSampled() || v != "8" {
			t.Errorf("priority %v: read %v, jaeger-client-go sent %v", priority, back, sent)
		}
	}
}
