// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"cmp"
	"slices"
)

// chain holds the members of the segment of a root, in a row, and who comes next
// in the row of a member; -1 for nobody.
type chain struct{ first, last, next int32 }

// settle numbers the spans and orders them by segment, as number and bySegment
// do, but sorts each segment by itself: most are short.
func (l *layout) settle() {
	l.findRoots()
	l.chains = l.chains[:0]
	for range l.pending {
		l.chains = append(l.chains, chain{-1, -1, -1})
	}
	for i := range l.pending {
		c := &l.chains[l.pending[i].owner]
		if c.first < 0 {
			c.first = int32(i)
		} else {
			l.chains[c.last].next = int32(i)
		}
		c.last = int32(i)
	}
	l.order = l.order[:0]
	whole := true
	for root := range l.pending {
		from := len(l.order)
		for i := l.chains[root].first; i >= 0; i = l.chains[i].next {
			l.order = append(l.order, i)
		}
		if run := l.order[from:]; len(run) > 1 {
			l.sort(run, func(v *conversion) int64 { return v.from })
			whole = whole && len(run) <= maxPacked
		}
	}
	l.numberInOrder()
	if !whole {
		l.bySegment() // some have become roots
		return
	}
	for at := 0; at < len(l.order); {
		to := at + 1
		for to < len(l.order) && l.pending[l.order[to]].owner == l.pending[l.order[at]].owner {
			to++
		}
		l.sort(l.order[at:to], func(v *conversion) int64 { return int64(v.number) })
		at = to
	}
}

// findRoots makes the span without a parent above each span its owner.
func (l *layout) findRoots() {
	for i := range l.pending {
		l.pending[i].owner = unnumbered
	}
	for i := range l.pending {
		l.line = l.line[:0]
		at := int32(i)
		for l.pending[at].owner == unnumbered {
			v := &l.pending[at]
			l.line = append(l.line, at)
			v.owner = climbed
			if v.parent < 0 {
				v.owner = at
				break
			}
			if l.pending[v.parent].owner == climbed {
				v.parent = -1 // a circle
				v.owner = at
				break
			}
			at = v.parent
		}
		for _, k := range l.line {
			l.pending[k].owner = l.pending[at].owner
		}
	}
}

// sort sorts a few spans by a key, those that came first first.
func (l *layout) sort(run []int32, key func(*conversion) int64) {
	const few = 16
	if len(run) > few {
		slices.SortStableFunc(run, func(a, b int32) int { return cmp.Compare(key(&l.pending[a]), key(&l.pending[b])) })
		return
	}
	for n := 1; n < len(run); n++ {
		i, k := run[n], key(&l.pending[run[n]])
		at := n
		for ; at > 0 && key(&l.pending[run[at-1]]) > k; at-- {
			run[at] = run[at-1]
		}
		run[at] = i
	}
}
