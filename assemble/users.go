// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"math/bits"
	"math/rand/v2"

	"github.com/spanbridge/spanbridge/span"
)

// key is an id of a trace. Only the low half of the trace id counts: one
// process may report 64 bits of it and another one 128.
type key struct {
	trace uint64
	id    span.ID
}

// role is what a span is in a call, as far as sharing goes.
type role uint8

const (
	other  role = iota
	client      // a client or a producer
	callee      // a server or a consumer with an id of its own, whose parent has the id
	server      // a server or a consumer, without Zipkin's flag
	half        // whatever has the flag, unless it is a client
)

// user is a place that reported a span under an id.
type user struct {
	key
	place span.Place
	// as is the id under which the span leaves; 0 while that is open.
	as span.ID
	// start and end are the time of a server or callee, ns; end < start: not
	// known.
	start, end int64
	next       int32 // the next user of the slot, + 1
	role       role
	// loop: a client that may have called its own place.
	loop bool
	// message: a server that took a message rather than a call.
	message bool
	// left: the span is on its way to the target.
	left bool
}

// maxUsers bounds the users of one id that are told apart, and maxCallees those
// among them that have it as their parent: retries and hedged calls make a few.
const (
	maxUsers   = 32
	maxCallees = 4
)

// users is what is remembered of ids, in two generations: the older one is
// forgotten as a whole.
type users struct {
	young, old generation
	max        int // ids in a generation
	evicted    int // users forgotten for want of room
}

type generation struct {
	slots []int32 // hash table: the number of a user + 1, 0 for none
	list  []user
}

// The table is keyed by ids that senders choose, so its hash is not for them to
// know.
var seed1, seed2 = rand.Uint64(), rand.Uint64()

func hash(k key) uint64 {
	hi, lo := bits.Mul64(uint64(k.id)^seed1, k.trace^seed2)
	return hi ^ lo
}

const fewSlots = 64

// sized is a generation with room for n users.
func sized(n int) generation {
	size := fewSlots
	for size < 2*(n+1) {
		size *= 2
	}
	return generation{slots: make([]int32, size), list: make([]user, 0, n)}
}

// add appends a user that is not there.
func (g *generation) add(u user) {
	if 2*(len(g.list)+1) > len(g.slots) {
		g.grow()
	}
	slot := &g.slots[hash(u.key)&uint64(len(g.slots)-1)]
	u.next = *slot
	g.list = append(g.list, u)
	*slot = int32(len(g.list))
}

func (g *generation) grow() {
	g.slots = make([]int32, max(fewSlots, 2*len(g.slots)))
	for i := range g.list {
		slot := &g.slots[hash(g.list[i].key)&uint64(len(g.slots)-1)]
		g.list[i].next = *slot
		*slot = int32(i + 1)
	}
}

// appendOf appends the users of an id.
func (g *generation) appendOf(dst []*user, k key) []*user {
	if len(g.slots) == 0 {
		return dst
	}
	for n := g.slots[hash(k)&uint64(len(g.slots)-1)]; n != 0; n = g.list[n-1].next {
		if u := &g.list[n-1]; u.key == k {
			dst = append(dst, u)
		}
	}
	return dst
}

func (g *generation) clear() {
	clear(g.slots)
	g.list = g.list[:0]
}

// appendOf appends the users of an id. The pointers hold until a user is added.
func (t *users) appendOf(dst []*user, k key) []*user {
	return t.old.appendOf(t.young.appendOf(dst, k), k)
}

// find is the user that a span of this id, place and role stands for; nil when
// there is none.
func (t *users) find(k key, place span.Place, r role) *user {
	for _, g := range [...]*generation{&t.young, &t.old} {
		if len(g.slots) == 0 {
			continue
		}
		for n := g.slots[hash(k)&uint64(len(g.slots)-1)]; n != 0; n = g.list[n-1].next {
			if u := &g.list[n-1]; u.key == k && u.role == r && u.place.All == place.All {
				return u
			}
		}
	}
	return nil
}

// note remembers a user. It returns false for one that is known.
func (t *users) note(u user) bool {
	count, callees := 0, 0
	for _, g := range [...]*generation{&t.young, &t.old} {
		if len(g.slots) == 0 {
			continue
		}
		for n := g.slots[hash(u.key)&uint64(len(g.slots)-1)]; n != 0; n = g.list[n-1].next {
			known := &g.list[n-1]
			if known.key != u.key {
				continue
			}
			if known.role == u.role && known.place.All == u.place.All {
				known.loop = known.loop && u.loop
				if u.end >= u.start && known.end < known.start {
					known.start, known.end = u.start, u.end
				}
				return false
			}
			if known.role == callee {
				callees++
			}
			if count++; count-callees == maxUsers || u.role == callee && callees == maxCallees {
				return false
			}
		}
	}
	if len(t.young.list) >= t.max {
		t.evicted += len(t.old.list)
		t.rotate()
	}
	t.young.add(u)
	return true
}

// rotate forgets the older generation.
func (t *users) rotate() {
	t.young, t.old = t.old, t.young
	t.young.clear()
}
