// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// listOwn is Writer.listOwn, which writes most of it as it did for the span before
// of the same shape.
func (g *Sight) listOwn() {
	w, p := &g.writer, g.plan
	l := &w.own
	e := entryTypes
	switch {
	case l.mirrored:
		e = entryAttrs
		if l.typed {
			w.lost |= 1 << entryTypes
		}
	case !l.typed:
		return
	}
	var t *listText
	if p != nil {
		for i := range p.lists {
			if t = &p.lists[i]; t.text != nil && t.is(l) {
				w.parts = append(w.parts, part{entry: e})
				g.again(t)
				return
			}
		}
		// What was met last stays, the other one is forgotten.
		p.lists[0], p.lists[1] = p.lists[1], p.lists[0]
		t = &p.lists[0]
		t.text, t.holes = t.text[:0], t.holes[:0]
	}
	from := len(w.buf)
	if e == entryAttrs {
		g.listAttrs(t)
	} else {
		w.listTypes(g.b, g.own)
	}
	if p != nil {
		g.keepList(t, from)
	}
}

// again writes a list once more, with the values of this span.
func (g *Sight) again(t *listText) {
	w, from := &g.writer, 0
	for _, h := range t.holes {
		w.buf = append(w.buf, t.text[from:h.from]...)
		from = h.from
		w.valueText(g.b, &g.own[h.attr])
	}
	w.buf = append(w.buf, t.text[from:]...)
}

// listAttrs writes the list of attributes. The values in it are cut out of t, if
// it is there.
func (g *Sight) listAttrs(t *listText) {
	w := &g.writer
	l := &w.own
	w.open(entryAttrs, '[')
	for i := range g.own {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		a := &g.own[i]
		if l.choices[i] == byKey && !a.Mirrored {
			g.listKey(i)
			continue
		}
		w.buf = append(w.buf, '[')
		g.listKey(i)
		w.letter(a)
		if l.choices[i] == byText {
			w.buf = append(w.buf, ',')
			from := len(w.buf)
			w.valueText(g.b, a)
			if t != nil {
				t.holes = append(t.holes, hole{from, len(w.buf), i})
			}
		}
		w.buf = append(w.buf, ']')
	}
	w.close(']')
}

// listKey writes the key of an attribute of the span.
func (g *Sight) listKey(i int) {
	w := &g.writer
	if g.plan != nil {
		w.json(g.plan.keys[len(g.res)+i])
		return
	}
	if k := g.keys.at(len(g.res) + i); k.quoted != nil {
		w.buf = append(w.buf, k.quoted...)
	} else {
		w.json(k.key)
	}
}

// keepList keeps what was written from a place on, without the values.
func (g *Sight) keepList(t *listText, from int) {
	const longest = 4096
	w := &g.writer
	if w.odd || len(w.buf)-from > longest {
		t.text, t.holes = nil, t.holes[:0]
		return
	}
	had := cap(t.text)
	for i := range t.holes {
		h := &t.holes[i]
		t.text = append(t.text, w.buf[from:h.from]...)
		from, h.from = h.to, len(t.text)
	}
	t.text = append(t.text, w.buf[from:]...)
	t.choices = append(t.choices[:0], w.own.choices...)
	t.typed, t.mirrored = w.own.typed, w.own.mirrored
	g.shapes.size += cap(t.text) - had
}

// nearPrint is print.near of a span before, of the same batch, and what it depends on.
type nearPrint struct {
	b      *span.Batch
	local  span.Endpoint
	flags  uint32
	kind   span.Kind
	status span.Status
	has    span.Has
	sample span.Sampling
	print  print
}

// ends is Writer.ends, which counts as no loss.
func (g *Sight) ends(home span.Protocol, f *form) {
	w, s := &g.writer, f.s
	if g.within {
		w.buf = append(w.buf, `,\"p\":\"`...)
		w.buf = append(w.buf, home.String()[0])
		w.buf = append(w.buf, `\",\"h\":`...)
	} else {
		w.buf = append(w.buf, `,"p":"`...)
		w.buf = append(w.buf, home.String()[0])
		w.buf = append(w.buf, `","h":`...)
	}
	var p print
	has := s.Has & span.HasStatus
	switch m := &g.prints[(5*uint32(s.Kind)+s.Local.Spread())%uint32(len(g.prints))]; {
	case s.StatusMessage.Present() || g.Shown != nil: // the texts of Shown change
		p = printStart.near(f)
	case m.b == f.b && m.local == s.Local && m.kind == s.Kind && m.sample == s.Sampling && m.flags == s.TraceFlags && m.status == s.Status && m.has == has:
		p = m.print
	default:
		p = printStart.near(f)
		*m = nearPrint{f.b, s.Local, s.TraceFlags, s.Kind, s.Status, has, s.Sampling, p}
	}
	w.buf = wire.AppendDecimal(w.buf, p.far(f).sum())
}
