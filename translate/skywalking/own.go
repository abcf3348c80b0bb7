// SPDX-License-Identifier: Apache-2.0

package skywalking

import "github.com/spanbridge/spanbridge/span"

// Spans of the process that the encoder itself is part of: a tracer's reporter.
// They are laid out as all others are (see layout.go), but what a gateway has to
// guess is known: which spans are referred to from elsewhere, that the parent of
// a span without a header is of the same process, that none comes twice. So all
// that is remembered are the places of packed spans, for children that end
// after the batch of their parent.

// rememberedPacked is how many of them are remembered. One takes 64 bytes.
const rememberedPacked = 20_000

// packed is the place of a span that is not the root of a segment.
type packed struct {
	owner  span.ID
	number int32
}

// addOwn writes spans of the own process.
func (e *Encoder) addOwn(items []span.Item) {
	for i := range items {
		e.wait(items, i)
	}
	m := e.memory
	m.Lock()
	defer m.Unlock()
	for i := range e.pending {
		v := &e.pending[i]
		v.from, _ = clock(&items[v.item])
		e.tell(items, v)
		v.apart = v.role.apart
	}
	e.link(items)
	e.settle()
	for i := range e.pending {
		if v := &e.pending[i]; v.owner != int32(i) {
			it := &items[v.item]
			*m.packed.put(spanKey{it.Span().Trace, it.ID}) = packed{items[e.pending[v.owner].item].ID, v.number}
		}
	}
	for i := range e.pending {
		v := &e.pending[i]
		if v.owner != int32(i) {
			continue
		}
		it := &items[v.item]
		v.trace = e.ownName(it.Span(), &v.role)
		e.referOwn(m, items, v)
	}
	for members := range e.each() {
		e.segments = append(e.segments, e.begin(methodCollect))
		spans := e.appendSegment(items, members)
		e.end(e.segments)
		e.segments[len(e.segments)-1].spans = spans
	}
	clear(e.pending) // it points into batches
}

// ownName is the name of the trace of a root.
func (c *converter) ownName(s *span.Span, r *role) string {
	if r.checkTraceName(s.Trace) != "" {
		return r.traceName
	}
	mark := len(c.names)
	c.names = s.Trace.AppendHex32(c.names)
	return c.names.since(mark)
}

// referOwn finds out where the parent of the root of a segment is: where the
// header says that the span came with, or in this process.
func (e *Encoder) referOwn(m *memory, items []span.Item, v *conversion) {
	it := &items[v.item]
	s, r, ref := it.Span(), &v.role, &v.ref
	if v.child = it.Parent != 0 && it.Parent != it.ID; !v.child {
		return
	}
	*ref = reference{}
	if e.readParentTag(ref, it, r.parent) {
		e.describe(m, ref, it, r, nil)
		ref.endpoint = cutEndpoint(or(ref.endpoint, unknown), ref.service)
		return
	}
	here := e.locateOwn(m, ref, items, spanKey{s.Trace, it.Parent})
	switch {
	case r.typ != typeEntry:
		ref.crossThread = true
		ref.service, ref.instance = r.service, r.instance
	case here:
		ref.service, ref.instance, ref.address = r.service, r.instance, cut(or(r.peer, r.service), maxPeer)
	case r.layer == layerMQ || s.Remote.Service.Len() == 0:
		// A header of another format names the caller's span and nothing else,
		// while OAP wants to know who it is: it shows a service without a name.
		v.child = false
	default:
		e.describe(m, ref, it, r, nil)
	}
	ref.endpoint = or(ref.endpoint, unknown)
}

// locateOwn names the place of a parent for a reference. It is true for one that
// is known: one in this batch, or packed before. Any other is number 0 of its own
// segment, because others refer to it now.
func (e *Encoder) locateOwn(m *memory, ref *reference, items []span.Item, k spanKey) (known bool) {
	owner := k.id
	if i, ok := e.index.get(k); ok {
		p := &e.pending[i]
		root := &e.pending[p.owner]
		owner, ref.number, ref.endpoint, known = items[root.item].ID, p.number, root.role.operation, true
	} else if at := m.packed.get(k); at != nil {
		owner, ref.number, known = at.owner, at.number, true
	}
	mark := len(e.names)
	e.names = e.prefixes.appendName(e.names, k.trace, owner)
	ref.segment = e.names.since(mark)
	return known
}
