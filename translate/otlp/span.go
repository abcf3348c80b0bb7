// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Fields of a Span.
const (
	fieldTraceID       = 1
	fieldSpanID        = 2
	fieldState         = 3
	fieldParent        = 4
	fieldName          = 5
	fieldKind          = 6
	fieldStart         = 7
	fieldEnd           = 8
	fieldAttribute     = 9
	fieldDroppedAttrs  = 10
	fieldEvent         = 11
	fieldDroppedEvents = 12
	fieldLink          = 13
	fieldDroppedLinks  = 14
	fieldStatus        = 15
	fieldFlags         = 16
)

// spanFields gives the wire type of each field of a span. There is no field 0.
var spanFields = [...]uint8{
	fieldTraceID: wire.TypeBytes, fieldSpanID: wire.TypeBytes, fieldState: wire.TypeBytes,
	fieldParent: wire.TypeBytes, fieldName: wire.TypeBytes, fieldKind: wire.TypeVarint,
	fieldStart: wire.TypeFixed64, fieldEnd: wire.TypeFixed64,
	fieldAttribute: wire.TypeBytes, fieldDroppedAttrs: wire.TypeVarint,
	fieldEvent: wire.TypeBytes, fieldDroppedEvents: wire.TypeVarint,
	fieldLink: wire.TypeBytes, fieldDroppedLinks: wire.TypeVarint,
	fieldStatus: wire.TypeBytes, fieldFlags: wire.TypeFixed32,
}

// span reads a span and adds it to the batch. Attributes of events and links
// lie among those of the span on the wire, yet each owner needs a range of its
// own: so events and links are left for a second walk.
func (r *reader) span(p wire.Proto) (fault translate.Fault, ok bool) {
	s := r.w.NextSpan()
	s.Local, s.Resource, s.Scope = r.local, r.resource, r.scope
	s.Raw = r.at(p.Pos, p.End-p.Pos)
	r.repaired = false
	attrs := r.w.AttrMark()
	var start, end uint64
	details := p
	details.Pos = p.End // of the first event or link
	for {
		p.Pos = r.usual(p.Buf[:p.End], p.Pos, s, &start, &end)
		at := p.Pos
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		if field >= len(spanFields) || typ != int(spanFields[field]) {
			r.skip(&p, field, typ)
			continue
		}
		switch field {
		case fieldTraceID:
			at, n := p.Bytes()
			if n != 16 {
				return r.wrongLength(&p, r.ids.trace, n, 16), false
			}
			s.Trace = traceID(p.Buf[at:])
		case fieldSpanID:
			at, n := p.Bytes()
			if n != 8 {
				return r.wrongLength(&p, r.ids.span, n, 8), false
			}
			s.ID = spanID(p.Buf[at:])
		case fieldParent:
			// Some senders say zeros for none.
			at, n := p.Bytes()
			switch {
			case n == 8:
				s.Parent = spanID(p.Buf[at:])
			case n == 0 && p.Err == nil:
				s.Parent = 0
			default:
				return r.wrongLength(&p, r.ids.parent, n, 8), false
			}
		case fieldState:
			s.State = r.nonEmpty(&p)
		case fieldName:
			s.Name = r.nonEmpty(&p)
		case fieldKind:
			s.Kind = span.KindUnset
			if v := p.Varint(); v <= uint64(span.KindConsumer) {
				s.Kind = span.Kind(v)
			}
		case fieldStart:
			start = p.Fixed64()
		case fieldEnd:
			end = p.Fixed64()
		case fieldAttribute:
			r.attribute(&p)
		case fieldDroppedAttrs:
			s.Dropped.Attrs = uint32(p.Varint())
		case fieldDroppedEvents:
			s.Dropped.Events = uint32(p.Varint())
		case fieldDroppedLinks:
			s.Dropped.Refs = uint32(p.Varint())
		case fieldEvent, fieldLink:
			p.Bytes()
			details.Pos = min(details.Pos, at)
		case fieldStatus:
			r.status(&p, s)
		case fieldFlags:
			s.TraceFlags = p.Fixed32()
		}
	}
	s.Attrs = r.w.AttrsFrom(attrs)
	if p.Err == nil && details.Pos < details.End {
		r.details(&details, s)
		p.Adopt(&details)
	}
	switch {
	case p.Err != nil:
		return r.faultOf("", p.Err), false
	case s.Trace.IsZero():
		return translate.Fault{Place: r.ids.trace, Found: "nothing or zeros", Want: "16 bytes"}, false
	case s.ID == 0:
		return translate.Fault{Place: r.ids.span, Found: "nothing or zeros", Want: "8 bytes"}, false
	}
	if s.Parent == s.ID {
		s.Parent = 0
		r.repaired = true
	}
	setTimes(s, start, end)
	if s.TraceFlags&1 != 0 {
		s.Sampling = span.Sampled
	}
	marked := r.endpoints(s, r.w.AttrsSince(attrs)[:s.Attrs.N])
	if !r.repaired {
		s.Has |= span.Exact
	}
	r.w.AddSpan()
	if marked {
		r.residues.Found(r.w.Len() - 1)
	}
	return fault, true
}

