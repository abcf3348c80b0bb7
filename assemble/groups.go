// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"time"

	"github.com/spanbridge/spanbridge/span"
)

// groupKey names the spans that are collected: those of a trace and a service.
type groupKey struct {
	trace, service uint64
}

func (k groupKey) key() key { return key{k.trace, span.ID(k.service)} }

// group is spans that wait for more of their kind.
type group struct {
	key         groupKey
	first, last int32 // of the members
	count       int32
	message     uint32        // the place of the first member's
	began       time.Duration // since the first group
	news        time.Duration // or when it was looked at last
	age, silent order
	next        int32 // in the list of its key's hash
	leaving
}

// order is a place in a list of groups.
type order struct{ before, behind int32 }

// member is a span of a group.
type member struct {
	span.Identity
	called
	message uint32 // its place
	index   int32
	next    int32
	inside  bool // it is a root, or its parent is in the group
}

// called says which span may have called one, if another process did.
type called struct {
	by     span.ID // as it was reported
	from   uint64  // its service, if it is known
	entry  bool
	joined bool // they share the id
	known  bool // it is on its way
}

// groups are all groups. Number 0 stands for none.
type groups struct {
	since        time.Time // what times count from
	list         [][]group // in pieces, as the members
	added        int32
	freeGroups   []int32
	slots        []int32 // the first group of a list, by the hash of their keys
	count        int
	members      []*[inPiece]member // in pieces, so that they grow without being moved
	made         int32
	freeMembers  int32 // the first of those to use again
	aged, silent struct{ first, last int32 }
	spans        int
	ids          map[span.ID]struct{}
	// expected counts the spans that will join a group but still wait to learn
	// who their parent is.
	expected map[groupKey]int
}

func (g *groups) init() {
	g.list, g.added = nil, 1
	g.freeGroups, g.slots, g.count = nil, make([]int32, fewSlots), 0
	g.members, g.made, g.freeMembers = nil, 1, 0
	g.ids = make(map[span.ID]struct{})
	if g.expected == nil {
		g.expected = make(map[groupKey]int)
	}
}

func (g *groups) member(n int32) *member { return &g.members[n>>pieceBits][n&(inPiece-1)] }

func (g *groups) slot(k groupKey) *int32 {
	return &g.slots[hash(k.key())&uint64(len(g.slots)-1)]
}

// find is the group of a key, 0 for none.
func (g *groups) find(k groupKey) int32 {
	n := *g.slot(k)
	for n != 0 && g.at(n).key != k {
		n = g.at(n).next
	}
	return n
}

// insert puts a group where find finds it, remove takes it out.
func (g *groups) insert(n int32) {
	if g.count++; g.count > len(g.slots) {
		g.slots = make([]int32, 2*len(g.slots))
		for i := int32(1); i < g.added; i++ {
			if a := g.at(i); a.count > 0 {
				slot := g.slot(a.key)
				a.next, *slot = *slot, i
			}
		}
	}
	slot := g.slot(g.at(n).key)
	g.at(n).next, *slot = *slot, n
}

func (g *groups) remove(n int32) {
	at := g.slot(g.at(n).key)
	for *at != n {
		at = &g.at(*at).next
	}
	*at = g.at(n).next
	g.count--
}

func groupOf(it *span.Item) groupKey { return groupKey{it.Span().Trace.Lo, it.Place().Service} }

// expect counts a span that waits, arrived one that does so no more.
func (g *groups) expect(it *span.Item) { g.expected[groupOf(it)]++ }

func (g *groups) arrived(it *span.Item) {
	k := groupOf(it)
	if g.expected[k]--; g.expected[k] == 0 {
		delete(g.expected, k)
	}
}

func (g *groups) at(n int32) *group { return &g.list[n>>pieceBits][n&(inPiece-1)] }

// bySettle and byLongest are when a group has been quiet, or there, for so long.
func (g *groups) bySettle(n int32, settle time.Duration) time.Time {
	return g.since.Add(g.at(n).news + settle)
}

func (g *groups) byLongest(n int32, longest time.Duration) time.Time {
	return g.since.Add(g.at(n).began + longest)
}

// oldest is the group that began first, quietest the one of which nothing was
// heard for the longest time.
func (g *groups) oldest() int32   { return g.aged.first }
func (g *groups) quietest() int32 { return g.silent.first }

