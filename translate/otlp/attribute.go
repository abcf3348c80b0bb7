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
	if next := r.plainAttribute(outer.Buf[:outer.End], outer.Pos); next > 0 {
		outer.Pos = next
		return
	}
	p := outer.Message()
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

// plainAttribute reads a KeyValue at a place of the request, that of its length, if
// it looks as nearly all of them do: shorter than 128 bytes, the key, then the value,
// which is no array or map. It adds it and gives the place behind it; 0, and nothing
// is read, for another one. It only saves time: half of a request are attributes.
func (r *reader) plainAttribute(buf []byte, at int) (next int) {
	// A tag and a length each for key and value, the member's tag and a byte.
	if at > len(buf)-7 || buf[at] < 6 || buf[at] >= 0x80 || int(buf[at]) > len(buf)-1-at || buf[at+1] != tagKey {
		return 0
	}
	end := at + 1 + int(buf[at])
	p := buf[:end]
	key, n := at+3, int(p[at+2])
	at = key + n // of the value
	if n >= 0x80 || at > end-4 || p[at] != tagValue || int(p[at+1]) != end-at-2 {
		return 0
	}
	at += 2
	var a span.Attr
	switch p[at] {
	case tagString:
		if int(p[at+1]) != end-at-2 {
			return 0
		}
		name := r.textAt(key, n)
		a = span.StringAttr(name, r.textAt(at+2, end-at-2))
	case tagBool:
		if at != end-2 || p[at+1] >= 0x80 {
			return 0
		}
		a = span.BoolAttr(r.textAt(key, n), p[at+1] != 0)
	case tagInt:
		v, size := wire.Uvarint(p[at+1:])
		if size != end-at-1 {
			return 0
		}
		a = span.IntAttr(r.textAt(key, n), int64(v))
	case tagDouble:
		if at != end-9 {
			return 0
		}
		a = span.FloatAttr(r.textAt(key, n), math.Float64frombits(binary.LittleEndian.Uint64(p[at+1:])))
	default:
		return 0
	}
	r.w.Attr(a)
	return end
}
