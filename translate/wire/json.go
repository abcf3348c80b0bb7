// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// JSON reads JSON from front to back. It is as lenient as the readers of the
// real servers (Gson, which Zipkin uses): control characters inside strings
// pass, a number may stand where a string is wanted and an integer may be
// quoted; Lenient tells afterwards whether anything needed that. Comments,
// single quotes and trailing commas are faults.
type JSON struct {
	Buf []byte
	Pos int
	Err error
	// Lenient is set when something was read that is not the plain form.
	Lenient bool

	first bool // the next Key or Elem is the first of its object or array
}

// Str is a string read by JSON: the bytes between the quotes, and whether they
// hold escapes.
type Str struct {
	At, N   int
	Escaped bool
}

// Fail records a fault at a place; later ones are ignored.
func (j *JSON) Fail(at int, found, want string) {
	if j.Err == nil {
		j.Err = &Fault{at, found, want}
	}
	j.Pos = len(j.Buf)
}

// Peek is the next byte after white space, 0 at the end.
func (j *JSON) Peek() byte {
	for j.Pos < len(j.Buf) {
		c := j.Buf[j.Pos]
		if c > ' ' {
			return c
		}
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
		j.Pos++
	}
	return 0
}

// Found describes what comes next, for a message.
func (j *JSON) Found() string {
	c := j.Peek()
	switch {
	case j.Pos >= len(j.Buf):
		return "the end of the body"
	case c < ' ' || c >= 0x7f:
		return fmt.Sprintf("byte %#02x", c)
	default:
		return fmt.Sprintf("%q", c)
	}
}

// open reads the bracket that starts an object or an array.
func (j *JSON) open(c byte, want string) bool {
	if j.Peek() != c {
		j.Fail(j.Pos, j.Found(), want)
		return false
	}
	j.Pos++
	j.first = true
	return true
}

// Object reads the start of an object; its members come by Key.
func (j *JSON) Object() bool { return j.open('{', "an object") }

// Array reads the start of an array; its elements come by Elem.
func (j *JSON) Array() bool { return j.open('[', "an array") }

// more steps over a comma, or over the closing bracket.
func (j *JSON) more(end byte) bool {
	c := j.Peek()
	first := j.first
	j.first = false
	switch {
	case j.Err != nil:
		return false
	case c == end:
		j.Pos++
		return false
	case first: // Key or Elem looks at what comes
		return true
	case c == ',':
		j.Pos++
		return true
	}
	j.Fail(j.Pos, j.Found(), fmt.Sprintf("',' or %q", end))
	return false
}

// Key reads the key of the next member; false at the end of the object.
func (j *JSON) Key() (Str, bool) {
	// The usual case: a comma and the quote, without white space.
	if i := j.Pos; !j.first && i+1 < len(j.Buf) && j.Buf[i] == ',' && j.Buf[i+1] == '"' {
		j.Pos++
	} else if !j.more('}') {
		return Str{}, false
	} else if j.Peek() != '"' {
		j.Fail(j.Pos, j.Found(), "a key in double quotes")
		return Str{}, false
	}
	s := j.quoted()
	if j.Peek() != ':' {
		j.Fail(j.Pos, j.Found(), "':'")
		return Str{}, false
	}
	j.Pos++
	return s, true
}

// PlainKey is the place behind the opening quote of the next key, if the key
// follows in the usual form, without white space; negative otherwise. A caller
// that knows the key takes it with TakeKey, any other one calls Key.
func (j *JSON) PlainKey() int {
	i := j.Pos
	if !j.first {
		if i >= len(j.Buf) || j.Buf[i] != ',' {
			return -1
		}
		i++
	}
	if i >= len(j.Buf) || j.Buf[i] != '"' {
		return -1
	}
	return i + 1
}

