// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"sync"
	"sync/atomic"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/log"

	"github.com/spanbridge/spanbridge/propagation"
)

// unsampled is a span that is not recorded. All it holds is its context, which
// is made when somebody asks for it: most such spans start and finish without,
// and then their memory is used again.
//
// Whoever keeps such a span beyond its Finish must not meet another request's:
// so the memory has many faces, each use of it shows another one, and a face
// that is not the present one does nothing. Memories are used again in the
// order in which they became free, so thousands of spans lie between two uses
// of one face. A span whose context was asked for keeps it, and its memory is
// not used again.
type unsampled struct {
	in     *memory
	number uint32
}

var _ opentracing.Span = (*unsampled)(nil)

const (
	faces   = 32
	maxIdle = 256
)

// memory is the state behind a face.
type memory struct {
	t         *Tracer
	operation string
	parent    *SpanContext // nil for a root
	// given are the decision and baggage of a root that came without ids.
	given   propagation.Context
	present atomic.Uint32 // the number of the face that is in use
	context atomic.Pointer[SpanContext]
	upgrade atomic.Pointer[Span]
	mu      sync.Mutex // of baggage and upgrade
	faces   [faces]unsampled
}

// idle are memories that wait for their next use, in a ring.
type idle struct {
	mu    sync.Mutex
	ring  [maxIdle]*memory
	first int
	n     int
}

// take gives a span that is not recorded.
func (l *idle) take(t *Tracer, operation string, parent *SpanContext, c *propagation.Context) *unsampled {
	var m *memory
	l.mu.Lock()
	// The ring is emptied only when it is full, so that memories rest.
	if l.n == maxIdle {
		m = l.ring[l.first]
		l.ring[l.first] = nil
		l.first = (l.first + 1) % maxIdle
		l.n--
	}
	l.mu.Unlock()
	if m == nil {
		m = &memory{t: t}
		for i := range m.faces {
			m.faces[i] = unsampled{m, uint32(i)}
		}
	}
	m.operation = operation
	if parent != nil && parent.HasIDs() {
		m.parent = parent
	} else {
		m.given.Baggage = c.Baggage
	}
	return &m.faces[m.present.Load()]
}

// put takes a memory back that nobody asked for its context.
func (l *idle) put(m *memory) {
	m.parent, m.operation, m.given.Baggage = nil, "", nil
	l.mu.Lock()
	if l.n < maxIdle {
		l.ring[(l.first+l.n)%maxIdle] = m
		l.n++
	}
	l.mu.Unlock()
}

func (f *unsampled) live() bool { return f.in.present.Load() == f.number }

// recorded is the span that took this one's place when sampling.priority was
// set; nil if none did.
func (f *unsampled) recorded() *Span {
	if !f.live() {
		return nil
	}
	return f.in.upgrade.Load()
}

func (f *unsampled) Finish() { f.FinishWithOptions(opentracing.FinishOptions{}) }

func (f *unsampled) FinishWithOptions(o opentracing.FinishOptions) {
	m := f.in
	if s := f.recorded(); s != nil {
		s.FinishWithOptions(o)
		return
	}
	// A memory whose context is known stays as it is: Context may be called
	// after Finish.
	if m.context.Load() == nil && m.present.CompareAndSwap(f.number, (f.number+1)%faces) {
		m.t.idle.put(m)
	}
}

func (f *unsampled) Context() opentracing.SpanContext {
	m := f.in
	if !f.live() {
		// The span is over and was never asked for its context.
		return &SpanContext{Context: propagation.Context{Trace: m.t.newTraceID(), Span: newID(), Sampling: propagation.Deny}}
	}
	if s := m.upgrade.Load(); s != nil {
		return s.Context()
	}
	return m.spanContext()
}

// spanContext makes the context, once.
func (m *memory) spanContext() *SpanContext {
	if c := m.context.Load(); c != nil {
		return c
	}
	c := new(SpanContext)
	if p := m.parent; p != nil {
		c.Context = p.Child(newID())
		if !p.remote {
			c.entry = p.entry
		}
	} else {
		c.Trace, c.Span, c.Baggage = m.t.newTraceID(), newID(), m.given.Baggage
	}
	c.Sampling = propagation.Deny
	if m.context.CompareAndSwap(nil, c) {
		return c
	}
	return m.context.Load()
}

func (f *unsampled) SetOperationName(operation string) opentracing.Span {
	if s := f.recorded(); s != nil {
		s.SetOperationName(operation)
	}
	return f
}

// SetTag records the span from now on when the tag is sampling.priority and
// asks for it.
func (f *unsampled) SetTag(key string, value any) opentracing.Span {
	if s := f.recorded(); s != nil {
		s.SetTag(key, value)
	} else if key == priorityTag && priorityOf(value) > 0 && f.live() {
		f.record()
	}
	return f
}

func (f *unsampled) record() {
	m := f.in
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.upgrade.Load() != nil {
		return
	}
	c := m.spanContext().Context
	c.Sampling = propagation.Debug
	s := m.t.newSpan(m.operation, &begin{parent: m.parent}, &c)
	if m.parent != nil {
		s.addReference(&opentracing.SpanReference{ReferencedContext: m.parent}, m.parent)
	}
	s.setTag(priorityTag, uint16(1))
	m.upgrade.Store(s)
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
	if s := f.recorded(); s != nil {
		s.SetBaggageItem(key, value)
		return f
	}
	if !f.live() {
		return f
	}
	m := f.in
	m.mu.Lock()
	defer m.mu.Unlock()
	c := *m.spanContext()
	c.Baggage = c.Baggage.With(key, value)
	m.context.Store(&c)
	return f
}

func (f *unsampled) BaggageItem(key string) string {
	if s := f.recorded(); s != nil {
		return s.BaggageItem(key)
	}
	if !f.live() {
		return ""
	}
	m := f.in
	if c := m.context.Load(); c != nil {
		return c.baggageItem(key)
	}
	if m.parent != nil {
		return m.parent.baggageItem(key)
	}
	c := SpanContext{Context: m.given}
	return c.baggageItem(key)
}

func (f *unsampled) Tracer() opentracing.Tracer { return f.in.t }
