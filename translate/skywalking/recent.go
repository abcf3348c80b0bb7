// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"math/bits"
	"math/rand/v2"

	"github.com/spanbridge/spanbridge/span"
)

// recent keeps the values of a bounded number of keys: the newest key takes the
// place of the oldest, and its value the memory of that one's. It is a table of
// its own rather than a map: one look-up gives a slot that can be come back to,
// and neither keys nor slots are pointers that a garbage collector follows.
type recent[K comparable, V any] struct {
	limit  int
	hash   func(K) uint64
	heads  []int32 // the first slot of a list + 1, by the hash of the keys in it
	chunks [][]slot[K, V]
	n      int
	next   int // the oldest, once there are limit
}

type slot[K comparable, V any] struct {
	key  K
	val  V
	next int32 // in the list, + 1
}

const (
	noSlot    = -1
	chunkBits = 8
	fewHeads  = 64
)

func newRecent[K comparable, V any](limit int, hash func(K) uint64) recent[K, V] {
	return recent[K, V]{limit: limit, hash: hash}
}

func (r *recent[K, V]) slot(i int32) *slot[K, V] {
	return &r.chunks[i>>chunkBits][i&(1<<chunkBits-1)]
}

// find is the slot of a key, noSlot when it is not kept.
func (r *recent[K, V]) find(k K) int32 {
	if r.n == 0 {
		return noSlot
	}
	for i := r.heads[r.hash(k)&uint64(len(r.heads)-1)]; i != 0; {
		s := r.slot(i - 1)
		if s.key == k {
			return i - 1
		}
		i = s.next
	}
	return noSlot
}

// again is find for a key that was found in slot i a while ago.
func (r *recent[K, V]) again(i int32, k K) int32 {
	if i != noSlot && r.slot(i).key == k {
		return i
	}
	return r.find(k)
}

// warm brings what find looks at for some keys nearer to the processor: all at once,
// while one after the other each would be waited for. The result is for nobody but
// the compiler, which must not leave the loads out.
func (r *recent[K, V]) warm(keys []K) (loaded int32) {
	const atOnce = 64
	if len(r.heads) < 1<<14 {
		return 0 // it is near enough
	}
	var firsts [atOnce]int32
	for len(keys) > 0 {
		some := keys[:min(len(keys), atOnce)]
		keys = keys[len(some):]
		for i := range some {
			firsts[i] = r.heads[r.hash(some[i])&uint64(len(r.heads)-1)]
		}
		for i := range some {
			if n := firsts[i]; n != 0 {
				loaded += r.slot(n - 1).next
			}
		}
		if r.n < r.limit {
			continue
		}
		for i := range some { // the places of new keys
			old := r.slot(int32((r.next + i) % r.limit))
			loaded += r.heads[r.hash(old.key)&uint64(len(r.heads)-1)]
		}
	}
	return loaded
}

// at is the value in a slot.
func (r *recent[K, V]) at(i int32) *V { return &r.slot(i).val }

// get is the value of a key, nil when it is not kept.
func (r *recent[K, V]) get(k K) *V {
	if i := r.find(k); i != noSlot {
		return r.at(i)
	}
	return nil
}

// put is the value of a key to be filled; what it held before is still there.
// A key that is kept already stays in its place.
func (r *recent[K, V]) put(k K) *V {
	i := r.find(k)
	if i == noSlot {
		i = r.add(k)
	}
	return r.at(i)
}

// add is the slot of a key that is not kept; it holds the value of another one.
func (r *recent[K, V]) add(k K) int32 {
	i := int32(r.next)
	if r.n < r.limit {
		i = int32(r.n)
		if int(i)>>chunkBits == len(r.chunks) {
			r.chunks = append(r.chunks, make([]slot[K, V], min(1<<chunkBits, r.limit-r.n)))
		}
		if 2*(r.n+1) > len(r.heads) {
			r.grow()
		}
		r.n++
	} else {
		r.next = (r.next + 1) % r.limit
		r.unlink(i)
	}
	s, head := r.slot(i), &r.heads[r.hash(k)&uint64(len(r.heads)-1)]
	s.key, s.next = k, *head
	*head = i + 1
	return i
}

func (r *recent[K, V]) unlink(i int32) {
	at := &r.heads[r.hash(r.slot(i).key)&uint64(len(r.heads)-1)]
	for *at != i+1 {
		at = &r.slot(*at - 1).next
	}
	*at = r.slot(i).next
}

func (r *recent[K, V]) grow() {
	r.heads = make([]int32, max(fewHeads, 2*len(r.heads)))
	for i := range int32(r.n) {
		s := r.slot(i)
		head := &r.heads[r.hash(s.key)&uint64(len(r.heads)-1)]
		s.next, *head = *head, i+1
	}
}

// The tables are keyed by ids that senders choose, so their hash is not for them
// to know.
var seeds = [...]uint64{rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64()}

func hashTrace(t span.TraceID) uint64 {
	hi, lo := bits.Mul64(t.Lo^seeds[0], t.Hi^seeds[1])
	return hi ^ lo
}

func hashSpan(k spanKey) uint64 {
	hi, lo := bits.Mul64(hashTrace(k.trace)^seeds[2], uint64(k.id)^seeds[3])
	return hi ^ lo
}

// hashed is the hash of what is one.
func hashed(h uint64) uint64 { return h }
