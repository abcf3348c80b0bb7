// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Encoder writes spans as segments for an OAP. A segment that came by
// SkyWalking's protocol leaves as the bytes that came; every other span becomes
// a segment of its own, so that a reference to it can be written by who knows
// nothing but its id.
type Encoder struct {
	converter
	memory *memory

	buf      []byte
	notes    []piece // about instances; they go before the segments
	segments []piece
	messages []translate.Message

	natives   map[string]nativeKey // by their bytes
	converted map[spanKey]struct{}
	pending   []conversion
	payload   uint64
}

// piece is a message in the buffer.
type piece struct {
	method   string
	from, to int
	spans    int
}

// nativeKey is a segment of a batch and the piece that it became.
type nativeKey struct {
	batch *span.Batch
	n     uint32
	piece int
}

// NewEncoder makes the first encoder of a target.
func NewEncoder() translate.Encoder { return newEncoder(newMemory()) }

func newEncoder(m *memory) *Encoder {
	return &Encoder{
		memory:    m,
		natives:   make(map[string]nativeKey),
		converted: make(map[spanKey]struct{}),
	}
}

// Fork makes another encoder with the same memory of spans, traces and
// instances.
func (e *Encoder) Fork() translate.Encoder { return newEncoder(e.memory) }

// Reset starts a new payload.
func (e *Encoder) Reset() {
	e.buf = e.buf[:0]
	e.notes, e.segments = e.notes[:0], e.segments[:0]
	clear(e.natives)
	clear(e.converted)
	e.payload = e.memory.nextPayload()
}

// Add writes spans. Every span has a form in SkyWalking, but none is written a
// second time in one payload: OAP would count it twice.
func (e *Encoder) Add(items []span.Item) (unwritten int) {
	e.names = e.names[:0]
	e.pending = e.pending[:0]
	for i := range items {
		it := &items[i]
		if isNative(it) {
			if !e.pass(it) {
				unwritten++
			}
			continue
		}
		key := spanKey{it.Span().Trace, it.ID}
		if _, again := e.converted[key]; again {
			unwritten++
			continue
		}
		e.converted[key] = struct{}{}
		e.pending = append(e.pending, conversion{item: i, role: e.role(it)})
	}
	e.place(items)
	for i := range e.pending {
		v := &e.pending[i]
		e.appendSegment(&items[v.item], v)
	}
	clear(e.pending) // it points into batches
	return unwritten
}

// isNative tells a span whose segment came by SkyWalking's protocol.
func isNative(it *span.Item) bool {
	g := it.Batch.Segment(it.Span().Segment)
	return g != nil && g.Raw.Len() > 0 && strings.HasPrefix(it.Batch.Origin.Format, "skywalking.")
}

// pass writes the segment of a native span unless it is written. It returns
// false for a span of a segment whose very bytes came twice.
func (e *Encoder) pass(it *span.Item) bool {
	b, n := it.Batch, it.Span().Segment
	raw := b.Str(b.Segment(n).Raw)
	if k, ok := e.natives[raw]; ok {
		if k.batch != b || k.n != n {
			return false
		}
		e.segments[k.piece].spans++
		return true
	}
	e.natives[raw] = nativeKey{b, n, len(e.segments)}
	e.segments = append(e.segments, e.begin(methodCollect))
	e.buf = append(e.buf, raw...)
	e.end(e.segments)
	e.segments[len(e.segments)-1].spans = 1
	return true
}

// place notes where the spans are in OAP from now on, and looks up where the
// parents are: among the spans of this call, or of earlier ones.
func (e *Encoder) place(items []span.Item) {
	m := e.memory
	m.Lock()
	defer m.Unlock()
	for i := range items {
		if it := &items[i]; isNative(it) {
			m.rememberNative(it)
		}
	}
	m.forget()
	for i := range e.pending {
		v := &e.pending[i]
		it, r := &items[v.item], &v.role
		s := it.Span()
		if r.traceName != "" && (len(r.traceName) > maxTrace || span.TraceOf(r.traceName) != s.Trace) {
			r.traceName = ""
		}
		m.rememberName(s.Trace, r.traceName)
		m.rememberConverted(it, r)
	}
	for i := range e.pending {
		v := &e.pending[i]
		it := &items[v.item]
		v.trace = e.nameOf(m, it.Span(), &v.role)
		e.refer(m, it, v)
		e.announce(it, &v.role)
	}
}

// appendSegment writes a span as a segment.
func (e *Encoder) appendSegment(it *span.Item, v *conversion) {
	s := it.Span()
	e.segments = append(e.segments, e.begin(methodCollect))
	e.buf = appendText(e.buf, 1, v.trace)
	d, mark := wire.Open(e.buf, 2)
	d = span.AppendSegmentName(d, s.Trace, it.ID)
	e.buf = wire.Close(d, mark)
	var ref *reference
	if v.child {
		ref = &v.ref
	}
	e.buf = e.appendSpan(e.buf, it, &v.role, 0, rootParent, v.trace, ref)
	e.buf = appendText(e.buf, 4, v.role.service)
	e.buf = appendText(e.buf, 5, v.role.instance)
	e.end(e.segments)
	e.segments[len(e.segments)-1].spans = 1
}

// begin starts a message at the end of the buffer, end ends the last one.
func (e *Encoder) begin(method string) piece { return piece{method: method, from: len(e.buf)} }

func (e *Encoder) end(pieces []piece) { pieces[len(pieces)-1].to = len(e.buf) }

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

// Messages are the notices about instances and then the segments.
func (e *Encoder) Messages() []translate.Message {
	e.messages = e.messages[:0]
	for _, pieces := range [...][]piece{e.notes, e.segments} {
		for _, p := range pieces {
			e.messages = append(e.messages, translate.Message{Method: p.method, Body: e.buf[p.from:p.to:p.to], Spans: p.spans})
		}
	}
	return e.messages
}
