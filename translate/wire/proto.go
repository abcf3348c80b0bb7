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
	if p.Pos < p.End {
		// One byte, as almost always. After a fault Pos is at the end.
		if c := p.Buf[p.Pos]; c-8 < 0x80-8 {
			p.Pos++
			return int(c >> 3), int(c & 7), true
		}
	}
	return p.next()
}

func (p *Proto) next() (field int, typ int, ok bool) {
	if p.Pos >= p.End {
		return 0, 0, false
	}
	at := p.Pos
	tag := p.Varint()
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
	if p.Pos < p.End {
		if c := p.Buf[p.Pos]; c < 0x80 {
			p.Pos++
			return uint64(c)
		}
	}
	return p.varint()
}

func (p *Proto) varint() uint64 {
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
		p.tooLong(v)
		return p.Pos, 0
	}
	at = p.Pos
	p.Pos += int(v)
	return at, int(v)
}

func (p *Proto) tooLong(v uint64) {
	p.fail(p.Pos, fmt.Sprintf("a length of %d", v), fmt.Sprintf("at most the %d bytes left", p.End-p.Pos))
}

// Message reads an embedded message: a reader over its fields.
func (p *Proto) Message() Proto {
	at, n := p.Bytes()
	return Proto{Buf: p.Buf, Pos: at, End: at + n}
}

// Pair is a message with two fields of bytes, 1 and 2: the usual form of a tag. The
// fields are Buf[First:FirstEnd] and Buf[Second:SecondEnd].
type Pair struct {
	First, FirstEnd, Second, SecondEnd int
}

// Pair reads a message that has the fields 1 and 2, in this order, and nothing else,
// with short lengths; false, and nothing is read, for one in another form.
func (p *Proto) Pair() (pair Pair, ok bool) {
	if pair, ok = ReadPair(p.Buf[:p.End], p.Pos); ok {
		p.Pos = pair.SecondEnd
	}
	return pair, ok
}

// ReadPair is Proto.Pair for a message whose length stands at a place of a buffer. It
// ends where the second field does.
func ReadPair(buf []byte, at int) (pair Pair, ok bool) {
	if at > len(buf)-5 {
		return pair, false
	}
	size := int(buf[at])
	at++
	if size >= 0x80 {
		if buf[at] >= 0x80 {
			return pair, false
		}
		size = size&0x7f | int(buf[at])<<7
		at++
	}
	end := at + size
	// Tag and length of the first field, which is followed by those of the second.
	if end > len(buf) || size < 4 || buf[at] != 1<<3|TypeBytes || buf[at+1] >= 0x80 {
		return pair, false
	}
	pair.First = at + 2
	at = pair.First + int(buf[at+1])
	pair.FirstEnd = at
	if at > end-2 || buf[at] != 2<<3|TypeBytes {
		return pair, false
	}
	n := int(buf[at+1])
	at += 2
	if n >= 0x80 {
		if at >= end || buf[at] >= 0x80 {
			return pair, false
		}
		n = n&0x7f | int(buf[at])<<7
		at++
	}
	if at+n != end {
		return pair, false
	}
	pair.Second, pair.SecondEnd = at, end
	return pair, true
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
