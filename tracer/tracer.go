// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// Tracer is an opentracing.Tracer. It may be used by several goroutines.
type Tracer struct {
	process    Process
	reporter   Reporter
	sampler    Sampler
	propagator *propagation.Propagator
	shared     bool
	short      bool // new trace ids have 64 bits
	maxValue   int
	maxLogs    int
	now        func() time.Time

	idle   idle
	starts sync.Pool // of opentracing.StartSpanOptions
	counts counts
	closed atomic.Bool
}

var (
	_ opentracing.Tracer                         = (*Tracer)(nil)
	_ opentracing.TracerContextWithSpanExtension = (*Tracer)(nil)
)

// counts are what Counts shows.
type counts struct {
	started, notSampled, finished, cut atomic.Int64
}

// Counts are the numbers of a tracer's spans.
type Counts struct {
	Started    int64 // recorded spans
	NotSampled int64 // spans that were not recorded
	Finished   int64 // recorded spans that went to the reporter
	Cut        int64 // values of tags and logs that were cut or left out
	Headers    propagation.Counts
}

// Counts gives the numbers so far.
func (t *Tracer) Counts() Counts {
	c := &t.counts
	return Counts{c.started.Load(), c.notSampled.Load(), c.finished.Load(), c.cut.Load(), t.propagator.Counts()}
}

// Propagator is what reads and writes the headers.
func (t *Tracer) Propagator() *propagation.Propagator { return t.propagator }

// Process is what the spans of the tracer have in common. It must not be changed.
func (t *Tracer) Process() *Process { return &t.process }

// Close sends what the reporter still has. Spans that finish later are dropped
// and counted by the reporter. To wait no longer than a moment, use Shutdown.
func (t *Tracer) Close() error { return t.Shutdown(context.Background()) }

// Shutdown is Close with an end.
func (t *Tracer) Shutdown(ctx context.Context) error {
	if t.closed.Swap(true) {
		return nil
	}
	err := t.reporter.Close(ctx)
	if c, ok := t.sampler.(interface{ Close() error }); ok {
		_ = c.Close()
	}
	return err
}

// begin is what the options of a span say that decides how it starts.
type begin struct {
	parent   *SpanContext
	child    bool // parent is a ChildOf reference
	kind     span.Kind
	priority int // of sampling.priority: 1 sampled, -1 denied, 0 not said
	start    time.Time
}

func (b *begin) reference(r *opentracing.SpanReference) {
	c, ok := r.ReferencedContext.(*SpanContext)
	if !ok || c == nil {
		return
	}
	child := r.Type == opentracing.ChildOfRef
	switch {
	case b.parent == nil, c.HasIDs() && !b.parent.HasIDs(), c.HasIDs() && child && !b.child:
		b.parent, b.child = c, child
	}
}

func (b *begin) tag(key string, value any) {
	switch key {
	case kindTag:
		b.kind = kindOf(value)
	case priorityTag:
		b.priority = priorityOf(value)
	}
}

// Tags that mean something to the tracer itself.
const (
	kindTag     = "span.kind"
	priorityTag = "sampling.priority"
	debugIDTag  = "jaeger-debug-id"
)

// StartSpan starts a span. Its trace is that of the first reference of type
// ChildOf, else of the first of any type; contexts of other tracers are left
// aside.
func (t *Tracer) StartSpan(operation string, options ...opentracing.StartSpanOption) opentracing.Span {
	var b begin
	var other *opentracing.StartSpanOptions
	for _, o := range options {
		switch o := o.(type) { // without an allocation for each
		case opentracing.SpanReference:
			b.reference(&o)
		case opentracing.Tag:
			b.tag(o.Key, o.Value)
		case opentracing.Tags:
			for k, v := range o {
				b.tag(k, v)
			}
		case opentracing.StartTime:
			b.start = time.Time(o)
		default:
			if other == nil {
				other = t.otherOptions()
			}
			o.Apply(other)
		}
	}
	if other != nil {
		defer t.forgetOptions(other)
		for i := range other.References {
			b.reference(&other.References[i])
		}
		for k, v := range other.Tags {
			b.tag(k, v)
		}
		if !other.StartTime.IsZero() {
			b.start = other.StartTime
		}
	}
	c, decision := t.context(operation, &b)
	if !c.Sampling.Sampled() {
		t.counts.notSampled.Add(1)
		return t.idle.take(t, operation, b.parent, &c)
	}
	s := t.newSpan(operation, &b, &c)
	for i := range decision.Tags {
		s.setTag(decision.Tags[i].Key, decision.Tags[i].Value)
	}
	for _, o := range options {
		switch o := o.(type) {
		case opentracing.SpanReference:
			s.addReference(&o, b.parent)
		case opentracing.Tag:
			s.setTag(o.Key, o.Value)
		case opentracing.Tags:
			for k, v := range o {
				s.setTag(k, v)
			}
		}
	}
	if other != nil {
		for i := range other.References {
			s.addReference(&other.References[i], b.parent)
		}
		for k, v := range other.Tags {
			s.setTag(k, v)
		}
	}
	return s
}

// otherOptions takes the memory for options whose types are not known.
func (t *Tracer) otherOptions() *opentracing.StartSpanOptions {
	if o, ok := t.starts.Get().(*opentracing.StartSpanOptions); ok {
		return o
	}
	return new(opentracing.StartSpanOptions)
}

func (t *Tracer) forgetOptions(o *opentracing.StartSpanOptions) {
	clear(o.References)
	o.References, o.Tags, o.StartTime = o.References[:0], nil, time.Time{}
	t.starts.Put(o)
}

// context decides the identity of a new span and whether it is recorded. The
// ids of one that is not are made when somebody asks for them.
func (t *Tracer) context(operation string, b *begin) (c propagation.Context, d Decision) {
	p := b.parent
	if p != nil && p.HasIDs() {
		if t.shared && b.kind == span.KindServer && p.remote {
			c = p.Context
			c.Others = nil
		} else {
			c = p.Child(newID())
		}
	} else {
		if p != nil {
			c.Sampling, c.Baggage, c.DebugID = p.Sampling, p.Baggage, p.DebugID
		}
	}
	switch {
	case b.priority > 0:
		c.Sampling = propagation.Debug
	case b.priority < 0:
		c.Sampling = propagation.Deny
	}
	if c.Sampling == propagation.Deny {
		return c, d
	}
	if c.Span == 0 {
		c.Trace, c.Span = t.newTraceID(), newID()
	}
	if c.Sampling == propagation.Defer {
		c.Sampling = propagation.Deny
		if d = t.sampler.Sample(c.Trace, operation); d.Sampled {
			c.Sampling = propagation.Accept
		}
	}
	return c, d
}

func (t *Tracer) newTraceID() span.TraceID {
	id := span.TraceID{Lo: rand.Uint64()}
	if !t.short {
		id.Hi = rand.Uint64()
	}
	if id.Lo == 0 {
		id.Lo = 1
	}
	return id
}

func newID() span.ID {
	if id := rand.Uint64(); id != 0 {
		return span.ID(id)
	}
	return 1
}

// ContextWithSpanHook keeps the memory of a span that is not sampled from being
// used again while a context.Context may still lead to it.
func (t *Tracer) ContextWithSpanHook(ctx context.Context, s opentracing.Span) context.Context {
	if f, ok := s.(*unsampled); ok {
		f.Context()
	}
	return ctx
}
