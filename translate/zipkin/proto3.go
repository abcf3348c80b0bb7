// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// decodeProto3 reads a ListOfSpans of zipkin.proto. zipkin-go's reader is not
// used: it refuses trace ids of 64 bits and stops at the first bad span.
func decodeProto3(body []byte, origin span.Origin) (*span.Batch, error) {
	r := &protoReader{w: span.NewBuilder(body, origin)}
	bad := &translate.Malformed{Format: "zipkin proto3"}
	// A span takes 200 to 500 bytes and has 4 to 10 tags. The first ones tell how
	// many there are.
	r.w.Grow(min(len(body)/400+1, 8), min(len(body)/60+1, 64))
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
		r.faulty, r.odd = false, false
		mark := r.w.Mark()
		r.w.At(p.Pos, len(body))
		r.span(&p)
		if !r.faulty && p.Err == nil {
			continue
		}
		r.w.Undo(mark)
		place := "span " + strconv.Itoa(n)
		if p.Err != nil {
			bad.Refuse(translate.FaultOf(place, p.Err))
			continue
		}
		r.fault.Place = place + ": " + r.fault.Place
		bad.Refuse(r.fault)
	}
	if list.Err != nil {
		bad.Stop(translate.FaultOf("", list.Err))
	}
	r.residues.Restore(r.w)
	return r.w.Batch(), bad.OrNil()
}

type protoReader struct {
	refusal
	w *span.Builder
	// odd: the span holds something that was left out or read as something
	// else, so that its bytes are not for every reader.
	odd bool

	local    span.Endpoint // that was read last
	localRaw []byte        // its length and the message

	residues residue.Reader
}

// The numbers of a span's fields.
const (
	fieldTraceID = iota + 1
	fieldParentID
	fieldID
	fieldKind
	fieldName
	fieldTimestamp
	fieldDuration
	fieldLocal
	fieldRemote
	fieldAnnotations
	fieldTags
	fieldDebug
	fieldShared
)

// fieldTypes gives the wire type of each field of a span.
var fieldTypes = [...]int{
	fieldTraceID: wire.TypeBytes, fieldParentID: wire.TypeBytes, fieldID: wire.TypeBytes,
	fieldKind: wire.TypeVarint, fieldName: wire.TypeBytes,
	fieldTimestamp: wire.TypeFixed64, fieldDuration: wire.TypeVarint,
	fieldLocal: wire.TypeBytes, fieldRemote: wire.TypeBytes,
	fieldAnnotations: wire.TypeBytes, fieldTags: wire.TypeBytes,
	fieldDebug: wire.TypeVarint, fieldShared: wire.TypeVarint,
}

// protoKinds are the kinds by their number in zipkin.proto.
var protoKinds = [...]span.Kind{span.KindUnset, span.KindClient, span.KindServer, span.KindProducer, span.KindConsumer}

