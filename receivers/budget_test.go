// SPDX-License-Identifier: Apache-2.0

//go:build !fence

package receivers

import (
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/span"
)

// usedBuffer releases a buffer with memory for spans, so that the next one of that
// length has it.
func usedBuffer(n int) {
	f := span.NewBuffer(n)
	w := span.NewBuilder(f.Body, span.Origin{Buffer: f})
	for range 100 {
		w.Span(span.Span{ID: 1})
	}
	w.Batch().Release()
}

// TestUsedBuffersCount: what a buffer has of messages before counts while a body is read
// into it, or goes if there is no room for that.
func TestUsedBuffersCount(t *testing.T) {
	const n = 5000
	for range 1000 { // the race detector has some buffers go
		usedBuffer(n)
		b := &Budget{most: 1 << 30, live: func() int64 { return 0 }}
		h := &hold{budget: b}
		f, err := readAll(strings.NewReader("body"), n, n, h)
		if err != nil {
			t.Fatal(err)
		}
		if b.OnWay() != int64(f.Memory()) {
			t.Fatalf("%d bytes counted, want %d", b.OnWay(), f.Memory())
		}
		used := f.Memory() > cap(f.Body)
		f.Release()

		usedBuffer(n)
		b.most = 3 * 2 * int64(span.BufferSize(n))
		h = &hold{budget: b}
		b.onWay.Store(0)
		if f, err = readAll(strings.NewReader("body"), n, n, h); err != nil {
			t.Fatal(err)
		}
		if f.Memory() != cap(f.Body) || b.OnWay() != int64(cap(f.Body)) {
			t.Fatalf("%d bytes counted of a buffer with %d, want %d of as many", b.OnWay(), f.Memory(), cap(f.Body))
		}
		f.Release()
		if used {
			return
		}
	}
	t.Error("no buffer was used again")
}
