// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"github.com/spanbridge/spanbridge/span"
)

// A Zipkin client may report one span in pieces: its start at once, the rest
// when it is known. Pieces that are in one call become one span: that of the
// piece that says most, with the tags and events of the others. What comes
// later is left out, for OAP takes a segment only once.

// partial is another report of a pending span.
type partial struct {
	item int32
	next int32 // -1 for none
}

// merge adds item i to the reports of a pending span. It returns false when the
// two cannot be reports of one span: they are of two services.
func (e *Encoder) merge(items []span.Item, at int32, i int) bool {
	v := &e.pending[at]
	was, now := &items[v.item], &items[i]
	ws, ns := was.Batch.Str(was.Span().Local.Service), now.Batch.Str(now.Span().Local.Service)
	if ws != "" && ns != "" && ws != ns {
		return false
	}
	e.tell(items, v)
	other := int32(i)
	if says(now.Span()) > says(was.Span()) {
		var r role
		e.role(&r, now)
		if ns == "" {
			r.service, r.instance = v.role.service, v.role.instance
		}
		if !now.Span().Name.Present() {
			r.operation = v.role.operation
		}
		other, v.item, v.role = v.item, other, r
	} else if ns != "" && ws == "" || !was.Span().Name.Present() && now.Span().Name.Present() {
		var r role
		e.role(&r, now)
		v.role.service, v.role.instance, v.role.operation = r.service, r.instance, r.operation
	}
	e.partials = append(e.partials, partial{other, v.more})
	v.more = int32(len(e.partials) - 1)
	return true
}

// says ranks the reports of a span by what they say.
func says(s *span.Span) (rank int) {
	if s.Kind != span.KindUnset {
		rank += 4
	}
	if s.Has&span.HasDuration != 0 {
		rank += 2
	}
	if s.Has&span.HasStart != 0 {
		rank++
	}
	return rank
}

// reports calls f with each report of a pending span, the main one first, until
// it returns false.
func (e *Encoder) reports(items []span.Item, v *conversion, f func(*span.Item) bool) {
	if !f(&items[v.item]) {
		return
	}
	for k := v.more; k >= 0; k = e.partials[k].next {
		if !f(&items[e.partials[k].item]) {
			return
		}
	}
}

// countMerged counts the reports that became a part of others.
func (e *Encoder) countMerged(items []span.Item) {
	for i := range e.pending {
		for k := e.pending[i].more; k >= 0; k = e.partials[k].next {
			e.left.Merged[items[e.partials[k].item].Batch.Protocol()]++
		}
	}
}

// count is the number of reports of a pending span.
func (e *Encoder) count(v *conversion) int {
	n := 1
	for k := v.more; k >= 0; k = e.partials[k].next {
		n++
	}
	return n
}
