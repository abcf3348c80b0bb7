// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendJSON appends s as a JSON string in double quotes. Bytes that are not
// UTF-8 become U+FFFD; nothing else is escaped than JSON demands.
func AppendJSON[T string | []byte](dst []byte, s T) []byte {
	dst, _ = AppendWhole(dst, s)
	return dst
}

// AppendWhole is AppendJSON. whole is false if something in s was not UTF-8, so
// that a reader will not get it back.
func AppendWhole[T string | []byte](dst []byte, s T) (out []byte, whole bool) {
	if out, ok := AppendPlain(dst, s); ok {
		return out, true
	}
	return appendEscaped(dst, s)
}

// AppendPlain is AppendJSON for a text that IsPlain; false, with nothing
// appended, for others. It copies a word at a time and looks at all of them
// together (BenchmarkAppendJSON).
func AppendPlain[T string | []byte](dst []byte, s T) (out []byte, ok bool) {
	n := len(dst)
	dst = slices.Grow(dst, len(s)+wordLen+2)
	room := dst[n : n+len(s)+wordLen+2]
	room[0] = '"'
	to := room[1:]
	var odd uint64
	if last := len(s) - wordLen; last >= 0 {
		for i := 0; i < last; i += wordLen {
			w := binary.LittleEndian.Uint64([]byte(s[i : i+wordLen]))
			odd |= unplain(w)
			binary.LittleEndian.PutUint64(to[i:i+wordLen], w)
		}
		w := binary.LittleEndian.Uint64([]byte(s[last:]))
		odd |= unplain(w)
		binary.LittleEndian.PutUint64(to[last:last+wordLen], w)
	} else {
		var w uint64
		switch n := len(s); {
		case n >= 4: // both halves, which may have bytes in common
			w = uint64(binary.LittleEndian.Uint32([]byte(s[:4]))) | uint64(binary.LittleEndian.Uint32([]byte(s[n-4:])))<<(8*(n-4))
		case n > 0: // the first byte, the middle one and the last one
			w = uint64(s[0]) | uint64(s[n>>1])<<(8*(n>>1)) | uint64(s[n-1])<<(8*(n-1))
		}
		odd = unplain(w) & (1<<(8*len(s)) - 1)
		binary.LittleEndian.PutUint64(to, w)
	}
	if odd != 0 {
		return dst[:n], false
	}
	to[len(s)] = '"'
	return dst[:n+len(s)+2], true
}

const wordLen = 8

func appendEscaped[T string | []byte](dst []byte, s T) (out []byte, whole bool) {
	whole = true
	dst = append(dst, '"')
	for {
		n := plain(s)
		dst = append(dst, s[:n]...)
		if s = s[n:]; len(s) == 0 {
			return append(dst, '"'), whole
		}
		n = 1
		switch c := s[0]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < 0x20:
			dst = append(dst, `\u00`...)
			dst = append(dst, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			var r rune
			r, n = utf8.DecodeRuneInString(string(s[:min(len(s), utf8.UTFMax)]))
			whole = whole && (r != utf8.RuneError || n > 1)
			dst = utf8.AppendRune(dst, r)
		}
		s = s[n:]
	}
}

// IsPlain is true for a text that AppendJSON only puts into quotes, and in
// which all is ASCII.
func IsPlain[T string | []byte](s T) bool { return plain(s) == len(s) }

// plain is the length of the longest prefix that needs no look: ASCII without
// control characters, quotes and backslashes.
func plain[T string | []byte](s T) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if m := unplain(binary.LittleEndian.Uint64([]byte(s[i : i+8]))); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x80 {
			break
		}
	}
	return i
}

// unplain has the highest bit of each byte set that needs a look; the lowest one of
// them is right, others may be set besides.
func unplain(w uint64) uint64 { return special(w) | w&highs }

// AppendASCII appends JSON with every character beyond ASCII escaped. It wants
// JSON in UTF-8, where such characters are in strings alone.
func AppendASCII(dst, json []byte) []byte {
	for len(json) > 0 {
		n := ascii(json)
		dst = append(dst, json[:n]...)
		if json = json[n:]; len(json) == 0 {
			break
		}
		r, n := utf8.DecodeRune(json)
		json = json[n:]
		if r1, r2 := utf16.EncodeRune(r); r1 != utf8.RuneError {
			dst = appendEscape(dst, r1)
			r = r2
		}
		dst = appendEscape(dst, r)
	}
	return dst
}

func appendEscape(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// ascii is the length of the longest prefix in ASCII.
func ascii(p []byte) (n int) {
	for ; len(p)-n >= 8; n += 8 {
		if binary.LittleEndian.Uint64(p[n:])&0x8080808080808080 != 0 {
			break
		}
	}
	for n < len(p) && p[n] < utf8.RuneSelf {
		n++
	}
	return n
}
