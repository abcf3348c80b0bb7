// SPDX-License-Identifier: Apache-2.0

package view

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/spanbridge/spanbridge/span"
)

// store holds batches up to a bound of memory and finds their spans by the low
// 64 bits of the trace id. Batches never change, so whoever asks takes
// references to spans under the lock and reads them without it.
type store struct {
	strict atomic.Bool
	// onEvicted is called with the number of spans that were let go.
	onEvicted func(spans int)

	mu     sync.RWMutex
	limit  int64
	ring   ring
	traces map[uint64]*entry
	marks  []mark // one for each trace, in no order
	names  names
	spans  int64
	bytes  int64
	taken  uint64 // spans that ever came
	gone   uint64 // spans that were let go
	closed bool
}

// ref is a span: the number of its batch and its place there.
type ref struct{ batch, index uint32 }

// entry is the spans whose trace ids end in the same 64 bits.
type entry struct {
	refs []ref // in the order in which they came; some may be gone
	live int   // refs that are not gone
	gone int   // spans that were let go
	mark int   // its place in marks
}

// mark is what a search looks at first, kept together so that looking at all
// of them is a matter of a millisecond.
type mark struct {
	lo uint64
	// first and last are when its spans began, in ns: the earliest and the
	// latest. For a trace of which no span says so, it is when it was received.
	first, last int64
	timed       bool
}

// What the index needs for a trace and for a span: the entry with its place in
// the map, the mark, and the reference; slices may be half empty.
const (
	traceCost = int64(unsafe.Sizeof(entry{})) + 40 + 2*int64(unsafe.Sizeof(mark{}))
	spanCost  = 2 * int64(unsafe.Sizeof(ref{}))
)

func newStore(limit int64, strict bool) *store {
	s := &store{limit: limit, onEvicted: func(int) {}, traces: make(map[uint64]*entry), names: newNames()}
	s.strict.Store(strict)
	return s
}

// bound changes the bound of memory; what is beyond it goes.
func (s *store) bound(limit int64) {
	s.mu.Lock()
	s.limit = limit
	gone := s.shrink()
	s.mu.Unlock()
	s.onEvicted(gone)
}

func (s *store) memory() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.limit
}

// shrink lets the oldest batches go that are beyond the bound. The lock is held.
func (s *store) shrink() (gone int) {
	for s.bytes+s.names.bytes > s.limit && s.ring.len() > 0 {
		gone += s.evict()
	}
	s.gone += uint64(gone)
	return gone
}

// chunk is how many spans are added before questions get their turn.
const chunk = 512

// add takes spans. They are found when it returns.
func (s *store) add(items []span.Item) {
	for len(items) > 0 {
		n := min(len(items), chunk)
		if gone := s.addSome(items[:n]); gone > 0 {
			s.onEvicted(gone)
		}
		items = items[n:]
	}
}

func (s *store) addSome(items []span.Item) (gone int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return len(items)
	}
	var last *span.Batch
	var number uint32
	for i := range items {
		it := &items[i]
		if it.Batch != last {
			last = it.Batch
			var isNew bool
			if number, isNew = s.ring.number(last); isNew {
				s.bytes += s.ring.at(number).bytes
			}
		}
		if s.ring.at(number).take(it.Index) {
			s.index(it, ref{number, uint32(it.Index)})
		}
	}
	return s.shrink()
}

func (s *store) index(it *span.Item, r ref) {
	sp := it.Span()
	e := s.traces[sp.Trace.Lo]
	if e == nil {
		received := it.Batch.Origin.Received
		e = &entry{mark: len(s.marks)}
		s.marks = append(s.marks, mark{lo: sp.Trace.Lo, first: received, last: received})
		s.traces[sp.Trace.Lo] = e
		s.bytes += traceCost
	}
	e.refs = append(e.refs, r)
	e.live++
	if sp.Has&span.HasStart != 0 {
		m := &s.marks[e.mark]
		if !m.timed {
			m.first, m.last, m.timed = sp.Start, sp.Start, true
		}
		m.first, m.last = min(m.first, sp.Start), max(m.last, sp.Start)
	}
	s.names.add(it.Batch, sp)
	s.spans++
	s.taken++
	s.bytes += spanCost
}

// evict lets the oldest batch go and says how many spans that were.
func (s *store) evict() int {
	h := s.ring.pop()
	s.bytes -= h.bytes
	h.each(func(i int) {
		sp := &h.batch.Spans()[i]
		s.names.remove(h.batch, sp)
		s.bytes -= spanCost
		e := s.traces[sp.Trace.Lo]
		e.live--
		e.gone++
		if e.live == 0 {
			s.drop(sp.Trace.Lo, e)
			return
		}
		// Batches go in the order in which they came, so what is gone stands
		// at the front, save for batches that came in several parcels.
		for len(e.refs) > 0 && s.ring.at(e.refs[0].batch) == nil {
			e.refs = e.refs[1:]
		}
	})
	s.spans -= int64(h.spans)
	return h.spans
}

// drop takes out a trace of which nothing is left.
func (s *store) drop(lo uint64, e *entry) {
	end := len(s.marks) - 1
	last := s.marks[end]
	s.marks[e.mark] = last
	s.traces[last.lo].mark = e.mark
	s.marks = s.marks[:end]
	delete(s.traces, lo)
	s.bytes -= traceCost
}

func (s *store) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.gone += uint64(s.spans)
	s.ring, s.traces, s.marks, s.names = ring{}, nil, nil, newNames()
	s.spans, s.bytes = 0, 0
}

// held is what the store holds now.
func (s *store) held() (traces, spans, bytes int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return int64(len(s.traces)), s.spans, s.bytes + s.names.bytes
}

// counts are the spans that ever came and those of them that were let go.
func (s *store) counts() (taken, gone uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.taken, s.gone
}

// collect appends the spans of the trace ids that end in lo, in the order in
// which they came, and says how many others were let go.
func (s *store) collect(dst []span.Item, lo uint64) (items []span.Item, gone int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.traces[lo]
	if e == nil {
		return dst, 0
	}
	for _, r := range e.refs {
		if h := s.ring.at(r.batch); h != nil {
			sp := &h.batch.Spans()[r.index]
			dst = append(dst, span.Item{Batch: h.batch, Index: int(r.index), Identity: span.Identity{ID: sp.ID, Parent: sp.Parent}})
		}
	}
	return dst, e.gone
}

// between gives the marks of the traces with a span that may have begun in the
// time from first to last (ns). Those that say no time are among them when
// untimed is set.
func (s *store) between(first, last int64, untimed bool) []mark {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []mark
	for i := range s.marks {
		if m := &s.marks[i]; m.last >= first && m.first <= last && (m.timed || untimed) {
			list = append(list, *m)
		}
	}
	return list
}

// services are the names of all services.
func (s *store) services() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sortedKeys(s.names.services)
}

// spanNames are the names of the spans of a service, in lower case.
func (s *store) spanNames(service string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if v := s.names.services[service]; v != nil {
		return sortedKeys(v.names)
	}
	return []string{}
}

// remotes are the services that a service called or was called by.
func (s *store) remotes(service string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if v := s.names.services[service]; v != nil {
		return sortedKeys(v.remotes)
	}
	return []string{}
}
