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
	turn       uint32
	warmed     int32
}

// ref is a user that was found, as long as that is remembered.
type ref struct {
	turn uint32
	n    int32 // number + 1; nobody or somebody
	old  bool
}

// References to none.
const (
	nobody   = 0
	somebody = -1 // it is to be looked for
)

// generation is a hash table of lists. Its users lie in pieces of memory, so that
// it grows without moving them.
type generation struct {
	slots  []int32 // the first user of a list + 1
	pieces [][]user
	count  int
}

const (
	pieceBits = 10
	inPiece   = 1 << pieceBits
)

func (g *generation) at(n int32) *user { return &g.pieces[n>>pieceBits][n&(inPiece-1)] }

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
	g := generation{slots: make([]int32, size)}
	if n > 0 && n <= inPiece {
		g.pieces = append(g.pieces, make([]user, n))
	}
	return g
}

// first is the first user of the list that a key of a hash is in, + 1.
func (g *generation) first(hash uint64) int32 {
	if g.count == 0 {
		return 0
	}
	return g.slots[hash&uint64(len(g.slots)-1)]
}

// add appends a user that is not there.
func (g *generation) add(u *user, hash uint64) int32 {
	if 2*(g.count+1) > len(g.slots) {
		g.grow()
	}
	n := int32(g.count)
	switch piece := int(n) >> pieceBits; {
	case piece == len(g.pieces):
		g.pieces = append(g.pieces, make([]user, inPiece))
	case int(n)&(inPiece-1) == len(g.pieces[piece]): // made for fewer
		g.pieces[piece] = append(make([]user, 0, inPiece), g.pieces[piece]...)[:inPiece]
	}
	slot := &g.slots[hash&uint64(len(g.slots)-1)]
	*g.at(n) = *u
	g.at(n).next = *slot
	g.count++
	*slot = n + 1
	return n
}

func (g *generation) grow() {
	g.slots = make([]int32, max(fewSlots, 2*len(g.slots)))
	for n := range int32(g.count) {
		u := g.at(n)
		slot := &g.slots[hash(u.key)&uint64(len(g.slots)-1)]
		u.next = *slot
		*slot = n + 1
	}
}

// appendOf appends the users of an id of a hash.
func (g *generation) appendOf(dst []*user, k key, hash uint64) []*user {
	for n := g.first(hash); n != 0; {
		u := g.at(n - 1)
		if u.key == k {
			dst = append(dst, u)
		}
		n = u.next
	}
	return dst
}

func (g *generation) clear() {
	clear(g.slots)
	g.count = 0
}

// appendOf appends the users of an id. The pointers hold until a user is added.
func (t *users) appendOf(dst []*user, k key) []*user {
	h := hash(k)
	return t.old.appendOf(t.young.appendOf(dst, k, h), k, h)
}

// atOnce is for how many things memory is looked at at once.
const atOnce = 64

// far is how long a table is of which not all is near the processor.
const far = 1 << 14

// warm brings what will be looked at for some ids nearer to the processor: all at
// once, while one after the other each would be waited for. What it adds up keeps
// the compiler from leaving the loads out.
func (t *users) warm(keys []key) {
	for _, g := range [...]*generation{&t.young, &t.old} {
		if len(g.slots) < far || g.count == 0 {
			continue
		}
		var firsts [atOnce]int32
		for from := 0; from < len(keys); from += atOnce {
			some := keys[from:min(from+atOnce, len(keys))]
			for i := range some {
				firsts[i] = g.slots[hash(some[i])&uint64(len(g.slots)-1)]
			}
			for i := range some {
				if n := firsts[i]; n != 0 {
					t.warmed += g.at(n - 1).next
				}
			}
		}
	}
}

// find is the user that a span of this id, place and role stands for; nil when
// there is none.
func (t *users) find(k key, place span.Place, r role) *user {
	h := hash(k)
	for _, g := range [...]*generation{&t.young, &t.old} {
		for n := g.first(h); n != 0; {
			u := g.at(n - 1)
			if u.key == k && u.role == r && u.place.All == place.All {
				return u
			}
			n = u.next
		}
	}
	return nil
}

// get is the user of a reference; nil when it may be forgotten.
func (t *users) get(r ref) *user {
	switch {
	case r.n <= 0:
		return nil
	case r.turn == t.turn && !r.old:
		return t.young.at(r.n - 1)
	case r.turn == t.turn, r.turn+1 == t.turn && !r.old:
		return t.old.at(r.n - 1)
	default:
		return nil
	}
}

// note remembers a user. It returns false for one that is known, or is one too
// many of an id.
func (t *users) note(u *user) (_ ref, news bool) {
	count, callees := 0, 0
	h := hash(u.key)
	for i, g := range [...]*generation{&t.young, &t.old} {
		for n := g.first(h); n != 0; {
			known := g.at(n - 1)
			at := n
			n = known.next
			if known.key != u.key {
				continue
			}
			if known.role == u.role && known.place.All == u.place.All {
				known.loop = known.loop && u.loop
				if u.end >= u.start && known.end < known.start {
					known.start, known.end = u.start, u.end
				}
				return ref{t.turn, at, i == 1}, false
			}
			if known.role == callee {
				callees++
			}
			if count++; count-callees == maxUsers || u.role == callee && callees == maxCallees {
				return ref{n: somebody}, false
			}
		}
	}
	if t.young.count >= t.max {
		t.evicted += t.old.count
		t.rotate()
	}
	return ref{turn: t.turn, n: t.young.add(u, h) + 1}, true
}

// rotate forgets the older generation.
func (t *users) rotate() {
	t.young, t.old = t.old, t.young
	t.young.clear()
	t.turn++
}
