// SPDX-License-Identifier: Apache-2.0

package skywalking

// index finds the pending spans of a call. It is a map that is emptied at once.
type index struct {
	slots []indexed
	call  uint32
}

type indexed struct {
	key  spanKey
	at   int32
	call uint32 // another call's number: the slot is free
}

// reset empties the index and makes room for so many spans.
func (x *index) reset(n int) {
	size := 16
	for size < 2*n {
		size *= 2
	}
	if x.call++; size > len(x.slots) || x.call == 0 {
		x.slots, x.call = make([]indexed, max(size, len(x.slots))), 1
	}
}

// slot is that of a span, or the free one that it would get.
func (x *index) slot(k spanKey) *indexed {
	mask := uint64(len(x.slots) - 1)
	for i := hashSpan(k) & mask; ; i = (i + 1) & mask {
		if s := &x.slots[i]; s.call != x.call || s.key == k {
			return s
		}
	}
}

func (x *index) get(k spanKey) (at int32, ok bool) {
	s := x.slot(k)
	return s.at, s.call == x.call
}

func (x *index) put(k spanKey, at int32) {
	*x.slot(k) = indexed{k, at, x.call}
}
