// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"math/bits"
	"math/rand/v2"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// Join splits the shared spans among the items, in place. It needs nothing but
// the items, so two nodes that see the same message decide alike; a half that
// carries Zipkin's flag is decided from itself alone.
//
// An item is a server half when it is flagged as shared (unless it is a client,
// whose flag means nothing), or when it is a server and a client of the same
// id is among the items: aiozipkin and Jaeger's clients join without a flag.
func Join(items []span.Item) {
	j := joiner{items: items}
	if !j.index() {
		return
	}
	for i := range items {
		if !j.isHalf(items[i].Span()) {
			j.follow(&items[i])
		}
	}
}

// joiner knows for each id who uses it.
type joiner struct {
	items  []span.Item
	users  []user
	slots  []int32 // hash table: the number of a user + 1, 0 for none
	halves []half
}

// user is an id of a trace with what is known of it. Only the low half of the
// trace id counts: one process may report 64 bits of it and another one 128.
type user struct {
	trace  uint64
	id     span.ID
	next   int32 // user of the same slot + 1
	client bool  // a client has the id
	halves int32 // its first half + 1
	n      int32 // how many halves it has
}

// half is a server half. Halves of one service and address count once.
type half struct {
	item int32
	next int32 // half of the same id + 1
}

// maxHalves bounds the halves of one id that are told apart: retries and
// hedged calls make a few.
const maxHalves = 16

// The table is keyed by ids that senders choose, so its hash is not for them to
// know.
var seed1, seed2 = rand.Uint64(), rand.Uint64()

func (j *joiner) slot(trace uint64, id span.ID) *int32 {
	hi, lo := bits.Mul64(uint64(id)^seed1, trace^seed2)
	return &j.slots[(hi^lo)&uint64(len(j.slots)-1)]
}

// find gives the user of an id, nil if no item has it.
func (j *joiner) find(trace uint64, id span.ID) *user {
	for k := *j.slot(trace, id); k != 0; k = j.users[k-1].next {
		if u := &j.users[k-1]; u.id == id && u.trace == trace {
			return u
		}
	}
	return nil
}

// index notes all ids and gives the server halves their identity. It returns
// false when there are none.
func (j *joiner) index() (found bool) {
	size := 1
	for size < 2*len(j.items) {
		size *= 2
	}
	j.slots = make([]int32, size)
	j.users = make([]user, 0, len(j.items))
	for i := range j.items {
		s := j.items[i].Span()
		u := j.find(s.Trace.Lo, s.ID)
		if u == nil {
			slot := j.slot(s.Trace.Lo, s.ID)
			j.users = append(j.users, user{trace: s.Trace.Lo, id: s.ID, next: *slot})
			*slot = int32(len(j.users))
			u = &j.users[len(j.users)-1]
		}
		u.client = u.client || s.Kind == span.KindClient
	}
	for i := range j.items {
		it := &j.items[i]
		s := it.Span()
		if !j.isHalf(s) {
			continue
		}
		found = true
		it.Identity = span.Identity{ID: span.ServerHalf(s.ID, it.Batch.Str(s.Local.Service), s.Local.IP()), Parent: s.ID}
		j.addHalf(j.find(s.Trace.Lo, s.ID), i)
	}
	return found
}

func (j *joiner) addHalf(u *user, i int) {
	for k := u.halves; k != 0; k = j.halves[k-1].next {
		if j.items[j.halves[k-1].item].ID == j.items[i].ID {
			return
		}
	}
	if u.n == maxHalves {
		return
	}
	u.n++
	j.halves = append(j.halves, half{item: int32(i), next: u.halves})
	u.halves = int32(len(j.halves))
}

func (j *joiner) isHalf(s *span.Span) bool {
	if split(s) {
		return false
	}
	if s.Has&span.Shared != 0 {
		return s.Kind != span.KindClient
	}
	return s.Kind == span.KindServer && j.find(s.Trace.Lo, s.ID).client
}

// split is true for a span whose id is its own already: only its wire identity
// in Zipkin is shared.
func split(s *span.Span) bool {
	return s.Has&span.HasWire != 0 && s.Wire.ID != s.ID
}

// follow gives an item a server half as its parent where that is the span it
// means.
func (j *joiner) follow(it *span.Item) {
	s := it.Span()
	if s.Parent == 0 || split(s) {
		return
	}
	u := j.find(s.Trace.Lo, s.Parent)
	if u == nil {
		return
	}
	remote := s.Kind == span.KindServer || s.Kind == span.KindConsumer
	service := it.Batch.Str(s.Local.Service)
	var candidate *span.Item
	candidates := 0
	for k := u.halves; k != 0; k = j.halves[k-1].next {
		h := &j.items[j.halves[k-1].item]
		hs := h.Span()
		same := strings.EqualFold(h.Batch.Str(hs.Local.Service), service)
		switch {
		case remote && (same || !within(s, hs)):
			// Reported by another process, it means the innermost span that
			// crossed the wire: the client half, unless a proxy joined before,
			// whose time then contains it.
			continue
		case remote:
		case service != "" && !same:
			continue
		case same && s.Local.SameIP(&hs.Local):
			it.Parent = h.ID
			return
		case s.Local.IP().IsValid() && hs.Local.IP().IsValid():
			continue // another instance of the service
		}
		candidate = h
		candidates++
	}
	// A child without an address, or without a service, follows the only half
	// that it can mean.
	if candidates == 1 {
		it.Parent = candidate.ID
	}
}

// within is true when the time of s lies in the time of h.
func within(s, h *span.Span) bool {
	const known = span.HasStart | span.HasDuration
	return s.Has&known == known && h.Has&known == known &&
		s.Start >= h.Start && s.Start+s.Duration <= h.Start+h.Duration
}
