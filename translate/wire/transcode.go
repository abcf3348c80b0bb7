// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ProtoMessage describes a protobuf message to Transcode: its fields by the
// names they have in JSON. A field with two spellings (lowerCamel and the name
// in the .proto file) stands there twice; AddSnakeCase does that.
type ProtoMessage map[string]*ProtoField

// ProtoField describes a field.
type ProtoField struct {
	Number   int
	Kind     ProtoKind
	Repeated bool
	Enum     map[string]int32 // of an Enum: numbers by name
	Message  *ProtoMessage    // of a Sub: a pointer, since messages may nest in themselves
	// Unit, of a Sub: a fault inside costs the message and no other; see
	// Transcoder.BadUnits.
	Unit bool
}

// ProtoKind is the type of a field.
type ProtoKind uint8

// Kinds of fields.
const (
	ProtoString ProtoKind = iota
	ProtoBytes            // base64 in JSON
	ProtoHex              // bytes that JSON writes in hex, as OTLP does with ids
	ProtoInt              // int32, int64, uint32, uint64
	ProtoBool
	ProtoEnum
	ProtoFixed64
	ProtoFixed32
	ProtoDouble
	ProtoSub
	ProtoTime     // google.protobuf.Timestamp; RFC 3339 in JSON
	ProtoDuration // google.protobuf.Duration; "1.5s" in JSON
)

// AddSnakeCase adds the spelling with underscores of every field.
func (m ProtoMessage) AddSnakeCase() ProtoMessage {
	for name, f := range m {
		var b strings.Builder
		for _, c := range name {
			if 'A' <= c && c <= 'Z' {
				b.WriteByte('_')
				c += 'a' - 'A'
			}
			b.WriteRune(c)
		}
		m[b.String()] = f
	}
	return m
}

// Transcoder writes JSON in protobuf's JSON mapping as the protobuf message
// that it stands for. It takes what protojson takes with unknown fields
// discarded: numbers in quotes, enums as name or number (an unknown name is 0),
// null for absent. A value of the wrong type is remembered in Bad and left out;
// the reading goes on.
type Transcoder struct {
	J   *JSON
	Bad *Fault
	// BadUnits are the first faulty messages of fields that are units. Each
	// stands in the output without its fields, so that the others keep their
	// numbers; one in which the JSON breaks off is left out.
	BadUnits []UnitFault

	units int
	unit  bool
	fault *Fault // of the unit being read
	field string // where the fault was found
	key   string // the key before the value being read
}

// UnitFault is the first fault of a message.
type UnitFault struct {
	Unit  int    // number of the message among the units, from 1
	Field string // the key before the faulty value
	Fault
}

// maxBadUnits is how many faulty units are described; the others are empty.
const maxBadUnits = 8

func (t *Transcoder) refuse(at int, found, want string) {
	switch {
	case t.unit && t.fault == nil:
		t.fault, t.field = &Fault{at, found, want}, t.key
	case !t.unit && t.Bad == nil:
		t.Bad = &Fault{at, found, want}
	}
}

// Append reads an object and appends the fields of message m.
func (t *Transcoder) Append(dst []byte, m *ProtoMessage) []byte {
	return t.message(dst, m, 0)
}

func (t *Transcoder) message(dst []byte, m *ProtoMessage, depth int) []byte {
	j := t.J
	if depth == maxDepth {
		at := j.Pos
		j.Skip()
		t.refuse(at, fmt.Sprintf("values more than %d deep", maxDepth), "less")
		return dst
	}
	if j.Peek() != '{' {
		t.wrongType("an object")
		return dst
	}
	j.Object()
	for {
		k, ok := j.Key()
		if !ok {
			return dst
		}
		key := j.Text(k)
		t.key = key
		f := (*m)[key]
		switch {
		case f == nil:
			j.Skip()
		case j.Peek() == 'n':
			j.Null()
		case f.Repeated:
			if j.Peek() != '[' {
				t.wrongType("a list")
				continue
			}
			j.Array()
			for j.Elem() {
				t.key = key
				dst = t.value(dst, f, depth)
			}
		default:
			dst = t.value(dst, f, depth)
		}
	}
}

// oneUnit reads a message that is a unit. Units do not lie in each other.
func (t *Transcoder) oneUnit(dst []byte, f *ProtoField, depth int) []byte {
	before := len(dst)
	t.units++
	t.unit, t.fault = true, nil
	dst, mark := Open(dst, f.Number)
	dst = t.message(dst, f.Message, depth+1)
	t.unit = false
	switch {
	case t.J.Err != nil:
		return dst[:before]
	case t.fault != nil:
		if len(t.BadUnits) < maxBadUnits {
			t.BadUnits = append(t.BadUnits, UnitFault{t.units, strings.Clone(t.field), *t.fault})
		}
		dst = dst[:mark]
	}
	return Close(dst, mark)
}

