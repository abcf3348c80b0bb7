// SPDX-License-Identifier: Apache-2.0

package span

import (
	"encoding/binary"
	"math"
)

const highs = 0x80 * each // the high bit of each byte of a word

// IsASCII is true for bytes that are all below 0x80, which most texts are: names,
// keys, ids. For texts of a few words it is cheaper than utf8.Valid.
func IsASCII(p []byte) bool {
	n := len(p)
	if n < 8 {
		return isShortASCII(p)
	}
	// The last eight bytes overlap those before.
	bits := binary.LittleEndian.Uint64(p[n-8:])
	for ; len(p) > 8; p = p[8:] {
		bits |= binary.LittleEndian.Uint64(p)
	}
	return bits&highs == 0
}

func isShortASCII(p []byte) bool {
	n := len(p)
	if n >= 4 {
		bits := binary.LittleEndian.Uint32(p) | binary.LittleEndian.Uint32(p[n-4:])
		return bits&(highs&math.MaxUint32) == 0
	}
	return n == 0 || (p[0]|p[n/2]|p[n-1])&0x80 == 0
}
