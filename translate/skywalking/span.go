// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"math"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Span types and layers of Tracing.proto.
const (
	typeEntry = 0
	typeExit  = 1
	typeLocal = 2

	layerUnknown  = 0
	layerDatabase = 1
	layerRPC      = 2
	layerHTTP     = 3
	layerMQ       = 4
	layerCache    = 5
)

// maxMillis is the last time in milliseconds that nanoseconds can say.
const maxMillis = math.MaxInt64 / 1_000_000

// span reads a SpanObject and adds it to the batch.
func (r *reader) span(p wire.Proto) error {
	whole := p
	s := r.w.NextSpan()
	s.Trace, s.Segment, s.Local, s.Raw = r.trace, r.number, r.local, r.textAt(p.Pos, p.End-p.Pos)
	a := &r.agent
	*a = span.Agent{}
	r.start, r.end, r.failed, r.found = 0, 0, false, false
	var logs bool
	r.failure, r.callers = failure{}, r.callers[:0]
	attrs, refs := r.w.AttrMark(), r.w.RefMark()
	for {
		p.Pos = r.usual(p.Buf[:p.End], p.Pos, s)
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		if field >= len(spanFields) || typ != int(spanFields[field]) {
			p.Skip(field, typ)
			continue
		}
		if typ == wire.TypeVarint {
			r.takeNumber(field, p.Varint())
			continue
		}
		switch field {
		case 5:
			r.reference(&p)
		case 6:
			s.Name = r.some(&p)
		case 7:
			a.Peer = r.some(&p)
			r.peerAt = p.Pos - a.Peer.Len()
		case 12:
			if key, value, ok := r.pair(&p); ok {
				r.tag(key, value)
			}
		case 13:
			logs = true
			p.Bytes()
		}
	}
	if p.Err != nil {
		return p.Err
	}
	link := a.Parent
	if r.marks.wrapped && a.Number == 1 {
		r.wrapperRefs()
		link = rootParent
	}
	s.Attrs, s.Refs = r.w.AttrsFrom(attrs), r.w.RefsFrom(refs)
	if logs {
		// In a second pass, so that tags and the fields of logs do not mix.
		if err := r.logs(s, whole); err != nil {
			return err
		}
	}
	s.ID = r.ids.take(a.Number, link)
	s.Kind = kindOf(a.Type, a.Layer)
	setTimes(s, r.start, r.end)
	if r.failed {
		s.Status = span.StatusError
		s.StatusMessage = r.failure.message
	}
	parent := r.markParent(s, a, link, refs)
	if a.Peer.Present() && (a.Type == typeEntry || a.Type == typeExit) {
		r.setPeer(&s.Remote, r.peerAt, a.Peer.Len())
	}
	if parent != nil && s.Kind == span.KindServer && parent.Service.Present() {
		s.Remote.Service = parent.Service
	}
	if r.marks.get(a.Number).id == 0 {
		s.Agent = r.w.Agent(*a) // what a gateway made of a span says nothing of an agent
	}
	if r.found {
		r.residues.Found(r.w.Len())
	}
	r.w.AddSpan()
	return nil
}

// takeNumber takes a field that holds a number. All are of the type varint.
func (r *reader) takeNumber(field int, v uint64) {
	a := &r.agent
	switch field {
	case 1:
		a.Number = int32(v)
	case 2:
		a.Parent = int32(v)
	case 3:
		r.start = int64(v)
	case 4:
		r.end = int64(v)
	case 8:
		a.Type = int32(v)
	case 9:
		a.Layer = int32(v)
	case 10:
		a.Component = int32(v)
	case 11:
		r.failed = v != 0
	case 14:
		a.Skip = v != 0
	}
}

// tag adds a tag.
func (r *reader) tag(key, value span.Text) {
	a := span.StringAttr(key, value)
	name := r.w.Str(key)
	a.Mirrored = len(r.marks.of) > 0 && isMark(name)
	if name != "" && name[0] == residue.Key[0] {
		r.found = r.found || name == residue.Key
		residue.Inside(r.w, &a)
	}
	r.w.Attr(a)
}

