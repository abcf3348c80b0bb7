// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"encoding/binary"
	"math"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Most of a batch is tags, and every client writes a tag alike: the key, the type,
// the one value of that type. Ids, times and references come in one order as well.
// What has that form is read here in one go; anything
// else, faults included, is left to the reader of fields, which answers the same
// (FuzzThriftUsual, BenchmarkDecodeBinary).

// usualTag reads the tag that comes next; false, and nothing is read, for one in
// another form.
func (r *thriftReader) usualTag() (a span.Attr, ok bool) {
	if r.Err != nil || r.literal {
		return a, false
	}
	if r.Compact {
		return r.usualCompact()
	}
	return r.usualBinary()
}

// Heads of fields in the binary protocol: the type and two bytes of the number.
const (
	binaryKey    = wire.ThriftString<<16 | 1
	binaryType   = wire.ThriftI32<<16 | 2
	binaryString = wire.ThriftString<<16 | 3
	binaryDouble = wire.ThriftDouble<<16 | 4
	binaryBool   = wire.ThriftBool<<16 | 5
	binaryLong   = wire.ThriftI64<<16 | 6
	binaryBytes  = wire.ThriftString<<16 | 7
)

// seven are the seven bytes of a head and of a number behind it; zeros, which are
// no head, where there are no seven and one more.
func seven(p []byte, at int) (head uint32, v uint32) {
	if at > len(p)-8 {
		return 0, 0
	}
	w := binary.BigEndian.Uint64(p[at:])
	return uint32(w >> 40), uint32(w >> 8)
}

const highBits = 0x8080_8080_8080_8080

// usualStrings reads up to n tags in the binary protocol, as long as they are strings,
// and adds them: the tags of most clients in one loop (BenchmarkDecodeBinaryStrings).
// It gives how many there were.
func (r *thriftReader) usualStrings(n int) (read int) {
	buf, pos := r.Buf, r.Pos
	for ; read < n; read++ {
		key := pos + 7
		head, keyLen := seven(buf, pos)
		if head != binaryKey || uint64(keyLen) > uint64(len(buf)-key) {
			break
		}
		at := key + int(keyLen)
		// The type and the head of the value behind it, then that head and the length.
		if at > len(buf)-15 || binary.BigEndian.Uint64(buf[at:]) != binaryType<<40|0<<8|wire.ThriftString {
			break
		}
		w := binary.BigEndian.Uint64(buf[at+7:])
		text, end := at+14, at+14+int(uint32(w>>8))
		if w>>40 != binaryString || uint64(uint32(w>>8)) >= uint64(len(buf)-text) || buf[end] != wire.ThriftStop {
			break
		}
		// What is between the key and a short text is below 0x80, so that both are
		// looked at in one go: always more than the eight bytes that overlap.
		p := buf[key:end]
		bits := binary.LittleEndian.Uint64(p[len(p)-8:])
		for ; len(p) > 8; p = p[8:] {
			bits |= binary.LittleEndian.Uint64(p)
		}
		if bits&highBits == 0 {
			r.w.Attr(span.StringAttr(span.At(key, int(keyLen)), span.At(text, end-text)))
		} else {
			r.w.Attr(span.StringAttr(r.w.ValidAt(key, int(keyLen)), r.w.ValidAt(text, end-text)))
		}
		pos = end + 1
	}
	r.Pos = pos
	return read
}

func (r *thriftReader) usualBinary() (a span.Attr, ok bool) {
	buf := r.Buf
	key := r.Pos + 7
	head, keyLen := seven(buf, r.Pos)
	if head != binaryKey || uint64(keyLen) > uint64(len(buf)-key) {
		return a, false
	}
	head, kind := seven(buf, key+int(keyLen))
	if head != binaryType {
		return a, false
	}
	at := key + int(keyLen) + 7
	head, v := seven(buf, at)
	switch {
	case head == binaryString && kind == 0, head == binaryBytes && kind == 4:
		at += 7
		end := at + int(v)
		if uint64(v) >= uint64(len(buf)-at) || buf[end] != wire.ThriftStop {
			return a, false
		}
		name := r.w.ValidAt(key, int(keyLen))
		if kind == 0 {
			a = span.StringAttr(name, r.w.ValidAt(at, int(v)))
		} else {
			a = span.TextAttr(name, span.Bytes, span.At(at, int(v)))
		}
		r.Pos = end + 1
	case head == binaryLong && kind == 3, head == binaryDouble && kind == 1:
		if at > len(buf)-12 || buf[at+11] != wire.ThriftStop {
			return a, false
		}
		bits := binary.BigEndian.Uint64(buf[at+3:])
		name := r.w.ValidAt(key, int(keyLen))
		if kind == 3 {
			a = span.IntAttr(name, int64(bits))
		} else {
			a = span.FloatAttr(name, math.Float64frombits(bits))
		}
		r.Pos = at + 12
	case len(buf)-at >= 5 && buf[at] == wire.ThriftBool && kind == 2:
		if binary.BigEndian.Uint16(buf[at+1:]) != 5 || buf[at+4] != wire.ThriftStop {
			return a, false
		}
		a = span.BoolAttr(r.w.ValidAt(key, int(keyLen)), buf[at+3] == 1)
		r.Pos = at + 5
	default:
		return a, false
	}
	return a, true
}

