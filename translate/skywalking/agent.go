// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"hash/maphash"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Spans of a SkyWalking agent that took a detour by another protocol, and whose
// residues tell what the agent said, leave as the agent's segment again: under
// its name, with its numbers, so that the references of others lead to them.
// Those of one call make one segment. Its late spans are laid out like foreign
// ones, since OAP takes a segment only once.

// isAgents tells a span of which all is known that its agent said, but whose
// segment is not at hand as it came.
func isAgents(it *span.Item) bool {
	b, s := it.Batch, it.Span()
	a, g := b.Agent(s.Agent), b.Segment(s.Segment)
	return a != nil && g != nil && g.Name.Len() > 0 && g.TraceName.Len() > 0 && g.Name.Len() <= maxSegmentName &&
		span.TraceOf(b.Str(g.TraceName)) == s.Trace && span.SpanOf(s.Trace, b.Str(g.Name), a.Number) == it.ID
}

// agents are the spans of a call that agents made, by segment.
type agents struct {
	list  []agentSpan
	heads map[uint64]int32 // the first of a segment, by the hash of its name
}

type agentSpan struct {
	item    int32
	next    int32 // of the segment, -1 for none
	last    int32 // of the segment, for the first
	segment uint64
	late    bool // its segment was sent without it
	there   bool // it was sent
}

func (g *agents) reset() {
	g.list = g.list[:0]
	clear(g.heads)
}

// add puts an item to the others of its segment.
func (g *agents) add(i int, segment uint64) {
	if g.heads == nil {
		g.heads = make(map[uint64]int32)
	}
	n := int32(len(g.list))
	g.list = append(g.list, agentSpan{item: int32(i), next: -1, last: n, segment: segment})
	head, ok := g.heads[segment]
	if !ok {
		g.heads[segment] = n
		return
	}
	g.list[g.list[head].last].next = n
	g.list[head].last = n
}

// segmentHash names an agent's segment in the memory of what was sent.
func (m *memory) segmentHash(it *span.Item) uint64 {
	b := it.Batch
	g := b.Segment(it.Span().Segment)
	var h maphash.Hash
	h.SetSeed(m.seed)
	for _, t := range [...]span.Text{g.TraceName, g.Name, g.Service, g.Instance} {
		_, _ = h.WriteString(b.Str(t))
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// gate marks the segments that were sent as late, and notes the others.
func (e *Encoder) gate(items []span.Item) {
	m := e.memory
	m.Lock()
	defer m.Unlock()
	defer m.forget()
	for n := range e.agents.list {
		a := &e.agents.list[n]
		it := &items[a.item]
		if head := e.agents.heads[a.segment]; head != int32(n) {
			a.late = e.agents.list[head].late
		} else {
			now := reportOf(it, e.payload)
			was := m.natives.get(a.segment)
			if a.late = was != nil && !was.triedAgain(now); !a.late {
				*m.natives.put(a.segment) = now
			}
		}
		k := spanKey{it.Span().Trace, it.ID}
		if p := m.known(k); a.late && p != nil && p.is&fromAgent != 0 {
			a.there = true
		}
		if !a.late {
			m.learnNative(it)
			m.learnAgents(it, k)
		}
	}
}

// learnAgents notes any span of an agent's segment.
func (m *memory) learnAgents(it *span.Item, k spanKey) {
	if m.known(k) != nil {
		return
	}
	b, s := it.Batch, it.Span()
	g := b.Segment(s.Segment)
	p := m.place(k)
	p.parent, p.number, p.is = it.Parent, b.Agent(s.Agent).Number, isKnown|isSent|isEntry|fromAgent
	m.set(p, &[numTexts]string{
		placeSegment:  b.Str(g.Name),
		placeService:  cut(b.Str(g.Service), maxService),
		placeInstance: cut(b.Str(g.Instance), maxOAPInstance),
		placeEndpoint: cut(b.Str(s.Name), maxEndpoint),
	})
}

// rebuild writes the segments of agents that are not late.
func (e *Encoder) rebuild(items []span.Item) {
	for n := range e.agents.list {
		a := &e.agents.list[n]
		if a.late || e.agents.heads[a.segment] != int32(n) {
			continue
		}
		it := &items[a.item]
		b := it.Batch
		g := b.Segment(it.Span().Segment)
		e.segments = append(e.segments, e.begin(methodCollect))
		e.buf = appendText(e.buf, 1, b.Str(g.TraceName))
		e.buf = appendText(e.buf, 2, b.Str(g.Name))
		spans, limited := 0, false
		for k := int32(n); k >= 0; k = e.agents.list[k].next {
			it := &items[e.agents.list[k].item]
			e.buf = e.appendAgentSpan(e.buf, it)
			spans++
			limited = limited || it.Batch.Segment(it.Span().Segment).SizeLimited
		}
		e.buf = appendText(e.buf, 4, b.Str(g.Service))
		e.buf = appendText(e.buf, 5, b.Str(g.Instance))
		e.buf = wire.AppendBool(e.buf, 6, limited)
		e.end(e.segments)
		e.segments[len(e.segments)-1].spans = spans
	}
}

// appendAgentSpan appends a span as its agent wrote it.
func (e *Encoder) appendAgentSpan(d []byte, it *span.Item) []byte {
	b, s := it.Batch, it.Span()
	a := b.Agent(s.Agent)
	d, mark := wire.Open(d, 3)
	d = wire.AppendVarint(d, 1, uint64(int64(a.Number)))
	d = wire.AppendVarint(d, 2, uint64(int64(a.Parent)))
	if s.Has&span.HasStart != 0 {
		d = wire.AppendVarint(d, 3, uint64(s.Start/1_000_000))
		if s.Has&span.HasDuration != 0 {
			d = wire.AppendVarint(d, 4, uint64((s.Start+s.Duration)/1_000_000))
		}
	}
	refs := b.Refs(s.Refs)
	for i := range refs {
		r := b.AgentRef(refs[i].Agent)
		if r == nil {
			continue
		}
		d = appendReference(d, b.Str(r.TraceName), &reference{
			crossThread: refs[i].Kind == span.CrossThread,
			segment:     b.Str(r.Segment), number: r.Number,
			service: b.Str(r.Service), instance: b.Str(r.Instance), endpoint: b.Str(r.Endpoint), address: b.Str(r.Address),
		})
	}
	d = appendText(d, 6, b.Str(s.Name))
	d = appendText(d, 7, b.Str(a.Peer))
	d = wire.AppendVarint(d, 8, uint64(int64(a.Type)))
	d = wire.AppendVarint(d, 9, uint64(int64(a.Layer)))
	d = wire.AppendVarint(d, 10, uint64(int64(a.Component)))
	d = wire.AppendBool(d, 11, s.Status == span.StatusError)
	attrs := b.Attrs(s.Attrs)
	for i := range attrs {
		if t := &attrs[i]; !t.Mirrored {
			d = appendPair(d, 12, residue.Outside(b.Str(t.Key)), e.text(b, t))
		}
	}
	d = e.appendEvents(d, b, s, 0)
	d = wire.AppendBool(d, 14, a.Skip)
	return wire.Close(d, mark)
}
