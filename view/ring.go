// SPDX-License-Identifier: Apache-2.0

package view

import (
	"math/bits"
	"unsafe"

	"github.com/spanbridge/spanbridge/span"
)

// held is a batch of which some spans are in the store, or all.
type held struct {
	batch *span.Batch
	spans int      // how many of its spans are in the store
	some  []uint64 // which, a bit for each; nil when all are
	bytes int64
}

// has says whether a span of the batch is in the store.
func (h *held) has(i int) bool {
	return h.some == nil || h.some[i/64]&(1<<(i%64)) != 0
}

// take notes that a span of the batch is in the store now; false when it was
// before.
func (h *held) take(i int) bool {
	if h.has(i) {
		return false
	}
	h.some[i/64] |= 1 << (i % 64)
	h.spans++
	if h.spans == h.batch.Len() {
		h.some = nil
	}
	return true
}

// each calls f with the number of each span that is in the store.
func (h *held) each(f func(i int)) {
	if h.some == nil {
		for i := range h.batch.Len() {
			f(i)
		}
		return
	}
	for w, word := range h.some {
		for ; word != 0; word &= word - 1 {
			f(w*64 + bits.TrailingZeros64(word))
		}
	}
}

// ring holds batches in the order in which they came. Each has a number, which
// the index uses instead of a pointer so that the garbage collector need not
// look into the index. Numbers wrap around; those alive are never as many.
type ring struct {
	slots []held // a power of two
	first uint32 // number of the oldest batch
	next  uint32 // number of the next batch
	by    map[*span.Batch]uint32
}

func (r *ring) len() int { return int(r.next - r.first) }

// at is the batch of a number, nil when it is not there any more.
func (r *ring) at(number uint32) *held {
	if number-r.first >= r.next-r.first {
		return nil
	}
	return &r.slots[number&uint32(len(r.slots)-1)]
}

// number gives the number of a batch, and whether the batch is new.
func (r *ring) number(b *span.Batch) (number uint32, isNew bool) {
	if n, ok := r.by[b]; ok {
		return n, false
	}
	if r.len() == len(r.slots) {
		r.grow()
	}
	if r.by == nil {
		r.by = make(map[*span.Batch]uint32)
	}
	b.Hold() // until nobody can be reading it, which only the garbage collector knows
	n := r.next
	r.next++
	r.by[b] = n
	*r.at(n) = held{batch: b, some: make([]uint64, (b.Len()+63)/64), bytes: int64(b.Memory()) + heldCost}
	return n, true
}

// heldCost is what the ring itself needs for a batch: its slot, of which up to
// half may be free, and its place in the map.
const heldCost = 2*int64(unsafe.Sizeof(held{})) + 32

func (r *ring) grow() {
	slots := make([]held, max(2*len(r.slots), 16))
	for n := r.first; n != r.next; n++ {
		slots[n&uint32(len(slots)-1)] = *r.at(n)
	}
	r.slots = slots
}

// pop takes the oldest batch out.
func (r *ring) pop() held {
	slot := r.at(r.first)
	h := *slot
	*slot = held{}
	delete(r.by, h.batch)
	r.first++
	return h
}
