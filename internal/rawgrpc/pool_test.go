// SPDX-License-Identifier: Apache-2.0

package rawgrpc

import (
	"bytes"
	"testing"
)

// TestPool: a buffer has the length that is asked for, whatever was taken before.
func TestPool(t *testing.T) {
	t.Parallel()
	var p pool
	lengths := []int{0, 1, 255, 256, 257, 1 << 10, 1<<10 + 1, 100_000, 1 << 20, 1 << mostBits, 1<<mostBits + 1}
	for range 3 {
		for _, n := range lengths {
			b := p.Get(n)
			if len(*b) != n {
				t.Fatalf("%d bytes, want %d", len(*b), n)
			}
			for i := range *b {
				(*b)[i] = 'x'
			}
			*b = (*b)[:n/2] // whoever has it may give a part of it back
			p.Put(b)
		}
	}
	p.Put(&[]byte{})
	odd := make([]byte, 0, 300)
	p.Put(&odd)
	if b := p.Get(300); cap(*b) != 512 {
		t.Errorf("a buffer of %d bytes came back", cap(*b))
	}
}

// TestReused: a message has its own bytes and nothing of one before it.
func TestReused(t *testing.T) {
	t.Parallel()
	for _, n := range []int{5000, 3000, 4100} {
		part := bytes.Repeat([]byte{byte(n)}, n)
		m := NewJoined(1, [][]byte{part, part})
		head := []byte{1<<3 | 2, byte(n)&0x7f | 0x80, byte(n >> 7)}
		want := bytes.Join([][]byte{head, part, head, part}, nil)
		if got := m.Copy(); !bytes.Equal(got, want) {
			t.Errorf("%d bytes of each: %d, want %d", n, len(got), len(want))
		}
		m.Free()
		c := NewCopy(part)
		if got := c.Copy(); !bytes.Equal(got, part) {
			t.Errorf("a copy of %d bytes has %d", n, len(got))
		}
		c.Free()
	}
}

// What it costs to join the segments of a thousand spans.
func BenchmarkNewJoined(b *testing.B) {
	part := make([]byte, 1500)
	parts := make([][]byte, 100)
	for i := range parts {
		parts[i] = part
	}
	b.SetBytes(int64(len(parts) * len(part)))
	b.ReportAllocs()
	for b.Loop() {
		NewJoined(1, parts).Free()
	}
}
