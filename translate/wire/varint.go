// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"math/bits"
)

// Uvarint is binary.Uvarint, which takes byte by byte, for the long ones: ids have
// nine or ten bytes in the compact protocol of Thrift, times eight (BenchmarkUvarint).
// n is not above 0 for one that is cut or too long.
func Uvarint(p []byte) (v uint64, n int) {
	if len(p) < binary.MaxVarintLen64 {
		return binary.Uvarint(p)
	}
	w := binary.LittleEndian.Uint64(p)
	if end := ^w & highs; end != 0 {
		end &= -end // the high bit of the last byte
		return sevens(w & (end<<1 - 1)), bits.TrailingZeros64(end)>>3 + 1
	}
	v = sevens(w) | uint64(p[8]&0x7f)<<56
	switch {
	case p[8] < 0x80:
		return v, 9
	case p[9] > 1:
		return 0, -binary.MaxVarintLen64
	}
	return v | uint64(p[9])<<63, 10
}

// sevens puts the low seven bits of each byte side by side.
func sevens(w uint64) uint64 {
	w = w&0x007f007f007f007f | w&0x7f007f007f007f00>>1
	w = w&0x00003fff00003fff | w&0x3fff00003fff0000>>2
	return w&0x0fffffff | w&0x0fffffff00000000>>4
}
