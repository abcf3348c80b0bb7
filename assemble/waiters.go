// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"iter"
	"slices"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

// waiter is a span that waits to hear of one or two ids.
type waiter struct {
	item     span.Item
	message  uint64
	until    time.Time
	links    [2]link
	before   int32 // the slots that wait a little longer or shorter
	behind   int32
	n        int8 // links in use
	extended bool
}

// link puts a waiter into the list of an id. A place in a list is the number of
// a slot times two, plus which of its links.
type link struct {
	key          key
	before, next int32
}

// waiters are the spans that wait, in the order in which their time is up.
// Slot 0 stands for none.
type waiters struct {
	list        []waiter
	free        []int32
	first, last int32
	heads       map[key]int32 // the first place of each id
	count       int
	again       []int32
}

func (w *waiters) init() {
	w.list = make([]waiter, 1)
	w.heads = make(map[key]int32)
}

func (w *waiters) any() bool { return w.count > 0 }

func (w *waiters) at(slot int32) *waiter { return &w.list[slot] }

// oldest is the slot whose time is up first, 0 for none.
func (w *waiters) oldest() int32 { return w.first }

func (w *waiters) add(it span.Item, message uint64, until time.Time, on wait) {
	var slot int32
	if n := len(w.free); n > 0 {
		slot, w.free = w.free[n-1], w.free[:n-1]
	} else {
		slot = int32(len(w.list))
		w.list = append(w.list, waiter{})
	}
	// It waits under the identity that it came with.
	s := it.Span()
	it.Identity = span.Identity{ID: s.ID, Parent: s.Parent}
	w.list[slot] = waiter{item: it, message: message, until: until}
	w.count++
	w.push(slot)
	w.link(slot, on)
}

// push puts a slot behind all others.
func (w *waiters) push(slot int32) {
	a := w.at(slot)
	a.before, a.behind = w.last, 0
	if w.last != 0 {
		w.at(w.last).behind = slot
	} else {
		w.first = slot
	}
	w.last = slot
}

// pull takes a slot out of the order.
func (w *waiters) pull(slot int32) {
	a := w.at(slot)
	if a.before != 0 {
		w.at(a.before).behind = a.behind
	} else {
		w.first = a.behind
	}
	if a.behind != 0 {
		w.at(a.behind).before = a.before
	} else {
		w.last = a.before
	}
}

// extend lets a slot wait longer, once.
func (w *waiters) extend(slot int32, until time.Time) {
	w.pull(slot)
	a := w.at(slot)
	a.until, a.extended = until, true
	w.push(slot)
}

func (w *waiters) linkAt(place int32) *link { return &w.list[place/2].links[place%2] }

func (w *waiters) link(slot int32, on wait) {
	a := w.at(slot)
	a.n = int8(on.n)
	for i := range on.n {
		place := slot*2 + int32(i)
		head := w.heads[on.keys[i]]
		a.links[i] = link{key: on.keys[i], next: head}
		if head != 0 {
			w.linkAt(head).before = place
		}
		w.heads[on.keys[i]] = place
	}
}

func (w *waiters) unlink(slot int32) {
	a := w.at(slot)
	for i := range a.n {
		l := &a.links[i]
		if l.next != 0 {
			w.linkAt(l.next).before = l.before
		}
		switch {
		case l.before != 0:
			w.linkAt(l.before).next = l.next
		case l.next != 0:
			w.heads[l.key] = l.next
		default:
			delete(w.heads, l.key)
		}
	}
	a.n = 0
}

// change lets a slot wait for something else.
func (w *waiters) change(slot int32, on wait) {
	w.unlink(slot)
	w.link(slot, on)
}

func (w *waiters) remove(slot int32) {
	w.unlink(slot)
	w.pull(slot)
	w.list[slot] = waiter{}
	w.free = append(w.free, slot)
	w.count--
	if w.count == 0 && len(w.list) > keepReady {
		w.list, w.free = make([]waiter, 1), nil
		w.heads = make(map[key]int32)
	}
}

// on gives the slots that wait for an id. They may be removed and changed on
// the way.
func (w *waiters) on(k key) iter.Seq[int32] {
	w.again = w.again[:0]
	for place := w.heads[k]; place != 0; place = w.linkAt(place).next {
		w.again = append(w.again, place/2)
	}
	return func(yield func(int32) bool) {
		// The list runs from the newest to the oldest.
		for _, slot := range slices.Backward(w.again) {
			if !yield(slot) {
				return
			}
		}
	}
}