// add puts a span of the message at a place into its group and gives the group's
// number.
func (g *groups) add(k groupKey, it *span.Item, message uint32, by called, now time.Time) int32 {
	if g.since.IsZero() {
		g.since = now
	}
	since := now.Sub(g.since)
	n := g.find(k)
	if n == 0 {
		if last := len(g.freeGroups); last > 0 {
			n, g.freeGroups = g.freeGroups[last-1], g.freeGroups[:last-1]
		} else {
			n = g.added
			g.added++
			if int(n)>>pieceBits == len(g.list) {
				g.list = append(g.list, make([]group, inPiece))
			}
		}
		*g.at(n) = group{key: k, message: message, began: since}
		g.insert(n)
		push(g, &g.aged.first, &g.aged.last, n, func(a *group) *order { return &a.age })
	}
	a := g.at(n)
	m := g.freeMembers
	if m != 0 {
		g.freeMembers = g.member(m).next
	} else {
		m = g.made
		g.made++
		if int(m)>>pieceBits == len(g.members) {
			g.members = append(g.members, new([inPiece]member))
		}
	}
	*g.member(m) = member{Identity: it.Identity, called: by, message: message, index: int32(it.Index)}
	if a.last != 0 {
		g.member(a.last).next = m
	} else {
		a.first = m
	}
	a.last = m
	a.count++
	g.spans++
	a.news = since
	if g.silent.last != n {
		if a.count > 1 {
			pull(g, &g.silent.first, &g.silent.last, n, silence)
		}
		push(g, &g.silent.first, &g.silent.last, n, silence)
	}
	return n
}

func silence(a *group) *order { return &a.silent }

// lookAgain puts a group that was quiet behind all others.
func (g *groups) lookAgain(n int32, now time.Time) {
	g.at(n).news = now.Sub(g.since)
	pull(g, &g.silent.first, &g.silent.last, n, silence)
	push(g, &g.silent.first, &g.silent.last, n, silence)
}

// awaits is true for a group that a span will join when it has learned its parent.
func (g *groups) awaits(n int32) bool {
	return len(g.expected) > 0 && g.expected[g.at(n).key] > 0
}

// closed is true for a group that no span is about to join and in which every span
// is a root, was called by another process, or has its parent there.
func (g *groups) closed(n int32) bool {
	if g.awaits(n) {
		return false
	}
	a := g.at(n)
	const few = 16 // so that to look through all is quickest
	if a.count > few {
		clear(g.ids)
		for m := a.first; m != 0; m = g.member(m).next {
			g.ids[g.member(m).ID] = struct{}{}
		}
	}
	for m := a.first; m != 0; {
		x := g.member(m)
		m = x.next
		if x.inside = x.Parent == 0; x.inside {
			continue
		}
		if a.count > few {
			_, x.inside = g.ids[x.Parent]
		} else {
			x.inside = g.has(a, x.Parent)
		}
		if !x.inside && !x.entry {
			return false
		}
	}
	return true
}

// has is true for an id of a span of a group.
func (g *groups) has(a *group, id span.ID) bool {
	for m := a.first; m != 0; {
		x := g.member(m)
		if x.ID == id {
			return true
		}
		m = x.next
	}
	return false
}

// take appends the spans of a group, which then is no more, and releases their
// messages.
func (g *groups) take(dst []Ready, n int32, messages *messages) []Ready {
	a := g.at(n)
	for m := a.first; m != 0; {
		x := g.member(m)
		from := messages.at(x.message)
		it := span.Item{Batch: from.batch, Index: int(x.index), Identity: x.Identity}
		dst = append(dst, Ready{Item: it, Message: from.number, With: m != a.first})
		messages.release(x.message)
		next := x.next
		*x = member{next: g.freeMembers}
		g.freeMembers = m
		m = next
	}
	g.spans -= int(a.count)
	g.remove(n)
	pull(g, &g.silent.first, &g.silent.last, n, silence)
	pull(g, &g.aged.first, &g.aged.last, n, func(a *group) *order { return &a.age })
	*g.at(n) = group{}
	g.freeGroups = append(g.freeGroups, n)
	if g.spans == 0 && g.made > keepReady {
		g.init()
	}
	return dst
}

// push puts a group at the end of a list, pull takes it out.
func push(g *groups, first, last *int32, n int32, in func(*group) *order) {
	*in(g.at(n)) = order{before: *last}
	if *last != 0 {
		in(g.at(*last)).behind = n
	} else {
		*first = n
	}
	*last = n
}

func pull(g *groups, first, last *int32, n int32, in func(*group) *order) {
	o := *in(g.at(n))
	if o.before != 0 {
		in(g.at(o.before)).behind = o.behind
	} else {
		*first = o.behind
	}
	if o.behind != 0 {
		in(g.at(o.behind)).before = o.before
	} else {
		*last = o.before
	}
}
