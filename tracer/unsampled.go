// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/log"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// unsampled is a span that is not recorded. It has no identity of its own: its
// context is that of the span above it, with the denial. What there is to know
// of it is in a slot that is used again, of which this is one of many faces, or,
// once somebody wants more of it than its end, in memory of its own (ADR 0010).
type unsampled struct {
	in  *slot                // nil for one that never had any
	own atomic.Pointer[kept] // nil until somebody asks
}

var _ opentracing.Span = (*unsampled)(nil)

// begun is what such a span was started with.
type begun struct {
	t         *Tracer
	operation string
	parent    *SpanContext // nil for a root
	trace     span.TraceID // of a root that the sampler was asked about
	at        time.Duration
	kind      span.Kind
	child     bool
}

// kept is the memory of a span whose context somebody may still ask for.
type kept struct {
	begun
	mu       sync.Mutex                  // of operation and done, and of changes of the two below
	context  atomic.Pointer[SpanContext] // nil until somebody asks; replaced, never changed
	recorded atomic.Pointer[Span]        // what took its place when sampling.priority was set
	done     bool
}

func (t *Tracer) newUnsampled(operation string, b *begin, trace span.TraceID) *unsampled {
	n := begun{t: t, operation: operation, parent: b.parent, trace: trace, kind: b.kind, child: b.child}
	// A number of nanoseconds, since the wall clock costs as much again.
	if n.at = t.clock.since(t.born); !b.start.IsZero() {
		n.at = b.start.Sub(t.born)
	}
	at := trace.Lo
	if p := b.parent; p != nil && p.Span != 0 {
		at = uint64(p.Span)
	} else if at == 0 {
		at = rand.Uint64()
	}
	t.count(span.ID(at)).notSampled.Add(1)
	// Slots hold nothing of others that a face which is not the present one
	// could give away: no baggage.
	if b.parent != nil && len(b.parent.Baggage) > 0 {
		f := new(struct {
			unsampled
			kept
		})
		f.begun = n
		f.own.Store(&f.kept)
		return &f.unsampled
	}
	return t.rings[at%numRings].take(&n)
}

// keep gives the span memory of its own; nil if it is over and none had been
// asked for.
func (f *unsampled) keep() *kept {
	if k := f.own.Load(); k != nil {
		return k
	}
	return f.in.keep(f)
}

// recorded is the span that took this one's place; nil if none did.
func (f *unsampled) recorded() *Span {
	if k := f.own.Load(); k != nil {
		return k.recorded.Load()
	}
	return nil
}

func (f *unsampled) Finish() { f.FinishWithOptions(opentracing.FinishOptions{}) }

func (f *unsampled) FinishWithOptions(o opentracing.FinishOptions) {
	if f.own.Load() == nil && f.in.finish(f) {
		return
	}
	k := f.own.Load()
	if k == nil {
		return
	}
	k.mu.Lock()
	k.done = true
	k.mu.Unlock()
	if s := k.recorded.Load(); s != nil {
		s.FinishWithOptions(o)
	}
}

