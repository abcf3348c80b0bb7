// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"time"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// begin is what the options of a span say that decides how it starts.
type begin struct {
	parent   *SpanContext
	child    bool // parent is a ChildOf reference
	alone    bool // and the only one
	tagged   bool // there are tags among the options
	kind     span.Kind
	priority int // of sampling.priority: 1 sampled, -1 denied, 0 not said
	start    time.Time
	// other are options of types that are not known here; nil if there are none.
	other *opentracing.StartSpanOptions
}

func (b *begin) reference(r *opentracing.SpanReference) {
	c, ok := r.ReferencedContext.(*SpanContext)
	if !ok || c == nil {
		return
	}
	child := r.Type == opentracing.ChildOfRef
	b.alone = b.parent == nil
	switch {
	case b.parent == nil, c.HasIDs() && !b.parent.HasIDs(), c.HasIDs() && child && !b.child:
		b.parent, b.child = c, child
	}
}

func (b *begin) readOther() {
	o := b.other
	for i := range o.References {
		b.reference(&o.References[i])
	}
	for k, v := range o.Tags {
		b.tag(k, v)
	}
	if !o.StartTime.IsZero() {
		b.start = o.StartTime
	}
}

func (b *begin) tag(key string, value any) {
	b.tagged = true
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
	for _, o := range options {
		switch o := o.(type) { // without an allocation for each
		case nil:
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
			if b.other == nil {
				b.other = t.otherOptions()
			}
			o.Apply(b.other)
		}
	}
	if b.other != nil {
		b.readOther()
	}
	sampling, trace, decision := t.decide(operation, &b)
	if !sampling.Sampled() {
		t.forgetOptions(b.other)
		return t.newUnsampled(operation, &b, trace)
	}
	s := t.newSpan(operation, &b, sampling, trace)
	s.lend(decision.Tags)
	if b.alone && !b.tagged {
		s.addParent(b.parent, b.child)
		t.forgetOptions(b.other)
		return s
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
	if o := b.other; o != nil {
		for i := range o.References {
			s.addReference(&o.References[i], b.parent)
		}
		for k, v := range o.Tags {
			s.setTag(k, v)
		}
		t.forgetOptions(o)
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
	if o == nil {
		return
	}
	clear(o.References)
	o.References, o.Tags, o.StartTime = o.References[:0], nil, time.Time{}
	t.starts.Put(o)
}

// decide says whether a span is recorded. The sampler is asked when nobody has
// decided yet. A trace that begins here has an id from then on, except when it
// was denied before.
func (t *Tracer) decide(operation string, b *begin) (sampling propagation.Sampling, trace span.TraceID, d Decision) {
	if p := b.parent; p != nil {
		sampling = p.Sampling
		if p.HasIDs() {
			trace = p.Trace
		}
	}
	switch {
	case b.priority > 0:
		sampling = propagation.Debug
	case b.priority < 0:
		sampling = propagation.Deny
	}
	if sampling == propagation.Deny {
		return sampling, trace, d
	}
	if trace.IsZero() {
		trace = t.newTraceID()
	}
	if sampling == propagation.Defer {
		sampling = propagation.Deny
		if d = t.sampler.Sample(trace, operation); d.Sampled {
			sampling = propagation.Accept
		}
	}
	return sampling, trace, d
}
