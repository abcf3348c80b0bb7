// SPDX-License-Identifier: Apache-2.0

package span

import "encoding/binary"

// isASCII is true for bytes that are all below 0x80, which most texts are: names,
// keys, ids. For texts of a few words it is cheaper than utf8.Valid.
func isASCII(p []byte) bool {
	const highs = 0x80 * each
	n := len(p)
	switch {
	case n >= 8:
		// The last eight bytes overlap those before.
		bits := binary.LittleEndian.Uint64(p[n-8:])
		for ; len(p) > 8; p = p[8:] {
			bits |= binary.LittleEndian.Uint64(p)
		}
		return bits&highs == 0
	case n >= 4:
		bits := binary.LittleEndian.Uint32(p) | binary.LittleEndian.Uint32(p[n-4:])
		return bits&(highs>>32) == 0
	case n == 0:
		return true
	}
	return (p[0]|p[n/2]|p[n-1])&0x80 == 0
}
