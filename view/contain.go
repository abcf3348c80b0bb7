// SPDX-License-Identifier: Apache-2.0

package view

import (
	"bytes"

	"github.com/spanbridge/spanbridge/span"
)

// finder finds a text anywhere in the spans of a trace: in names, ids, tags,
// events and what their senders said besides. Case does not matter.
type finder struct {
	want []byte // in lower case
	buf  []byte
	low  []byte
}

// spans gives the ids of the spans that hold the text.
func (f *finder) spans(g *tree, text string) []string {
	f.want = bytes.Clone(lower(&f.low, text))
	ids := []string{}
	if len(f.want) == 0 {
		return ids
	}
	for i := range g.rows {
		r := &g.rows[i]
		hit := f.holds(&g.items[r.item])
		for _, k := range r.parts {
			hit = hit || f.holds(&g.items[k])
		}
		if hit {
			ids = append(ids, r.ID.String())
		}
	}
	return ids
}

// gap keeps two texts that stand side by side in the buffer apart.
const gap = 0

func (f *finder) holds(it *span.Item) bool {
	b, s := it.Batch, it.Span()
	f.buf = it.ID.AppendHex(f.buf[:0])
	f.buf = append(f.buf, gap)
	f.buf = wireOf(s).ID.AppendHex(f.buf)
	f.text(b, s.Name, s.Local.Service, s.Remote.Service, s.StatusMessage, s.State)
	f.buf = append(append(f.buf, gap), s.Kind.String()...)
	f.tags(b, s.Attrs)
	for _, e := range b.Events(s.Events) {
		f.text(b, e.Name)
		f.tags(b, e.Attrs)
	}
	if r := b.Resource(s.Resource); r != nil {
		f.tags(b, r.Attrs)
	}
	if g := b.Segment(s.Segment); g != nil {
		f.text(b, g.Name, g.Instance)
	}
	if a := b.Agent(s.Agent); a != nil {
		f.text(b, a.Peer)
	}
	return bytes.Contains(lower(&f.low, f.buf), f.want)
}

func (f *finder) text(b *span.Batch, texts ...span.Text) {
	for _, t := range texts {
		f.buf = append(f.buf, gap)
		f.buf = b.AppendStr(f.buf, t)
	}
}

// tags appends tags as key=value, so that a pair can be looked for as well.
func (f *finder) tags(b *span.Batch, r span.Range) {
	attrs := b.Attrs(r)
	for i := range attrs {
		f.text(b, attrs[i].Key)
		f.buf = append(f.buf, '=')
		f.buf = b.AppendText(f.buf, &attrs[i])
	}
}
