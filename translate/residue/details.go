// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

func (w *Writer) scope(b *span.Batch, c *span.Scope, f *form) {
	if c == nil && f.scope == nil || sameScope(b, c, f.b, f.scope) {
		return
	}
	w.group(entryScope, printStart.scope(f.b, f.scope))
	if c != nil {
		w.optional(b, c.Name)
		w.optional(b, c.Version)
		w.optional(b, c.Schema)
		w.number(int64(c.Dropped))
		w.buf = append(w.buf, ',')
		w.list(b, b.Attrs(c.Attrs), nil)
	}
	w.close(']')
}

func sameScope(b *span.Batch, c *span.Scope, vb *span.Batch, v *span.Scope) bool {
	if c == nil || v == nil {
		return false
	}
	return same(b, c.Name, vb, v.Name) && same(b, c.Version, vb, v.Version) && same(b, c.Schema, vb, v.Schema) &&
		c.Dropped == v.Dropped && sameAttrs(b, b.Attrs(c.Attrs), vb, vb.Attrs(v.Attrs))
}

func sameAttrs(b *span.Batch, x []span.Attr, c *span.Batch, y []span.Attr) bool {
	if len(x) != len(y) {
		return false
	}
	if len(x) == 0 || &x[0] == &y[0] {
		return true
	}
	for i := range x {
		if x[i].Mirrored != y[i].Mirrored || b.Str(x[i].Key) != c.Str(y[i].Key) || !sameValue(b, &x[i], c, &y[i]) {
			return false
		}
	}
	return true
}

// told is true for references that the field Parent says in full.
func told(refs []span.Ref, trace span.TraceID, parent span.ID) bool {
	switch len(refs) {
	case 0:
		return true
	case 1:
		r := &refs[0]
		return r.Kind == span.ChildOf && r.Parent && r.Trace == trace && r.Span == parent && r.Agent == 0 &&
			r.Attrs.N == 0 && !r.State.Present() && r.TraceFlags == 0 && r.Dropped == 0
	}
	return false
}

func (w *Writer) refs(it *span.Item, f *form) {
	b, s := it.Batch, it.Span()
	vb, v := f.b, f.s
	refs, visible := b.Refs(s.Refs), f.refs
	if told(refs, s.Trace, s.Parent) && told(visible, v.Trace, v.Parent) || sameRefs(b, s, refs, vb, v, visible) {
		return
	}
	w.group(entryRefs, printStart.refs(vb, visible))
	for i := range refs {
		r := &refs[i]
		w.buf = append(w.buf, ',', '[')
		w.quote()
		if r.Trace != s.Trace {
			w.buf = r.Trace.AppendHex(w.buf)
		}
		w.quote()
		w.buf = append(w.buf, ',')
		w.quote()
		// The parent is the one that the span has by then.
		if r.Span != s.Parent || !r.Parent {
			w.buf = r.Span.AppendHex(w.buf)
		}
		w.quote()
		w.number(int64(r.Kind))
		w.number(int64(flag(r.Parent)))
		w.number(int64(r.TraceFlags))
		w.number(int64(r.Dropped))
		w.optional(b, r.State)
		if r.Attrs.N > 0 || r.Agent != 0 {
			w.buf = append(w.buf, ',')
			w.list(b, b.Attrs(r.Attrs), nil)
		}
		if a := b.AgentRef(r.Agent); a != nil {
			w.optional(b, a.TraceName)
			w.optional(b, a.Segment)
			w.number(int64(a.Number))
			w.optional(b, a.Service)
			w.optional(b, a.Instance)
			w.optional(b, a.Endpoint)
			w.optional(b, a.Address)
		}
		w.trim()
		w.buf = append(w.buf, ']')
	}
	w.close(']')
}

func sameRefs(b *span.Batch, s *span.Span, refs []span.Ref, vb *span.Batch, v *span.Span, visible []span.Ref) bool {
	if len(refs) != len(visible) {
		return false
	}
	for i := range refs {
		x, y := &refs[i], &visible[i]
		sameSpan := x.Span == y.Span || x.Parent && y.Parent && x.Span == s.Parent && y.Span == v.Parent
		if !sameSpan || x.Trace != y.Trace || x.Kind != y.Kind || x.Parent != y.Parent || x.TraceFlags != y.TraceFlags ||
			x.Dropped != y.Dropped || x.State.Present() != y.State.Present() || b.Str(x.State) != vb.Str(y.State) ||
			x.Agent != 0 || y.Agent != 0 || !sameAttrs(b, b.Attrs(x.Attrs), vb, vb.Attrs(y.Attrs)) {
			return false
		}
	}
	return true
}

// near is how far from its place an event is looked for: protocols sort them.
const near = 32

// events compares the events. One that is visible is written by its place.
func (w *Writer) events(b *span.Batch, s *span.Span, f *form) {
	events, visible := b.Events(s.Events), f.events
	vb := f.b
	if len(events) == len(visible) {
		same := true
		for i := range events {
			if same = sameEvent(b, &events[i], vb, &visible[i]); !same {
				break
			}
		}
		if same {
			return
		}
	}
	w.group(entryEvents, printStart.events(vb, visible))
	for i := range events {
		w.event(b, &events[i], i, vb, visible)
	}
	w.close(']')
}

