// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"encoding/binary"
	"math"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// What of a span in protobuf has the form that every writer gives it is read here
// without a step for each part: ids of the right length, tags with a key, a type and
// the value of that type, times. Anything else, faults included, is left to the
// readers of fields (FuzzProtoUsual, BenchmarkDecodeProto).

const (
	bytes1, bytes2, bytes3, bytes4 = 1<<3 | wire.TypeBytes, 2<<3 | wire.TypeBytes, 3<<3 | wire.TypeBytes, 4<<3 | wire.TypeBytes
	bytes6, bytes7, bytes8         = 6<<3 | wire.TypeBytes, 7<<3 | wire.TypeBytes, 8<<3 | wire.TypeBytes

	varint1, varint2, varint3 = 1<<3 | wire.TypeVarint, 2<<3 | wire.TypeVarint, 3<<3 | wire.TypeVarint
	varint4, varint5          = 4<<3 | wire.TypeVarint, 5<<3 | wire.TypeVarint

	fixed6 = 6<<3 | wire.TypeFixed64
)

// usual reads the fields of a span from a place on and gives the place of the first
// one that is not usual.
func (r *protoReader) usual(buf []byte, at int, s *span.Span) int {
	for at < len(buf)-10 && !r.literal {
		switch buf[at] {
		case bytes1:
			if buf[at+1] != 16 || at > len(buf)-18 {
				return at
			}
			s.Trace = traceID(buf[at+2:])
			at += 18
		case bytes2:
			if buf[at+1] != 8 {
				return at
			}
			s.ID = span.ID(binary.BigEndian.Uint64(buf[at+2:]))
			at += 10
		case bytes8:
			if next := r.usualStrings(buf, at); next > at {
				at = next
				continue
			}
			a, next := r.usualTag(buf, at+1)
			if next == 0 {
				return at
			}
			r.w.Attr(a)
			at = next
		case bytes3:
			first, end := head(buf, at+1)
			if first == 0 {
				return at
			}
			s.Name = nonEmpty(r.textAt(first, end-first))
			at = end
		case bytes4:
			ref, next := usualRef(buf, at+1)
			if next == 0 {
				return at
			}
			r.w.Ref(ref)
			at = next
		case varint5:
			if buf[at+1] >= 0x80 {
				return at
			}
			s.Sampling = span.Sampling(buf[at+1])
			at += 2
		case bytes6, bytes7:
			ns, next := usualSeconds(buf, at+1)
			if next == 0 {
				return at
			}
			if buf[at] == bytes6 {
				s.Start = ns
			} else {
				s.Duration = ns
			}
			at = next
		default:
			return at
		}
	}
	return at
}

// usualStrings reads tags from a place on, as long as they are short strings, and adds
// them: the tags of most clients in one loop (BenchmarkDecodeProtoStrings). It gives the
// place of the first one that is not.
func (r *protoReader) usualStrings(buf []byte, at int) int {
	const least = 8
	for at <= len(buf)-2-least && buf[at] == bytes8 {
		first, n := at+2, int(buf[at+1])
		if n < least || n >= 0x80 || n > len(buf)-first {
			break
		}
		p := buf[first : first+n]
		keyLen := int(p[1])
		value := 2 + keyLen
		if p[0] != bytes1 || value > n-2 || p[value] != bytes3 || int(p[value+1]) != n-2-value {
			break
		}
		// The heads are below 0x80, so that key and text are looked at in one go.
		bits := binary.LittleEndian.Uint64(p[n-8:])
		for q := p; len(q) > 8; q = q[8:] {
			bits |= binary.LittleEndian.Uint64(q)
		}
		if bits&highBits != 0 {
			break
		}
		r.w.Attr(span.StringAttr(span.At(first+2, keyLen), span.At(first+value+2, n-2-value)))
		at = first + n
	}
	return at
}

// head is the length of the message at a place, and the place of its first field;
// 0 where the message does not end before the buffer does.
func head(buf []byte, at int) (first, end int) {
	if at > len(buf)-2 {
		return 0, 0
	}
	n := int(buf[at])
	at++
	if n >= 0x80 {
		if buf[at] >= 0x80 {
			return 0, 0
		}
		n = n&0x7f | int(buf[at])<<7
		at++
	}
	if n > len(buf)-at {
		return 0, 0
	}
	return at, at + n
}

