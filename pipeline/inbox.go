// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"time"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/span"
)

// inbox is where spans are between the log and a parcel.
type inbox interface {
	put(rec *record, b *span.Batch, bytes int, now time.Time)
	// take moves spans that may leave into a parcel: at least one and up to
	// spans and bytes, or more where they must stay together. It returns false
	// when none may.
	take(p *parcel, spans, bytes int) bool
	// next is when due has something to do; ok is false when nothing waits.
	next() (at time.Time, ok bool)
	due(now time.Time)
	// drain lets everything go, now and from now on.
	drain(now time.Time)
	// change gives a window other times and bounds.
	change(opts *assemble.Options, now time.Time)
}

// passage lets spans through as they are.
type passage struct {
	records []opened
}

// opened is a record some spans of which have not left.
type opened struct {
	record *record
	batch  *span.Batch
	bytes  int
	each   int // bytes of a span besides
	next   int // the next span
}

// usualCommon is how much spans may have in common before it counts for each of
// them: what a usual resource says is little.
const usualCommon = 16 << 10

// besides is how many bytes more than its share of the message a span may take
// when it leaves. Without it one resource of megabytes, written again for each of
// a thousand spans, would fill the memory.
func besides(b *span.Batch) int { return max(0, b.Common()-usualCommon) }

func (g *passage) put(rec *record, b *span.Batch, bytes int, _ time.Time) {
	if b.Len() > 0 {
		g.records = append(g.records, opened{rec, b, bytes, besides(b), 0})
	}
}

func (g *passage) take(p *parcel, room, bytes int) bool {
	if len(g.records) == 0 {
		return false
	}
	o := &g.records[0]
	if !p.welcomes(o.batch) {
		return false
	}
	spans := o.batch.Spans()
	if o.next == 0 {
		p.bytes += o.bytes
	}
	if run, ok := o.record.was(o.next); ok {
		p.skip(o.record, int(run.To)-o.next)
		g.advance(int(run.To))
		return true
	}
	if o.each > 0 {
		room = min(room, 1+bytes/o.each)
	}
	end := len(spans)
	if run, ok := o.record.run(o.next); ok {
		end = int(run.From)
	}
	to := min(end, o.next+room)
	for to < end && spans[to].Segment != 0 && spans[to].Segment == spans[to-1].Segment {
		to++
	}
	p.bytes += o.each * (to - o.next)
	p.Items = appendItems(p.Items, o.batch, o.next, to)
	p.add(o.record, o.batch, to-o.next)
	g.advance(to)
	return true
}

// advance goes on with the record at hand from a span on.
func (g *passage) advance(to int) {
	o := &g.records[0]
	if o.next = to; to == o.batch.Len() {
		g.records = append(g.records[:0], g.records[1:]...)
	}
}

func (*passage) next() (at time.Time, ok bool) { return at, false }
func (*passage) due(time.Time)                 {}
func (*passage) drain(time.Time)               {}

func (*passage) change(*assemble.Options, time.Time) {}

// held keeps spans until a window lets them go.
type held struct {
	window   *assemble.Window
	counters windowCounters
	records  map[uint64]*waiting // by number
	items    []span.Item
	draining bool
}

// waiting is a record some spans of which have not left the window.
type waiting struct {
	record *record
	spans  int
	each   int // bytes of a span
}

func newHeld(opts assemble.Options, set *metrics.Set, target string) *held {
	return &held{window: assemble.New(opts), counters: newWindowCounters(set, target), records: make(map[uint64]*waiting)}
}

func (h *held) put(rec *record, b *span.Batch, bytes int, now time.Time) {
	if b.Len() == 0 {
		return
	}
	h.records[rec.seq] = &waiting{record: rec, spans: b.Len(), each: bytes/b.Len() + besides(b)}
	h.items = appendItems(h.items[:0], b, 0, b.Len())
	h.window.Put(rec.seq, h.items, bytes, now)
	clear(h.items)
	if h.draining {
		h.window.Flush(now)
	}
	h.count()
}

func (h *held) take(p *parcel, spans, bytes int) bool {
	ready := h.window.Ready()
	n, full := 0, p.bytes+bytes
	beside := false // one of those that must leave together is in the parcel
	var w *waiting
	for n < len(ready) && (n < spans && p.bytes < full || ready[n].With) && p.welcomes(ready[n].Batch) {
		if w == nil || w.record.seq != ready[n].Message {
			w = h.records[ready[n].Message]
		}
		beside = beside && ready[n].With
		if run, ok := w.record.was(ready[n].Index); ok {
			p.known = append(p.known, known{ready[n].Item, run.With})
			p.skip(w.record, 1)
		} else {
			p.Items = append(p.Items, ready[n].Item)
			p.with = append(p.with, beside)
			p.add(w.record, ready[n].Batch, 1)
			p.bytes += w.each
			beside = true
		}
		if w.spans--; w.spans == 0 {
			delete(h.records, ready[n].Message)
		}
		n++
	}
	h.window.Take(n)
	return n > 0
}

func (h *held) next() (at time.Time, ok bool) { return h.window.Next() }

func (h *held) due(now time.Time) {
	h.window.Due(now)
	h.count()
}

func (h *held) drain(now time.Time) {
	h.draining = true
	h.window.Flush(now)
	h.count()
}

func (h *held) change(opts *assemble.Options, now time.Time) {
	h.window.Change(*opts, now)
	h.count()
}

func (h *held) count() { h.counters.set(h.window.Counts()) }

// appendItems appends spans of a batch under the identities that they came with.
func appendItems(dst []span.Item, b *span.Batch, from, to int) []span.Item {
	spans := b.Spans()
	for i := from; i < to; i++ {
		dst = append(dst, span.Item{Batch: b, Index: i, Identity: span.Identity{ID: spans[i].ID, Parent: spans[i].Parent}})
	}
	return dst
}
