// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"fmt"
	"strconv"
	"unsafe"

	"github.com/spanbridge/spanbridge/span"
)

// lowerHex holds the value of lower-case hex digits and 0xff for other bytes:
// the server takes no upper case.
var lowerHex = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range 10 {
		t['0'+i] = byte(i)
	}
	for i := range 6 {
		t['a'+i] = byte(10 + i)
	}
	return t
}()

// hexDigits reads up to 16 digits; bad is above 15 if one of them is none.
func hexDigits(p string) (v uint64, bad byte) {
	for i := range len(p) {
		d := lowerHex[p[i]]
		bad |= d
		v = v<<4 | uint64(d&15)
	}
	return v, bad
}

// hex reads up to 32 lower-case hex digits and says how many there were, 0 if
// they are none.
func (r *reader) hex(field string, most int) (hi, lo uint64, digits int) {
	if hi, lo, digits = r.usualHex(most); digits > 0 {
		return hi, lo, digits
	}
	s, ok := r.text(field)
	if !ok {
		return 0, 0, 0
	}
	p := r.j.Text(s)
	if len(p) == 0 || len(p) > most {
		r.refuse(field, strconv.Itoa(len(p))+" characters", "1 to "+strconv.Itoa(most)+" lower-case hex digits")
		return 0, 0, 0
	}
	var badHi, badLo byte
	if cut := len(p) - 16; cut > 0 {
		hi, badHi = hexDigits(p[:cut])
		lo, badLo = hexDigits(p[cut:])
	} else {
		lo, badLo = hexDigits(p)
	}
	if badHi|badLo > 15 {
		i := 0
		for lowerHex[p[i]] < 16 {
			i++
		}
		r.refuse(field, fmt.Sprintf("%q at digit %d", p[i], i+1), "lower-case hex digits")
		return 0, 0, 0
	}
	return hi, lo, len(p)
}

// usualHex reads 16 or 32 digits in quotes that come next; 0 digits, and nothing
// is read, for all else.
func (r *reader) usualHex(most int) (hi, lo uint64, digits int) {
	buf, at := r.j.Buf, r.j.Pos+1
	if len(buf)-at < 17 || buf[at-1] != '"' {
		return 0, 0, 0
	}
	v, ok := span.ParseLower16(asString(buf[at : at+16]))
	switch {
	case !ok:
		return 0, 0, 0
	case buf[at+16] == '"':
		r.j.Pos = at + 17
		return 0, v, 16
	case most < 32 || len(buf)-at < 33 || buf[at+32] != '"':
		return 0, 0, 0
	}
	if lo, ok = span.ParseLower16(asString(buf[at+16 : at+32])); !ok {
		return 0, 0, 0
	}
	r.j.Pos = at + 33
	return v, lo, 32
}

// asString is p as a string, for functions that do not keep it.
func asString(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }
