// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Thrift types, numbered as in the binary protocol.
const (
	ThriftStop   = 0
	ThriftBool   = 2
	ThriftByte   = 3
	ThriftDouble = 4
	ThriftI16    = 6
	ThriftI32    = 8
	ThriftI64    = 10
	ThriftString = 11
	ThriftStruct = 12
	ThriftMap    = 13
	ThriftSet    = 14
	ThriftList   = 15
	ThriftUUID   = 16
)

// Thrift message types.
const (
	ThriftCall   = 1
	ThriftOneway = 4
)

// compactTypes gives the binary protocol's number for each of the compact
// protocol's.
var compactTypes = [...]byte{
	ThriftStop, ThriftBool, ThriftBool, ThriftByte, ThriftI16, ThriftI32, ThriftI64,
	ThriftDouble, ThriftString, ThriftList, ThriftSet, ThriftMap, ThriftStruct,
	ThriftUUID,
}

// compactBools is the value that the type of a bool's field holds, -1 for other types.
var compactBools = [16]int8{-1, 1, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}

// Thrift reads values in the binary or the compact protocol of Apache Thrift
// (thrift-binary-protocol.md and thrift-compact-protocol.md of its source).
type Thrift struct {
	Buf     []byte
	Pos     int
	Err     error
	Compact bool

	last    int16   // compact: the field number before
	stack   []int16 // compact: last of the structs around
	boolean int8    // compact: the value that a bool's field type held, -1 for none
	depth   int
	// space for the stack, so that a reader on the Go stack needs no heap
	room [16]int16
}

func (t *Thrift) fail(at int, found, want string) {
	if t.Err == nil {
		t.Err = &Fault{at, found, want}
	}
	t.Pos = len(t.Buf)
}

// Fail records a fault that a decoder found; later ones are ignored.
func (t *Thrift) Fail(at int, found, want string) { t.fail(at, found, want) }

func (t *Thrift) left() int { return len(t.Buf) - t.Pos }

func (t *Thrift) take(n int, what string) []byte {
	if t.left() < n {
		t.short(n, what)
		return nil
	}
	t.Pos += n
	return t.Buf[t.Pos-n : t.Pos]
}

// short is the fault of a body that ends too early.
func (t *Thrift) short(n int, what string) {
	t.fail(t.Pos, fmt.Sprintf("%d bytes left", t.left()), fmt.Sprintf("%d for %s", n, what))
}

// IsCompact tells a message of the compact protocol by its first byte. Senders
// do not keep to the port of their protocol.
func IsCompact(body []byte) bool { return len(body) > 0 && body[0] == 0x82 }

// Message reads the head of a message: the method and the message type.
func (t *Thrift) Message() (name string, kind byte) {
	if t.Compact {
		head := t.take(2, "a message head")
		if head == nil {
			return "", 0
		}
		if head[0] != 0x82 || head[1]&0x1f != 1 {
			t.fail(t.Pos-2, fmt.Sprintf("head %#02x %#02x", head[0], head[1]), "0x82 and version 1")
			return "", 0
		}
		kind = head[1] >> 5
		t.uvarint()
		return t.str(), kind
	}
	at := t.Pos
	v := t.I32()
	if v < 0 {
		if uint32(v)&0xffff0000 != 0x80010000 {
			t.fail(at, fmt.Sprintf("version %#08x", uint32(v)), "0x8001")
			return "", 0
		}
		name = t.str()
		t.I32()
		return name, byte(v)
	}
	// Non-strict head: the name's length comes first.
	t.Pos = at
	name = t.str()
	kind = t.Byte()
	t.I32()
	return name, kind
}

func (t *Thrift) str() string {
	at, n := t.Bytes()
	return string(t.Buf[at : at+n])
}

// StructBegin must come before the fields of a struct.
func (t *Thrift) StructBegin() {
	t.depth++
	if t.depth > maxDepth {
		t.fail(t.Pos, fmt.Sprintf("structs more than %d deep", maxDepth), "less")
		return
	}
	if t.Compact {
		if t.stack == nil {
			t.stack = t.room[:0]
		}
		t.stack = append(t.stack, t.last)
		t.last = 0
	}
}

