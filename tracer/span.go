// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"strings"
	"sync"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/log"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// Span is a recorded span. All methods may be called from several goroutines;
// after Finish they change nothing.
type Span struct {
	t       *Tracer
	mu      sync.Mutex
	record  Record
	context *SpanContext // replaced when baggage is set
	done    bool

	// The first of each, to save an allocation.
	first struct {
		context    SpanContext
		tags       [6]Tag
		references [1]Reference
	}
	// Where the headers of this span live.
	headers propagation.Memory
	text    [72]byte
	values  [2]string
}

var _ opentracing.Span = (*Span)(nil)

// newSpan makes a recorded span.
func (t *Tracer) newSpan(operation string, b *begin, c *propagation.Context) *Span {
	t.counts.started.Add(1)
	s := &Span{t: t}
	f := &s.first
	f.context = SpanContext{Context: *c, span: s, entry: s}
	s.context = &f.context
	s.headers = propagation.NewMemory(s.text[:], s.values[:])
	r := &s.record
	r.Trace, r.ID, r.Parent, r.Sampling, r.Long, r.State = c.Trace, c.Span, c.Parent, c.Sampling, c.Long, c.State
	r.Operation, r.Kind, r.Process = operation, b.kind, &t.process
	r.Tags, r.References = f.tags[:0], f.references[:0]
	if p := b.parent; p != nil {
		if !p.remote && b.kind != span.KindServer && b.kind != span.KindConsumer {
			f.context.entry = p.entry
		}
		if p.remote {
			r.ParentTag = p.ParentTag()
			r.Shared = t.shared && b.kind == span.KindServer && p.HasIDs()
		}
		if p.HasIDs() {
			r.TraceName = p.traceName()
		}
		if p.DebugID != "" {
			s.setTag(debugIDTag, p.DebugID)
		}
	}
	if r.Start = b.start; r.Start.IsZero() {
		r.Start = t.now()
	}
	return s
}

func (s *Span) addReference(r *opentracing.SpanReference, parent *SpanContext) {
	c, ok := r.ReferencedContext.(*SpanContext)
	if !ok || c == nil || !c.HasIDs() {
		return
	}
	ref := Reference{Trace: c.Trace, Span: c.Span}
	if r.Type == opentracing.FollowsFromRef {
		ref.Kind = span.FollowsFrom
	}
	list := append(s.record.References, ref)
	if n := len(list) - 1; c == parent && !list[0].Parent {
		list[n].Parent = true
		list[0], list[n] = list[n], list[0]
	}
	s.record.References = list
}

// Finish ends the span and hands it to the reporter.
func (s *Span) Finish() { s.FinishWithOptions(opentracing.FinishOptions{}) }

// FinishWithOptions is Finish at a given time and with more logs.
func (s *Span) FinishWithOptions(o opentracing.FinishOptions) {
	s.mu.Lock()
	if s.done {
		s.mu.Unlock()
		return
	}
	r := &s.record
	end := o.FinishTime
	if end.IsZero() {
		end = s.t.now()
	}
	// Of two readings of the clock the monotonic parts count; a start that was
	// given has none.
	r.Duration = max(end.Sub(r.Start), 0)
	for i := range o.LogRecords {
		s.log(o.LogRecords[i].Timestamp, fieldsOf(o.LogRecords[i].Fields))
	}
	for i := range o.BulkLogData {
		rec := o.BulkLogData[i].ToLogRecord()
		s.log(rec.Timestamp, fieldsOf(rec.Fields))
	}
	s.done = true
	s.mu.Unlock()
	s.t.counts.finished.Add(1)
	s.t.reporter.Report(r)
}

// Context is the context to hand to children and to Inject.
func (s *Span) Context() opentracing.SpanContext { return s.spanContext() }

func (s *Span) spanContext() *SpanContext {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.context
}

// SetOperationName replaces the name.
func (s *Span) SetOperationName(operation string) opentracing.Span {
	s.mu.Lock()
	if !s.done {
		s.record.Operation = operation
	}
	s.mu.Unlock()
	return s
}

func (s *Span) operation() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record.Operation
}

// SetTag sets a tag, in place of one of the same key. The tag span.kind sets
// the kind, sampling.priority the decision: 0 takes it back for those that are
// called from now on, but this span is reported; others make it debug.
func (s *Span) SetTag(key string, value any) opentracing.Span {
	s.mu.Lock()
	if !s.done {
		s.setTag(key, value)
	}
	s.mu.Unlock()
	return s
}

