// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"sync"

	"github.com/spanbridge/spanbridge/span"
)

// The numbers of entries that a target remembers.
const (
	rememberedSpans     = 10_000
	rememberedNames     = 10_000
	rememberedInstances = 10_000
)

// memory is what the encoders of one target share: where spans went, how traces
// are called, which instances OAP was told of. Its methods want the lock to be
// held, and the strings they return hold until it is let go.
type memory struct {
	sync.Mutex
	spans     recent[spanKey, place]
	names     recent[span.TraceID, []byte]
	instances recent[string, presence]

	payloads uint64 // so many were begun

	// The endpoint of the native segment seen last.
	segment  *span.Segment
	endpoint string
}

func newMemory() *memory {
	return &memory{
		spans:     newRecent[spanKey, place](rememberedSpans),
		names:     newRecent[span.TraceID, []byte](rememberedNames),
		instances: newRecent[string, presence](rememberedInstances),
	}
}

// nextPayload is a number for a payload of any of the target's encoders.
func (m *memory) nextPayload() uint64 {
	m.Lock()
	defer m.Unlock()
	m.payloads++
	return m.payloads
}

// spanKey names a canonical span.
type spanKey struct {
	trace span.TraceID
	id    span.ID
}

// place is where a span is in OAP and what its children's references say of it.
// A converted span has no segment here: it is number 0 of the segment that
// span.SegmentName names.
type place struct {
	parent  span.ID
	number  int32
	entry   bool
	queue   bool // an exit to a broker
	texts   []byte
	lengths [5]uint16
}

// Texts of a place.
const (
	placeSegment = iota
	placeService
	placeInstance
	placeEndpoint // of a converted span: its own operation
	placePeer     // of an exit
)

// forget lets go of the batches of a call.
func (m *memory) forget() { m.segment, m.endpoint = nil, "" }

// set fills a place; every text is short.
func (p *place) set(parent span.ID, number int32, entry bool, texts [5]string) {
	p.parent, p.number, p.entry = parent, number, entry
	p.texts = p.texts[:0]
	for i, s := range texts {
		p.texts = append(p.texts, s...)
		p.lengths[i] = uint16(len(s))
	}
}

// text is one of the texts.
func (p *place) text(which int) string {
	from := 0
	for _, n := range p.lengths[:which] {
		from += int(n)
	}
	return arena(p.texts[:from+int(p.lengths[which])]).since(from)
}

// endpointOf is the endpoint that a place belongs to, which its children name
// as their parentEndpoint: for a native span the one of its segment, for a
// converted one the entry of its process among its ancestors, else itself.
func (m *memory) endpointOf(trace span.TraceID, p *place) string {
	const deepest = 64
	top := p
	for range deepest {
		if top.entry || top.parent == 0 {
			break
		}
		up := m.spans.get(spanKey{trace, top.parent})
		if up == nil || up.text(placeService) != p.text(placeService) || up.text(placeInstance) != p.text(placeInstance) {
			break
		}
		top = up
	}
	if top.entry {
		return top.text(placeEndpoint)
	}
	return p.text(placeEndpoint)
}

// rememberNative notes the exit spans of native segments: those are the spans
// that other processes hear of.
func (m *memory) rememberNative(it *span.Item) {
	b, s := it.Batch, it.Span()
	a, g := b.Agent(s.Agent), b.Segment(s.Segment)
	m.rememberName(s.Trace, b.Str(g.TraceName))
	if a.Type != typeExit {
		return
	}
	if m.segment != g {
		m.segment, m.endpoint = g, segmentEndpoint(b, it.Index)
	}
	p := m.spans.put(spanKey{s.Trace, it.ID})
	p.queue = a.Layer == layerMQ
	p.set(0, a.Number, true, [5]string{
		placeSegment:  cut(b.Str(g.Name), maxSegmentName),
		placeService:  cut(b.Str(g.Service), maxService),
		placeInstance: cut(b.Str(g.Instance), maxOAPInstance),
		placeEndpoint: cut(m.endpoint, maxEndpoint),
		placePeer:     cut(b.Str(a.Peer), maxPeer),
	})
}

// rememberConverted notes where a converted span is written.
func (m *memory) rememberConverted(it *span.Item, r *role) {
	p := m.spans.put(spanKey{it.Span().Trace, it.ID})
	p.queue = r.layer == layerMQ
	peer := ""
	if r.typ == typeExit {
		peer = r.peer
	}
	p.set(it.Parent, 0, r.typ == typeEntry, [5]string{
		placeService: r.service, placeInstance: r.instance, placeEndpoint: r.operation, placePeer: peer,
	})
}

// rememberName notes the name of a trace, unless it follows from the id.
func (m *memory) rememberName(t span.TraceID, name string) {
	if name == "" || len(name) > maxTrace {
		return
	}
	var hex [32]byte
	if string(t.AppendHex32(hex[:0])) == name || m.names.get(t) != nil {
		return
	}
	n := m.names.put(t)
	*n = append((*n)[:0], name...)
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
