// SPDX-License-Identifier: Apache-2.0

package assemble

// list is the number of the first in a list, 0 for none, and behind it, by bits of
// their hashes, which keys may be in it: of most that are not, that tells without a
// look at the first.
type list uint64

func maybe(hash uint64) list { return 1 << (32 + hash>>59) }

func (l list) first(hash uint64) int32 {
	if l&maybe(hash) == 0 {
		return 0
	}
	return l.any()
}

// any is the first in the list, whatever its hash.
func (l list) any() int32 { return int32(uint32(l)) }

// push puts another one before the first, which it gives.
func (l *list) push(n int32, hash uint64) (next int32) {
	next = l.any()
	*l = *l>>32<<32 | maybe(hash) | list(uint32(n))
	return next
}

// pop takes the first one out, behind which there is another one or 0.
func (l *list) pop(next int32) {
	if *l = *l>>32<<32 | list(uint32(next)); next == 0 {
		*l = 0
	}
}

// heads are the lists of those that wait for ids, by the ids' hash: the newest of
// each. One list is divided for each waiter that is one too many (linear hashing),
// so that the table grows without a stop.
type heads struct {
	slots []list
	bits  uint8 // all hashes have had so many, and those of lists that were divided one more
	count int
}

const fewBits = 6

func (h *heads) init() { *h = heads{slots: make([]list, 1<<fewBits), bits: fewBits} }

// of is the list for a hash.
func (h *heads) of(hash uint64) *list { return &h.slots[h.number(hash)] }

func (h *heads) number(hash uint64) int {
	n := hash & (2<<h.bits - 1)
	if n >= uint64(len(h.slots)) {
		n &= 1<<h.bits - 1
	}
	return int(n)
}

// much is true if not all of the table is near the processor.
func (w *waiters) much() bool { return len(w.heads.slots) >= far }

// warm does as users.warm: the first of a list is changed when another one comes.
func (w *waiters) warm(keys []key) {
	if !w.much() {
		return
	}
	var firsts [atOnce]int32
	for from := 0; from < len(keys); from += atOnce {
		some := keys[from:min(from+atOnce, len(keys))]
		for i := range some {
			firsts[i] = w.heads.of(hash(some[i])).any()
		}
		for i := range some {
			if n := firsts[i]; n != 0 {
				w.warmed += w.at(n).older
			}
		}
	}
}

// list puts a slot at the head of the list for its key, unlist takes it out.
func (w *waiters) list(slot int32) {
	if w.heads.count++; w.heads.count > len(w.heads.slots) {
		w.divide()
	}
	w.head(slot)
}

func (w *waiters) head(slot int32) {
	a := w.at(slot)
	h := hash(a.key)
	if a.newer, a.older = 0, w.heads.of(h).push(slot, h); a.older != 0 {
		w.at(a.older).newer = slot
	}
}

func (w *waiters) unlist(slot int32) {
	a := w.at(slot)
	if a.older != 0 {
		w.at(a.older).newer = a.newer
	}
	if a.newer != 0 {
		w.at(a.newer).older = a.older
	} else {
		w.heads.of(hash(a.key)).pop(a.older)
	}
	w.heads.count--
}

// divide makes two lists of the next one. Both keep their order.
func (w *waiters) divide() {
	h := &w.heads
	from := len(h.slots) - 1<<h.bits
	slot := int32(0) // the oldest, which comes first into its new list
	for n := h.slots[from].any(); n != 0; n = w.at(n).older {
		slot = n
	}
	h.slots = append(h.slots, 0)
	h.slots[from] = 0
	for slot != 0 {
		a := w.at(slot)
		newer := a.newer
		w.head(slot)
		slot = newer
	}
	if len(h.slots) == 2<<h.bits {
		h.bits++
	}
}
