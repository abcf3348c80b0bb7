// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"cmp"
	"iter"
	"slices"
	"sort"
)

// Done is items of a record that a reader is done with: from From to before To, in
// the order of the record.
type Done struct {
	Seq      uint64
	From, To int
}

// Run is items of a record that the reader was done with in an earlier process, or
// before Rewind. Those that it acknowledged in one call have the same number With.
type Run struct {
	From, To uint32
	With     uint64
}

// Acknowledge notes which items of records that it took the reader is done with,
// before it can commit them: it gets to know after Rewind. In a log on disk that is
// written at once, with the
// place of the cursor, though not synced: after a kill Taken.Done has all of it,
// after a power cut all but that of the last second or so. A record that is
// committed needs none of it; what was written earlier of the place is superseded.
// The parts are put in order.
func (c *Cursor) Acknowledge(parts []Done) {
	l := c.log
	j := c.journal
	slices.SortFunc(parts, func(a, b Done) int { return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.From, b.From)) })
	if j == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		c.done++
		for at, some := range c.each(parts) {
			at.add(some, c.done)
		}
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	id := j.id + 1
	l.mu.Lock()
	next := c.needs()
	some := next != j.next
	w := entryWriter{id: id, last: next, p: openEntry(j.buf[:0], id, next)}
	for at, parts := range c.each(parts) {
		had := len(at.done)
		at.add(parts, id)
		w.record(at.seq, at.sum, at.done[had:])
		some = true
	}
	l.mu.Unlock()
	j.buf = w.p
	if some {
		j.id, j.next = id, next
		j.write()
	}
}

// each gives the parts of each record that was taken and is not committed.
func (c *Cursor) each(parts []Done) iter.Seq2[*place, []Done] {
	return func(yield func(*place, []Done) bool) {
		for len(parts) > 0 {
			n := 1
			for n < len(parts) && parts[n].Seq == parts[0].Seq {
				n++
			}
			if at := c.placeOf(parts[0].Seq); at != nil && !yield(at, parts[:n]) {
				return
			}
			parts = parts[n:]
		}
	}
}

// placeOf finds a record that was taken and is not committed.
func (c *Cursor) placeOf(seq uint64) *place {
	i := sort.Search(len(c.taken), func(i int) bool { return c.taken[i].seq >= seq })
	if i == len(c.taken) || c.taken[i].seq != seq {
		return nil
	}
	return &c.taken[i]
}

// add notes parts that are in order, neighbours as one.
func (at *place) add(parts []Done, id uint64) {
	had := len(at.done)
	at.done = slices.Grow(at.done, len(parts))
	for _, d := range parts {
		if last := len(at.done) - 1; last >= had && int(at.done[last].To) == d.From {
			at.done[last].To = uint32(d.To)
			continue
		}
		at.done = append(at.done, Run{uint32(d.From), uint32(d.To), id})
	}
}

// remembered is what an earlier process was done with of a record.
type remembered struct {
	seq  uint64
	sum  uint32 // of the record: another one may have got its number
	runs []Run
}

// recall gives what is remembered of a record that is taken. Records are taken in
// order, so that what is remembered of those before is of no use any more.
func (c *Cursor) recall(seq uint64, r *Record) []Run {
	n := 0
	for n < len(c.remembered) && c.remembered[n].seq < seq {
		n++
	}
	c.remembered = c.remembered[n:]
	if len(c.remembered) == 0 || c.remembered[0].seq != seq {
		return nil
	}
	m := c.remembered[0]
	c.remembered = c.remembered[1:]
	if last := len(m.runs) - 1; m.sum != r.sum || int(m.runs[last].To) > r.Items {
		return nil
	}
	return m.runs
}

// unite puts runs in order and takes out what is there twice.
func unite(runs []Run) []Run {
	slices.SortFunc(runs, func(a, b Run) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(b.To, a.To)) })
	kept := runs[:0]
	end := uint32(0)
	for _, r := range runs {
		r.From = max(r.From, end)
		if r.From < r.To {
			kept = append(kept, r)
			end = r.To
		}
	}
	return kept
}
