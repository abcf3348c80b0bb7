// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// AppendJSON appends s as a JSON string in double quotes. Bytes that are not
// UTF-8 become U+FFFD; nothing else is escaped than JSON demands.
func AppendJSON[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	for {
		n := plain(s)
		dst = append(dst, s[:n]...)
		if s = s[n:]; len(s) == 0 {
			return append(dst, '"')
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
			dst = utf8.AppendRune(dst, r)
		}
		s = s[n:]
	}
}

// plain is the length of the longest prefix that needs no look: ASCII without
// control characters, quotes and backslashes.
func plain[T string | []byte](s T) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64([]byte(s[i : i+8]))
		q := w ^ lows*'"'
		b := w ^ lows*'\\'
		m := ((q - lows) &^ q) | ((b - lows) &^ b) | ((w - lows*0x20) &^ w) | w
		if m &= highs; m != 0 {
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