func (f *unsampled) Context() opentracing.SpanContext {
	k := f.keep()
	if k == nil { // over, and nobody knows which it was
		t := f.in.ring.tracer
		return &SpanContext{Context: propagation.Context{Trace: t.newTraceID(), Span: newID(), Sampling: propagation.Deny}}
	}
	if s := k.recorded.Load(); s != nil {
		return s.Context()
	}
	if c := k.context.Load(); c != nil {
		return c
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.spanContext()
}

// spanContext wants the lock to be held.
func (k *kept) spanContext() *SpanContext {
	if c := k.context.Load(); c != nil {
		return c
	}
	c := k.parent
	switch {
	case c == nil || !c.HasIDs():
		c = new(SpanContext)
		if c.Trace = k.trace; c.Trace.IsZero() {
			c.Trace = k.t.newTraceID()
		}
		c.Span = span.ID(c.Trace.Lo)
		if k.parent != nil {
			c.Baggage = k.parent.Baggage
		}
	case c.Sampling != propagation.Deny:
		c = &SpanContext{Context: c.Context, remote: c.remote}
	}
	if c.Sampling != propagation.Deny {
		c.Sampling = propagation.Deny
	}
	k.context.Store(c)
	return c
}

func (f *unsampled) SetOperationName(operation string) opentracing.Span {
	if s := f.recorded(); s != nil {
		s.SetOperationName(operation)
	} else if k := f.own.Load(); k != nil {
		k.mu.Lock()
		k.operation = operation // for the span that may take its place
		k.mu.Unlock()
	} else {
		f.in.rename(f, operation)
	}
	return f
}

// SetTag records the span from now on when the tag is sampling.priority and
// asks for it.
func (f *unsampled) SetTag(key string, value any) opentracing.Span {
	if s := f.recorded(); s != nil {
		s.SetTag(key, value)
	} else if key == priorityTag && priorityOf(value) > 0 {
		if k := f.keep(); k != nil {
			k.record(value)
		}
	}
	return f
}

// record starts a recorded span in place of this one, as of when this one
// began. What was set on this one is not known.
func (k *kept) record(priority any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.recorded.Load() != nil || k.done {
		return
	}
	t := k.t
	c := k.spanContext()
	b := begin{parent: k.parent, child: k.child, kind: k.kind, tagged: true}
	now := t.clock.now()
	b.start = now.Add(k.at - now.Sub(t.born))
	s := t.newSpan(k.operation, &b, propagation.Debug, c.Trace)
	if p := k.parent; p != nil && p.HasIDs() {
		ref := opentracing.FollowsFromRef
		if k.child {
			ref = opentracing.ChildOfRef
		}
		s.addReference(&opentracing.SpanReference{Type: ref, ReferencedContext: p}, p)
	} else {
		s.record.ID = c.Span
	}
	s.setTag(priorityTag, priority)
	if items := c.Baggage; len(items) > 0 {
		s.changeContext(func(c *SpanContext) { c.Baggage = items })
	}
	k.recorded.Store(s)
	t.count(s.record.ID).notSampled.Add(-1) // it is among the started ones now
}

func (f *unsampled) LogFields(fields ...log.Field) {
	if s := f.recorded(); s != nil {
		s.LogFields(fields...)
	}
}

func (f *unsampled) LogKV(keyValues ...any) {
	if s := f.recorded(); s != nil {
		s.LogKV(keyValues...)
	}
}

func (f *unsampled) LogEvent(event string) {
	if s := f.recorded(); s != nil {
		s.LogEvent(event)
	}
}

func (f *unsampled) LogEventWithPayload(event string, payload any) {
	if s := f.recorded(); s != nil {
		s.LogEventWithPayload(event, payload)
	}
}

func (f *unsampled) Log(d opentracing.LogData) {
	if s := f.recorded(); s != nil {
		s.Log(d)
	}
}

func (f *unsampled) SetBaggageItem(key, value string) opentracing.Span {
	k := f.keep()
	if k == nil {
		return f
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.recorded.Load(); s != nil {
		s.SetBaggageItem(key, value)
		return f
	}
	if k.done {
		return f
	}
	c := *k.spanContext()
	c.Baggage = c.Baggage.With(key, value)
	k.context.Store(&c)
	return f
}

func (f *unsampled) BaggageItem(key string) string {
	k := f.own.Load()
	if k == nil {
		return "" // there was none, and would have been kept
	}
	if s := k.recorded.Load(); s != nil {
		return s.BaggageItem(key)
	}
	if c := k.context.Load(); c != nil {
		return c.baggageItem(key)
	}
	if k.parent != nil {
		return k.parent.baggageItem(key)
	}
	return ""
}

func (f *unsampled) Tracer() opentracing.Tracer {
	if f.in != nil {
		return f.in.ring.tracer
	}
	return f.own.Load().t
}
