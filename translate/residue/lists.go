// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"github.com/spanbridge/spanbridge/span"
)

// choice is how an original attribute is written: with type and text, with a type
// (visible as text), or by its key (visible, of the same type).
type choice uint8

const (
	byText choice = iota
	byType
	byKey
)

// listed is what became known of a list of attributes while it was compared.
type listed struct {
	choices  []choice
	typed    bool // some are visible as text only
	literal  bool // some are not visible
	mirrored bool // some are mirrored, here or where they are visible
	moved    bool // the visible ones are not in this order
	again    bool // keys of typed ones repeat
	last     int  // visible place of the last one
	seen     int  // by a Sight: how many it was told of
}

// compare finds for each original attribute the visible one.
func (w *Writer) compare(l *listed, b *span.Batch, attrs []span.Attr, in ...*matcher) {
	*l = listed{choices: l.choices[:0], last: -1}
	for i := range attrs {
		a := &attrs[i]
		l.mirrored = l.mirrored || a.Mirrored
		c := byText
		for n, m := range in {
			at, again := m.first(b.Str(a.Key))
			l.again = l.again || again
			if at < 0 {
				continue
			}
			v := &m.attrs[at]
			if c = w.visible(b, a, m.b, v); c == byText {
				break
			}
			m.use(at)
			l.mirrored = l.mirrored || v.Mirrored
			// What lies in another list than the first has moved there.
			l.moved = l.moved || n > 0 || at < l.last
			l.last = at
			break
		}
		l.typed = l.typed || c == byType
		l.literal = l.literal || c == byText
		l.choices = append(l.choices, c)
	}
}

// visible says how an attribute can be told from the visible one of its key.
func (w *Writer) visible(b *span.Batch, a *span.Attr, vb *span.Batch, v *span.Attr) choice {
	if sameValue(b, a, vb, v) {
		return byKey
	}
	if a.Type == v.Type {
		return byText
	}
	w.text = b.AppendText(w.text[:0], a)
	n := len(w.text)
	w.text = vb.AppendText(w.text, v)
	if string(w.text[:n]) != string(w.text[n:]) || a.Type != span.String && !reads(string(w.text[:n]), a.Type) {
		return byText
	}
	return byType
}

// plain is true when the visible list is the original one.
func (l *listed) plain() bool { return !l.typed && !l.literal && !l.mirrored && !l.moved }

// list writes attributes as a list.
func (w *Writer) list(b *span.Batch, attrs []span.Attr, choices []choice) {
	w.buf = append(w.buf, '[')
	for i := range attrs {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		c := byText
		if choices != nil {
			c = choices[i]
		}
		w.attr(b, &attrs[i], c)
	}
	w.buf = append(w.buf, ']')
}

func (w *Writer) attr(b *span.Batch, a *span.Attr, c choice) {
	if c == byKey && !a.Mirrored {
		w.json(b.Str(a.Key))
		return
	}
	w.buf = append(w.buf, '[')
	w.json(b.Str(a.Key))
	w.value(b, a, c)
}

// value writes what comes behind the key.
func (w *Writer) value(b *span.Batch, a *span.Attr, c choice) {
	w.letter(a)
	if c == byText {
		w.buf = append(w.buf, ',')
		w.valueText(b, a)
	}
	w.buf = append(w.buf, ']')
}

// letter writes the type.
func (w *Writer) letter(a *span.Attr) {
	if w.within {
		w.buf = append(w.buf, ',', '\\', '"', letterOf(a), '\\', '"')
	} else {
		w.buf = append(w.buf, ',', '"', letterOf(a), '"')
	}
}

func (w *Writer) valueText(b *span.Batch, a *span.Attr) {
	if a.Type == span.String {
		w.json(b.Str(a.Text()))
		return
	}
	w.text = b.AppendText(w.text[:0], a)
	w.json(string(w.text))
}

// made writes the keys of visible attributes that no original one is
// told from: we made them, from fields or to spell out what else is known.
func (w *Writer) made(e entry, m *matcher) {
	any := false
	for i := range m.attrs {
		if m.used[i] || m.attrs[i].Mirrored {
			continue
		}
		if !any {
			w.open(e, '[')
			any = true
		} else {
			w.buf = append(w.buf, ',')
		}
		w.json(m.key(i))
	}
	if any {
		w.close(']')
	}
}