// Heads of fields in the compact protocol: how much greater the number is than the
// one before, and the type.
const (
	compactText   = 8
	compactKey    = 1<<4 | compactText
	compactType   = 1<<4 | 5
	compactString = 1<<4 | compactText
	compactDouble = 2<<4 | 7
	compactTrue   = 3<<4 | 1
	compactFalse  = 3<<4 | 2
	compactLong   = 4<<4 | 6
	compactBytes  = 5<<4 | compactText
)

// length is a length at a place of the body and the place behind it; negative if
// there are not as many bytes and one more.
func length(buf []byte, at int) (n, next int) {
	if at >= len(buf) {
		return -1, at
	}
	if c := buf[at]; c < 0x80 {
		n, next = int(c), at+1
	} else {
		v, k := binary.Uvarint(buf[at:])
		if k <= 0 || v > math.MaxInt32 {
			return -1, at
		}
		n, next = int(v), at+k
	}
	if n >= len(buf)-next {
		return -1, at
	}
	return n, next
}

// usualCompactStrings is usualStrings for short tags in the compact protocol.
func (r *thriftReader) usualCompactStrings(n int) (read int) {
	buf, pos := r.Buf, r.Pos
	for ; read < n; read++ {
		if pos > len(buf)-2 || buf[pos] != compactKey {
			break
		}
		key, keyLen := pos+2, int(buf[pos+1])
		at := key + keyLen
		// The type and the head of the value behind it.
		if keyLen >= 0x80 || at > len(buf)-4 || binary.LittleEndian.Uint32(buf[at:])&0xffffff != compactType|0<<8|compactString<<16 {
			break
		}
		text, textLen := at+4, int(buf[at+3])
		end := text + textLen
		if textLen >= 0x80 || end >= len(buf) || buf[end] != wire.ThriftStop {
			break
		}
		// The heads are below 0x80, so that key and text are looked at in one go.
		p := buf[pos:end]
		if len(p) < 8 {
			break
		}
		bits := binary.LittleEndian.Uint64(p[len(p)-8:])
		for ; len(p) > 8; p = p[8:] {
			bits |= binary.LittleEndian.Uint64(p)
		}
		if bits&highBits != 0 {
			break
		}
		r.w.Attr(span.StringAttr(span.At(key, keyLen), span.At(text, textLen)))
		pos = end + 1
	}
	r.Pos = pos
	return read
}

func (r *thriftReader) usualCompact() (a span.Attr, ok bool) {
	buf := r.Buf
	if r.Pos >= len(buf) || buf[r.Pos] != compactKey {
		return a, false
	}
	keyLen, key := length(buf, r.Pos+1)
	at := key + keyLen
	if keyLen < 0 || at > len(buf)-4 || buf[at] != compactType {
		return a, false
	}
	const zigzag = 2
	kind, head := buf[at+1], buf[at+2]
	at += 3
	switch {
	case head == compactString && kind == 0*zigzag, head == compactBytes && kind == 4*zigzag:
		n, text := length(buf, at)
		if n < 0 || buf[text+n] != wire.ThriftStop {
			return a, false
		}
		name := r.w.ValidAt(key, keyLen)
		if kind == 0 {
			a = span.StringAttr(name, r.w.ValidAt(text, n))
		} else {
			a = span.TextAttr(name, span.Bytes, span.At(text, n))
		}
		r.Pos = text + n + 1
	case head == compactLong && kind == 3*zigzag:
		v, n := binary.Uvarint(buf[at:])
		if n <= 0 || at+n >= len(buf) || buf[at+n] != wire.ThriftStop {
			return a, false
		}
		a = span.IntAttr(r.w.ValidAt(key, keyLen), int64(v>>1)^-int64(v&1))
		r.Pos = at + n + 1
	case (head == compactTrue || head == compactFalse) && kind == 2*zigzag:
		if buf[at] != wire.ThriftStop {
			return a, false
		}
		a = span.BoolAttr(r.w.ValidAt(key, keyLen), head == compactTrue)
		r.Pos = at + 1
	case head == compactDouble && kind == 1*zigzag:
		if at > len(buf)-9 || buf[at+8] != wire.ThriftStop {
			return a, false
		}
		a = span.FloatAttr(r.w.ValidAt(key, keyLen), math.Float64frombits(binary.LittleEndian.Uint64(buf[at:])))
		r.Pos = at + 9
	default:
		return a, false
	}
	return a, true
}

// isLong is true where the head of a field of type i64 and of a number stands.
func isLong(p []byte, number uint32) bool {
	return binary.BigEndian.Uint32(p)>>8 == wire.ThriftI64<<16|number
}

