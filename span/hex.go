// SPDX-License-Identifier: Apache-2.0

package span

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unsafe"
)

// Hex digits, eight at a time in the bytes of one word: ids are written and read
// several times for each span (BenchmarkHex).

const each = 0x0101010101010101 // a one for each byte of a word

// appendHex64 appends 16 lower-case digits.
func appendHex64(dst []byte, v uint64) []byte {
	dst = binary.BigEndian.AppendUint64(dst, eightDigits(uint32(v>>32)))
	return binary.BigEndian.AppendUint64(dst, eightDigits(uint32(v)))
}

// eightDigits are the digits of v, the first of them in the highest byte.
func eightDigits(v uint32) uint64 {
	x := uint64(v)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	letters := (x + 6*each) >> 4 & each
	return x + '0'*each + letters*('a'-'0'-10)
}

// parseHex reads up to 16 digits in either case.
func parseHex(s string) (uint64, error) {
	var v uint64
	at := 0
	for ; len(s)-at >= 8; at += 8 {
		word, ok := eightValues(binary.LittleEndian.Uint64(unsafe.Slice(unsafe.StringData(s[at:]), 8)))
		if !ok {
			break
		}
		v = v<<32 | uint64(word)
	}
	for ; at < len(s); at++ {
		d := hexValue[s[at]]
		if d == 0xff {
			return 0, fmt.Errorf("%q at digit %d, want 0-9 or a-f", s[at], at+1)
		}
		v = v<<4 | uint64(d)
	}
	return v, nil
}

// ParseLower16 reads 16 lower-case hex digits; false for anything else.
func ParseLower16(s string) (v uint64, ok bool) {
	if len(s) != 16 {
		return 0, false
	}
	p := unsafe.Slice(unsafe.StringData(s), 16)
	a, b := binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[8:])
	hi, ok1 := eightValues(a)
	lo, ok2 := eightValues(b)
	upper := (a&^(a<<1) | b&^(b<<1)) & (0x40 * each) // a letter without the bit 0x20
	return uint64(hi)<<32 | uint64(lo), ok1 && ok2 && upper == 0
}

// eightValues is what eight digits say, of which the first is in the lowest
// byte; false if one of them is none.
func eightValues(x uint64) (v uint32, ok bool) {
	letters := x & (0x40 * each)
	n := x&(0x0f*each) + letters>>6 + letters>>3 // a letter's low half is 9 less than its value
	// The high halves are 3 for figures and, in lower case, 6 for letters. The
	// values are below 16, and from 10 on for letters alone.
	ok = (x|letters>>1)&(0xf0*each) == 0x30*each+letters>>2+letters>>1 &&
		n&(0x10*each) == 0 && (n+6*each)&(0x10*each) == letters>>2
	n = (n<<4 | n>>8) & 0x00ff00ff00ff00ff
	n = (n | n>>8) & 0x0000ffff0000ffff
	return bits.ReverseBytes32(uint32(n | n>>16)), ok
}

// hexValue holds the value of each hex digit and 0xff for other bytes.
var hexValue = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range 10 {
		t['0'+i] = byte(i)
	}
	for i := range 6 {
		t['a'+i] = byte(10 + i)
		t['A'+i] = byte(10 + i)
	}
	return t
}()
