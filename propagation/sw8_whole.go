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

// parseWhole reads a header that needs no mending; false for any other.
func parseWhole(s string) (c Context, ok bool) {
	if len(s) < len("1-YQ==-YQ==-0-YQ==-YQ==-YQ==-YQ==") || len(s) > 2048 || s[0] != '1' || s[1] != '-' {
		return Context{}, false
	}
	var a [256]byte
	n, at := take64(&a, s, 2)
	if at < 0 || at == len(s) || s[at] != '-' || !isField(a[:n], maxID) {
		return Context{}, false
	}
	name := a[:n]
	c = Context{Trace: span.TraceOf(text(name)), Long: n != 16, Sampling: Accept}
	var b [32]byte
	if n != 32 || text(name) != text(c.Trace.AppendHex32(b[:0])) {
		c.native.name64 = s[2:at]
	}
	if n, at = take64(&a, s, at+1); at < 0 || at == len(s) || s[at] != '-' || !isField(a[:n], maxID) {
		return Context{}, false
	}
	number, from := int32(0), at+1
	for at++; at < len(s) && '0' <= s[at] && s[at] <= '9'; at++ {
		number = number*10 + int32(s[at]-'0')
	}
	if digits := at - from; at == len(s) || s[at] != '-' || digits == 0 || digits > 9 || digits > 1 && s[from] == '0' {
		return Context{}, false
	}
	c.Span = span.SpanOf(c.Trace, text(a[:n]), number)
	for i := range sw8Names {
		if at == len(s) || s[at] != '-' {
			return Context{}, false
		}
		if n, at = take64(&a, s, at+1); at < 0 || !isField(a[:n], sw8Names[i].max) {
			return Context{}, false
		}
	}
	if at != len(s) {
		return Context{}, false
	}
	c.native.sw8, c.native.trace, c.native.span, c.native.whole = s, c.Trace, c.Span, true
	return c, true
}

// isField is true for a text that is not empty, not too long and UTF-8.
func isField(p []byte, most limit) bool {
	return len(p) > 0 && most.fits(p) && utf8.Valid(p)
}

// take64 decodes the field of padded base64 at a place, and gives the length of
// what it holds and the place behind it. The place is negative for any other
// field, and for one that holds more than there is room for.
func take64(into *[256]byte, s string, at int) (n, end int) {
	for len(s)-at >= 4 && n+3 <= len(into) {
		a, b, c, d := digits64[s[at]], digits64[s[at+1]], digits64[s[at+2]], digits64[s[at+3]]
		if a|b|c|d >= 64 {
			break
		}
		into[n], into[n+1], into[n+2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
		n += 3
		at += 4
	}
	switch {
	case at == len(s) || s[at] == '-':
		return n, at
	case len(s)-at < 4 || n+3 > len(into) || s[at+3] != '=':
		return 0, -1
	}
	a, b, c := digits64[s[at]], digits64[s[at+1]], digits64[s[at+2]]
	into[n] = a<<2 | b>>4
	switch {
	case a|b >= 64:
		return 0, -1
	case s[at+2] == '=':
		return n + 1, at + 4
	case c >= 64:
		return 0, -1
	}
	into[n+1] = b<<4 | c>>2
	return n + 2, at + 4
}
