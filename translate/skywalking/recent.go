// SPDX-License-Identifier: Apache-2.0

package skywalking

// recent keeps the values of a bounded number of keys: the newest key takes the
// place of the oldest, and its value the memory of that one's.
type recent[K comparable, V any] struct {
	limit int
	at    map[K]int
	keys  []K
	vals  []V
	next  int // the oldest, once there are limit
}

func newRecent[K comparable, V any](limit int) recent[K, V] {
	return recent[K, V]{limit: limit, at: make(map[K]int)}
}

// get is the value of a key, nil when it is not kept.
func (r *recent[K, V]) get(k K) *V {
	if i, ok := r.at[k]; ok {
		return &r.vals[i]
	}
	return nil
}

// put is the value of a key to be filled; what it held before is still there.
// A key that is kept already stays in its place.
func (r *recent[K, V]) put(k K) *V {
	if v := r.get(k); v != nil {
		return v
	}
	i := r.next
	if len(r.keys) < r.limit {
		i = len(r.keys)
		r.keys = append(r.keys, k)
		r.vals = append(r.vals, *new(V))
	} else {
		delete(r.at, r.keys[i])
		r.keys[i] = k
		r.next = (i + 1) % r.limit
	}
	r.at[k] = i
	return &r.vals[i]
}