// span reads a span and adds it to the batch.
func (r *protoReader) span(p *wire.Proto) {
	s := r.w.NextSpan()
	var said outcome
	var shared bool
	s.Raw = span.At(p.Pos, p.End-p.Pos)
	attrs, events := r.w.AttrMark(), r.w.EventMark()
	for {
		p.Pos = r.usual(p.Buf[:p.End], p.Pos, s, &said)
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		if field >= len(fieldTypes) || typ != fieldTypes[field] {
			r.skip(p, field, typ)
			continue
		}
		switch field {
		case fieldTraceID:
			s.Trace = r.traceID(p)
		case fieldParentID:
			s.Parent = r.spanID(p, "parent_id")
		case fieldID:
			s.ID = r.spanID(p, "id")
		case fieldKind:
			if v := p.Varint(); v < uint64(len(protoKinds)) {
				s.Kind = protoKinds[v]
			} else {
				r.odd = true
			}
		case fieldName:
			s.Name = r.nonEmpty(p)
		case fieldTimestamp:
			s.Start = max(r.nanos("timestamp", int64(p.Fixed64())), 0)
			s.Has = with(s.Has, span.HasStart, s.Start > 0)
		case fieldDuration:
			s.Duration = max(r.nanos("duration", int64(p.Varint())), 0)
			s.Has = with(s.Has, span.HasDuration, s.Duration > 0)
		case fieldLocal:
			s.Local = r.localEndpoint(p)
		case fieldRemote:
			s.Remote = r.endpoint(p, "remote_endpoint.port")
		case fieldAnnotations:
			r.annotation(p)
		case fieldTags:
			r.tag(p, &said)
		case fieldDebug:
			if p.Varint() != 0 {
				s.Sampling = span.Debug | span.Sampled
			}
		case fieldShared:
			if p.Varint() != 0 {
				shared = true
			}
		}
	}
	switch {
	case r.faulty || p.Err != nil:
		return
	case s.Trace.IsZero():
		r.refuse("trace_id", "nothing or zeros", "8 or 16 bytes")
		return
	case s.ID == 0:
		r.refuse("id", "nothing or zeros", "8 bytes")
		return
	}
	s.Attrs = r.w.AttrsFrom(attrs)
	said.set(r.w, s, attrs)
	changed := sortEvents(r.w, events)
	expandEvents(r.w, events)
	s.Events = r.w.EventsFrom(events)
	if !setWire(s, shared) && !changed && !r.odd {
		s.Has |= span.Exact
	}
	r.w.AddSpan()
	if said.residue {
		r.residues.Found(r.w.Len() - 1)
	}
}

// usual reads ids of the right length, name, times, kind and tags in their usual form
// from a place of a span on, and gives the place of the first field that is another
// one. It only saves time.
func (r *protoReader) usual(buf []byte, at int, s *span.Span, said *outcome) int {
	for at < len(buf)-10 {
		switch buf[at] {
		case fieldTraceID<<3 | wire.TypeBytes:
			if buf[at+1] != 16 || at > len(buf)-18 {
				return at
			}
			s.Trace = span.TraceID{Hi: binary.BigEndian.Uint64(buf[at+2:]), Lo: binary.BigEndian.Uint64(buf[at+10:])}
			at += 18
		case fieldID<<3 | wire.TypeBytes, fieldParentID<<3 | wire.TypeBytes:
			id := span.ID(binary.BigEndian.Uint64(buf[at+2:]))
			if buf[at+1] != 8 || id == 0 {
				return at
			}
			if buf[at] == fieldID<<3|wire.TypeBytes {
				s.ID = id
			} else {
				s.Parent = id
			}
			at += 10
		case fieldTimestamp<<3 | wire.TypeFixed64:
			v := binary.LittleEndian.Uint64(buf[at+1:])
			if v > maxMicros || v == 0 {
				return at
			}
			s.Start = int64(v) * 1000
			s.Has |= span.HasStart
			at += 9
		case fieldDuration<<3 | wire.TypeVarint:
			v, n := wire.Uvarint(buf[at+1:])
			if n <= 0 || v > maxMicros || v == 0 {
				return at
			}
			s.Duration = int64(v) * 1000
			s.Has |= span.HasDuration
			at += 1 + n
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
		case fieldKind<<3 | wire.TypeVarint:
			if int(buf[at+1]) >= len(protoKinds) {
				return at
			}
			s.Kind = protoKinds[buf[at+1]]
			at += 2
		case fieldTags<<3 | wire.TypeBytes:
			pair, ok := wire.ReadPair(buf, at+1)
			if !ok || pair.FirstEnd == pair.First {
				return at
			}
			a := span.StringAttr(r.textAt(pair.First, pair.FirstEnd-pair.First), r.textAt(pair.Second, pair.SecondEnd-pair.Second))
			if isSpecial(r.w.Str(a.Key)) {
				said.read(r.w, &a)
			}
			r.w.Attr(a)
			at = pair.SecondEnd
		default:
			return at
		}
	}
	return at
}

