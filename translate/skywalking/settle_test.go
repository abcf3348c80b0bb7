// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// Sorting each segment by itself gives the layout that sorting all spans gives.
func TestSettle(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		n := 1 + r.IntN(40)
		if round%100 == 0 {
			n = 700 // more than a segment takes
		}
		made := make([]conversion, n)
		for i := range made {
			made[i] = conversion{item: int32(i), more: -1, parent: -1, number: unnumbered, from: int64(r.IntN(10))}
			if r.IntN(4) > 0 && n > 1 {
				made[i].parent = int32(r.IntN(n)) // circles included
			}
		}
		a, b := layout{pending: slices.Clone(made)}, layout{pending: slices.Clone(made)}
		a.number()
		a.bySegment()
		b.settle()
		// Which span of a circle becomes the root depends on the order.
		circle := false
		for i := range made {
			circle = circle || inCircle(made, i)
		}
		if circle {
			checkLayout(t, &b)
			continue
		}
		if !slices.Equal(a.order, b.order) {
			t.Fatalf("%d spans: order %v, want %v", n, b.order, a.order)
		}
		for i := range a.pending {
			v, w := &a.pending[i], &b.pending[i]
			if v.owner != w.owner || v.number != w.number || v.parent != w.parent {
				t.Fatalf("%d spans: span %d is %d of %d below %d, want %d of %d below %d", n, i, w.number, w.owner, w.parent, v.number, v.owner, v.parent)
			}
		}
		checkLayout(t, &b)
	}
}

// number numbers the spans by their start, parents first.
func (l *layout) number() {
	l.inOrder(func(a, b int32) int { return cmp.Compare(l.pending[a].from, l.pending[b].from) })
	l.numberInOrder()
}

func inCircle(list []conversion, i int) bool {
	at := int32(i)
	for range len(list) + 1 {
		if at = list[at].parent; at < 0 {
			return false
		}
	}
	return true
}

// checkLayout checks what every layout must be.
func checkLayout(t *testing.T, l *layout) {
	t.Helper()
	seen := 0
	for members := range l.each() {
		for n, i := range members {
			v := &l.pending[i]
			seen++
			if int(v.number) != n || v.owner != members[0] || n == 0 != (v.parent < 0) || n >= maxPacked {
				t.Fatalf("span %d is %d of %d below %d, at place %d of the segment of %d", i, v.number, v.owner, v.parent, n, members[0])
			}
			if v.parent >= 0 && (l.pending[v.parent].owner != v.owner || l.pending[v.parent].number >= v.number) {
				t.Fatalf("span %d comes before its parent, or is in another segment", i)
			}
		}
	}
	if seen != len(l.pending) {
		t.Fatalf("%d of %d spans are in a segment", seen, len(l.pending))
	}
}
