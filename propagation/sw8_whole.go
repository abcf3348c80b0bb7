// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/span"
)

// The way of a header that every agent would take, which is nearly every one:
// through it once, without a look at where its fields end. All others go by
// ParseSW8, which says what is wrong with them; FuzzSW8Whole holds the two
// together.

// readWhole reads a header that needs no mending into an empty context; false,
// and nothing is read, for any other.
func (c *Context) readWhole(s string) bool {
	if len(s) < len("1-YQ==-YQ==-0-YQ==-YQ==-YQ==-YQ==") || len(s) > 2048 || s[0] != '1' || s[1] != '-' {
		return false
	}
	var a, b [256]byte
	name, at := take64(&a, s, 2)
	if at < 0 || at == len(s) || s[at] != '-' || len(name) == 0 || !maxID.fits(name) {
		return false
	}
	name64 := s[2:at]
	segment, at := take64(&b, s, at+1)
	if at < 0 || at == len(s) || s[at] != '-' || len(segment) == 0 || !maxID.fits(segment) {
		return false
	}
	number, from := int32(0), at+1
	for at++; at < len(s) && '0' <= s[at] && s[at] <= '9'; at++ {
		number = number*10 + int32(s[at]-'0')
	}
	if digits := at - from; digits == 0 || digits > 9 || digits > 1 && s[from] == '0' {
		return false
	}
	for i := range sw8Names {
		if at == len(s) || s[at] != '-' {
			return false
		}
		if at = pass64(s, at+1, sw8Names[i].max); at < 0 {
			return false
		}
	}
	if at != len(s) {
		return false
	}
	trace, follows := span.TraceNamed(text(name))
	c.Trace, c.Long, c.Sampling = trace, len(name) != 16, Accept
	c.Span = span.SpanOf(trace, text(segment), number)
	if !follows {
		c.native.name64 = name64
	}
	c.native.sw8, c.native.trace, c.native.span, c.native.whole = s, trace, c.Span, true
	return true
}

// take64 decodes the field of padded base64 at a place, and gives what it holds
// and the place behind it. The place is negative for any other field, for one
// that holds more than there is room for, and for one that is not UTF-8.
func take64(into *[256]byte, s string, at int) (field []byte, end int) {
	n, seen := 0, uint32(0)
	for len(s)-at >= 4 && n+3 <= len(into) {
		v := first64[s[at]] | second64[s[at+1]] | third64[s[at+2]] | fourth64[s[at+3]]
		if v > 0xffffff {
			break
		}
		into[n], into[n+1], into[n+2] = byte(v>>16), byte(v>>8), byte(v)
		seen |= v
		n += 3
		at += 4
	}
	if at < len(s) && s[at] != '-' {
		v, size := last64(s, at)
		if size == 0 || n+3 > len(into) {
			return nil, -1
		}
		into[n], into[n+1] = byte(v>>16), byte(v>>8)
		seen |= v
		n += size
		at += 4
	}
	if field = into[:n]; seen&beyondASCII != 0 && !utf8.Valid(field) {
		return nil, -1
	}
	return field, at
}

// last64 is what a group of digits with padding holds, and its size; 0 for
// anything else.
func last64(s string, at int) (v uint32, size int) {
	if len(s)-at < 4 || s[at+3] != '=' {
		return 0, 0
	}
	v, size = first64[s[at]]|second64[s[at+1]], 1
	if s[at+2] != '=' {
		v, size = v|third64[s[at+2]], 2
	}
	if v > 0xffffff {
		return 0, 0
	}
	return v &^ (1<<(24-8*size) - 1), size // digits may hang over
}

// pass64 is the place behind a field like those of take64 that is neither empty
// nor longer than a limit; negative for any other. ASCII is not decoded.
func pass64(s string, at int, most limit) (end int) {
	from, seen, n := at, uint32(0), 0
	for len(s)-at >= 4 {
		v := first64[s[at]] | second64[s[at+1]] | third64[s[at+2]] | fourth64[s[at+3]]
		if v > 0xffffff {
			break
		}
		seen |= v
		n += 3
		at += 4
	}
	if at < len(s) && s[at] != '-' {
		v, size := last64(s, at)
		if size == 0 {
			return -1
		}
		seen |= v
		n += size
		at += 4
	}
	switch {
	case n == 0 || n > most.bytes:
		return -1
	case seen&beyondASCII == 0 && n <= most.chars:
		return at
	}
	var a [256]byte // what has no room goes the long way
	field, end := take64(&a, s, from)
	if end < 0 || !most.fits(field) {
		return -1
	}
	return end
}

const beyondASCII = 0x808080

// The digits of base64 by their place among four, where they belong in the 24
// bits that these make; more than that for all other bytes.
var first64, second64, third64, fourth64 = placed64(18), placed64(12), placed64(6), placed64(0)

func placed64(shift int) (t [256]uint32) {
	for i, d := range digits64 {
		t[i] = 1 << 31
		if d < 64 {
			t[i] = uint32(d) << shift
		}
	}
	return t
}
