// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"encoding/binary"
	"fmt"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// spanFields gives the wire type of each field of a span. There is no field 0.
var spanFields = [...]uint8{
	1: wire.TypeBytes, 2: wire.TypeBytes, 3: wire.TypeBytes, 4: wire.TypeBytes, 5: wire.TypeVarint,
	6: wire.TypeBytes, 7: wire.TypeBytes, 8: wire.TypeBytes, 9: wire.TypeBytes, 10: wire.TypeBytes,
	11: wire.TypeBytes, 12: wire.TypeBytes,
}

// span reads a span and adds it to the batch. Tags, warnings and the fields of
// logs are all attributes, and those of one owner must lie side by side: logs,
// warnings and the process wait until all tags were read.
func (r *protoReader) span(p wire.Proto) {
	s := r.w.NextSpan()
	s.Raw = span.At(p.Pos, p.End-p.Pos)
	r.plain = true
	refs, attrs := r.w.RefMark(), r.w.AttrMark()
	var own, logs, warnings wire.Proto // from the first of each
	for {
		p.Pos = r.usual(p.Buf[:p.End], p.Pos, s)
		before := p.Pos
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		if field >= len(spanFields) || typ != int(spanFields[field]) {
			p.Skip(field, typ)
			continue
		}
		switch field {
		case 1:
			at, n := p.Bytes()
			switch n {
			case 16:
				s.Trace = traceID(p.Buf[at:])
			case 8: // Jaeger's reader takes it as well
				s.Trace = span.TraceID{Lo: binary.BigEndian.Uint64(p.Buf[at:])}
				r.plain = false
			default:
				r.refuse("trace_id", fmt.Sprintf("%d bytes", n), "16")
			}
		case 2:
			s.ID = r.spanID(&p, "span_id")
		case 3:
			s.Name = nonEmpty(r.text(&p))
		case 4:
			r.reference(&p)
		case 5:
			s.Sampling = span.Sampling(uint32(p.Varint()))
		case 6:
			s.Start = r.seconds(&p, "start_time", false)
		case 7:
			s.Duration = r.seconds(&p, "duration", true)
		case 8:
			r.w.Attr(r.keyValue(&p))
		case 9:
			if logs.Buf == nil {
				logs = wire.Proto{Buf: p.Buf, Pos: before, End: p.End}
			}
			p.Bytes()
		case 10:
			own = p.Message()
		case 12:
			if warnings.Buf == nil {
				warnings = wire.Proto{Buf: p.Buf, Pos: before, End: p.End}
			}
			p.Bytes()
		default:
			p.Skip(field, typ)
		}
	}
	r.adopt("", &p)
	if s.Trace.IsZero() {
		r.refuse("trace_id", "nothing or zeros", "16 bytes")
	}
	if s.ID == 0 {
		r.refuse("span_id", "nothing or zeros", "8 bytes")
	}
	if r.faulty() {
		return
	}
	s.Has = span.HasDuration
	if s.Start != 0 {
		s.Has |= span.HasStart
	}
	setParent(s, 0, r.w.RefsSince(refs))
	s.Refs = r.w.RefsFrom(refs)
	var marked bool
	s.Scope, marked = readTags(r.w, s, r.w.AttrsSince(attrs), &r.scopes)
	setShared(s, r.w.RefsSince(refs))
	if warnings.Buf != nil {
		r.warnings(warnings)
	}
	s.Attrs = r.w.AttrsFrom(attrs)
	if logs.Buf != nil {
		events := r.w.EventMark()
		r.logs(logs)
		s.Events = r.w.EventsFrom(events)
	}
	if own.Buf != nil {
		r.process(own).reports(s)
	} else if r.plain {
		s.Has |= span.Exact
	}
	if !r.faulty() {
		r.w.AddSpan()
		if marked {
			r.residues.Found(r.w.Len() - 1)
		}
	}
}

func traceID(p []byte) span.TraceID {
	return span.TraceID{Hi: binary.BigEndian.Uint64(p), Lo: binary.BigEndian.Uint64(p[8:])}
}

func (r *protoReader) spanID(p *wire.Proto, place string) span.ID {
	at, n := p.Bytes()
	if n != 8 {
		r.refuse(place, fmt.Sprintf("%d bytes", n), "8")
		return 0
	}
	return span.ID(binary.BigEndian.Uint64(p.Buf[at:]))
}

// reference reads a SpanRef. Its ids may be missing altogether.
func (r *protoReader) reference(outer *wire.Proto) {
	p := outer.Message()
	var ref span.Ref
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			at, n := p.Bytes()
			switch n {
			case 16:
				ref.Trace = traceID(p.Buf[at:])
			case 8:
				ref.Trace = span.TraceID{Lo: binary.BigEndian.Uint64(p.Buf[at:])}
				r.plain = false
			case 0:
			default:
				r.refuse("references: trace_id", fmt.Sprintf("%d bytes", n), "16")
			}
		case field == 2 && typ == wire.TypeBytes:
			ref.Span = r.spanID(&p, "references: span_id")
		case field == 3 && typ == wire.TypeVarint:
			number := int64(int32(p.Varint()))
			ref.Kind = refKind(number)
			r.plain = r.plain && (number == refChildOf || number == refFollowsFrom)
		default:
			p.Skip(field, typ)
		}
	}
	r.adopt("references", &p)
	if isZeroRef(&ref) {
		r.plain = false
		return
	}
	r.w.Ref(ref)
}

// warnings reads the warnings of a span, from the first one on.
func (r *protoReader) warnings(p wire.Proto) {
	if !r.warning.Present() {
		r.warning = r.w.Copy(tagWarning)
	}
	for {
		field, typ, ok := p.Next()
		if !ok {
			return
		}
		if field == 12 && typ == wire.TypeBytes {
			r.w.Attr(span.StringAttr(r.warning, r.text(&p)))
		} else {
			p.Skip(field, typ)
		}
	}
}

// logs reads the logs of a span, from the first one on.
func (r *protoReader) logs(p wire.Proto) {
	for {
		field, typ, ok := p.Next()
		if !ok {
			return
		}
		if field == 9 && typ == wire.TypeBytes {
			r.log(&p)
		} else {
			p.Skip(field, typ)
		}
	}
}

// log reads a log: the first string of the key event is its name.
func (r *protoReader) log(outer *wire.Proto) {
	p := outer.Message()
	var e span.Event
	mark := r.w.AttrMark()
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			e.Time = r.seconds(&p, "logs: timestamp", false)
		case field == 2 && typ == wire.TypeBytes:
			a := r.keyValue(&p)
			if !e.Name.Present() && isEventName(r.w, &a) {
				e.Name = a.Text()
			} else {
				r.w.Attr(a)
			}
		default:
			p.Skip(field, typ)
		}
	}
	r.adopt("logs", &p)
	e.Attrs = r.w.AttrsFrom(mark)
	r.w.Event(e)
}
