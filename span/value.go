// SPDX-License-Identifier: Apache-2.0

package span

import (
	"encoding/base64"
	"math"
	"strconv"
)

// Type is the type of an attribute's value.
type Type uint8

// Types of values.
const (
	String Type = iota
	Int
	Float
	Bool
	Bytes
	// JSON is an array or a map, kept as JSON text: integers without and
	// floats with a point or an exponent, bytes as {"bytesValue":"<base64>"},
	// numbers that are not finite as {"doubleValue":"NaN"}.
	JSON
	// Null is a value that was given without a content (OTLP's empty AnyValue).
	Null
)

// Attr is a key with a typed value: a tag, an attribute, a field of a log.
type Attr struct {
	Key  Text
	bits uint64
	Type Type
	// Mirrored: a field of the span says the same; see the package comment.
	Mirrored bool
}

// Text is the value of a String, Bytes or JSON attribute.
func (a *Attr) Text() Text {
	return Text{pos: uint32(a.bits >> 32), n: uint32(a.bits)}
}

// Int is the value of an Int attribute.
func (a *Attr) Int() int64 { return int64(a.bits) }

// Float is the value of a Float attribute.
func (a *Attr) Float() float64 { return math.Float64frombits(a.bits) }

// Bool is the value of a Bool attribute.
func (a *Attr) Bool() bool { return a.bits != 0 }

// TextAttr is an attribute of type String, Bytes or JSON.
func TextAttr(key Text, t Type, v Text) Attr {
	return Attr{Key: key, Type: t, bits: uint64(v.pos)<<32 | uint64(v.n)}
}

// StringAttr is an attribute of type String.
func StringAttr(key, v Text) Attr { return TextAttr(key, String, v) }

// IntAttr is an attribute of type Int.
func IntAttr(key Text, v int64) Attr { return Attr{Key: key, Type: Int, bits: uint64(v)} }

// FloatAttr is an attribute of type Float.
func FloatAttr(key Text, v float64) Attr {
	return Attr{Key: key, Type: Float, bits: math.Float64bits(v)}
}

// BoolAttr is an attribute of type Bool.
func BoolAttr(key Text, v bool) Attr {
	a := Attr{Key: key, Type: Bool}
	if v {
		a.bits = 1
	}
	return a
}

// AppendText appends the value as text, the form in which protocols without
// types carry it: numbers in decimal (floats in the shortest form that reads
// back to the same bits), true or false, bytes in base64, nothing for Null.
func (b *Batch) AppendText(dst []byte, a *Attr) []byte {
	switch a.Type {
	case Int:
		return strconv.AppendInt(dst, a.Int(), 10)
	case Float:
		return appendFloat(dst, a.Float())
	case Bool:
		return strconv.AppendBool(dst, a.Bool())
	case Bytes:
		return base64.StdEncoding.AppendEncode(dst, []byte(b.Str(a.Text())))
	case Null:
		return dst
	default:
		return append(dst, b.Str(a.Text())...)
	}
}

// appendFloat writes 2 as 2.0, so that the text tells a float from an integer.
func appendFloat(dst []byte, v float64) []byte {
	at := len(dst)
	dst = strconv.AppendFloat(dst, v, 'g', -1, 64)
	for _, c := range dst[at:] {
		switch c {
		case '.', 'e', 'N', 'I':
			return dst
		}
	}
	return append(dst, '.', '0')
}
