// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/SkyAPM/go2sky"
	"github.com/SkyAPM/go2sky/propagation"
)

// sent counts segments and drops them. The work of a segment goes on in
// goroutines of its own; wait is for their end.
type sent struct{ n atomic.Int64 }

func (*sent) Boot(string, string, []go2sky.AgentConfigChangeWatcher) {}
func (s *sent) Send([]go2sky.ReportedSpan)                           { s.n.Add(1) }
func (*sent) Close()                                                 {}

func (s *sent) wait(n int) {
	for int(s.n.Load()) < n {
		runtime.Gosched()
	}
}

func newGo2sky(b *testing.B, rate float64) (*go2sky.Tracer, *sent) {
	s := new(sent)
	t, err := go2sky.NewTracer(serviceName, go2sky.WithReporter(s), go2sky.WithInstance("bench"), go2sky.WithSampler(rate))
	if err != nil {
		b.Fatal(err)
	}
	return t, s
}

func go2skyLocal(b *testing.B, t *go2sky.Tracer, ctx context.Context) (go2sky.Span, context.Context) {
	s, ctx, err := t.CreateLocalSpan(ctx, go2sky.WithOperationName(operationName))
	if err != nil {
		b.Fatal(err)
	}
	return s, ctx
}

func go2skySpan(b *testing.B) {
	t, sent := newGo2sky(b, 1)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		s, _ := go2skyLocal(b, t, b.Context())
		s.End()
		n++
	}
	sent.wait(n)
}

func go2skyDenied(b *testing.B) {
	t, _ := newGo2sky(b, 0)
	b.ReportAllocs()
	for b.Loop() {
		s, _ := go2skyLocal(b, t, b.Context())
		s.End()
	}
}

func go2skyTagged(b *testing.B) {
	t, sent := newGo2sky(b, 1)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		go2skyOneTagged(b, t)
		n++
	}
	sent.wait(n)
}

func go2skyOneTagged(b *testing.B, t *go2sky.Tracer) {
	s, _ := go2skyLocal(b, t, b.Context())
	s.Tag("component", "net/http")
	s.Tag(go2sky.TagHTTPMethod, "GET")
	s.Tag(go2sky.TagURL, eachSpan)
	s.Tag(go2sky.TagStatusCode, "200")
	s.Log(time.Now(), "event", "cache miss", "size", "17")
	s.End()
}

// segmentSpans is how many children a parent has here: a segment keeps all its
// spans until it ends.
const segmentSpans = 100

func go2skyChild(b *testing.B) {
	t, sent := newGo2sky(b, 1)
	n := 0
	var parent go2sky.Span
	var ctx context.Context
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%segmentSpans == 0 {
			if parent != nil {
				parent.End()
				n++
			}
			parent, ctx = go2skyLocal(b, t, b.Context())
		}
		s, _ := go2skyLocal(b, t, ctx)
		s.End()
	}
	parent.End()
	sent.wait(n + 1)
}

func go2skyContext() *propagation.SpanContext {
	return &propagation.SpanContext{
		TraceID: "463ac35c9f6413ad48485a3953bb6124", ParentSegmentID: "838055281761a3e800f067aa0ba902b7",
		ParentService: serviceName, ParentServiceInstance: "bench", ParentEndpoint: operationName, AddressUsedAtClient: "orders:8080", Sample: 1,
	}
}

func go2skyInject(b *testing.B) {
	c := go2skyContext()
	h := headers()
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Encode(func(key, value string) error { h.Set(key, value); return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func go2skyCall(b *testing.B) {
	t, sent := newGo2sky(b, 1)
	h := headers()
	n := 0
	var parent go2sky.Span
	var ctx context.Context
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%segmentSpans == 0 {
			if parent != nil {
				parent.End()
				n++
			}
			parent, ctx = go2skyLocal(b, t, b.Context())
		}
		s, err := t.CreateExitSpan(ctx, operationName, "orders:8080", func(key, value string) error { h.Set(key, value); return nil })
		if err != nil {
			b.Fatal(err)
		}
		s.End()
	}
	parent.End()
	sent.wait(n + 1)
}

func go2skyExtract(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var c propagation.SpanContext
		if err := c.Decode(func(key string) (string, error) { return sw8Headers.Get(key), nil }); err != nil || !c.Valid {
			b.Fatal(err, c.Valid)
		}
	}
}