// usual reads fields from a place of a span on as long as they look as nearly all
// do: tags of one byte, ids of the right length, plain attributes. It gives the
// place of the first field that does not. It only saves time.
func (r *reader) usual(buf []byte, at int, s *span.Span, start, end *uint64) int {
	for at < len(buf)-10 {
		switch buf[at] {
		case fieldAttribute<<3 | wire.TypeBytes:
			next := r.plainAttribute(buf, at+1)
			if next == 0 {
				return at
			}
			at = next
		case fieldTraceID<<3 | wire.TypeBytes:
			if buf[at+1] != 16 || at > len(buf)-18 {
				return at
			}
			s.Trace = traceID(buf[at+2:])
			at += 18
		case fieldSpanID<<3 | wire.TypeBytes:
			if buf[at+1] != 8 {
				return at
			}
			s.ID = spanID(buf[at+2:])
			at += 10
		case fieldParent<<3 | wire.TypeBytes:
			if buf[at+1] != 8 {
				return at
			}
			s.Parent = spanID(buf[at+2:])
			at += 10
		case fieldKind<<3 | wire.TypeVarint:
			if buf[at+1] > byte(span.KindConsumer) {
				return at
			}
			s.Kind = span.Kind(buf[at+1])
			at += 2
		case fieldStart<<3 | wire.TypeFixed64:
			*start = binary.LittleEndian.Uint64(buf[at+1:])
			at += 9
		case fieldEnd<<3 | wire.TypeFixed64:
			*end = binary.LittleEndian.Uint64(buf[at+1:])
			at += 9
		case fieldName<<3 | wire.TypeBytes:
			n := int(buf[at+1])
			if n >= 0x80 || n > len(buf)-at-2 {
				return at
			}
			s.Name = span.Text{}
			if n > 0 {
				s.Name = r.textAt(at+2, n)
			}
			at += 2 + n
		case fieldStatus<<3 | wire.TypeBytes:
			if buf[at+1] != 0 {
				return at
			}
			s.Status, s.StatusMessage = span.StatusUnset, span.Text{}
			s.Has |= span.HasStatus
			at += 2
		default:
			return at
		}
	}
	return at
}

// wrongLength describes an id that has n bytes, or could not be read at all.
func (r *reader) wrongLength(p *wire.Proto, place string, n, want int) translate.Fault {
	if p.Err != nil {
		return r.faultOf(place, p.Err)
	}
	return translate.Fault{Place: place, Found: strconv.Itoa(n) + " bytes", Want: strconv.Itoa(want)}
}

func traceID(p []byte) span.TraceID {
	return span.TraceID{Hi: binary.BigEndian.Uint64(p), Lo: binary.BigEndian.Uint64(p[8:])}
}