// StructEnd must come after Field has said ThriftStop.
func (t *Thrift) StructEnd() {
	t.depth--
	if t.Compact && len(t.stack) > 0 {
		t.last = t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
	}
}

// Field reads the head of a field. ThriftStop ends the struct, also after a
// fault.
func (t *Thrift) Field() (typ byte, id int16) {
	// The usual field of both protocols. After a fault Pos is at the end.
	p := t.Pos
	if p+3 > len(t.Buf) || t.Buf[p] == 0 {
		return t.field()
	}
	c := t.Buf[p]
	if !t.Compact {
		t.Pos = p + 3
		return c, int16(binary.BigEndian.Uint16(t.Buf[p+1:]))
	}
	if c>>4 == 0 || int(c&0x0f) >= len(compactTypes) {
		return t.field()
	}
	t.Pos = p + 1
	t.last += int16(c >> 4)
	t.boolean = compactBools[c&0x0f]
	return compactTypes[c&0x0f], t.last
}

func (t *Thrift) field() (typ byte, id int16) {
	if t.Err != nil || t.left() < 1 {
		if t.Err == nil {
			t.fail(t.Pos, "the end of the body", "a field or the end of the struct")
		}
		return ThriftStop, 0
	}
	c := t.Buf[t.Pos]
	t.Pos++
	if c == 0 {
		return ThriftStop, 0
	}
	if !t.Compact {
		p := t.take(2, "a field number")
		if p == nil {
			return ThriftStop, 0
		}
		return c, int16(binary.BigEndian.Uint16(p))
	}
	if d := c >> 4; d != 0 {
		t.last += int16(d)
	} else {
		t.last = int16(t.zigzag32())
	}
	t.boolean = compactBools[c&0x0f]
	return t.compactType(c & 0x0f), t.last
}

func (t *Thrift) compactType(c byte) byte {
	if int(c) >= len(compactTypes) {
		t.fail(t.Pos, fmt.Sprintf("type %d", c), "0 to 13")
		return ThriftStop
	}
	return compactTypes[c]
}

// Is checks the type of a field that is about to be read; a field of another
// type is stepped over.
func (t *Thrift) Is(typ, want byte) bool {
	if typ == want {
		return true
	}
	t.Skip(typ)
	return false
}

// List reads the head of a list or set. No list can have more elements than
// the body has bytes left, since the shortest element takes one.
func (t *Thrift) List() (elem byte, n int) {
	at := t.Pos
	p := t.take(1, "a list head")
	if p == nil {
		return 0, 0
	}
	if t.Compact {
		elem = t.compactType(p[0] & 0x0f)
		n = int(p[0] >> 4)
		if n == 15 {
			n = t.size(at)
		}
		t.boolean = -1
	} else {
		elem = p[0]
		n = int(t.I32())
	}
	if n < 0 || n > t.left() {
		t.fail(at, fmt.Sprintf("a list of %d elements", n), fmt.Sprintf("at most the %d bytes left", t.left()))
		return 0, 0
	}
	return elem, n
}

// size reads a length of the compact protocol.
func (t *Thrift) size(at int) int {
	v := t.uvarint()
	if v > math.MaxInt32 {
		t.fail(at, fmt.Sprintf("a length of %d", v), "at most 2147483647")
		return 0
	}
	return int(v)
}

// Bytes reads a string or binary value: its place in Buf.
func (t *Thrift) Bytes() (at, n int) {
	at = t.Pos
	if t.Compact {
		n = t.size(at)
	} else {
		n = int(t.I32())
	}
	if n < 0 || n > t.left() {
		t.fail(at, fmt.Sprintf("a length of %d", n), fmt.Sprintf("at most the %d bytes left", t.left()))
		return t.Pos, 0
	}
	at = t.Pos
	t.Pos += n
	return at, n
}

// Bool reads a bool.
func (t *Thrift) Bool() bool {
	if t.Compact && t.boolean >= 0 {
		v := t.boolean == 1
		t.boolean = -1
		return v
	}
	// In a list a compact bool is a byte, 1 for true; 0 and 2 occur for false.
	return t.Byte() == 1
}

// Byte reads one byte.
func (t *Thrift) Byte() byte {
	p := t.take(1, "a byte")
	if p == nil {
		return 0
	}
	return p[0]
}

