// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"fmt"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// decodeProto3 reads a ListOfSpans of zipkin.proto. zipkin-go's reader is not
// used: it refuses trace ids of 64 bits and stops at the first bad span.
func decodeProto3(body []byte, origin span.Origin) (*span.Batch, error) {
	r := &protoReader{w: span.NewBuilder(body, origin)}
	bad := &translate.Malformed{Format: "zipkin proto3"}
	// A span takes 200 to 500 bytes and has 4 to 10 tags.
	r.w.Grow(len(body)/400+1, len(body)/60+1)
	list := wire.ReadProto(body)
	for n := 0; ; {
		field, typ, ok := list.Next()
		if !ok {
			break
		}
		if field != 1 || typ != wire.TypeBytes {
			list.Skip(field, typ)
			continue
		}
		n++
		p := list.Message()
		if list.Err != nil {
			break
		}
		mark := r.w.Mark()
		if fault, ok := r.span(p); !ok {
			r.w.Undo(mark)
			fault.Place = joinPlace("span "+strconv.Itoa(n), fault.Place)
			bad.Refuse(fault)
		}
	}
	if list.Err != nil {
		bad.Stop(translate.FaultOf("", list.Err))
	}
	return r.w.Batch(), bad.OrNil()
}

func joinPlace(outer, inner string) string {
	if inner == "" {
		return outer
	}
	return outer + ": " + inner
}

type protoReader struct {
	w *span.Builder
}

// span reads a span and adds it to the batch.
func (r *protoReader) span(p wire.Proto) (fault translate.Fault, ok bool) {
	var s span.Span
	s.Raw = span.At(p.Pos, p.End-p.Pos)
	var shared bool
	attrs, events := r.w.AttrMark(), r.w.EventMark()
	for {
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
			case 8:
				s.Trace = span.TraceID{Lo: bigEndian(p.Buf[at:])}
			case 16:
				s.Trace = span.TraceID{Hi: bigEndian(p.Buf[at:]), Lo: bigEndian(p.Buf[at+8:])}
			default:
				return translate.Fault{Place: "trace_id", Found: fmt.Sprintf("%d bytes", n), Want: "8 or 16"}, false
			}
		case 2:
			at, n := p.Bytes()
			if n == 8 {
				s.Parent = span.ID(bigEndian(p.Buf[at:]))
			} else if n != 0 {
				return translate.Fault{Place: "parent_id", Found: fmt.Sprintf("%d bytes", n), Want: "8"}, false
			}
		case 3:
			at, n := p.Bytes()
			if n != 8 {
				return translate.Fault{Place: "id", Found: fmt.Sprintf("%d bytes", n), Want: "8"}, false
			}
			s.ID = span.ID(bigEndian(p.Buf[at:]))
		case 4:
			if v := p.Varint(); v < uint64(len(protoKinds)) {
				s.Kind = protoKinds[v]
			}
		case 5:
			s.Name = r.nonEmpty(&p)
		case 6, 7:
			name, v := "timestamp", int64(0)
			if field == 6 {
				v = int64(p.Fixed64())
			} else {
				name, v = "duration", int64(p.Varint())
			}
			if v > maxMicros {
				return translate.Fault{Place: name, Found: strconv.FormatInt(v, 10), Want: "microseconds up to " + strconv.Itoa(maxMicros)}, false
			}
			v = max(v, 0) * 1000
			if field == 6 {
				s.Start, s.Has = v, with(s.Has, span.HasStart, v > 0)
			} else {
				s.Duration, s.Has = v, with(s.Has, span.HasDuration, v > 0)
			}
		case 8:
			s.Local = r.endpoint(&p)
		case 9:
			s.Remote = r.endpoint(&p)
		case 10:
			r.annotation(&p)
		case 11:
			r.tag(&p, &s)
		case 12:
			if p.Varint() != 0 {
				s.Sampling = span.Debug | span.Sampled
			}
		case 13:
			shared = p.Varint() != 0
		}
	}
	switch {
	case p.Err != nil:
		return translate.FaultOf("", p.Err), false
	case s.Trace.IsZero():
		return translate.Fault{Place: "trace_id", Found: "nothing or zeros", Want: "8 or 16 bytes"}, false
	case s.ID == 0:
		return translate.Fault{Place: "id", Found: "nothing or zeros", Want: "8 bytes"}, false
	}
	s.Attrs = r.w.AttrsFrom(attrs)
	changed := sortEvents(r.w, events)
	s.Events = r.w.EventsFrom(events)
	if !setWire(&s, shared) && !changed {
		s.Has |= span.Exact
	}
	r.w.Span(s)
	return fault, true
}

