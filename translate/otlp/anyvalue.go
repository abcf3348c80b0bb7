// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// anyValue is an AnyValue on the wire: which member is set, 0 for none, and
// its content or the place of it.
type anyValue struct {
	member int
	at, n  int    // of a member with a length
	bits   uint64 // of a number
}

// Members of AnyValue. Member 8 refers to a dictionary that only profiles have
// and counts as none.
const (
	anyString = 1
	anyBool   = 2
	anyInt    = 3
	anyDouble = 4
	anyArray  = 5
	anyMap    = 6
	anyBytes  = 7
	anyIndex  = 8
)

// maxNesting is how deep arrays and maps may lie in each other. A map takes
// three messages a level, and readers of protobuf usually stop at 100.
const maxNesting = 30

// readAny reads an AnyValue; of several members the last one counts.
func (r *reader) readAny(outer *wire.Proto) (v anyValue) {
	p := outer.Message()
	for members := 0; ; members++ {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		if members > 0 {
			r.repaired = true // only the last one is looked through
		}
		switch {
		case typ == wire.TypeBytes && (field == anyString || field >= anyArray && field <= anyBytes):
			at, n := p.Bytes()
			v = anyValue{member: field, at: at, n: n}
		case typ == wire.TypeVarint && (field == anyBool || field == anyInt):
			v = anyValue{member: field, bits: p.Varint()}
		case typ == wire.TypeFixed64 && field == anyDouble:
			v = anyValue{member: field, bits: p.Fixed64()}
		case typ == wire.TypeVarint && field == anyIndex:
			p.Varint()
			v = anyValue{}
		default:
			r.skip(&p, field, typ)
		}
	}
	outer.Adopt(&p)
	return v
}

// attr is an attribute of a value that lies in the message of p.
func (r *reader) attr(key span.Text, v anyValue, p *wire.Proto) span.Attr {
	switch v.member {
	case anyString:
		return span.StringAttr(key, r.textAt(v.at, v.n))
	case anyBool:
		return span.BoolAttr(key, v.bits != 0)
	case anyInt:
		return span.IntAttr(key, int64(v.bits))
	case anyDouble:
		return span.FloatAttr(key, math.Float64frombits(v.bits))
	case anyBytes:
		return span.TextAttr(key, span.Bytes, r.at(v.at, v.n))
	case anyArray, anyMap:
		mark := len(r.w.Side())
		side := r.appendJSON(r.w.Side(), p, v, 0)
		r.w.SetSide(side)
		return span.TextAttr(key, span.JSON, span.SideAt(mark, len(side)-mark))
	}
	return span.TextAttr(key, span.Null, span.Text{})
}

// The keys that give a type to a value of the JSON text. A map that has one
// such key and no other is itself put under kvlistValue.
const (
	bytesKey  = "bytesValue"
	doubleKey = "doubleValue"
	mapKey    = "kvlistValue"
)

func isTypeKey(key string) bool { return key == bytesKey || key == doubleKey || key == mapKey }

// appendJSON appends a value as the JSON text that span.JSON describes. The
// keys of a map keep their order and may repeat. appendAny is its inverse.
func (r *reader) appendJSON(d []byte, p *wire.Proto, v anyValue, depth int) []byte {
	if depth > maxNesting {
		p.Err = &wire.Fault{At: v.at, Found: fmt.Sprintf("values more than %d deep", maxNesting), Want: "less"}
		p.Pos = p.End
		return d
	}
	switch v.member {
	case anyString:
		return r.appendJSONString(d, v.at, v.n)
	case anyBool:
		return strconv.AppendBool(d, v.bits != 0)
	case anyInt:
		return strconv.AppendInt(d, int64(v.bits), 10)
	case anyDouble:
		return appendJSONDouble(d, math.Float64frombits(v.bits))
	case anyBytes:
		d = append(d, `{"`+bytesKey+`":"`...)
		d = base64.StdEncoding.AppendEncode(d, p.Buf[v.at:v.at+v.n])
		return append(d, `"}`...)
	case anyArray:
		return r.appendJSONArray(d, p, v, depth)
	case anyMap:
		return r.appendJSONMap(d, p, v, depth)
	}
	return append(d, "null"...)
}

func (r *reader) appendJSONString(d []byte, at, n int) []byte {
	s := r.w.Str(r.at(at, n))
	if !utf8.ValidString(s) {
		r.repaired = true
	}
	return wire.AppendJSON(d, s)
}

// appendJSONDouble appends a double with a point or an exponent.
func appendJSONDouble(d []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(d, `{"`+doubleKey+`":"NaN"}`...)
	case math.IsInf(f, 1):
		return append(d, `{"`+doubleKey+`":"Infinity"}`...)
	case math.IsInf(f, -1):
		return append(d, `{"`+doubleKey+`":"-Infinity"}`...)
	}
	mark := len(d)
	d = strconv.AppendFloat(d, f, 'g', -1, 64)
	for _, c := range d[mark:] {
		if c == '.' || c == 'e' {
			return d
		}
	}
	return append(d, ".0"...)
}

func (r *reader) appendJSONArray(d []byte, p *wire.Proto, v anyValue, depth int) []byte {
	q := wire.Proto{Buf: p.Buf, Pos: v.at, End: v.at + v.n}
	d = append(d, '[')
	for first := true; ; {
		field, typ, ok := q.Next()
		if !ok {
			break
		}
		if field != 1 || typ != wire.TypeBytes {
			r.skip(&q, field, typ)
			continue
		}
		if !first {
			d = append(d, ',')
		}
		first = false
		elem := r.readAny(&q)
		if q.Err == nil {
			d = r.appendJSON(d, &q, elem, depth+1)
		}
	}
	p.Adopt(&q)
	return append(d, ']')
}

func (r *reader) appendJSONMap(d []byte, p *wire.Proto, v anyValue, depth int) []byte {
	q := wire.Proto{Buf: p.Buf, Pos: v.at, End: v.at + v.n}
	mark := len(d)
	d = append(d, '{')
	entries, typed := 0, false
	for {
		field, typ, ok := q.Next()
		if !ok {
			break
		}
		if field != 1 || typ != wire.TypeBytes {
			r.skip(&q, field, typ)
			continue
		}
		if entries++; entries > 1 {
			d = append(d, ',')
		}
		var key, value anyValue
		e := q.Message()
		for seen := 0; ; {
			field, typ, ok := e.Next()
			if !ok {
				break
			}
			switch {
			case field <= 2 && typ == wire.TypeBytes:
				if seen&field != 0 {
					r.repaired = true // only the last one is looked through
				}
				seen |= field
				if field == 1 {
					key.at, key.n = e.Bytes()
				} else {
					value = r.readAny(&e)
				}
			default:
				r.skip(&e, field, typ)
			}
		}
		if e.Err == nil {
			typed = isTypeKey(r.w.Str(r.at(key.at, key.n)))
			d = r.appendJSONString(d, key.at, key.n)
			d = append(d, ':')
			d = r.appendJSON(d, &e, value, depth+1)
		}
		q.Adopt(&e)
	}
	p.Adopt(&q)
	d = append(d, '}')
	if entries == 1 && typed {
		const wrap = `{"` + mapKey + `":`
		n := len(d) - mark
		d = append(d, wrap+"}"...)
		copy(d[mark+len(wrap):], d[mark:mark+n])
		copy(d[mark:], wrap)
		d[len(d)-1] = '}'
	}
	return d
}