// I16 reads an i16.
func (t *Thrift) I16() int16 {
	if t.Compact {
		return int16(t.zigzag32())
	}
	p := t.take(2, "an i16")
	if p == nil {
		return 0
	}
	return int16(binary.BigEndian.Uint16(p))
}

// I32 reads an i32.
func (t *Thrift) I32() int32 {
	if t.Compact {
		return t.zigzag32()
	}
	if t.left() < 4 {
		t.short(4, "an i32")
		return 0
	}
	t.Pos += 4
	return int32(binary.BigEndian.Uint32(t.Buf[t.Pos-4:]))
}

// I64 reads an i64.
func (t *Thrift) I64() int64 {
	if t.Compact {
		return unzigzag(t.uvarint())
	}
	if t.left() < 8 {
		t.short(8, "an i64")
		return 0
	}
	t.Pos += 8
	return int64(binary.BigEndian.Uint64(t.Buf[t.Pos-8:]))
}

// Double reads a double: big-endian in the binary, little-endian in the
// compact protocol.
func (t *Thrift) Double() float64 {
	p := t.take(8, "a double")
	switch {
	case p == nil:
		return 0
	case t.Compact:
		return math.Float64frombits(binary.LittleEndian.Uint64(p))
	default:
		return math.Float64frombits(binary.BigEndian.Uint64(p))
	}
}

func (t *Thrift) uvarint() uint64 {
	if t.Pos < len(t.Buf) && t.Buf[t.Pos] < 0x80 {
		t.Pos++
		return uint64(t.Buf[t.Pos-1])
	}
	v, n := Uvarint(t.Buf[t.Pos:])
	if n <= 0 {
		t.fail(t.Pos, "a cut or overlong varint", "1 to 10 bytes")
		return 0
	}
	t.Pos += n
	return v
}

// zigzag32 reads an i16 or an i32: what a varint holds above 32 bits is cut off
// before the sign is read, as Apache's readers do.
func (t *Thrift) zigzag32() int32 {
	v := uint32(t.uvarint())
	return int32(v>>1) ^ -int32(v&1)
}

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// Took tells that the caller has read fields of the struct himself: up to pos,
// where the last one was of that number.
func (t *Thrift) Took(pos int, last int16) { t.Pos, t.last = pos, last }

// Skip steps over a value of any type.
func (t *Thrift) Skip(typ byte) {
	if t.Err != nil {
		return
	}
	switch typ {
	case ThriftBool:
		t.Bool()
	case ThriftByte:
		t.Byte()
	case ThriftDouble:
		t.Double()
	case ThriftI16:
		t.I16()
	case ThriftI32:
		t.I32()
	case ThriftI64:
		t.I64()
	case ThriftString:
		t.Bytes()
	case ThriftUUID:
		t.take(16, "a uuid")
	case ThriftStruct:
		t.StructBegin()
		for {
			f, _ := t.Field()
			if f == ThriftStop {
				break
			}
			t.Skip(f)
		}
		t.StructEnd()
	case ThriftList, ThriftSet:
		t.nest(func() {
			elem, n := t.List()
			for i := 0; i < n && t.Err == nil; i++ {
				t.Skip(elem)
			}
		})
	case ThriftMap:
		t.nest(t.skipMap)
	default:
		t.fail(t.Pos, fmt.Sprintf("type %d", typ), "a thrift type")
	}
}

func (t *Thrift) nest(f func()) {
	t.depth++
	if t.depth > maxDepth {
		t.fail(t.Pos, fmt.Sprintf("values more than %d deep", maxDepth), "less")
		return
	}
	f()
	t.depth--
}

func (t *Thrift) skipMap() {
	var key, value byte
	var n int
	at := t.Pos
	if t.Compact {
		if n = t.size(at); n == 0 {
			return
		}
		kv := t.Byte()
		key, value = t.compactType(kv>>4), t.compactType(kv&0x0f)
		t.boolean = -1
	} else {
		key, value = t.Byte(), t.Byte()
		n = int(t.I32())
	}
	if n < 0 || n > t.left() {
		t.fail(at, fmt.Sprintf("a map of %d entries", n), fmt.Sprintf("at most the %d bytes left", t.left()))
		return
	}
	for i := 0; i < n && t.Err == nil; i++ {
		t.Skip(key)
		t.Skip(value)
	}
}
