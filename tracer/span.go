// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// Span is a recorded span. All methods may be called from several goroutines;
// after Finish they change nothing.
type Span struct {
	t      *Tracer
	mu     sync.Mutex
	record Record // its Duration is open until the span is done
	// context is the parent's, nil for a root, until somebody asks for the span's
	// own. Then the parent is let go, lest a chain of spans keep all that were
	// before. It is replaced, never changed.
	context atomic.Pointer[SpanContext]
}

var _ opentracing.Span = (*Span)(nil)

// open stands in Record.Duration until Finish: one word less in each span.
const open = -1

func (s *Span) done() bool { return s.record.Duration != open }

// A span is one allocation, of the size that it is likely to need: time and
// garbage go by the byte.
type (
	childSpan struct {
		Span
		references [1]Reference
	}
	// roomySpan is for spans that start with tags, as those of servers and
	// clients do: more tags and a log will come.
	roomySpan struct {
		Span
		tags   [4]Tag
		logs   [1]Log
		fields [2]Tag
	}
	roomyChild struct {
		roomySpan
		references [1]Reference
	}
)

func (t *Tracer) allocate(b *begin) *Span {
	switch {
	case b.tagged && b.parent != nil:
		x := new(roomyChild)
		x.record.References = x.references[:0]
		return x.furnish()
	case b.tagged:
		return new(roomySpan).furnish()
	case b.parent != nil:
		x := new(childSpan)
		x.record.References = x.references[:0]
		return &x.Span
	}
	return new(Span)
}

func (x *roomySpan) furnish() *Span {
	x.record.Tags, x.record.Logs = x.tags[:0], x.logs[:0]
	x.logs[0].Fields = x.fields[:0]
	return &x.Span
}

// newSpan makes a recorded span.
func (t *Tracer) newSpan(operation string, b *begin, sampling propagation.Sampling, trace span.TraceID) *Span {
	s := t.allocate(b)
	s.t = t
	r := &s.record
	r.Trace, r.Sampling, r.Kind, r.Process, r.Duration = trace, sampling, b.kind, &t.process, open
	r.Operation = t.cutValue(operation)
	if p := b.parent; p != nil {
		s.context.Store(p)
		s.inherit(p)
	}
	switch {
	case r.ID != 0: // shared
	case r.Parent == 0:
		r.ID = span.ID(trace.Lo) // as the tracers of Zipkin and Jaeger do
	default:
		r.ID = newID()
	}
	if r.Start = b.start; r.Start.IsZero() {
		r.Start = t.clock.now()
	}
	t.count(r.ID).started.Add(1)
	return s
}

// inherit takes what the parent has for the record.
func (s *Span) inherit(p *SpanContext) {
	r := &s.record
	if p.HasIDs() {
		r.Parent, r.Long, r.State, r.TraceName = p.Span, p.Long, p.State, p.traceName()
		if s.t.shared && p.remote && r.Kind == span.KindServer {
			r.ID, r.Parent, r.Shared = p.Span, p.Parent, true
		}
	}
	if !p.remote {
		return
	}
	r.ParentTag = p.ParentTag()
	if p.DebugID != "" {
		s.setTag(debugIDTag, p.DebugID)
	}
	// Headers that named another trace: whoever finds one finds the other.
	for i := range p.Others {
		o := &p.Others[i]
		r.References = append(r.References, Reference{Kind: span.FollowsFrom, Trace: o.Trace, Span: o.Span})
	}
}

func (s *Span) addReference(r *opentracing.SpanReference, parent *SpanContext) {
	c, ok := r.ReferencedContext.(*SpanContext)
	if !ok || c == nil || !c.HasIDs() {
		return
	}
	child := r.Type == opentracing.ChildOfRef
	if list := s.record.References; c == parent && (len(list) == 0 || !list[0].Parent) {
		s.addParent(c, child)
	} else {
		s.record.References = append(list, reference(c, child))
	}
}

// addParent puts the reference to the parent in front.
func (s *Span) addParent(c *SpanContext, child bool) {
	if !c.HasIDs() {
		return
	}
	ref := reference(c, child)
	if s.record.Shared { // the context is the span's own
		if ref.Span = s.record.Parent; ref.Span == 0 {
			return
		}
	}
	ref.Parent = true
	list := append(s.record.References, ref)
	n := len(list) - 1
	list[0], list[n] = list[n], list[0]
	s.record.References = list
}

