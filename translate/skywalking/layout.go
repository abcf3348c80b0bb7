// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"cmp"
	"iter"
	"slices"

	"github.com/spanbridge/spanbridge/span"
)

// Which converted spans make a segment together. A span that another process
// may refer to is number 0 of a segment of its own: an entry, a remote call,
// and whatever is known to have a child elsewhere. So a header that was written
// before any report, and that knows nothing but the id, resolves. The others,
// local spans and calls to databases and caches, are packed into the segment of
// their parent. Numbers have no holes and parents come before their children,
// as booster-ui wants it.

// maxPacked is the size from which on the agents leave spans out of a segment
// (agent.span_limit_per_segment). Here the rest gets segments of its own.
const maxPacked = 300

// conversion is a converted span of a call on its way.
type conversion struct {
	item int32
	more int32 // another report of the span, -1 for none
	at   int32 // the slot of its place when that was last looked for
	up   int32 // the same of its parent
	from int64 // start, ns since 1970, or the receipt
	role role
	told bool // role is set

	trace string // the name of its trace
	ref   reference
	child bool // ref is set

	parent int32 // the pending span of the same process, -1 for none
	owner  int32 // the pending span that is the root of its segment
	number int32
	size   int32 // of the segment, for a root
	apart  bool

	residue extent
}

// Numbers of spans that have none yet.
const (
	unnumbered = -1
	climbed    = -2 // in the line of parents that is being numbered
)

// layout decides the segments of a call.
type layout struct {
	pending []conversion
	order   []int32 // numbers of pending spans
	line    []int32
	chains  []chain
	index   index
	wrap    bool
}

// link finds the parents of the pending spans that are of the same process.
func (l *layout) link(items []span.Item) {
	for i := range l.pending {
		v := &l.pending[i]
		v.parent, v.number = -1, unnumbered
		it := &items[v.item]
		if v.apart || it.Parent == 0 {
			continue
		}
		p, ok := l.index.get(spanKey{it.Span().Trace, it.Parent})
		if ok && p != ofAgent && l.pending[p].role.service == v.role.service && l.pending[p].role.instance == v.role.instance {
			v.parent = p
		}
	}
}

// numberInOrder numbers the spans as they stand in order, parents first.
func (l *layout) numberInOrder() {
	for _, i := range l.order {
		l.line = l.line[:0]
		for l.pending[i].number == unnumbered {
			v := &l.pending[i]
			l.line = append(l.line, i)
			v.number = climbed
			if v.parent < 0 {
				break
			}
			if l.pending[v.parent].number == climbed {
				v.parent = -1 // a circle
				break
			}
			i = v.parent
		}
		for _, i := range slices.Backward(l.line) {
			l.take(i)
		}
	}
}

// take gives a span its number. Its parent has one.
func (l *layout) take(i int32) {
	v := &l.pending[i]
	if v.parent >= 0 {
		if root := &l.pending[l.pending[v.parent].owner]; root.size < maxPacked {
			v.owner, v.number = l.pending[v.parent].owner, root.size
			root.size++
			return
		}
		v.parent = -1
	}
	v.owner, v.number, v.size = i, 0, 1
	if l.wrap && v.role.typ == typeExit {
		v.number, v.size = 1, 2
	}
}

// restore lays the spans out as they were, when all of them were sent and the
// same parcel is tried again: OAP may have taken a part of it.
func (l *layout) restore(m *memory, items []span.Item) bool {
	for i := range l.pending {
		l.pending[i].size = 0
	}
	for i := range l.pending {
		v := &l.pending[i]
		it := &items[v.item]
		t := it.Span().Trace
		p := m.known(spanKey{t, it.ID})
		if p == nil || p.is&isSent == 0 {
			return false
		}
		root, ok := l.index.get(spanKey{t, p.owner})
		if !ok || root == ofAgent {
			return false
		}
		v.owner, v.number = root, p.number
		l.pending[root].size++
	}
	for i := range l.pending {
		v := &l.pending[i]
		if v.owner != int32(i) {
			it := &items[v.item]
			var ok bool
			if v.parent, ok = l.index.get(spanKey{it.Span().Trace, it.Parent}); !ok || v.parent == ofAgent || l.pending[v.parent].owner != v.owner {
				return false
			}
			continue
		}
		v.parent = -1
		v.size += v.number // the span around a wrapped exit
	}
	l.bySegment()
	return l.whole()
}

// whole is true when the numbers of each segment have no holes.
func (l *layout) whole() bool {
	for at := 0; at < len(l.order); {
		root := l.pending[l.order[at]].owner
		next := l.pending[root].number
		for ; at < len(l.order) && l.pending[l.order[at]].owner == root; at++ {
			if l.pending[l.order[at]].number != next {
				return false
			}
			next++
		}
	}
	return true
}

// bySegment orders the spans by segment and number, the segments as their roots
// came.
func (l *layout) bySegment() {
	l.inOrder(func(a, b int32) int {
		v, w := &l.pending[a], &l.pending[b]
		return cmp.Or(cmp.Compare(v.owner, w.owner), cmp.Compare(v.number, w.number))
	})
}

func (l *layout) inOrder(compare func(a, b int32) int) {
	l.order = l.order[:0]
	for i := range l.pending {
		l.order = append(l.order, int32(i))
	}
	slices.SortFunc(l.order, func(a, b int32) int { return cmp.Or(compare(a, b), cmp.Compare(a, b)) })
}

// each gives the members of each segment, the root first.
func (l *layout) each() iter.Seq[[]int32] {
	return func(yield func([]int32) bool) {
		for at := 0; at < len(l.order); {
			to := at + 1
			for to < len(l.order) && l.pending[l.order[to]].owner == l.pending[l.order[at]].owner {
				to++
			}
			if !yield(l.order[at:to]) {
				return
			}
			at = to
		}
	}
}
