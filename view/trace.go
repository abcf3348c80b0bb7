// SPDX-License-Identifier: Apache-2.0

package view

import (
	"github.com/spanbridge/spanbridge/span"
)

// trace is the stored spans of one trace, in the order in which they came.
type trace struct {
	id    span.TraceID // the longest form of it that a span has
	items []span.Item
	gone  int // spans that were let go
}

// divide makes traces of spans whose trace ids end in the same 64 bits. They
// are one trace as long as they have no two different high halves: one process
// may report 64 bits of an id and another one all 128. Where two traces end
// alike, nothing says to which of them a short id belongs, so its spans are a
// trace of their own. With strict every id is.
func divide(items []span.Item, gone int, strict bool) []trace {
	if len(items) == 0 {
		return nil
	}
	lo := items[0].Span().Trace.Lo
	var his []uint64 // few: they differ only in traces that end alike
	seen := make(map[uint64]int)
	for i := range items {
		hi := items[i].Span().Trace.Hi
		if len(his) > 0 && his[len(his)-1] == hi {
			continue
		}
		if _, ok := seen[hi]; !ok {
			seen[hi] = len(his)
			his = append(his, hi)
		}
	}
	_, short := seen[0]
	if len(his) == 1 || !strict && short && len(his) == 2 {
		id := span.TraceID{Hi: his[0], Lo: lo}
		if id.Hi == 0 && len(his) == 2 {
			id.Hi = his[1]
		}
		return []trace{{id, items, gone}}
	}
	traces := make([]trace, len(his))
	for i, hi := range his {
		traces[i] = trace{id: span.TraceID{Hi: hi, Lo: lo}, gone: gone}
	}
	for _, it := range items {
		t := &traces[seen[it.Span().Trace.Hi]]
		t.items = append(t.items, it)
	}
	return traces
}

// trace finds a trace by its id. An id of 64 bits finds a trace of 128 that
// ends in it, unless the store is strict.
func (s *store) trace(id span.TraceID) (trace, bool) {
	items, gone := s.collect(nil, id.Lo)
	traces := divide(items, gone, s.strict.Load())
	for _, t := range traces {
		if t.id == id {
			return t, true
		}
	}
	if s.strict.Load() || len(traces) == 0 {
		return trace{}, false
	}
	// The first is as good as another one where several end alike. A longer id
	// finds spans that have only its low half.
	if t := traces[0]; id.Hi == 0 || t.id.Hi == 0 && len(traces) == 1 {
		return t, true
	}
	return trace{}, false
}

// service is the service of a span in the case in which it was reported.
func serviceOf(it *span.Item) string { return it.Batch.Str(it.Span().Local.Service) }

// wireOf is the identity under which Zipkin knows a span.
func wireOf(s *span.Span) span.Wire {
	if s.Has&span.HasWire != 0 {
		return s.Wire
	}
	return span.Wire{ID: s.ID, Parent: s.Parent}
}
