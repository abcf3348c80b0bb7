// SPDX-License-Identifier: Apache-2.0

package span

import "testing"

// A small span before one with many attributes says little of how many the rest has.
func TestGuessOfSmallSpan(t *testing.T) {
	const length = 100_000
	w := NewBuilder(make([]byte, length), Origin{})
	w.Grow(8, 64)
	w.At(0, length)
	w.NextSpan()
	w.AddSpan()
	w.At(30, length)
	w.NextSpan()
	for range 100 {
		w.Attr(Attr{})
	}
	w.AddSpan()
	if m := w.Batch().Memory(); m > 8*length {
		t.Errorf("%d bytes for a body of %d", m, length)
	}
}