// usualHead reads the ids and the name of a span, its fields 1 to 5, if they come in
// this order. It gives the parent and a bit for each field that was read.
func (r *thriftReader) usualHead(s *span.Span) (parent span.ID, seen uint16) {
	var ids [4]uint64
	var name, n, end int
	switch p := r.Buf[r.Pos:]; {
	case r.literal || r.Err != nil:
		return 0, 0
	case r.Compact:
		at, ok := r.Pos, false
		for i := range ids {
			if ids[i], at, ok = r.compactLong(at); !ok {
				return 0, 0
			}
		}
		if at >= len(r.Buf) || r.Buf[at] != compactKey {
			return 0, 0
		}
		if n, name = length(r.Buf, at+1); n < 0 {
			return 0, 0
		}
		end = name + n
	default:
		const size = 4*11 + 7
		if len(p) <= size || !isLong(p, 1) || !isLong(p[11:], 2) || !isLong(p[22:], 3) || !isLong(p[33:], 4) {
			return 0, 0
		}
		head, length := seven(p, 44)
		if head != wire.ThriftString<<16|5 || uint64(length) >= uint64(len(p)-size) {
			return 0, 0
		}
		for i := range ids {
			ids[i] = binary.BigEndian.Uint64(p[i*11+3:])
		}
		name, n = r.Pos+size, int(length)
		end = name + n
	}
	s.Trace = span.TraceID{Lo: ids[0], Hi: ids[1]}
	s.ID = span.ID(ids[2])
	s.Name = nonEmpty(r.w.ValidAt(name, n))
	r.Took(end, 5)
	return span.ID(ids[3]), 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5
}

// usualTimes reads the start and the duration of a span, if they come behind its
// flags. It gives a bit for each field that was read.
func (r *thriftReader) usualTimes(s *span.Span) (seen uint16) {
	var start, duration uint64
	end := r.Pos
	switch p := r.Buf[r.Pos:]; {
	case r.literal || r.Err != nil:
		return 0
	case r.Compact:
		var ok bool
		if start, end, ok = r.compactLong(end); !ok {
			return 0
		}
		if duration, end, ok = r.compactLong(end); !ok {
			return 0
		}
	default:
		if len(p) < 22 || !isLong(p, 8) || !isLong(p[11:], 9) {
			return 0
		}
		start, duration = binary.BigEndian.Uint64(p[3:]), binary.BigEndian.Uint64(p[14:])
		end += 22
	}
	r.Took(end, 9)
	s.Start = r.microsOf(int64(start), "startTime", 0)
	s.Duration = r.microsOf(int64(duration), "duration", 0)
	return 1<<8 | 1<<9
}

// compactLong reads an i64 of the field behind the one before.
func (r *thriftReader) compactLong(at int) (v uint64, next int, ok bool) {
	if at >= len(r.Buf) || r.Buf[at] != 1<<4|6 {
		return 0, at, false
	}
	v, n := wire.Uvarint(r.Buf[at+1:])
	return v>>1 ^ -(v & 1), at + 1 + n, n > 0
}

// usualRef reads the reference that comes next, if it has all its fields in their
// order.
func (r *thriftReader) usualRef() (ref span.Ref, ok bool) {
	const size = 7 + 3*11 + 1
	switch {
	case r.literal || r.Err != nil:
		return ref, false
	case r.Compact:
		return r.usualCompactRef()
	case r.Pos > len(r.Buf)-size:
		return ref, false
	}
	p := r.Buf[r.Pos : r.Pos+size]
	head, kind := seven(p, 0)
	if head != wire.ThriftI32<<16|1 || !isLong(p[7:], 2) || !isLong(p[18:], 3) || !isLong(p[29:], 4) || p[40] != wire.ThriftStop {
		return ref, false
	}
	r.Pos += size
	ref.Kind = refKind(int64(int32(kind)))
	ref.Trace = span.TraceID{Lo: binary.BigEndian.Uint64(p[10:]), Hi: binary.BigEndian.Uint64(p[21:])}
	ref.Span = span.ID(binary.BigEndian.Uint64(p[32:]))
	return ref, true
}

func (r *thriftReader) usualCompactRef() (ref span.Ref, ok bool) {
	const i32 = 1<<4 | 5
	p := r.Buf
	at := r.Pos + 2
	if at >= len(p) || p[at-2] != i32 || p[at-1] >= 0x80 {
		return ref, false
	}
	kind := p[at-1]
	var ids [3]uint64
	for i := range ids {
		if ids[i], at, ok = r.compactLong(at); !ok {
			return ref, false
		}
	}
	if at >= len(p) || p[at] != wire.ThriftStop {
		return ref, false
	}
	r.Pos = at + 1
	ref.Kind = refKind(int64(int8(kind>>1) ^ -int8(kind&1)))
	ref.Trace = span.TraceID{Lo: ids[0], Hi: ids[1]}
	ref.Span = span.ID(ids[2])
	return ref, true
}
