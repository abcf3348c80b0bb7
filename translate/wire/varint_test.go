// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
)

func sameUvarint(t *testing.T, p []byte) {
	t.Helper()
	v, n := Uvarint(p)
	want, wantN := binary.Uvarint(p)
	if v != want || max(n, 0) != max(wantN, 0) {
		t.Errorf("% x: %d in %d bytes, want %d in %d", p, v, n, want, wantN)
	}
}

func TestUvarint(t *testing.T) {
	t.Parallel()
	for shift := range 64 {
		for _, v := range []uint64{1 << shift, 1<<shift - 1, math.MaxUint64 << shift, math.MaxUint64 >> shift} {
			p := binary.AppendUvarint(nil, v)
			for _, behind := range []byte{0, 1, 0x7f, 0x80, 0xff} {
				sameUvarint(t, append(bytes.Clone(p), bytes.Repeat([]byte{behind}, 12)...))
			}
			for cut := range len(p) + 1 {
				sameUvarint(t, p[:cut])
			}
		}
	}
	// Longer than it need be, and too long.
	for n := range 14 {
		for _, last := range []byte{0, 1, 2, 0x7f, 0x80} {
			for _, fill := range []byte{0x80, 0xff, 0x81} {
				p := append(bytes.Repeat([]byte{fill}, n), last)
				sameUvarint(t, p)
				sameUvarint(t, append(p, bytes.Repeat([]byte{7}, 12)...))
			}
		}
	}
}

func FuzzUvarint(f *testing.F) {
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01rest"))
	f.Fuzz(sameUvarint)
}

func BenchmarkUvarint(b *testing.B) {
	for _, v := range []uint64{300, 1700000000000000 << 1, math.MaxUint64 - 12345} {
		p := append(binary.AppendUvarint(nil, v), make([]byte, 16)...)
		for name, read := range map[string]func([]byte) (uint64, int){"binary": binary.Uvarint, "wire": Uvarint} {
			b.Run(name, func(b *testing.B) {
				sum := uint64(0)
				for b.Loop() {
					v, _ := read(p)
					sum += v
				}
				if sum == 0 {
					b.Fatal("nothing")
				}
			})
		}
	}
}
