// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"fmt"
)

// Protobuf wire types.
const (
	TypeVarint  = 0
	TypeFixed64 = 1
	TypeBytes   = 2
	typeGroup   = 3
	typeEnd     = 4
	TypeFixed32 = 5
)

// Proto reads the fields of one protobuf message that lies in Buf[Pos:End].
type Proto struct {
	Buf []byte
	Pos int
	End int
	Err error
}

// ReadProto starts at the beginning of a message.
func ReadProto(buf []byte) Proto { return Proto{Buf: buf, End: len(buf)} }

// Fault is a place in a body that cannot be read.
type Fault struct {
	At    int // byte
	Found string
	Want  string
}

func (f *Fault) Error() string {
	return fmt.Sprintf("byte %d: %s, want %s", f.At, f.Found, f.Want)
}

func (p *Proto) fail(at int, found, want string) {
	if p.Err == nil {
		p.Err = &Fault{at, found, want}
	}
	p.Pos = p.End
}

// Next reads the tag of the next field. It returns false at the end of the
// message and after a fault.
func (p *Proto) Next() (field int, typ int, ok bool) {
	if p.Pos >= p.End {
		return 0, 0, false
	}
	at := p.Pos
	var tag uint64
	if c := p.Buf[p.Pos]; c < 0x80 {
		p.Pos++
		tag = uint64(c)
	} else {
		tag = p.Varint()
	}
	if tag>>3 == 0 || tag>>3 > 1<<29-1 {
		if p.Err == nil {
			p.fail(at, fmt.Sprintf("field number %d", tag>>3), "1 to 536870911")
		}
		return 0, 0, false
	}
	return int(tag >> 3), int(tag & 7), p.Err == nil
}

// Varint reads a varint. Negative numbers of type int32 are ten bytes long.
func (p *Proto) Varint() uint64 {
	if p.Pos < p.End && p.Buf[p.Pos] < 0x80 {
		p.Pos++
		return uint64(p.Buf[p.Pos-1])
	}
	v, n := Uvarint(p.Buf[p.Pos:p.End])
	if n <= 0 {
		p.fail(p.Pos, "a cut or overlong varint", "1 to 10 bytes")
		return 0
	}
	p.Pos += n
	return v
}

// Fixed64 reads eight bytes.
func (p *Proto) Fixed64() uint64 {
	if p.End-p.Pos < 8 {
		p.fail(p.Pos, fmt.Sprintf("%d bytes left", p.End-p.Pos), "8 for a fixed64")
		return 0
	}
	v := binary.LittleEndian.Uint64(p.Buf[p.Pos:])
	p.Pos += 8
	return v
}

// Fixed32 reads four bytes.
func (p *Proto) Fixed32() uint32 {
	if p.End-p.Pos < 4 {
		p.fail(p.Pos, fmt.Sprintf("%d bytes left", p.End-p.Pos), "4 for a fixed32")
		return 0
	}
	v := binary.LittleEndian.Uint32(p.Buf[p.Pos:])
	p.Pos += 4
	return v
}

// Bytes reads the length of a string, of bytes or of a message and steps over
// it: its content is Buf[at : at+n].
func (p *Proto) Bytes() (at, n int) {
	v := p.Varint()
	if v > uint64(p.End-p.Pos) {
		p.fail(p.Pos, fmt.Sprintf("a length of %d", v), fmt.Sprintf("at most the %d bytes left", p.End-p.Pos))
		return p.Pos, 0
	}
	at = p.Pos
	p.Pos += int(v)
	return at, int(v)
}

// Message reads an embedded message: a reader over its fields.
func (p *Proto) Message() Proto {
	at, n := p.Bytes()
	return Proto{Buf: p.Buf, Pos: at, End: at + n}
}

// Adopt takes over the fault of an embedded message.
func (p *Proto) Adopt(inner *Proto) {
	if inner.Err != nil && p.Err == nil {
		p.Err = inner.Err
		p.Pos = p.End
	}
}

// Skip steps over a field of any type.
func (p *Proto) Skip(field, typ int) {
	switch typ {
	case TypeVarint:
		p.Varint()
	case TypeFixed64:
		p.Fixed64()
	case TypeBytes:
		p.Bytes()
	case TypeFixed32:
		p.Fixed32()
	case typeGroup:
		p.skipGroup(field)
	default:
		p.fail(p.Pos, fmt.Sprintf("wire type %d in field %d", typ, field), "0, 1, 2 or 5")
	}
}

// skipGroup steps over an old-style group without recursion.
func (p *Proto) skipGroup(field int) {
	open := []int{field}
	for len(open) > 0 {
		f, t, ok := p.Next()
		switch {
		case !ok:
			p.fail(p.Pos, "a group without an end", "its end tag")
			return
		case t == typeEnd && f != open[len(open)-1]:
			p.fail(p.Pos, fmt.Sprintf("the end of group %d", f), fmt.Sprintf("the end of group %d", open[len(open)-1]))
			return
		case t == typeEnd:
			open = open[:len(open)-1]
		case t == typeGroup:
			if len(open) == maxDepth {
				p.fail(p.Pos, fmt.Sprintf("groups more than %d deep", maxDepth), "less")
				return
			}
			open = append(open, f)
		default:
			p.Skip(f, t)
		}
	}
}

// Is checks the wire type of a field that is about to be read; a field of
// another type is stepped over, as protobuf does with unknown fields.
func (p *Proto) Is(field, typ, want int) bool {
	if typ == want {
		return true
	}
	p.Skip(field, typ)
	return false
}

// maxDepth bounds the nesting of whatever is skipped or transcoded.
const maxDepth = 100