// setTag wants the lock to be held, or the span to be new.
func (s *Span) setTag(key string, value any) {
	switch key {
	case kindTag:
		if k := kindOf(value); k != span.KindUnset {
			s.record.Kind = k
			return
		}
	case priorityTag:
		if p := priorityOf(value); p != 0 {
			decision := propagation.Debug
			if p < 0 {
				decision = propagation.Deny
			} else {
				s.record.Sampling = decision
			}
			if s.context.Sampling != decision {
				c := *s.context
				c.Sampling = decision
				s.context = &c
			}
		}
	}
	value = s.t.tagValue(value)
	for i := range s.record.Tags {
		if s.record.Tags[i].Key == key {
			s.record.Tags[i].Value = value
			return
		}
	}
	s.record.Tags = append(s.record.Tags, Tag{key, value})
}

// LogFields adds a log of this moment.
func (s *Span) LogFields(fields ...log.Field) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done {
		s.log(s.t.now(), fieldsOf(fields))
	}
}

// LogKV adds a log of keys and values by turns.
func (s *Span) LogKV(keyValues ...any) {
	fields, err := log.InterleavedKVToFields(keyValues...)
	if err != nil {
		s.LogFields(log.Error(err), log.String("function", "LogKV"))
		return
	}
	s.LogFields(fields...)
}

// LogEvent is OpenTracing's older form of LogFields.
func (s *Span) LogEvent(event string) { s.LogFields(log.Event(event)) }

// LogEventWithPayload is OpenTracing's older form of LogFields.
func (s *Span) LogEventWithPayload(event string, payload any) {
	s.LogFields(log.Event(event), log.Object("payload", payload))
}

// Log is OpenTracing's older form of LogFields.
func (s *Span) Log(d opentracing.LogData) {
	r := d.ToLogRecord()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done {
		s.log(r.Timestamp, fieldsOf(r.Fields))
	}
}

func (s *Span) log(at time.Time, fields []Tag) {
	if len(s.record.Logs) >= s.t.maxLogs {
		s.record.Dropped++
		s.t.counts.cut.Add(1)
		return
	}
	if at.IsZero() {
		at = s.t.now()
	}
	for i := range fields {
		fields[i].Value = s.t.tagValue(fields[i].Value)
	}
	s.record.Logs = append(s.record.Logs, Log{at, fields})
}

func fieldsOf(fields []log.Field) []Tag {
	list := make([]Tag, 0, len(fields))
	for _, f := range fields {
		if f.Key() != "" || f.Value() != nil { // log.Noop has neither
			list = append(list, Tag{f.Key(), f.Value()})
		}
	}
	return list
}

// SetBaggageItem sets what travels with the trace from here on.
func (s *Span) SetBaggageItem(key, value string) opentracing.Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done {
		c := *s.context
		c.Baggage = c.Baggage.With(key, value)
		s.context = &c
	}
	return s
}

// BaggageItem is the value of a key, compared without case: headers do not keep
// the case of keys.
func (s *Span) BaggageItem(key string) string { return s.spanContext().baggageItem(key) }

// Tracer is the tracer that started the span.
func (s *Span) Tracer() opentracing.Tracer { return s.t }

// address is how this span's callee is called, for sw8.
func (s *Span) address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var host, port, service, url string
	for i := range s.record.Tags {
		tag := &s.record.Tags[i]
		switch tag.Key {
		case "peer.address":
			if v, ok := tag.Value.(string); ok && v != "" {
				return v
			}
		case "peer.hostname":
			host = textOf(tag.Value)
		case "peer.ipv4", "peer.ipv6":
			if host == "" {
				host = textOf(tag.Value)
			}
		case "peer.port":
			port = textOf(tag.Value)
		case "peer.service":
			service = textOf(tag.Value)
		case "http.url":
			url = textOf(tag.Value)
		}
	}
	switch {
	case host != "" && port != "":
		return host + ":" + port
	case host != "":
		return host
	case url != "":
		if h := hostOf(url); h != "" {
			return h
		}
	}
	return service
}

// hostOf is the host and the port of a URL.
func hostOf(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	if at := strings.IndexAny(rest, "/?#"); at >= 0 {
		rest = rest[:at]
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	return rest
}
