// SPDX-License-Identifier: Apache-2.0

package span

import (
	"slices"
	"unsafe"
)

// growth is how far into a body a decoder has come. What the spans up to there
// took tells what those behind will take: a slab that is full is made as large as
// the whole body needs it, and not doubled until it is large enough.
type growth struct {
	from, at, end int
	started       bool
}

// At tells that the next span stands at pos of what is read, which ends at end.
func (w *Builder) At(pos, end int) {
	if !w.started {
		w.started, w.from = true, pos
	}
	w.at, w.end = pos, end
}

// rest is how many more elements of a slab the rest of the body should need,
// by the n that the spans so far took; 0 when there is nothing to judge by.
func (w *Builder) rest(n int) int {
	done := w.at - w.from
	if done <= 0 {
		return 0
	}
	all := n + n/8 // spans differ
	left := int64(w.end - w.at)
	// A short span before a long one, of which a part counts already, would promise
	// more than the bytes can hold.
	return int(min(int64(all)*left/int64(done), left/leastBytes))
}

// leastBytes is about how many bytes of a body an attribute, an event or a reference
// takes at least.
const leastBytes = 8

// more makes room in a slab that is full. It is false for a batch that is over.
func more[T any](w *Builder, slab *[]T) bool {
	if w.b.over {
		return false
	}
	var zero T
	n, size := len(*slab), int(unsafe.Sizeof(zero))
	// A guess must not be what makes a batch too large.
	rest := w.rest(n)
	if cost := stepsTo(n, n+rest) * size; rest > 0 && w.charged+cost <= w.most() {
		w.charged += cost
	} else {
		rest = 0
		w.charged += max(n, 16) * size
	}
	if w.b.over = w.charged > w.most(); w.b.over {
		return false
	}
	*slab = slices.Grow(*slab, max(rest, 4))
	return true
}

// stepsTo is what a slab of n elements takes on its way to another number of them
// when it grows as append has it, which is what a batch is charged with: a guess
// does not change how much a batch may hold.
func stepsTo(n, to int) (elements int) {
	for n < to {
		elements += max(n, 16)
		if n < 256 {
			n = max(2*n, 4)
		} else {
			n += (n + 3*256) / 4
		}
	}
	return elements
}