// usualTag reads the KeyValue whose length stands at a place and gives the place
// behind it; 0 for one in another form. A string is the type 0, which is not written.
func (r *protoReader) usualTag(buf []byte, at int) (a span.Attr, next int) {
	if r.literal {
		return a, 0
	}
	at, end := head(buf, at)
	if end-at < 4 || buf[at] != bytes1 || buf[at+1] >= 0x80 {
		return a, 0
	}
	p := buf[:end]
	key, n := at+2, int(p[at+1])
	at = key + n
	if at > end-2 {
		return a, 0
	}
	kind := span.String
	if p[at] == varint2 {
		if int(p[at+1]) >= len(protoTypes) {
			return a, 0
		}
		kind = protoTypes[p[at+1]]
		at += 2
	}
	if at > end-2 {
		return a, 0
	}
	switch tag := p[at]; {
	case tag == bytes3 && kind == span.String, tag == bytes7 && kind == span.Bytes:
		first, last := head(p, at+1)
		if first == 0 || last != end {
			return a, 0
		}
		name := r.textAt(key, n)
		if kind == span.Bytes {
			return span.TextAttr(name, span.Bytes, span.At(first, end-first)), end
		}
		return span.StringAttr(name, r.textAt(first, end-first)), end
	case tag == varint4 && kind == span.Bool:
		if at != end-2 || p[at+1] > 1 {
			return a, 0
		}
		return span.BoolAttr(r.textAt(key, n), p[at+1] == 1), end
	case tag == varint5 && kind == span.Int:
		v, size := wire.Uvarint(p[at+1:])
		if size != end-at-1 {
			return a, 0
		}
		return span.IntAttr(r.textAt(key, n), int64(v)), end
	case tag == fixed6 && kind == span.Float:
		if at != end-9 {
			return a, 0
		}
		return span.FloatAttr(r.textAt(key, n), math.Float64frombits(binary.LittleEndian.Uint64(p[at+1:]))), end
	}
	return a, 0
}

// usualRef reads the SpanRef whose length stands at a place, if it has both ids and a
// kind that is one.
func usualRef(buf []byte, at int) (ref span.Ref, next int) {
	const short, long = 2 + 16 + 2 + 8, 2 + 16 + 2 + 8 + 2 // CHILD_OF is 0, which is not written
	first, end := head(buf, at)
	p := buf[first:end]
	if len(p) != short && len(p) != long || p[0] != bytes1 || p[1] != 16 || p[18] != bytes2 || p[19] != 8 {
		return ref, 0
	}
	if len(p) == long {
		if p[short] != varint3 || p[short+1] > refFollowsFrom {
			return ref, 0
		}
		ref.Kind = refKind(int64(p[short+1]))
	}
	ref.Trace, ref.Span = traceID(p[2:]), span.ID(binary.BigEndian.Uint64(p[20:]))
	if isZeroRef(&ref) {
		return ref, 0
	}
	return ref, end
}

// usualSeconds reads the Timestamp or the Duration whose length stands at a place:
// seconds and nanoseconds that nothing is wrong with, or one of them.
func usualSeconds(buf []byte, at int) (ns int64, next int) {
	at, end := head(buf, at)
	if end-at < 2 || end-at > 16 {
		return 0, 0
	}
	p := buf[:end]
	if p[at] == varint1 {
		v, size := wire.Uvarint(p[at+1:])
		if size <= 0 || v > maxSeconds {
			return 0, 0
		}
		ns = int64(v) * 1_000_000_000
		at += 1 + size
	}
	if at < end {
		if p[at] != varint2 {
			return 0, 0
		}
		v, size := wire.Uvarint(p[at+1:])
		if size <= 0 || v > 999_999_999 {
			return 0, 0
		}
		ns += int64(v)
		at += 1 + size
	}
	if at != end {
		return 0, 0
	}
	return ns, end
}