// wrongType steps over a value of the wrong type.
func (t *Transcoder) wrongType(want string) {
	at := t.J.Pos
	found := t.J.Found()
	t.J.Skip()
	t.refuse(at, found, want)
}

func (t *Transcoder) value(dst []byte, f *ProtoField, depth int) []byte {
	j := t.J
	switch f.Kind {
	case ProtoSub:
		if f.Unit {
			return t.oneUnit(dst, f, depth)
		}
		dst, mark := Open(dst, f.Number)
		return Close(t.message(dst, f.Message, depth+1), mark)
	case ProtoString:
		if j.Peek() != '"' {
			t.wrongType("a string")
			return dst
		}
		s := j.String()
		dst, mark := Open(dst, f.Number)
		dst, ok := j.AppendUnescaped(dst, s)
		if !ok {
			t.refuse(s.At, "a string with a bad escape", "JSON's escapes")
		}
		return Close(dst, mark)
	case ProtoBytes, ProtoHex:
		return t.binary(dst, f)
	case ProtoTime, ProtoDuration:
		return t.seconds(dst, f)
	case ProtoBool:
		if c := j.Peek(); c != 't' && c != 'f' {
			t.wrongType("true or false")
			return dst
		}
		v := uint64(0)
		if j.Bool() {
			v = 1
		}
		return AppendVarintAlways(dst, f.Number, v)
	case ProtoEnum:
		if j.Peek() == '"' {
			return AppendVarintAlways(dst, f.Number, t.enum(f))
		}
		return AppendVarintAlways(dst, f.Number, t.integer())
	case ProtoInt:
		return AppendVarintAlways(dst, f.Number, t.integer())
	case ProtoFixed64:
		v := t.integer()
		return appendFixed64Always(dst, f.Number, v)
	case ProtoFixed32:
		return appendFixed32Always(dst, f.Number, uint32(t.integer()))
	default: // ProtoDouble
		return AppendDoubleAlways(dst, f.Number, t.double())
	}
}

// enum reads the name of an enum value, or its number in quotes.
func (t *Transcoder) enum(f *ProtoField) uint64 {
	s := t.J.String()
	name := t.J.Raw(s)
	if n, ok := f.Enum[name]; ok {
		return uint64(int64(n))
	}
	n, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return 0
	}
	return uint64(n)
}

// integer reads an integer of 64 bits, signed or not.
func (t *Transcoder) integer() uint64 {
	j := t.J
	j.Peek()
	at := j.Pos
	v, ok := j.Int64()
	if ok || j.Err != nil {
		return uint64(v)
	}
	// Numbers of 2^63 and more are uint64.
	text := strings.Trim(string(j.Buf[at:j.Pos]), `"`)
	u, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.refuse(at, strconv.Quote(text[:min(len(text), 40)]), "an integer of 64 bits")
	}
	return u
}

func (t *Transcoder) double() float64 {
	j := t.J
	if !j.IsText() {
		t.wrongType("a number")
		return 0
	}
	s := j.String()
	switch text := j.Raw(s); text {
	case "NaN":
		return math.NaN()
	case "Infinity":
		return math.Inf(1)
	case "-Infinity":
		return math.Inf(-1)
	default:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.refuse(s.At, strconv.Quote(text[:min(len(text), 40)]), "a number")
		}
		return v
	}
}

// binary reads bytes in base64 (either alphabet, with or without padding) or
// in hex.
func (t *Transcoder) binary(dst []byte, f *ProtoField) []byte {
	j := t.J
	if j.Peek() != '"' {
		t.wrongType("a string")
		return dst
	}
	s := j.String()
	text := j.Bytes(s)
	if s.Escaped {
		text, _ = j.AppendUnescaped(nil, s)
	}
	out, mark := Open(dst, f.Number)
	var err error
	want := "hex digits"
	if f.Kind == ProtoHex {
		out, err = hex.AppendDecode(out, text)
	} else {
		want = "base64"
		out, err = appendBase64(out, text)
	}
	if err != nil {
		t.refuse(s.At, strconv.Quote(string(text[:min(len(text), 40)])), want)
		return dst
	}
	return Close(out, mark)
}

// appendBase64 appends what text stands for.
func appendBase64(dst, text []byte) ([]byte, error) {
	text = bytes.TrimRight(text, "=")
	if bytes.ContainsAny(text, "-_") {
		return base64.RawURLEncoding.AppendDecode(dst, text)
	}
	return base64.RawStdEncoding.AppendDecode(dst, text)
}
