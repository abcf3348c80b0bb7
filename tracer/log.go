// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"fmt"
	"slices"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/log"
)

// LogFields adds a log of this moment.
func (s *Span) LogFields(fields ...log.Field) { s.log(time.Time{}, fields) }

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
	s.log(r.Timestamp, r.Fields)
}

func (s *Span) log(at time.Time, fields []log.Field) {
	var a [8]Tag
	list := a[:0]
	for i := range fields { // may call the caller's code: not under the lock
		list = s.t.appendField(list, &fields[i])
	}
	if at.IsZero() {
		at = s.t.clock.now()
	}
	s.mu.Lock()
	switch r := &s.record; {
	case s.done():
	case len(r.Logs) >= s.t.maxLogs:
		r.Dropped++
		s.t.cut.Add(1)
	default:
		n := len(r.Logs)
		r.Logs = slices.Grow(r.Logs, 1)[:n+1]
		l := &r.Logs[n] // of the span's own memory, it has room for fields
		l.Time, l.Fields = at, append(l.Fields, list...)
	}
	s.mu.Unlock()
}

// appendField makes a tag of a log's field.
func (t *Tracer) appendField(list []Tag, f *log.Field) []Tag {
	switch v := f.Value().(type) {
	case nil:
		if f.Key() == "" { // log.Noop has neither
			return list
		}
		return t.appendTag(list, f.Key(), nil)
	case log.LazyLogger:
		return append(list, t.lazy(v)...)
	default:
		return t.appendTag(list, f.Key(), v)
	}
}

func (t *Tracer) appendTag(list []Tag, key string, value any) []Tag {
	if len(list) >= t.maxTags {
		t.cut.Add(1)
		return list
	}
	return append(list, Tag{t.cutValue(key), t.tagValue(value)})
}

// lazy asks for fields that the caller makes only when they are recorded.
func (t *Tracer) lazy(f log.LazyLogger) (fields []Tag) {
	e := &encoder{t: t}
	defer func() {
		if p := recover(); p != nil {
			e.add("error", fmt.Sprintf("lazy log: %v", p))
		}
		fields = e.fields
	}()
	f(e)
	return e.fields
}

// encoder takes what a lazy logger gives.
type encoder struct {
	t      *Tracer
	fields []Tag
}

var _ log.Encoder = (*encoder)(nil)

func (e *encoder) add(key string, value any) { e.fields = e.t.appendTag(e.fields, key, value) }

func (e *encoder) EmitString(key, value string)          { e.add(key, value) }
func (e *encoder) EmitBool(key string, value bool)       { e.add(key, value) }
func (e *encoder) EmitInt(key string, value int)         { e.add(key, value) }
func (e *encoder) EmitInt32(key string, value int32)     { e.add(key, value) }
func (e *encoder) EmitInt64(key string, value int64)     { e.add(key, value) }
func (e *encoder) EmitUint32(key string, value uint32)   { e.add(key, value) }
func (e *encoder) EmitUint64(key string, value uint64)   { e.add(key, value) }
func (e *encoder) EmitFloat32(key string, value float32) { e.add(key, value) }
func (e *encoder) EmitFloat64(key string, value float64) { e.add(key, value) }
func (e *encoder) EmitObject(key string, value any)      { e.add(key, value) }
func (e *encoder) EmitLazyLogger(value log.LazyLogger)   { value(e) }