// spanFields gives the wire type of each field of a span. There is no field 0.
var spanFields = [...]uint8{
	1: wire.TypeBytes, 2: wire.TypeBytes, 3: wire.TypeBytes, 4: wire.TypeVarint, 5: wire.TypeBytes,
	6: wire.TypeFixed64, 7: wire.TypeVarint, 8: wire.TypeBytes, 9: wire.TypeBytes,
	10: wire.TypeBytes, 11: wire.TypeBytes, 12: wire.TypeVarint, 13: wire.TypeVarint,
}

// protoKinds are the kinds by their number in zipkin.proto.
var protoKinds = [...]span.Kind{span.KindUnset, span.KindClient, span.KindServer, span.KindProducer, span.KindConsumer}

func bigEndian(p []byte) (v uint64) {
	for _, c := range p[:8] {
		v = v<<8 | uint64(c)
	}
	return v
}

func (r *protoReader) text(p *wire.Proto) span.Text {
	at, n := p.Bytes()
	return r.w.ValidText(span.At(at, n))
}

// nonEmpty is text for fields where an empty string means absent.
func (r *protoReader) nonEmpty(p *wire.Proto) span.Text {
	if t := r.text(p); t.Len() > 0 {
		return t
	}
	return span.Text{}
}

func (r *protoReader) endpoint(outer *wire.Proto) (e span.Endpoint) {
	p := outer.Message()
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			e.Service = r.nonEmpty(&p)
		case (field == 2 || field == 3) && typ == wire.TypeBytes:
			at, n := p.Bytes()
			setIPBytes(&e, p.Buf[at:at+n])
		case field == 4 && typ == wire.TypeVarint:
			if v := p.Varint(); v < 1<<16 {
				e.Port = uint16(v)
			}
		default:
			p.Skip(field, typ)
		}
	}
	outer.Adopt(&p)
	return e
}

// annotation reads an annotation; one without a time or with an empty value
// means nothing to the server.
func (r *protoReader) annotation(outer *wire.Proto) {
	p := outer.Message()
	var e span.Event
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeFixed64:
			if v := int64(p.Fixed64()); v <= maxMicros && v >= -maxMicros {
				e.Time = v * 1000
			}
		case field == 2 && typ == wire.TypeBytes:
			e.Name = r.nonEmpty(&p)
		default:
			p.Skip(field, typ)
		}
	}
	outer.Adopt(&p)
	if e.Time != 0 && e.Name.Present() {
		r.w.Event(e)
	}
}

// tag reads an entry of the map of tags. An empty value is kept, an entry
// without a key means nothing to the server.
func (r *protoReader) tag(outer *wire.Proto, s *span.Span) {
	p := outer.Message()
	var key span.Text
	value := span.Empty
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			key = r.nonEmpty(&p)
		case field == 2 && typ == wire.TypeBytes:
			value = r.text(&p)
		default:
			p.Skip(field, typ)
		}
	}
	outer.Adopt(&p)
	if key.Present() {
		a := span.StringAttr(key, value)
		readStatus(r.w, s, &a)
		r.w.Attr(a)
	}
}