// attrs compares the attributes of span and resource with the visible ones.
func (w *Writer) attrs(b *span.Batch, s *span.Span, vb *span.Batch, v *span.Span) {
	own := b.Attrs(s.Attrs)
	var res []span.Attr
	if r := b.Resource(s.Resource); r != nil {
		res = b.Attrs(r.Attrs)
	}
	w.spans.set(vb, vb.Attrs(v.Attrs))
	var visible []span.Attr
	if r := vb.Resource(v.Resource); r != nil {
		visible = vb.Attrs(r.Attrs)
	}
	w.resources.set(vb, visible)
	w.compare(&w.own, b, own, &w.spans)
	w.compare(&w.res, b, res, &w.resources, &w.spans)

	w.listOwn(b, own, w.spans.clash())
	w.resource(b, s, vb, v, res)
	w.made(entryMade, &w.spans)
	w.made(entryResourceMade, &w.resources)
}

// listOwn writes the types or the list of a span's attributes. clash: an
// attribute that we made has the key of one of them.
func (w *Writer) listOwn(b *span.Batch, own []span.Attr, clash bool) {
	l := &w.own
	switch {
	case l.literal || l.mirrored || l.moved || l.typed && l.again || w.res.again || clash:
		w.open(entryAttrs, 0)
		w.list(b, own, l.choices)
		w.close(0)
		if l.typed {
			w.lost |= 1 << entryTypes
		}
	case l.typed:
		w.listTypes(b, own)
	}
}

// listTypes writes the types of what is visible as text.
func (w *Writer) listTypes(b *span.Batch, own []span.Attr) {
	w.open(entryTypes, '{')
	any := false
	for i := range own {
		if w.own.choices[i] != byType {
			continue
		}
		if any {
			w.buf = append(w.buf, ',')
		}
		any = true
		w.json(b.Str(own[i].Key))
		w.buf = append(w.buf, ':')
		w.quote()
		w.buf = append(w.buf, letterOf(&own[i]))
		w.quote()
	}
	w.close('}')
}

// resource writes the list of the resource unless the reader comes to the same
// without it.
func (w *Writer) resource(b *span.Batch, s *span.Span, vb *span.Batch, v *span.Span, attrs []span.Attr) {
	left := 0 // visible attributes that are not mirrored
	for i := range w.resources.attrs {
		if !w.resources.attrs[i].Mirrored {
			left++
		}
	}
	w.listResource(b, s, attrs, left, v.Resource != 0, w.resources.clash())
	vschema, vdropped := resourceHead(vb, v)
	w.headResource(b, s, vschema, vdropped)
}

// listResource writes the list of a resource. left is the number of visible
// attributes that are not mirrored.
func (w *Writer) listResource(b *span.Batch, s *span.Span, attrs []span.Attr, left int, visible, clash bool) {
	there := visible && (left > 0 || keepsResource(b.Home(s)))
	switch {
	case s.Resource == 0 && !there:
	case s.Resource == 0:
		// What is there we made; xr says so.
		w.open(entryResourceAttrs, 0)
		w.buf = append(w.buf, '0')
		w.close(0)
	case there && w.res.plain() && len(attrs) == left && !clash:
	default:
		w.open(entryResourceAttrs, 0)
		w.list(b, attrs, w.res.choices)
		w.close(0)
	}
}

// headResource writes what is said of a resource besides its attributes.
func (w *Writer) headResource(b *span.Batch, s *span.Span, vschema string, vdropped uint32) {
	schema, dropped := resourceHead(b, s)
	if dropped != vdropped || schema != vschema {
		w.group(entryResource, printStart.text(vschema).word(uint64(vdropped)))
		w.string(schema)
		w.number(int64(dropped))
		w.close(']')
	}
}

// keepsResource is true for protocols in which a resource without attributes
// is more than none.
func keepsResource(p span.Protocol) bool { return p == span.Jaeger || p == span.OTLP }

func resourceHead(b *span.Batch, s *span.Span) (schema string, dropped uint32) {
	if r := b.Resource(s.Resource); r != nil {
		return b.Str(r.Schema), r.Dropped
	}
	return "", 0
}
