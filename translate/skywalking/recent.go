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
//
// Keys are numbered as they come, and a list runs from its newest key to the oldest:
// it ends where the numbers are of keys that are gone, so that none need be taken out.
type recent[K comparable, V any] struct {
	limit  int
	hash   func(K) uint64
	heads  []uint32 // the number of the newest key of a list, by the hash of the keys in it
	chunks [][]slot[K, V]
	n      int
	last   int32  // the slot of the newest key
	count  uint32 // its number, from 1; it may overflow
}

type slot[K comparable, V any] struct {
	key  K
	val  V
	next uint32 // the number of the next one in the list
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
	for age, before := r.count-r.heads[r.hash(k)&uint64(len(r.heads)-1)], -1; int(age) < r.n && int(age) > before; {
		i := r.aged(age)
		s := r.slot(i)
		if s.key == k {
			return i
		}
		before, age = int(age), r.count-s.next
	}
	return noSlot
}

// aged is the slot of the key after which so many came.
func (r *recent[K, V]) aged(age uint32) int32 {
	i := r.last - int32(age)
	if i < 0 {
		i += int32(r.limit)
	}
	return i
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
func (r *recent[K, V]) warm(keys []K) (loaded uint32) {
	const atOnce = 64
	if len(r.heads) < 1<<14 {
		return 0 // it is near enough
	}
	var ages [atOnce]uint32
	for len(keys) > 0 {
		some := keys[:min(len(keys), atOnce)]
		keys = keys[len(some):]
		for i := range some {
			ages[i] = r.count - r.heads[r.hash(some[i])&uint64(len(r.heads)-1)]
		}
		for i := range some {
			if int(ages[i]) < r.n {
				loaded += r.slot(r.aged(ages[i])).next
			}
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
	i := r.last + 1
	if r.n < r.limit {
		i = int32(r.n)
		if int(i)>>chunkBits == len(r.chunks) {
			r.chunks = append(r.chunks, make([]slot[K, V], min(1<<chunkBits, r.limit-r.n)))
		}
		if 2*(r.n+1) > len(r.heads) {
			r.grow()
		}
		r.n++
	} else if int(i) == r.limit {
		i = 0
	}
	r.last = i
	r.count++
	s, head := r.slot(i), &r.heads[r.hash(k)&uint64(len(r.heads)-1)]
	s.key, s.next = k, *head
	*head = r.count
	return i
}

// grow makes room for more keys, of which none is gone yet.
func (r *recent[K, V]) grow() {
	r.heads = make([]uint32, max(fewHeads, 2*len(r.heads)))
	for i := range int32(r.n) {
		s := r.slot(i)
		head := &r.heads[r.hash(s.key)&uint64(len(r.heads)-1)]
		s.next, *head = *head, r.count-uint32(r.n)+uint32(i)+1
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