func (r *protoReader) skip(p *wire.Proto, field, typ int) {
	r.odd = true
	p.Skip(field, typ)
}

// traceID reads the id that the specification wants in 8 or 16 bytes. The
// server takes any number up to 16; zipkin-go and Jaeger take nothing but 16.
func (r *protoReader) traceID(p *wire.Proto) (t span.TraceID) {
	at, n := p.Bytes()
	if n == 0 || n > 16 {
		r.refuse("trace_id", fmt.Sprintf("%d bytes", n), "8 or 16")
		return t
	}
	r.odd = r.odd || n != 16
	for _, c := range p.Buf[at : at+n] {
		t.Hi = t.Hi<<8 | t.Lo>>56
		t.Lo = t.Lo<<8 | uint64(c)
	}
	return t
}

// spanID reads an id of 8 bytes, or of fewer as the server does; 0 when there
// are none.
func (r *protoReader) spanID(p *wire.Proto, name string) span.ID {
	at, n := p.Bytes()
	if n > 8 {
		r.refuse(name, fmt.Sprintf("%d bytes", n), "8")
		return 0
	}
	v := uint64(0)
	for _, c := range p.Buf[at : at+n] {
		v = v<<8 | uint64(c)
	}
	r.odd = r.odd || n != 8 || v == 0
	return span.ID(v)
}

func (r *protoReader) text(p *wire.Proto) span.Text {
	return r.textAt(p.Bytes())
}

func (r *protoReader) textAt(at, n int) span.Text {
	valid := r.w.ValidAt(at, n)
	r.odd = r.odd || valid != span.At(at, n)
	return valid
}

// nonEmpty is text for fields where an empty string means absent.
func (r *protoReader) nonEmpty(p *wire.Proto) span.Text {
	if t := r.text(p); t.Len() > 0 {
		return t
	}
	return span.Text{}
}

// localEndpoint reads the span's own end, which is mostly that of the span before.
func (r *protoReader) localEndpoint(p *wire.Proto) span.Endpoint {
	at := p.Pos
	if n := len(r.localRaw); n > 0 && n <= p.End-at && bytes.Equal(p.Buf[at:at+n], r.localRaw) {
		p.Pos += n
		return r.local
	}
	odd := r.odd
	r.odd = false
	e := r.endpoint(p, "local_endpoint.port")
	e.Service = invented(r.w, e.Service)
	if !r.odd && !r.faulty && p.Err == nil {
		r.local, r.localRaw = e, p.Buf[at:p.Pos]
	}
	r.odd = r.odd || odd
	return e
}

func (r *protoReader) endpoint(outer *wire.Proto, port string) (e span.Endpoint) {
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
			if !setIPBytes(&e, p.Buf[at:at+n]) || n == 4 != (field == 2) {
				r.odd = true
			}
		case field == 4 && typ == wire.TypeVarint:
			v := int32(p.Varint())
			if v > 65535 {
				r.refuse(port, strconv.Itoa(int(v)), "at most 65535")
			}
			e.Port = uint16(max(v, 0))
		default:
			r.skip(&p, field, typ)
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
			e.Time = r.nanos("annotation.timestamp", int64(p.Fixed64()))
		case field == 2 && typ == wire.TypeBytes:
			e.Name = r.nonEmpty(&p)
		default:
			r.skip(&p, field, typ)
		}
	}
	outer.Adopt(&p)
	if e.Time == 0 || !e.Name.Present() {
		r.odd = true
		return
	}
	r.w.Event(e)
}

// tag reads an entry of the map of tags. An empty value is kept, an entry
// without a key means nothing to the server.
func (r *protoReader) tag(outer *wire.Proto, said *outcome) {
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
			r.skip(&p, field, typ)
		}
	}
	outer.Adopt(&p)
	if !key.Present() {
		r.odd = true
		return
	}
	a := span.StringAttr(key, value)
	said.read(r.w, &a)
	r.w.Attr(a)
}
