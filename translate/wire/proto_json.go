// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ProtoNames is a ProtoMessage the other way round: its fields by their
// numbers, to write protobuf as the JSON that a Transcoder reads.
type ProtoNames struct {
	fields []namedField // by number
	// enumNumbers: enums are written as numbers, as OTLP demands, not as names.
	enumNumbers bool
}

type namedField struct {
	*ProtoField
	name  string
	enum  map[int32]string
	inner *ProtoNames
}

// Names turns a description round. Where a field has two spellings the one
// without underscores is written.
func (m *ProtoMessage) Names(enumNumbers bool) *ProtoNames {
	return m.names(enumNumbers, make(map[*ProtoMessage]*ProtoNames))
}

func (m *ProtoMessage) names(enumNumbers bool, done map[*ProtoMessage]*ProtoNames) *ProtoNames {
	if n := done[m]; n != nil {
		return n // messages may nest in themselves
	}
	n := &ProtoNames{enumNumbers: enumNumbers}
	done[m] = n
	for name, f := range *m {
		if strings.Contains(name, "_") {
			continue
		}
		x := namedField{ProtoField: f, name: name}
		if f.Kind == ProtoSub {
			x.inner = f.Message.names(enumNumbers, done)
		}
		if f.Kind == ProtoEnum {
			x.enum = make(map[int32]string)
			for name, number := range f.Enum {
				x.enum[number] = name
			}
		}
		n.fields = append(n.fields, x)
	}
	slices.SortFunc(n.fields, func(a, b namedField) int { return a.Number - b.Number })
	return n
}

// AppendJSON appends a message as a JSON object: the fields that are there, in
// the order of their numbers. Unknown fields are left out. Integers that a
// JavaScript number cannot hold are in quotes, and so is every fixed64.
func (n *ProtoNames) AppendJSON(dst []byte, message []byte) ([]byte, error) {
	p := ReadProto(message)
	dst = n.object(dst, &p, 0)
	return dst, p.Err
}

// object writes a message. JSON wants the elements of a list together, which
// protobuf does not promise, so the message is read once for each of its fields.
func (n *ProtoNames) object(dst []byte, p *Proto, depth int) []byte {
	if depth == maxDepth {
		p.fail(p.Pos, fmt.Sprintf("messages more than %d deep", maxDepth), "less")
		return dst
	}
	var present [64]bool // numbers above are looked for always
	scan := *p
	for {
		field, typ, ok := scan.Next()
		if !ok {
			break
		}
		present[min(field, len(present)-1)] = true
		scan.Skip(field, typ)
	}
	if scan.Err != nil {
		p.Err = scan.Err
		return dst
	}
	dst = append(dst, '{')
	empty := true
	for i := range n.fields {
		f := &n.fields[i]
		if !present[min(f.Number, len(present)-1)] {
			continue
		}
		before := len(dst)
		if !empty {
			dst = append(dst, ',')
		}
		dst = AppendJSON(dst, f.name)
		dst = append(dst, ':')
		again := *p
		var found bool
		dst, found = n.field(dst, f, &again, depth)
		switch {
		case again.Err != nil:
			p.Err = again.Err
			return dst
		case found:
			empty = false
		default:
			dst = dst[:before]
		}
	}
	return append(dst, '}')
}

// field writes all that a message says of one field: a list, or the last value.
func (n *ProtoNames) field(dst []byte, f *namedField, p *Proto, depth int) (_ []byte, found bool) {
	start := len(dst)
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		if field != f.Number || !f.is(typ) {
			p.Skip(field, typ)
			continue
		}
		switch {
		case !f.Repeated:
			dst = dst[:start]
		case found:
			dst = append(dst, ',')
		default:
			dst = append(dst, '[')
		}
		found = true
		dst = n.value(dst, f, p, depth)
	}
	if f.Repeated && found {
		dst = append(dst, ']')
	}
	return dst, found
}

// is checks the wire type of a field.
func (f *namedField) is(typ int) bool {
	switch f.Kind {
	case ProtoInt, ProtoBool, ProtoEnum:
		return typ == TypeVarint
	case ProtoFixed64, ProtoDouble:
		return typ == TypeFixed64
	case ProtoFixed32:
		return typ == TypeFixed32
	default:
		return typ == TypeBytes
	}
}

func (n *ProtoNames) value(dst []byte, f *namedField, p *Proto, depth int) []byte {
	switch f.Kind {
	case ProtoSub:
		inner := p.Message()
		dst = f.inner.object(dst, &inner, depth+1)
		p.Adopt(&inner)
		return dst
	case ProtoTime, ProtoDuration:
		inner := p.Message()
		seconds, nanos := readSeconds(&inner)
		p.Adopt(&inner)
		if f.Kind == ProtoTime {
			return time.Unix(seconds, nanos).UTC().AppendFormat(dst, `"`+time.RFC3339Nano+`"`)
		}
		return appendDuration(dst, seconds, nanos)
	case ProtoBool:
		return strconv.AppendBool(dst, p.Varint() != 0)
	case ProtoEnum:
		v := int32(p.Varint())
		if name, ok := f.enum[v]; ok && !n.enumNumbers {
			return AppendJSON(dst, name)
		}
		return strconv.AppendInt(dst, int64(v), 10)
	case ProtoInt:
		const most = 1 << 53
		if v := int64(p.Varint()); -most <= v && v <= most {
			return strconv.AppendInt(dst, v, 10)
		} else { //nolint:revive // v belongs to the condition
			return append(strconv.AppendInt(append(dst, '"'), v, 10), '"')
		}
	case ProtoFixed64:
		return append(strconv.AppendUint(append(dst, '"'), p.Fixed64(), 10), '"')
	case ProtoFixed32:
		return strconv.AppendUint(dst, uint64(p.Fixed32()), 10)
	case ProtoDouble:
		return appendDouble(dst, math.Float64frombits(p.Fixed64()))
	}
	at, size := p.Bytes()
	text := p.Buf[at : at+size]
	switch f.Kind {
	case ProtoBytes:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), text), '"')
	case ProtoHex:
		return append(hex.AppendEncode(append(dst, '"'), text), '"')
	default:
		return AppendJSON(dst, text)
	}
}

// appendDouble writes a number, or in quotes what is none.
func appendDouble(dst []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}
