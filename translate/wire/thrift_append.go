// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"math"
)

// ThriftWriter appends values to Buf in the binary or the compact protocol of
// Apache Thrift. The caller keeps the order: a struct is begun, each of its
// fields is announced and written, and the struct is ended.
type ThriftWriter struct {
	Buf     []byte
	Compact bool

	last  int16   // compact: the field number before
	stack []int16 // compact: last of the structs around
}

// compactNumbers gives the compact protocol's number for each of the binary
// protocol's types. A bool has two: see BoolField.
var compactNumbers = [...]byte{
	ThriftBool: 1, ThriftByte: 3, ThriftDouble: 7, ThriftI16: 4, ThriftI32: 5, ThriftI64: 6,
	ThriftString: 8, ThriftStruct: 12, ThriftMap: 11, ThriftSet: 10, ThriftList: 9, ThriftUUID: 13,
}

// Message appends the head of a message, in the binary protocol with a version.
func (t *ThriftWriter) Message(method string, kind byte, seq int32) {
	if t.Compact {
		t.Buf = append(t.Buf, 0x82, kind<<5|1)
		t.Buf = binary.AppendUvarint(t.Buf, uint64(uint32(seq)))
		t.String(method)
		return
	}
	t.I32(int32(-0x7fff0000 | int(kind)))
	t.String(method)
	t.I32(seq)
}

// StructBegin must come before the fields of a struct.
func (t *ThriftWriter) StructBegin() {
	t.stack = append(t.stack, t.last)
	t.last = 0
}

// StructEnd ends the fields of a struct.
func (t *ThriftWriter) StructEnd() {
	t.Buf = append(t.Buf, ThriftStop)
	t.last = t.stack[len(t.stack)-1]
	t.stack = t.stack[:len(t.stack)-1]
}

// Field announces a field of any type but bool.
func (t *ThriftWriter) Field(typ byte, id int16) {
	if !t.Compact {
		t.Buf = append(t.Buf, typ, byte(id>>8), byte(id))
		return
	}
	t.compactField(compactNumbers[typ], id)
}

// BoolField appends a field of type bool, whose value the compact protocol puts
// into the field's type.
func (t *ThriftWriter) BoolField(id int16, v bool) {
	if !t.Compact {
		t.Field(ThriftBool, id)
		t.Bool(v)
		return
	}
	if v {
		t.compactField(1, id)
	} else {
		t.compactField(2, id)
	}
}

func (t *ThriftWriter) compactField(typ byte, id int16) {
	if d := int(id) - int(t.last); 0 < d && d <= 15 {
		t.Buf = append(t.Buf, byte(d)<<4|typ)
	} else {
		t.Buf = append(t.Buf, typ)
		t.I16(id)
	}
	t.last = id
}

// List appends the head of a list of n elements.
func (t *ThriftWriter) List(elem byte, n int) {
	switch {
	case !t.Compact:
		t.Buf = append(t.Buf, elem)
		t.I32(int32(n))
	case n < 15:
		t.Buf = append(t.Buf, byte(n)<<4|compactNumbers[elem])
	default:
		t.Buf = append(t.Buf, 0xf0|compactNumbers[elem])
		t.Buf = binary.AppendUvarint(t.Buf, uint64(n))
	}
}

// Bool appends an element of type bool; a field takes BoolField.
func (t *ThriftWriter) Bool(v bool) {
	b := byte(0)
	if v {
		b = 1
	} else if t.Compact {
		b = 2
	}
	t.Buf = append(t.Buf, b)
}

// Byte appends one byte.
func (t *ThriftWriter) Byte(v byte) { t.Buf = append(t.Buf, v) }

// I16 appends an i16.
func (t *ThriftWriter) I16(v int16) {
	if t.Compact {
		t.zigzag(int64(v))
		return
	}
	t.Buf = binary.BigEndian.AppendUint16(t.Buf, uint16(v))
}

// I32 appends an i32.
func (t *ThriftWriter) I32(v int32) {
	if t.Compact {
		t.zigzag(int64(v))
		return
	}
	t.Buf = binary.BigEndian.AppendUint32(t.Buf, uint32(v))
}

// I64 appends an i64.
func (t *ThriftWriter) I64(v int64) {
	if t.Compact {
		t.zigzag(v)
		return
	}
	t.Buf = binary.BigEndian.AppendUint64(t.Buf, uint64(v))
}

func (t *ThriftWriter) zigzag(v int64) {
	t.Buf = binary.AppendUvarint(t.Buf, uint64(v)<<1^uint64(v>>63))
}

// Double appends a double: big-endian in the binary, little-endian in the
// compact protocol.
func (t *ThriftWriter) Double(v float64) {
	if t.Compact {
		t.Buf = binary.LittleEndian.AppendUint64(t.Buf, math.Float64bits(v))
		return
	}
	t.Buf = binary.BigEndian.AppendUint64(t.Buf, math.Float64bits(v))
}

// String appends a string or binary value.
func (t *ThriftWriter) String(s string) {
	t.length(len(s))
	t.Buf = append(t.Buf, s...)
}

// Bytes appends a string or binary value.
func (t *ThriftWriter) Bytes(p []byte) {
	t.length(len(p))
	t.Buf = append(t.Buf, p...)
}

func (t *ThriftWriter) length(n int) {
	if t.Compact {
		t.Buf = binary.AppendUvarint(t.Buf, uint64(n))
		return
	}
	t.I32(int32(n))
}