// usual reads numbers, the name, the peer and tags in their usual form from a place of
// a span on, and gives the place of the first field that is another one. It only saves
// time.
func (r *reader) usual(buf []byte, at int, s *span.Span) int {
	for at < len(buf) {
		switch tag := buf[at]; tag {
		case 1 << 3, 2 << 3, 3 << 3, 4 << 3, 8 << 3, 9 << 3, 10 << 3, 11 << 3, 14 << 3: // wire.TypeVarint is 0
			v, n := wire.Uvarint(buf[at+1:])
			if n <= 0 {
				return at
			}
			r.takeNumber(int(tag>>3), v)
			at += 1 + n
		case 12<<3 | wire.TypeBytes:
			p, ok := wire.ReadPair(buf, at+1)
			if !ok {
				return at
			}
			if p.FirstEnd > p.First || p.SecondEnd > p.Second {
				r.tag(r.checked(p.First, p.FirstEnd-p.First), r.checked(p.Second, p.SecondEnd-p.Second))
			}
			at = p.SecondEnd
		case 6<<3 | wire.TypeBytes, 7<<3 | wire.TypeBytes:
			if at > len(buf)-2 || buf[at+1] >= 0x80 || int(buf[at+1]) > len(buf)-at-2 {
				return at
			}
			n := int(buf[at+1])
			var text span.Text
			if n > 0 {
				text = r.checked(at+2, n)
			}
			at += 2 + n
			if tag == 6<<3|wire.TypeBytes {
				s.Name = text
			} else {
				r.agent.Peer, r.peerAt = text, at-n
			}
		default:
			return at
		}
	}
	return at
}

// spanFields gives the wire type of each field of a SpanObject.
var spanFields = [...]uint8{
	0: 0xff, 1: wire.TypeVarint, 2: wire.TypeVarint, 3: wire.TypeVarint, 4: wire.TypeVarint,
	5: wire.TypeBytes, 6: wire.TypeBytes, 7: wire.TypeBytes, 8: wire.TypeVarint, 9: wire.TypeVarint,
	10: wire.TypeVarint, 11: wire.TypeVarint, 12: wire.TypeBytes, 13: wire.TypeBytes, 14: wire.TypeVarint,
}

// kindOf is the role that a type and a layer say. Local spans and types newer
// than this table have none.
func kindOf(typ, layer int32) span.Kind {
	switch {
	case typ == typeEntry && layer == layerMQ:
		return span.KindConsumer
	case typ == typeEntry:
		return span.KindServer
	case typ == typeExit && layer == layerMQ:
		return span.KindProducer
	case typ == typeExit:
		return span.KindClient
	default:
		return span.KindUnset
	}
}

// setTimes takes milliseconds, where 0 means not set. An end before the start
// comes of a clock that was set back: the span then has no length.
func setTimes(s *span.Span, start, end int64) {
	if start <= 0 || start > maxMillis {
		return
	}
	s.Start = start * 1_000_000
	s.Has |= span.HasStart
	if end > 0 && end <= maxMillis {
		s.Duration = max(end-start, 0) * 1_000_000
		s.Has |= span.HasDuration
	}
}

// pair reads a KeyStringValuePair. One without a key and a value says nothing.
func (r *reader) pair(outer *wire.Proto) (key, value span.Text, ok bool) {
	if at, ok := outer.Pair(); ok { // as every agent writes it
		key = r.checked(at.First, at.FirstEnd-at.First)
		value = r.checked(at.Second, at.SecondEnd-at.Second)
		return key, value, key.Len() > 0 || value.Len() > 0
	}
	p := outer.Message()
	key, value = span.Empty, span.Empty
	for {
		field, typ, more := p.Next()
		if !more {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			key = r.text(&p)
		case field == 2 && typ == wire.TypeBytes:
			value = r.text(&p)
		default:
			p.Skip(field, typ)
		}
	}
	outer.Adopt(&p)
	return key, value, key.Len() > 0 || value.Len() > 0
}