// PlainEnd steps over the bracket that ends an object with members, if it follows
// without white space.
func (j *JSON) PlainEnd() bool {
	if i := j.Pos; !j.first && i < len(j.Buf) && j.Buf[i] == '}' && j.Err == nil {
		j.Pos++
		return true
	}
	return false
}

// TakeKey steps behind the colon of a key that the caller has read.
func (j *JSON) TakeKey(end int) {
	j.first = false
	j.Pos = end
}

// Elem steps to the next element; false at the end of the array.
func (j *JSON) Elem() bool {
	if !j.more(']') {
		return false
	}
	if c := j.Peek(); c == ']' || c == 0 && j.Pos >= len(j.Buf) {
		j.Fail(j.Pos, j.Found(), "an element")
		return false
	}
	return true
}

// Null steps over the literal null if it comes next.
func (j *JSON) Null() bool {
	// Mostly there is a value, and no white space before it.
	return (j.Pos >= len(j.Buf) || maybeNull[j.Buf[j.Pos]]) && j.null()
}

// maybeNull has the bytes that null may begin with: its first letter, white space.
var maybeNull = func() (t [256]bool) {
	for c := range ' ' + 1 {
		t[c] = true
	}
	t['n'] = true
	return t
}()

func (j *JSON) null() bool {
	if j.Peek() != 'n' {
		return false
	}
	j.Lenient = true
	return j.literal("null")
}

func (j *JSON) literal(s string) bool {
	if len(j.Buf)-j.Pos < len(s) || string(j.Buf[j.Pos:j.Pos+len(s)]) != s {
		j.Fail(j.Pos, j.Found(), s)
		return false
	}
	j.Pos += len(s)
	return true
}

// String reads a string; a number is taken as its text.
func (j *JSON) String() Str {
	switch c := j.Peek(); {
	case c == '"':
		return j.quoted()
	case c == '-' || '0' <= c && c <= '9':
		j.Lenient = true
		at := j.Pos
		j.number()
		return Str{At: at, N: j.Pos - at}
	default:
		j.Fail(j.Pos, j.Found(), "a string")
		return Str{}
	}
}

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks the high bit of the first byte of a word that is a quote, a
// backslash or a control character. Bytes behind it may be marked for nothing.
func special(w uint64) uint64 {
	q := w ^ lows*'"'
	b := w ^ lows*'\\'
	return (((q - lows) &^ q) | ((b - lows) &^ b) | ((w - lows*0x20) &^ w)) & highs
}

// PlainString is the place of the quote that ends the string whose content begins
// at a place, if it holds no escape and no control character; negative otherwise.
// Who takes the string goes on behind the quote.
func (j *JSON) PlainString(at int) int {
	buf := j.Buf
	for i := at; i+8 <= len(buf); i += 8 {
		if m := special(binary.LittleEndian.Uint64(buf[i:])); m != 0 {
			if i += bits.TrailingZeros64(m) >> 3; buf[i] == '"' {
				return i
			}
			return -1
		}
	}
	for i := max(at, len(buf)-7); i < len(buf); i++ {
		switch c := buf[i]; {
		case c == '"':
			return i
		case c == '\\' || c < 0x20:
			return -1
		}
	}
	return -1
}

