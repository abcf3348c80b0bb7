// SPDX-License-Identifier: Apache-2.0

package span

import (
	"strconv"
	"testing"
)

// Every byte at every place, beside strconv.
func TestHex(t *testing.T) {
	for n := 1; n <= 16; n++ {
		for at := range n {
			for b := range 256 {
				digits := []byte("463ac35c9f6413ad")[:n]
				digits[at] = byte(b)
				got, err := parseHex(string(digits))
				want, wantErr := strconv.ParseUint(string(digits), 16, 64)
				if b == '+' || b == '-' || b == '_' {
					wantErr = strconv.ErrSyntax
				}
				if (err == nil) != (wantErr == nil) || err == nil && got != want {
					t.Fatalf("%q: %x, %v, want %x, %v", digits, got, err, want, wantErr)
				}
				lower, ok := ParseLower16(string(digits))
				if wanted := n == 16 && wantErr == nil && (b < 'A' || b > 'F'); ok != wanted || ok && lower != want {
					t.Fatalf("%q: %x, %v, want %x, %v", digits, lower, ok, want, wanted)
				}
			}
		}
	}
	for i := range uint64(10_000) {
		v := i * 0x9e3779b97f4a7c15
		s := string(appendHex64(nil, v))
		if got, err := strconv.ParseUint(s, 16, 64); err != nil || got != v || len(s) != 16 || !isLower(s) {
			t.Fatalf("%x: %q", v, s)
		}
	}
}

func BenchmarkHex(b *testing.B) {
	var a [16]byte
	for b.Loop() {
		v, err := parseHex("463ac35c9f6413ad")
		if err != nil {
			b.Fatal(err)
		}
		appendHex64(a[:0], v)
	}
}