func spanID(p []byte) span.ID { return span.ID(binary.BigEndian.Uint64(p)) }

// setTimes sets start and duration where they mean anything. The bytes of the
// span keep the others; see rawTimes.
func setTimes(s *span.Span, start, end uint64) {
	if start == 0 || start > math.MaxInt64 {
		return
	}
	s.Start = int64(start)
	s.Has |= span.HasStart
	if end >= start && end <= math.MaxInt64 {
		s.Duration = int64(end - start)
		s.Has |= span.HasDuration
	}
}

// status reads a Status. Field 1 was its code in OTLP before 0.7: where the
// present code is unset, anything but 0 there means an error.
func (r *reader) status(outer *wire.Proto, s *span.Span) {
	p := outer.Message()
	s.Status, s.StatusMessage = span.StatusUnset, span.Text{}
	s.Has |= span.HasStatus
	var deprecated uint64
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeVarint:
			deprecated = p.Varint()
			r.repaired = true
		case field == 2 && typ == wire.TypeBytes:
			s.StatusMessage = r.nonEmpty(&p)
		case field == 3 && typ == wire.TypeVarint:
			s.Status = span.StatusUnset
			if v := p.Varint(); v <= uint64(span.StatusError) {
				s.Status = span.Status(v)
			}
		default:
			r.skip(&p, field, typ)
		}
	}
	if s.Status == span.StatusUnset && deprecated != 0 {
		s.Status = span.StatusError
	}
	outer.Adopt(&p)
}

// details reads the events and links of a span.
func (r *reader) details(p *wire.Proto, s *span.Span) {
	events, refs := r.w.EventMark(), r.w.RefMark()
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == fieldEvent && typ == wire.TypeBytes:
			r.event(p)
		case field == fieldLink && typ == wire.TypeBytes:
			r.link(p)
		default:
			p.Skip(field, typ)
		}
	}
	s.Events, s.Refs = r.w.EventsFrom(events), r.w.RefsFrom(refs)
}

func (r *reader) event(outer *wire.Proto) {
	p := outer.Message()
	var e span.Event
	mark := r.w.AttrMark()
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeFixed64:
			e.Time = int64(p.Fixed64())
		case field == 2 && typ == wire.TypeBytes:
			e.Name = r.nonEmpty(&p)
		case field == 3 && typ == wire.TypeBytes:
			r.attribute(&p)
		case field == 4 && typ == wire.TypeVarint:
			e.Dropped = uint32(p.Varint())
		default:
			r.skip(&p, field, typ)
		}
	}
	e.Attrs = r.w.AttrsFrom(mark)
	outer.Adopt(&p)
	r.w.Event(e)
}

// link reads a link. SDKs may record one whose ids are not valid, for the sake
// of its attributes: it is kept without ids.
func (r *reader) link(outer *wire.Proto) {
	p := outer.Message()
	ref := span.Ref{Kind: span.Link}
	mark := r.w.AttrMark()
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			ref.Trace = span.TraceID{}
			if at, n := p.Bytes(); n == 16 {
				ref.Trace = traceID(p.Buf[at:])
			}
		case field == 2 && typ == wire.TypeBytes:
			ref.Span = 0
			if at, n := p.Bytes(); n == 8 {
				ref.Span = spanID(p.Buf[at:])
			}
		case field == 3 && typ == wire.TypeBytes:
			ref.State = r.nonEmpty(&p)
		case field == 4 && typ == wire.TypeBytes:
			r.attribute(&p)
		case field == 5 && typ == wire.TypeVarint:
			ref.Dropped = uint32(p.Varint())
		case field == 6 && typ == wire.TypeFixed32:
			ref.TraceFlags = p.Fixed32()
		default:
			r.skip(&p, field, typ)
		}
	}
	ref.Attrs = r.w.AttrsFrom(mark)
	outer.Adopt(&p)
	r.w.Ref(ref)
}
