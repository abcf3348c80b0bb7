// SPDX-License-Identifier: Apache-2.0

package span

// Text is a string of a batch: a place in its memory. The zero Text is absent,
// which differs from empty.
type Text struct {
	pos uint32
	n   uint32
}

// sideBit marks a position in the side memory of a batch instead of its body.
const sideBit = 1 << 31

// MaxBody is the greatest length of a body that a Text can point into.
const MaxBody = sideBit - 1

// Empty is the text that is present and has no characters.
var Empty = Text{pos: sideBit}

// At is the text of n bytes at pos of the body.
func At(pos, n int) Text {
	if n == 0 {
		return Empty
	}
	return Text{pos: uint32(pos), n: uint32(n)}
}

// SideAt is the text of n bytes at pos of the side memory.
func SideAt(pos, n int) Text {
	if n == 0 {
		return Empty
	}
	return Text{pos: uint32(pos) | sideBit, n: uint32(n)}
}

// Present tells an empty text from one that was not given.
func (t Text) Present() bool { return t != Text{} }

// Len is the length in bytes; 0 for an absent text.
func (t Text) Len() int { return int(t.n) }

// Range is a run of elements in one of a batch's slabs.
type Range struct {
	First uint32
	N     uint32
}

// Len is the number of elements.
func (r Range) Len() int { return int(r.N) }
