// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// span writes a span with the fields in the order of their numbers.
func (e *Encoder) span(it *span.Item, s *span.Span) {
	b := it.Batch
	d, mark := wire.OpenWide(e.buf, spansField, spanWidth)
	d = appendTraceID(d, fieldTraceID, s.Trace)
	d = appendSpanID(d, fieldSpanID, it.ID)
	d = wire.AppendString(d, fieldState, b.Str(s.State))
	if it.Parent != 0 {
		d = appendSpanID(d, fieldParent, it.Parent)
	}
	d = wire.AppendString(d, fieldName, b.Str(s.Name))
	d = wire.AppendVarint(d, fieldKind, uint64(s.Kind))
	start, end := e.times(b, s)
	d = wire.AppendFixed64(d, fieldStart, start)
	d = wire.AppendFixed64(d, fieldEnd, end)
	if e.own {
		d = e.appendAttrs(d, fieldAttribute, b, s.Attrs)
	} else {
		d = e.appendForeign(d, b, s)
	}
	if len(e.residue) > 0 {
		var kv, value, text int
		d, kv, value = openAttr(d, fieldAttribute, residue.Key)
		d, text = wire.Open(d, anyString)
		d = closeAttr(wire.Close(append(d, e.residue...), text), kv, value)
	}
	flags := s.TraceFlags
	if !e.own {
		flags = foreignFlags(s)
	}
	e.buf = wire.CloseWide(e.tail(d, b, s, flags), mark, spanWidth)
}

// tail appends all behind the attributes.
func (e *Encoder) tail(d []byte, b *span.Batch, s *span.Span, flags uint32) []byte {
	d = wire.AppendVarint(d, fieldDroppedAttrs, uint64(s.Dropped.Attrs))
	d = e.appendEvents(d, b, s)
	d = wire.AppendVarint(d, fieldDroppedEvents, uint64(s.Dropped.Events))
	d = e.appendLinks(d, b, s)
	d = wire.AppendVarint(d, fieldDroppedLinks, uint64(s.Dropped.Refs))
	d = e.appendStatus(d, b, s)
	return wire.AppendFixed32(d, fieldFlags, flags)
}

// foreignFlags are the flags of a span of another protocol, of which OTLP says
// by them that it was sampled.
func foreignFlags(s *span.Span) uint32 {
	if s.Sampling&(span.Sampled|span.Debug) != 0 {
		return s.TraceFlags | 1
	}
	return s.TraceFlags
}

// times are the start and the end. A span whose end lies before its start
// makes exporters refuse the whole request, so none is written for a span of
// another protocol; OTLP's own gets back what it said.
func (e *Encoder) times(b *span.Batch, s *span.Span) (start, end uint64) {
	if e.own && s.Has&span.HasDuration == 0 && b.Protocol() == span.OTLP {
		return e.rawTimes(b, s)
	}
	return foreignTimes(s)
}

func foreignTimes(s *span.Span) (start, end uint64) {
	if s.Has&span.HasStart != 0 {
		start = uint64(max(s.Start, 0))
	}
	end = start
	if s.Has&span.HasDuration != 0 {
		end += uint64(max(s.Duration, 0))
	}
	return start, end
}

// rawTimes are the start and the end in the bytes of a span that came by OTLP.
func (e *Encoder) rawTimes(b *span.Batch, s *span.Span) (start, end uint64) {
	e.text = b.AppendStr(e.text[:0], s.Raw)
	p := wire.ReadProto(e.text)
	for {
		field, typ, ok := p.Next()
		switch {
		case !ok:
			return start, end
		case field == fieldStart && typ == wire.TypeFixed64:
			start = p.Fixed64()
		case field == fieldEnd && typ == wire.TypeFixed64:
			end = p.Fixed64()
		default:
			p.Skip(field, typ)
		}
	}
}

func appendTraceID(d []byte, field int, t span.TraceID) []byte {
	d = append(wire.AppendTag(d, field, wire.TypeBytes), 16)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(d, t.Hi), t.Lo)
}

func appendSpanID(d []byte, field int, id span.ID) []byte {
	return binary.BigEndian.AppendUint64(append(wire.AppendTag(d, field, wire.TypeBytes), 8), uint64(id))
}

// appendStatus appends the status. Zipkin's tag error means a failure with any
// value; where somebody wrote false there, OTLP is not told of an error, and
// the attribute tells the rest (see keeps).
func (e *Encoder) appendStatus(d []byte, b *span.Batch, s *span.Span) []byte {
	code, text := s.Status, b.Str(s.StatusMessage)
	if !e.own && errorFalse(b, s) {
		code, text = span.StatusUnset, ""
	}
	if code == span.StatusUnset && text == "" && (!e.own || s.Has&span.HasStatus == 0) {
		return d
	}
	d, mark := wire.Open(d, fieldStatus)
	d = wire.AppendString(d, 2, text)
	d = wire.AppendVarint(d, 3, uint64(code))
	return wire.Close(d, mark)
}

func (e *Encoder) appendEvents(d []byte, b *span.Batch, s *span.Span) []byte {
	events := b.Events(s.Events)
	for i := range events {
		ev := &events[i]
		var mark int
		d, mark = wire.Open(d, fieldEvent)
		if e.own || ev.Time > 0 {
			d = wire.AppendFixed64(d, 1, uint64(ev.Time))
		}
		d = wire.AppendString(d, 2, b.Str(ev.Name))
		d = e.appendAttrs(d, 3, b, ev.Attrs)
		d = wire.AppendVarint(d, 4, uint64(ev.Dropped))
		d = wire.Close(d, mark)
	}
	return d
}

// appendLinks appends the references that the parent does not say already.
func (e *Encoder) appendLinks(d []byte, b *span.Batch, s *span.Span) []byte {
	refs := b.Refs(s.Refs)
	for i := range refs {
		r := &refs[i]
		if !e.own && !isLink(r) {
			continue
		}
		var mark int
		d, mark = wire.Open(d, fieldLink)
		if !r.Trace.IsZero() {
			d = appendTraceID(d, 1, r.Trace)
		}
		if r.Span != 0 {
			d = appendSpanID(d, 2, r.Span)
		}
		d = wire.AppendString(d, 3, b.Str(r.State))
		d = e.appendAttrs(d, 4, b, r.Attrs)
		if !e.own {
			d = e.appendRelation(d, b, r)
		}
		d = wire.AppendVarint(d, 5, uint64(r.Dropped))
		d = wire.AppendFixed32(d, 6, r.TraceFlags)
		d = wire.Close(d, mark)
	}
	return d
}