// quoted reads a string in double quotes, eight bytes at a time up to a quote,
// a backslash or a control character.
func (j *JSON) quoted() Str {
	buf := j.Buf
	at := j.Pos + 1
	if end := j.PlainString(at); end >= 0 {
		j.Pos = end + 1
		return Str{At: at, N: end - at}
	}
	i := at
	escaped := false
	for {
		for i+8 <= len(buf) {
			if m := special(binary.LittleEndian.Uint64(buf[i:])); m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(buf) {
			j.Fail(len(buf), "the end of the body", "the end of a string")
			return Str{}
		}
		switch c := buf[i]; c {
		case '"':
			j.Pos = i + 1
			return Str{At: at, N: i - at, Escaped: escaped}
		case '\\':
			escaped = true
			if !plainEscape(buf, i+1) {
				j.Lenient = true
			}
			i = min(i+2, len(buf))
		default:
			if c < 0x20 {
				j.Lenient = true
			}
			i++
		}
	}
}

// plainEscape is true for what JSON allows after a backslash.
func plainEscape(p []byte, i int) bool {
	if i >= len(p) {
		return false
	}
	switch p[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		_, ok := hex4(p, i+1)
		return ok
	}
	return false
}

// Bytes are the bytes between the quotes as they are.
func (j *JSON) Bytes(s Str) []byte { return j.Buf[s.At : s.At+s.N] }

// Raw is Bytes as a string that points into the body.
func (j *JSON) Raw(s Str) string {
	if s.N == 0 {
		return ""
	}
	return unsafe.String(&j.Buf[s.At], s.N)
}

// Text is the content of a string with its escapes resolved; without escapes
// it points into the body. One with a bad escape is left as it is.
func (j *JSON) Text(s Str) string {
	if s.Escaped {
		return j.unescaped(s)
	}
	return j.Raw(s)
}

func (j *JSON) unescaped(s Str) string {
	p, ok := j.AppendUnescaped(nil, s)
	if !ok {
		return j.Raw(s)
	}
	return string(p)
}

// AppendUnescaped appends the content of a string with its escapes resolved.
// Half of a surrogate pair becomes U+FFFD. It returns false, without a fault of
// the body, when an escape is not one of JSON's.
func (j *JSON) AppendUnescaped(dst []byte, s Str) ([]byte, bool) {
	p := j.Bytes(s)
	if !s.Escaped {
		return append(dst, p...), true
	}
	for i := 0; i < len(p); {
		n := bytes.IndexByte(p[i:], '\\')
		if n < 0 {
			return append(dst, p[i:]...), true
		}
		dst = append(dst, p[i:i+n]...)
		i += n
		if i+1 >= len(p) {
			return dst, false
		}
		c := p[i+1]
		i += 2
		switch c {
		case '"', '\\', '/', '\'', '\n':
			dst = append(dst, c)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, ok := hex4(p, i)
			if !ok {
				return dst, false
			}
			i += 4
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if i+1 < len(p) && p[i] == '\\' && p[i+1] == 'u' {
					low, ok = hex4(p, i+2)
				}
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					i += 6
				} else {
					r = utf8.RuneError
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			return dst, false
		}
	}
	return dst, true
}

func hex4(p []byte, i int) (rune, bool) {
	if i+4 > len(p) {
		return 0, false
	}
	v, err := strconv.ParseUint(string(p[i:i+4]), 16, 16)
	return rune(v), err == nil
}

// Bool reads true or false.
func (j *JSON) Bool() bool {
	switch j.Peek() {
	case 't':
		return j.literal("true")
	case 'f':
		j.literal("false")
		return false
	}
	j.Fail(j.Pos, j.Found(), "true or false")
	return false
}

// Skip steps over a value of any kind.
func (j *JSON) Skip() {
	var array [maxDepth]bool
	for depth := 0; ; {
		switch c := j.Peek(); c {
		case '{', '[':
			if depth == maxDepth {
				j.Fail(j.Pos, fmt.Sprintf("values more than %d deep", maxDepth), "less")
				return
			}
			j.Pos++
			j.first = true
			array[depth] = c == '['
			depth++
		case '"':
			j.quoted()
		case 't':
			j.literal("true")
		case 'f':
			j.literal("false")
		case 'n':
			j.literal("null")
		default:
			if c != '-' && (c < '0' || c > '9') {
				j.Fail(j.Pos, j.Found(), "a value")
				return
			}
			j.number()
		}
		// Close what ends here and step to the next value.
		for {
			if depth == 0 || j.Err != nil {
				return
			}
			var ok bool
			if array[depth-1] {
				ok = j.Elem()
			} else {
				_, ok = j.Key()
			}
			if ok {
				break
			}
			depth--
		}
	}
}
