// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"cmp"
	"runtime/debug"
	"slices"
	"sort"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// A span that waits in the window holds back the place of the target in the log,
// and with it all that came later and has left long ago. The log is told which
// those are; the next process, or the target that a reload puts in its place, reads
// them again, for what the window learns of them, and does not send them.

// Learner is a consumer that must know where spans went that an earlier process has
// sent: it gets together what went together. It must not keep the slice.
type Learner interface {
	Learn([]span.Item)
}

// known is an item that an earlier process was done with, together with others of
// the same number.
type known struct {
	span.Item
	with uint64
}

// remember sets what an earlier process was done with of a record. A message of
// which there are more or fewer spans now, by other rules, may have others at their
// places: it is sent as a whole.
func (t *Target) remember(rec *record, r *queue.Taken, b *span.Batch) {
	if rec.exact = b.Len() == r.Items; !rec.exact || len(r.Done) == 0 {
		return
	}
	rec.done = r.Done
	for _, run := range r.Done {
		rec.known += int(run.To - run.From)
	}
	t.ledger.repeated[acknowledged][protocolOf(rec.class)].Add(float64(rec.known))
}

// run is the first run of items that an earlier process was done with and that ends
// behind an index; ok is false when there is none.
func (r *record) run(index int) (run queue.Run, ok bool) {
	i := sort.Search(len(r.done), func(i int) bool { return int(r.done[i].To) > index })
	if i == len(r.done) {
		return run, false
	}
	return r.done[i], true
}

// was is the run that an item belongs to if an earlier process was done with it.
func (r *record) was(index int) (run queue.Run, ok bool) {
	run, ok = r.run(index)
	return run, ok && int(run.From) <= index
}

// skip appends spans of a record that were counted when it was opened.
func (p *parcel) skip(rec *record, n int) {
	if last := len(p.parts) - 1; last >= 0 && p.parts[last].record == rec && p.parts[last].spans == 0 {
		p.parts[last].left += n
		return
	}
	p.parts = append(p.parts, part{record: rec, left: n})
}

// acknowledge tells the log what became of a parcel beyond the place of the target.
// The lock is held.
func (t *Target) acknowledge(p *parcel) {
	t.done = t.done[:0]
	first := uint64(0)
	if len(t.records) > 0 {
		first = t.records[0].seq
	}
	items := p.Items
	for _, part := range p.parts {
		mine := items[:part.spans]
		items = items[part.spans:]
		if len(t.records) == 0 || part.record.seq < first || !part.record.exact {
			continue
		}
		for _, it := range mine {
			if last := len(t.done) - 1; last >= 0 && t.done[last].Seq == part.record.seq && t.done[last].To == it.Index {
				t.done[last].To++
				continue
			}
			t.done = append(t.done, queue.Done{Seq: part.record.seq, From: it.Index, To: it.Index + 1})
		}
	}
	t.cursor.Acknowledge(t.done)
}

// learn tells a consumer of the spans in a parcel that an earlier process has sent.
func (t *Target) learn(p *parcel) {
	l, ok := t.consumer.(Learner)
	if !ok || len(p.known) == 0 {
		return
	}
	slices.SortStableFunc(p.known, func(a, b known) int { return cmp.Compare(a.with, b.with) })
	var items []span.Item
	for from := 0; from < len(p.known); {
		items = items[:0]
		to := from
		for ; to < len(p.known) && p.known[to].with == p.known[from].with; to++ {
			items = append(items, p.known[to].Item)
		}
		t.teach(l, items)
		from = to
	}
}

// teach tells a learner. A panic there costs what it would have known.
func (t *Target) teach(l Learner, items []span.Item) {
	defer func() {
		if r := recover(); r != nil {
			t.ledger.panicked()
			t.log.Error("panic while learning of spans", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	l.Learn(items)
}
