// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"math"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// attribute reads a KeyValue and adds it.
func (r *reader) attribute(outer *wire.Proto) {
	at, n := outer.Bytes()
	if a, ok := r.plainAttribute(outer.Buf[at:at+n], at); ok {
		r.w.Attr(a)
		return
	}
	p := wire.Proto{Buf: outer.Buf, Pos: at, End: at + n}
	key := span.Empty
	var v anyValue
	values := 0
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			key = r.text(&p)
		case field == 2 && typ == wire.TypeBytes:
			v = r.readAny(&p)
			values++
		default:
			r.skip(&p, field, typ)
		}
	}
	if values > 1 {
		r.repaired = true // only the last one is looked through
	}
	if p.Err == nil {
		r.w.Attr(r.attr(key, v, &p))
	}
	outer.Adopt(&p)
}

// Tags of the fields of a KeyValue and an AnyValue, as every writer puts them.
const (
	tagKey    = 1<<3 | wire.TypeBytes
	tagValue  = 2<<3 | wire.TypeBytes
	tagString = anyString<<3 | wire.TypeBytes
	tagBool   = anyBool<<3 | wire.TypeVarint
	tagInt    = anyInt<<3 | wire.TypeVarint
	tagDouble = anyDouble<<3 | wire.TypeFixed64
)

// plainAttribute reads a KeyValue at a place of the request if it looks as
// nearly all of them do: key, then value, both shorter than 128 bytes, and the
// value no array or map. It only saves time: half of a request are attributes.
func (r *reader) plainAttribute(p []byte, at int) (a span.Attr, ok bool) {
	if len(p) < 6 || p[0] != tagKey || p[1] >= 0x80 || int(p[1]) > len(p)-6 {
		return a, false
	}
	k := int(p[1])
	v := p[2+k:]
	if v[0] != tagValue || v[1] >= 0x80 || int(v[1]) != len(v)-2 {
		return a, false
	}
	v = v[2:]
	switch v[0] {
	case tagString:
		if v[1] >= 0x80 || int(v[1]) != len(v)-2 {
			return a, false
		}
		return span.StringAttr(r.textAt(at+2, k), r.textAt(at+len(p)-len(v)+2, len(v)-2)), true
	case tagBool:
		if len(v) != 2 || v[1] >= 0x80 {
			return a, false
		}
		return span.BoolAttr(r.textAt(at+2, k), v[1] != 0), true
	case tagInt:
		n, size := binary.Uvarint(v[1:])
		if size != len(v)-1 {
			return a, false
		}
		return span.IntAttr(r.textAt(at+2, k), int64(n)), true
	case tagDouble:
		if len(v) != 9 {
			return a, false
		}
		return span.FloatAttr(r.textAt(at+2, k), math.Float64frombits(binary.LittleEndian.Uint64(v[1:]))), true
	}
	return a, false
}
