// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"math"
	"net/netip"
	"strconv"
	"testing"
)

func FuzzAppendDecimal(f *testing.F) {
	for v := int64(1); v < math.MaxInt64/10; v *= 10 {
		f.Add(v)
		f.Add(v - 1)
		f.Add(-v)
		f.Add(v + v/3)
	}
	f.Add(int64(math.MaxInt64))
	f.Add(int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, v int64) {
		if got, want := string(AppendDecimal([]byte("x"), v)), "x"+strconv.FormatInt(v, 10); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestFigures(t *testing.T) {
	t.Parallel()
	for v := uint64(0); v < 100_000_000; v += 1 + v%7*v%11 {
		if got, want := AppendDecimal(nil, int64(v)), strconv.FormatUint(v, 10); string(got) != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}

func FuzzAppendIP(f *testing.F) {
	f.Add([]byte{0, 10, 100, 255})
	f.Add([]byte{9, 99, 199, 1})
	f.Add(make([]byte, 16))
	f.Fuzz(func(t *testing.T, p []byte) {
		a, _ := netip.AddrFromSlice(p) // invalid for most lengths
		if got, want := string(AppendIP([]byte("x"), a)), "x"+string(a.AppendTo(nil)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func BenchmarkAppendDecimal(b *testing.B) {
	values := [...]int64{1_700_000_000_123_456, 5_123_456, 12_345, 200}
	var d []byte
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			d = d[:0]
			for _, v := range values {
				d = AppendDecimal(d, v)
			}
		}
	})
	b.Run("strconv", func(b *testing.B) {
		for b.Loop() {
			d = d[:0]
			for _, v := range values {
				d = strconv.AppendInt(d, v, 10)
			}
		}
	})
}

func BenchmarkAppendIP(b *testing.B) {
	a := netip.AddrFrom4([4]byte{10, 151, 249, 36})
	var d []byte
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			d = AppendIP(d[:0], a)
		}
	})
	b.Run("netip", func(b *testing.B) {
		for b.Loop() {
			d = a.AppendTo(d[:0])
		}
	})
}
