// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"hash/maphash"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// nativeKey is a segment of a batch and the piece that it became.
type nativeKey struct {
	batch *span.Batch
	n     uint32
	piece int
}

// Segments that became no piece.
const (
	sentBefore = -1 // it would be sent a second time
	sentWhole  = -2 // it was sent with all its spans, for the sake of others
)

// learnNative notes a span of a segment that passes. One that a gateway made of
// another protocol's span has nothing of an agent's.
func (e *Encoder) learnNative(it *span.Item) {
	m, s := e.memory, it.Span()
	if s.Agent != 0 {
		m.learnNative(it)
		return
	}
	m.rememberName(s.Trace, it.Batch.Str(it.Batch.Segment(s.Segment).TraceName))
	if m.known(spanKey{s.Trace, it.ID}) == nil {
		e.role(&e.observed, it)
		l := e.observed.lesson()
		m.learn(noSlot, it, &l, false)
	}
}

// pass writes the segment of a native span unless it is written. It returns
// false for a span of a segment whose very bytes came twice.
func (e *Encoder) pass(it *span.Item) bool {
	// The spans of a segment stand together. To look its bytes up for each of
	// them would be quadratic.
	if k := &e.passing; k.batch != it.Batch || k.n != it.Span().Segment {
		*k = e.native(it)
	}
	if e.passing.piece >= 0 {
		e.segments[e.passing.piece].spans++
	}
	return e.passing.piece != sentBefore
}

// native says what becomes of the segment of a span, and writes it when it is
// the first time.
func (e *Encoder) native(it *span.Item) nativeKey {
	key := nativeKey{it.Batch, it.Span().Segment, sentBefore}
	raw := key.batch.Str(key.batch.Segment(key.n).Raw)
	h := maphash.String(e.memory.seed, raw)
	if k, ok := e.natives[h]; ok {
		if k.batch == key.batch && k.n == key.n {
			return k
		}
		return key
	}
	first, fellow := e.passes(it, h)
	switch {
	case fellow:
		key.piece = sentWhole
		return key
	case first:
		key.piece = len(e.segments)
		e.segments = append(e.segments, e.begin(methodCollect))
		e.buf = append(e.buf, raw...)
		e.end(e.segments)
	}
	e.natives[h] = key
	return key
}

// passes is true for the first span of a native segment, by the hash of its bytes, that was not sent yet, or in a parcel that is tried again. fellow is true for another span of a
// segment that was sent as a whole.
func (e *Encoder) passes(it *span.Item, h uint64) (first, fellow bool) {
	m := e.memory
	now := reportOf(it, e.payload)
	m.Lock()
	defer m.Unlock()
	i := m.natives.find(h)
	if i == noSlot {
		*m.natives.at(m.natives.add(h)) = now
		return true, false
	}
	switch was := m.natives.at(i); {
	case was.triedAgain(now):
		*was = now
		return true, false
	case was.batch != now.batch || now.batch == 0:
		return false, false
	default:
		return false, it.Batch.Spans()[was.index].Segment == it.Span().Segment
	}
}

// Notices passes on what native agents say of their processes.
func (e *Encoder) Notices(b *span.Batch) {
	if !strings.HasPrefix(b.Origin.Format, "skywalking.") {
		return
	}
	for _, i := range b.Instances() {
		method := methodProperties
		if i.Ping {
			method = methodKeepAlive
		}
		e.notes = append(e.notes, e.begin(method))
		e.buf = b.AppendStr(e.buf, i.Raw)
		e.end(e.notes)
	}
}

// learnNative notes the exit spans of native segments, which are the spans that
// other processes hear of, and whom its entries come from.
func (m *memory) learnNative(it *span.Item) {
	b, s := it.Batch, it.Span()
	a, g := b.Agent(s.Agent), b.Segment(s.Segment)
	if m.named != g {
		m.named = g
		m.rememberName(s.Trace, b.Str(g.TraceName))
	}
	if s.Refs.Len() > 0 && it.Parent != 0 {
		above := spanKey{s.Trace, it.Parent}
		m.hear(m.placeAt(m.spans.find(above), above), 0, a.Type == typeEntry)
	}
	if a.Type != typeExit {
		return
	}
	k := spanKey{s.Trace, it.ID}
	i := m.spans.find(k)
	if p := m.knownAt(i); p != nil && p.is&fromAgent != 0 {
		return
	}
	i = m.placeAt(i, k)
	p := m.spans.at(i)
	if m.segment == g && m.spans.slot(m.fellow).key == m.fellowKey {
		m.follow(p, m.spans.at(m.fellow))
	} else {
		m.set(p, &[numTexts]string{
			placeService:  cut(b.Str(g.Service), maxService),
			placeInstance: cut(b.Str(g.Instance), maxOAPInstance),
			placeEndpoint: cut(segmentEndpoint(b, it.Index), maxEndpoint),
		})
		p.names[placeSegment] = m.texts.holdLoose(cut(b.Str(g.Name), maxSegmentName))
	}
	m.segment, m.fellow, m.fellowKey = g, i, k
	p.names[placePeer] = m.texts.swap(p.names[placePeer], cut(b.Str(a.Peer), maxPeer))
	p.number, p.is = a.Number, isKnown|isSent|isEntry|fromAgent
	if a.Layer == layerMQ {
		p.is |= isQueue
	}
}

// follow gives a place the names of another one of its segment.
func (m *memory) follow(p, fellow *place) {
	for which, n := range fellow.names[:placePeer] {
		if was := p.names[which]; was != n {
			p.names[which] = m.texts.share(n)
			m.texts.release(was)
		}
	}
}

// segmentEndpoint is the endpoint of the segment that a span of a batch is in:
// the name of its first entry, else of its first span.
func segmentEndpoint(b *span.Batch, at int) string {
	spans := b.Spans()
	n := spans[at].Segment
	for at > 0 && spans[at-1].Segment == n {
		at--
	}
	entry, first := -1, at
	number := func(i int) int32 { return b.Agent(spans[i].Agent).Number }
	for i := at; i < len(spans) && spans[i].Segment == n; i++ {
		if number(i) < number(first) {
			first = i
		}
		if b.Agent(spans[i].Agent).Type == typeEntry && (entry < 0 || number(i) < number(entry)) {
			entry = i
		}
	}
	if entry >= 0 {
		first = entry
	}
	return b.Str(spans[first].Name)
}
