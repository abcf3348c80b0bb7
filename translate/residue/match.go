// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"slices"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// matcher finds visible attributes by their keys. Of one key they are taken in
// order, by the writer and by the reader alike. It is used again for the next
// list.
type matcher struct {
	b     *span.Batch
	attrs []span.Attr
	used  []bool
	// Of a long list: the places sorted by key, and for the first of each key
	// how many are used.
	sorted []int32
	taken  []int32
}

// short is the number of attributes up to which a search through all is
// cheapest.
const short = 32

func (m *matcher) set(b *span.Batch, attrs []span.Attr) {
	m.b, m.attrs = b, attrs
	m.used = slices.Grow(m.used[:0], len(attrs))[:len(attrs)]
	clear(m.used)
	m.sorted = m.sorted[:0]
	if len(attrs) <= short {
		return
	}
	for i := range attrs {
		m.sorted = append(m.sorted, int32(i))
	}
	slices.SortStableFunc(m.sorted, func(i, j int32) int { return strings.Compare(m.key(int(i)), m.key(int(j))) })
	m.taken = slices.Grow(m.taken[:0], len(attrs))[:len(attrs)]
	clear(m.taken)
}

func (m *matcher) key(i int) string { return m.b.Str(m.attrs[i].Key) }

// first is the first attribute of a key that is not used, -1 for none, and
// whether another one of the key was used before.
func (m *matcher) first(key string) (i int, again bool) {
	if len(m.attrs) <= short {
		for i := range m.attrs {
			if m.key(i) == key {
				if !m.used[i] {
					return i, again
				}
				again = true
			}
		}
		return -1, again
	}
	at, found := slices.BinarySearchFunc(m.sorted, key, func(i int32, key string) int { return strings.Compare(m.key(int(i)), key) })
	if !found {
		return -1, false
	}
	next := at + int(m.taken[at])
	if next == len(m.sorted) || m.key(int(m.sorted[next])) != key {
		return -1, true
	}
	return int(m.sorted[next]), next > at
}

// use marks an attribute that first gave.
func (m *matcher) use(i int) {
	m.used[i] = true
	if len(m.attrs) > short {
		at, _ := slices.BinarySearchFunc(m.sorted, m.key(i), func(i int32, key string) int { return strings.Compare(m.key(int(i)), key) })
		m.taken[at]++
	}
}

// clash is true when an attribute is left that is not mirrored and has the key
// of one that is used.
func (m *matcher) clash() bool {
	for i := range m.attrs {
		if m.used[i] || m.attrs[i].Mirrored {
			continue
		}
		if _, again := m.first(m.key(i)); again {
			return true
		}
	}
	return false
}