func sameEvent(b *span.Batch, e *span.Event, vb *span.Batch, v *span.Event) bool {
	return e.Time == v.Time && e.Dropped == v.Dropped && e.Name.Present() == v.Name.Present() && same(b, e.Name, vb, v.Name) &&
		sameAttrs(b, b.Attrs(e.Attrs), vb, vb.Attrs(v.Attrs))
}

// resembles is true for a visible event that may be the original one, less
// what the protocol cannot say.
func resembles(b *span.Batch, e *span.Event, vb *span.Batch, v *span.Event) bool {
	const millisecond = 1_000_000
	d := e.Time - v.Time
	return d > -millisecond && d < millisecond && same(b, e.Name, vb, v.Name)
}

func (w *Writer) event(b *span.Batch, e *span.Event, i int, vb *span.Batch, visible []span.Event) {
	at := -1
	if i < len(visible) && resembles(b, e, vb, &visible[i]) {
		at = i
	} else {
		for n := max(0, i-near); n < min(i+near, len(visible)); n++ {
			if resembles(b, e, vb, &visible[n]) {
				at = n
				break
			}
		}
	}
	w.buf = append(w.buf, ',')
	v := &span.Event{}
	attrs := b.Attrs(e.Attrs)
	var choices []choice
	plain := len(attrs) == 0
	if at >= 0 {
		v = &visible[at]
		w.inner.set(vb, vb.Attrs(v.Attrs))
		w.compare(&w.fields, b, attrs, &w.inner)
		choices = w.fields.choices
		plain = w.fields.plain() && len(attrs) == len(w.inner.attrs)
	}
	delta := e.Time - v.Time
	named := at >= 0 && e.Name.Present() == v.Name.Present()
	if plain && named && e.Dropped == v.Dropped && delta == 0 {
		w.buf = wire.AppendDecimal(w.buf, int64(at))
		return
	}
	w.buf = append(w.buf, '[')
	w.buf = wire.AppendDecimal(w.buf, int64(at))
	w.number(delta)
	switch {
	case named:
		w.buf = append(w.buf, ",null"...)
	default:
		w.optional(b, e.Name)
	}
	w.number(int64(e.Dropped))
	switch {
	case plain && at >= 0:
	default:
		w.buf = append(w.buf, ',')
		w.list(b, attrs, choices)
	}
	w.buf = append(w.buf, ']')
}

// agent writes what a SkyWalking agent says of the span and its segment.
func (w *Writer) agent(b *span.Batch, s *span.Span, vb *span.Batch, v *span.Span) {
	a, g := b.Agent(s.Agent), b.Segment(s.Segment)
	if a == nil && g == nil || sameAgent(b, s, vb, v) {
		return
	}
	w.group(entryAgent, printStart.word(uint64(v.ID)))
	if a == nil {
		w.number(0)
	} else {
		w.buf = append(w.buf, ",["...)
		w.buf = wire.AppendDecimal(w.buf, int64(a.Number))
		w.number(int64(a.Parent))
		w.number(int64(a.Type))
		w.number(int64(a.Layer))
		w.number(int64(a.Component))
		w.number(int64(flag(a.Skip)))
		w.optional(b, a.Peer)
		w.trim()
		w.buf = append(w.buf, ']')
	}
	switch m := &w.segment; {
	case g == nil:
	case m.b == b && m.number == s.Segment:
		w.buf = append(w.buf, m.text...)
	default:
		from := len(w.buf)
		w.agentSegment(b, g)
		if w.sighted && !w.odd {
			m.b, m.number, m.text = b, s.Segment, append(m.text[:0], w.buf[from:]...)
		}
	}
	w.close(']')
}

// agentSegment writes what all spans of a segment have in common.
func (w *Writer) agentSegment(b *span.Batch, g *span.Segment) {
	w.buf = append(w.buf, ",["...)
	w.buf = wire.AppendDecimal(w.buf, int64(g.Spans))
	w.number(int64(flag(g.SizeLimited)))
	w.optional(b, g.TraceName)
	w.optional(b, g.Name)
	w.optional(b, g.Service)
	w.optional(b, g.Instance)
	w.trim()
	w.buf = append(w.buf, ']')
}

func sameAgent(b *span.Batch, s *span.Span, vb *span.Batch, v *span.Span) bool {
	x, y := b.Agent(s.Agent), vb.Agent(v.Agent)
	g, h := b.Segment(s.Segment), vb.Segment(v.Segment)
	if x == nil || y == nil || g == nil || h == nil {
		return false
	}
	same := func(t, u span.Text) bool { return b.Str(t) == vb.Str(u) }
	return x.Number == y.Number && x.Parent == y.Parent && x.Type == y.Type && x.Layer == y.Layer &&
		x.Component == y.Component && x.Skip == y.Skip && same(x.Peer, y.Peer) &&
		same(g.TraceName, h.TraceName) && same(g.Name, h.Name) && same(g.Service, h.Service) && same(g.Instance, h.Instance)
}
