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

// group is spans that wait for more of their kind.
type group struct {
	key         groupKey
	first, last int32 // of the members
	count       int
	message     uint64 // of the first member
	began       time.Time
	news        time.Time // or when it was looked at last
	age, silent order
}

// order is a place in a list of groups.
type order struct{ before, behind int32 }

// member is a span of a group.
type member struct {
	ready Ready
	next  int32
}

// groups are all groups. Number 0 stands for none.
type groups struct {
	list         []group
	freeGroups   []int32
	members      []member
	freeMembers  int32 // the first of those to use again
	byKey        map[groupKey]int32
	aged, silent struct{ first, last int32 }
	spans        int
	ids          map[span.ID]struct{}
	// expected counts the spans that will join a group but still wait to learn
	// who their parent is.
	expected map[groupKey]int
}

func (g *groups) init() {
	g.list = make([]group, 1)
	g.members = make([]member, 1)
	g.byKey = make(map[groupKey]int32)
	g.ids = make(map[span.ID]struct{})
	g.expected = make(map[groupKey]int)
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

func (g *groups) at(n int32) *group { return &g.list[n] }

// oldest is the group that began first, quietest the one of which nothing was
// heard for the longest time.
func (g *groups) oldest() int32   { return g.aged.first }
func (g *groups) quietest() int32 { return g.silent.first }

// add puts a span into its group and gives the group's number.
func (g *groups) add(r *Ready, now time.Time) int32 {
	k := groupOf(&r.Item)
	n, ok := g.byKey[k]
	if !ok {
		if last := len(g.freeGroups); last > 0 {
			n, g.freeGroups = g.freeGroups[last-1], g.freeGroups[:last-1]
		} else {
			n = int32(len(g.list))
			g.list = append(g.list, group{})
		}
		g.list[n] = group{key: k, message: r.Message, began: now}
		g.byKey[k] = n
		push(g, &g.aged.first, &g.aged.last, n, func(a *group) *order { return &a.age })
	}
	a := g.at(n)
	m := g.freeMembers
	if m != 0 {
		g.freeMembers = g.members[m].next
	} else {
		m = int32(len(g.members))
		g.members = append(g.members, member{})
	}
	g.members[m] = member{ready: *r}
	if a.last != 0 {
		g.members[a.last].next = m
	} else {
		a.first = m
	}
	a.last = m
	a.count++
	g.spans++
	a.news = now
	if ok {
		pull(g, &g.silent.first, &g.silent.last, n, silence)
	}
	push(g, &g.silent.first, &g.silent.last, n, silence)
	return n
}

func silence(a *group) *order { return &a.silent }

// lookAgain puts a group that was quiet behind all others.
func (g *groups) lookAgain(n int32, now time.Time) {
	g.at(n).news = now
	pull(g, &g.silent.first, &g.silent.last, n, silence)
	push(g, &g.silent.first, &g.silent.last, n, silence)
}

// complete is true for a group that no span is about to join and in which every
// span is a root, was called by a span that hasCaller knows, or has its parent
// there.
func (g *groups) complete(n int32, hasCaller func(*span.Item) bool) bool {
	clear(g.ids)
	a := g.at(n)
	if g.expected[a.key] > 0 {
		return false
	}
	for m := a.first; m != 0; m = g.members[m].next {
		g.ids[g.members[m].ready.ID] = struct{}{}
	}
	for m := a.first; m != 0; m = g.members[m].next {
		it := &g.members[m].ready.Item
		if it.Parent == 0 {
			continue
		}
		if _, ok := g.ids[it.Parent]; ok {
			continue
		}
		if kind := it.Span().Kind; kind != span.KindServer && kind != span.KindConsumer || !hasCaller(it) {
			return false
		}
	}
	return true
}

// take appends the spans of a group, which then is no more.
func (g *groups) take(dst []Ready, n int32) []Ready {
	a := g.at(n)
	for m := a.first; m != 0; {
		dst = append(dst, g.members[m].ready)
		next := g.members[m].next
		g.members[m] = member{next: g.freeMembers}
		g.freeMembers = m
		m = next
	}
	g.spans -= a.count
	delete(g.byKey, a.key)
	pull(g, &g.silent.first, &g.silent.last, n, silence)
	pull(g, &g.aged.first, &g.aged.last, n, func(a *group) *order { return &a.age })
	g.list[n] = group{}
	g.freeGroups = append(g.freeGroups, n)
	if g.spans == 0 && len(g.members) > keepReady {
		expected := g.expected
		g.init()
		g.freeGroups, g.freeMembers, g.expected = nil, 0, expected
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
