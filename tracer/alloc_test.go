// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"context"
	"net/http"
	"runtime"
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
)

// drain drops spans.
type drain struct{}

func (drain) Report(*tracer.Record)       {}
func (drain) Close(context.Context) error { return nil }

// costs runs f often and gives the allocations and bytes of one run.
func costs(f func()) (allocs, bytes float64) {
	const runs = 2000
	for range 1000 {
		f() // fills what is used again
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / runs, float64(after.TotalAlloc-before.TotalAlloc) / runs
}

// TestAllocations holds what spans cost. What the API itself allocates (options
// and fields that go through an interface) is not counted: it is made before.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Log("the race detector allocates: only that it runs")
	}
	tr := tracer.New("x", tracer.WithReporter(drain{}), tracer.WithPropagator(propagation.New(propagation.Write(propagation.Uber))))
	off := tracer.New("x", tracer.WithReporter(drain{}), denied())
	parent, above := tr.StartSpan("parent").Context(), off.StartSpan("above").Context()
	tags := []opentracing.StartSpanOption{ext.SpanKindRPCServer, opentracing.Tag{Key: "component", Value: "net/http"}}
	child, childOff := []opentracing.StartSpanOption{opentracing.ChildOf(parent)}, []opentracing.StartSpanOption{opentracing.ChildOf(above)}
	childTags := append(child, tags...)
	status := any(uint16(200))
	header := http.Header{"X": {"y"}}
	carrier := any(opentracing.HTTPHeadersCarrier(header))
	incoming := any(opentracing.HTTPHeadersCarrier(inject(t, tr, parent)))
	set := func(s opentracing.Span) {
		s.SetTag("http.method", "GET")
		s.SetTag("http.status_code", status)
		s.SetOperationName("renamed")
	}
	for _, e := range []struct {
		name          string
		allocs, bytes float64
		f             func()
	}{
		{"not sampled: start, tags, finish", 0, 0, func() { s := off.StartSpan("op", tags...); set(s); s.Finish() }},
		{"not sampled: a child", 0, 0, func() { s := off.StartSpan("op", childOff...); set(s); s.Finish() }},
		{"not sampled: a child in a context.Context", 2.2, 48 + 96 + 80, func() {
			s := off.StartSpan("op", childOff...)
			_ = opentracing.ContextWithSpan(context.Background(), s)
			_ = s.Context()
			s.Finish()
		}},
		{"sampled: start, finish", 1, 288, func() { tr.StartSpan("op").Finish() }},
		{"sampled: a child", 1, 320, func() { tr.StartSpan("op", child...).Finish() }},
		{"sampled: with tags", 1, 512, func() { s := tr.StartSpan("op", tags...); set(s); s.Finish() }},
		{"sampled: a child with tags", 1, 576, func() { s := tr.StartSpan("op", childTags...); set(s); s.Finish() }},
		{"sampled: a child with headers", 4, 320 + 240 + 80 + 16, func() {
			s := tr.StartSpan("op", child...)
			_ = tr.Inject(s.Context(), opentracing.HTTPHeaders, carrier)
			s.Finish()
		}},
		{"extract", 1, 240, func() { _, _ = tr.Extract(opentracing.HTTPHeaders, incoming) }},
	} {
		allocs, bytes := costs(e.f)
		// The runtime allocates at times on its own; the slots are let go now and
		// then when their faces are kept.
		if !raceEnabled && (allocs > e.allocs+0.05 || bytes > e.bytes+5) {
			t.Errorf("%s: %.2f allocations, %.1f bytes, want %v and %v", e.name, allocs, bytes, e.allocs, e.bytes)
		}
	}
}