func reference(c *SpanContext, child bool) Reference {
	r := Reference{Trace: c.Trace, Span: c.Span}
	if !child {
		r.Kind = span.FollowsFrom
	}
	return r
}

// Finish ends the span and hands it to the reporter.
func (s *Span) Finish() {
	s.finish(s.t.clock.since(s.record.Start))
}

// FinishWithOptions is Finish at a given time and with more logs.
func (s *Span) FinishWithOptions(o opentracing.FinishOptions) {
	d := s.t.clock.since(s.record.Start)
	if !o.FinishTime.IsZero() {
		d = o.FinishTime.Sub(s.record.Start)
	}
	for i := range o.LogRecords {
		s.log(o.LogRecords[i].Timestamp, o.LogRecords[i].Fields)
	}
	for i := range o.BulkLogData {
		rec := o.BulkLogData[i].ToLogRecord()
		s.log(rec.Timestamp, rec.Fields)
	}
	s.finish(d)
}

func (s *Span) finish(d time.Duration) {
	s.mu.Lock()
	if s.done() {
		s.mu.Unlock()
		return
	}
	s.record.Duration = max(d, 0)
	s.mu.Unlock()
	n := s.t.count(s.record.ID)
	if !s.record.Sampling.Sampled() {
		n.takenBack.Add(1)
		return
	}
	n.finished.Add(1)
	s.t.reporter.Report(&s.record)
}

// Context is the context to hand to children and to Inject.
func (s *Span) Context() opentracing.SpanContext { return s.spanContext() }

func (s *Span) spanContext() *SpanContext {
	if c := s.context.Load(); c != nil && c.span == s {
		return c
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.makeContext()
}

// makeContext wants the lock to be held.
func (s *Span) makeContext() *SpanContext {
	p := s.context.Load()
	if p != nil && p.span == s {
		return p
	}
	r := &s.record
	c := &SpanContext{span: s, entry: s}
	switch {
	case p == nil:
	case !p.HasIDs():
		c.Baggage = p.Baggage
	case r.Shared:
		c.Context = p.Context
		c.Others, c.DebugID, c.Sent = nil, "", 0
	default:
		c.Context = p.Child(r.ID)
		if p.entry != nil && r.Kind != span.KindServer && r.Kind != span.KindConsumer {
			c.entry = p.entry
		}
	}
	c.Trace, c.Span, c.Sampling = r.Trace, r.ID, r.Sampling
	s.context.Store(c)
	return c
}

// changeContext wants the lock to be held.
func (s *Span) changeContext(change func(*SpanContext)) {
	c := *s.makeContext()
	change(&c)
	s.context.Store(&c)
}

// SetBaggageItem sets what travels with the trace from here on.
func (s *Span) SetBaggageItem(key, value string) opentracing.Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done() {
		s.changeContext(func(c *SpanContext) { c.Baggage = c.Baggage.With(key, value) })
	}
	return s
}

// BaggageItem is the value of a key, compared without case: headers do not keep
// the case of keys.
func (s *Span) BaggageItem(key string) string {
	if c := s.context.Load(); c != nil {
		return c.baggageItem(key)
	}
	return ""
}

// SetOperationName replaces the name.
func (s *Span) SetOperationName(operation string) opentracing.Span {
	operation = s.t.cutValue(operation)
	s.mu.Lock()
	if !s.done() {
		s.record.Operation = operation
	}
	s.mu.Unlock()
	return s
}

// endpoint is the operation, with the method where only a tag has it: so a
// gateway names the span at SkyWalking.
func (s *Span) endpoint() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &s.record
	if strings.HasPrefix(r.Operation, "/") {
		for i := range r.Tags {
			if method, ok := r.Tags[i].Value.(string); ok && r.Tags[i].Key == "http.method" {
				return span.EndpointName(method, r.Operation)
			}
		}
	}
	return r.Operation
}

// Tracer is the tracer that started the span.
func (s *Span) Tracer() opentracing.Tracer { return s.t }
