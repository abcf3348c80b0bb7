// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"slices"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

// waiter is a span that waits to hear of one or two ids. It is as long as a line of
// the processor's cache. The second id has a waiter of its own, which has nothing
// but that.
type waiter struct {
	key          key     // that it waits for
	id           span.ID // under which it would leave as far as is known
	until        time.Duration
	message      uint32 // its place
	index        int32
	before       int32 // those that wait a little longer or shorter
	behind       int32
	newer, older int32 // in the list of the key's hash
	other        int32 // the waiter of the second id, or of such a one the first; 0: there is none
	extended     bool
	second       bool
}

// waiters are the spans that wait, in the order in which their time is up.
// Slot 0 stands for none.
type waiters struct {
	since       time.Time          // what times count from
	pieces      []*[inPiece]waiter // so that they grow without being moved
	made        int32
	free        int32 // the first of those to use again
	first, last int32
	heads       heads
	count       int
	again       []int32
	warmed      int32
}

func (w *waiters) init() {
	*w = waiters{since: w.since, made: 1, again: w.again}
	w.heads.init()
}

func (w *waiters) any() bool { return w.count > 0 }

func (w *waiters) at(slot int32) *waiter { return &w.pieces[slot>>pieceBits][slot&(inPiece-1)] }

// oldest is the slot whose time is up first, 0 for none.
func (w *waiters) oldest() int32 { return w.first }

func (w *waiters) until(slot int32) time.Time { return w.since.Add(w.at(slot).until) }

// slot is one for a new waiter.
func (w *waiters) slot() int32 {
	if slot := w.free; slot != 0 {
		w.free = w.at(slot).behind
		return slot
	}
	slot := w.made
	w.made++
	if int(slot)>>pieceBits == len(w.pieces) {
		w.pieces = append(w.pieces, new([inPiece]waiter))
	}
	return slot
}

// add lets a span of the message at a place wait, under the identity that it came
// with.
func (w *waiters) add(message uint32, index int, s *span.Span, until time.Time, on wait) {
	if w.since.IsZero() {
		w.since = until
	}
	slot := w.slot()
	*w.at(slot) = waiter{id: s.ID, message: message, index: int32(index), until: until.Sub(w.since)}
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
	a.until, a.extended = until.Sub(w.since), true
	w.push(slot)
}

func (w *waiters) link(slot int32, on wait) {
	w.at(slot).key = on.keys[0]
	w.list(slot)
	if on.n == 2 {
		second := w.slot()
		*w.at(second) = waiter{key: on.keys[1], other: slot, second: true}
		w.at(slot).other = second
		w.list(second)
	}
}

func (w *waiters) unlink(slot int32) {
	w.unlist(slot)
	if second := w.at(slot).other; second != 0 {
		w.unlist(second)
		w.at(slot).other = 0
		w.release(second)
	}
}

// release lets a slot be used again.
func (w *waiters) release(slot int32) {
	*w.at(slot) = waiter{behind: w.free}
	w.free = slot
}

// change lets a slot wait for something else.
func (w *waiters) change(slot int32, on wait) {
	w.unlink(slot)
	w.link(slot, on)
}

func (w *waiters) remove(slot int32) {
	w.unlink(slot)
	w.pull(slot)
	w.release(slot)
	if w.count--; w.count == 0 && w.made > keepReady {
		w.init()
	}
}

// on gives the slots that wait for an id, the one first that came first. They hold
// until the next call, and may be removed and changed on the way.
func (w *waiters) on(k key) []int32 {
	w.again = w.again[:0]
	h := hash(k)
	for slot := w.heads.of(h).first(h); slot != 0; {
		a := w.at(slot)
		switch {
		case a.key != k:
		case a.second:
			w.again = append(w.again, a.other)
		default:
			w.again = append(w.again, slot)
		}
		slot = a.older
	}
	// The list runs from the newest to the oldest.
	slices.Reverse(w.again)
	return w.again
}
