// SPDX-License-Identifier: Apache-2.0

package queuetest

import (
	"math/rand/v2"
	"slices"
)

// inode is a file: as it is read, as it is on the disk, and what lies between.
type inode struct {
	data, durable []byte
	pending       []change
}

// change is a write, or a new length when data is nil.
type change struct {
	off  int64
	data []byte
}

// sector is what a disk writes whole or not at all.
const sector = 512

func (c change) apply(to []byte) []byte {
	if c.data == nil {
		return resize(to, int(c.off))
	}
	if end := int(c.off) + len(c.data); end > len(to) {
		to = resize(to, end)
	}
	copy(to[c.off:], c.data)
	return to
}

// sectors gives a write in parts that a disk writes whole or not at all.
func (c change) sectors(yield func(change) bool) {
	for len(c.data) > 0 {
		n := min(sector-int(c.off%sector), len(c.data))
		if !yield(change{c.off, c.data[:n]}) {
			return
		}
		c = change{c.off + int64(n), c.data[n:]}
	}
}

// length is that of a file of a length after the change.
func (c change) length(before int64) int64 {
	if c.data == nil {
		return c.off
	}
	return max(before, c.off+int64(len(c.data)))
}

// show makes the change in the bytes of a file from off on, as far as it is there.
func (c change) show(p []byte, off int64) {
	switch {
	case c.data == nil:
		clear(p[min(int64(len(p)), max(0, c.off-off)):])
	case c.off >= off:
		if c.off-off < int64(len(p)) {
			copy(p[c.off-off:], c.data)
		}
	case off-c.off < int64(len(c.data)):
		copy(p, c.data[off-c.off:])
	}
}

func resize(p []byte, n int) []byte {
	if n <= len(p) {
		clear(p[n:])
		return p[:n]
	}
	return append(p, make([]byte, n-len(p))...)
}

func (i *inode) after(left Left, rng *rand.Rand) []byte {
	data := slices.Clone(i.durable)
	switch left {
	case Everything:
		return slices.Clone(i.data)
	case Some:
		for _, c := range i.pending {
			if c.data == nil {
				if rng.IntN(2) == 0 {
					data = c.apply(data)
				}
				continue
			}
			for s := range c.sectors {
				if rng.IntN(2) == 0 {
					data = s.apply(data)
				}
			}
		}
	}
	return data
}
