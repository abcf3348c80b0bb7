// SPDX-License-Identifier: Apache-2.0

package go2sky_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	agent "github.com/SkyAPM/go2sky"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/propagation"
	bridge "github.com/spanbridge/spanbridge/propagation/go2sky"
	"github.com/spanbridge/spanbridge/propagation/propagationtest"
	"github.com/spanbridge/spanbridge/span"
)

// recorder keeps the segments that a tracer reports.
type recorder chan []agent.ReportedSpan

func (r recorder) Boot(string, string, []agent.AgentConfigChangeWatcher) {}
func (r recorder) Send(spans []agent.ReportedSpan)                       { r <- spans }
func (r recorder) Close()                                                {}

func newTracer(t *testing.T, options ...agent.TracerOption) (*agent.Tracer, recorder) {
	t.Helper()
	segments := make(recorder, 100)
	tracer, err := agent.NewTracer("order", append(options, agent.WithReporter(segments), agent.WithInstance("order-1"))...)
	if err != nil {
		t.Fatal(err)
	}
	return tracer, segments
}

// serve begins an entry span for a request and an exit span for a call.
func serve(t *testing.T, codec *bridge.Codec, tracer *agent.Tracer, segments recorder, in http.Header, inside ...func(context.Context)) (hop propagationtest.Hop) {
	t.Helper()
	ctx, extract := codec.Entry(context.Background(), propagation.HTTP(in))
	server, ctx, err := tracer.CreateEntrySpan(ctx, "/GET/orders", extract)
	if err != nil {
		t.Fatalf("%v: %v", in, err)
	}
	for _, f := range inside {
		f(ctx)
	}
	hop.Out = http.Header{}
	client, err := tracer.CreateExitSpan(ctx, "/POST/bills", "billing:8080", codec.Exit(ctx, propagation.HTTP(hop.Out)))
	if err != nil {
		t.Fatalf("%v: %v", in, err)
	}
	client.End()
	server.End()
	if _, ok := server.(*agent.NoopSpan); ok {
		return hop
	}
	segment := <-segments
	hop.Recorded = true
	for _, s := range segment {
		c := s.Context()
		id := span.SpanOf(span.TraceOf(c.TraceID), c.SegmentID, c.SpanID)
		if s.SpanType() == agentv3.SpanType_Exit {
			hop.Client = id
			hop.ClientParent = span.SpanOf(span.TraceOf(c.TraceID), c.SegmentID, c.ParentSpanID)
			continue
		}
		hop.Trace, hop.Server = span.TraceOf(c.TraceID), id
		for _, ref := range s.Refs() {
			if span.TraceOf(ref.TraceID) != hop.Trace {
				t.Errorf("a reference to trace %s", ref.TraceID)
			}
			hop.ServerParent = span.SpanOf(hop.Trace, ref.ParentSegmentID, ref.ParentSpanID)
		}
	}
	return hop
}

func TestStates(t *testing.T) {
	// With a sampler that says no only traces that came are recorded.
	for file, option := range map[string][]agent.TracerOption{
		"testdata/sampler_always.txt": nil,
		"testdata/sampler_never.txt":  {agent.WithCustomSampler(agent.NewConstSampler(false))},
	} {
		tracer, segments := newTracer(t, option...)
		codec := bridge.New(bridge.Propagator(propagationtest.All()))
		propagationtest.Golden(t, file, propagationtest.Table(t, func(t *testing.T, in http.Header) propagationtest.Hop {
			t.Helper()
			return serve(t, codec, tracer, segments, in)
		}))
		if n := len(segments); n > 0 {
			t.Errorf("%d segments too many", n)
		}
	}
}

func read(h http.Header, f propagation.Format) propagation.Context {
	return propagation.New(propagation.Read(f)).Extract(propagation.HTTP(h))
}

func byKey(b propagation.Baggage) propagation.Baggage {
	b = slices.Clone(b)
	slices.SortFunc(b, func(x, y propagation.Item) int {
		if x.Key < y.Key {
			return -1
		}
		return 1
	})
	return b
}
