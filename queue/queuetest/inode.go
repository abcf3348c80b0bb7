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
			for from := c.off; from < c.off+int64(len(c.data)); {
				to := min((from/sector+1)*sector, c.off+int64(len(c.data)))
				if rng.IntN(2) == 0 {
					data = change{from, c.data[from-c.off : to-c.off]}.apply(data)
				}
				from = to
			}
		}
	}
	return data
}
