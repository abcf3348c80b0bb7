// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// choice is how an original attribute is written: by its key (visible, of the
// same type), with a type (visible as text), or with type and text.
type choice uint8

const (
	byKey choice = iota
	byType
	byText
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

// appendList appends the attributes as a list.
func (w *Writer) appendList(d []byte, b *span.Batch, attrs []span.Attr, choices []choice) []byte {
	d = append(d, '[')
	for i := range attrs {
		if i > 0 {
			d = append(d, ',')
		}
		c := byText
		if choices != nil {
			c = choices[i]
		}
		d = w.appendAttr(d, b, &attrs[i], c)
	}
	return append(d, ']')
}

func (w *Writer) appendAttr(d []byte, b *span.Batch, a *span.Attr, c choice) []byte {
	if c == byKey && !a.Mirrored {
		return wire.AppendJSON(d, b.Str(a.Key))
	}
	d = append(d, '[')
	d = wire.AppendJSON(d, b.Str(a.Key))
	d = append(d, ',', '"', letterOf(a), '"')
	if c == byText {
		d = append(d, ',')
		w.text = b.AppendText(w.text[:0], a)
		d = wire.AppendJSON(d, w.text)
	}
	return append(d, ']')
}

// appendMade appends the keys of visible attributes that no original one is
// told from: we made them, from fields or to spell out what else is known.
func (w *Writer) appendMade(e entry, m *matcher) {
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
		w.buf = wire.AppendJSON(w.buf, m.key(i))
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

	l := &w.own
	switch {
	case l.literal || l.mirrored || l.moved || l.typed && l.again || w.res.again || w.spans.clash():
		w.open(entryAttrs, 0)
		w.buf = w.appendList(w.buf, b, own, l.choices)
		w.close(0)
		if l.typed {
			w.lost |= 1 << entryTypes
		}
	case l.typed:
		w.open(entryTypes, '{')
		for i := range own {
			if l.choices[i] != byType {
				continue
			}
			if w.buf[len(w.buf)-1] != '{' {
				w.buf = append(w.buf, ',')
			}
			w.buf = wire.AppendJSON(w.buf, b.Str(own[i].Key))
			w.buf = append(w.buf, ':', '"', letterOf(&own[i]), '"')
		}
		w.close('}')
	}
	w.resource(b, s, vb, v, res)
	w.appendMade(entryMade, &w.spans)
	w.appendMade(entryResourceMade, &w.resources)
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
	there := v.Resource != 0 && (left > 0 || keepsResource(b.Home(s)))
	switch {
	case s.Resource == 0 && !there:
	case s.Resource == 0 && left == 0:
		w.open(entryResourceAttrs, 0)
		w.buf = append(w.buf, '0')
		w.close(0)
	case s.Resource == 0:
		// What is there we made; xr says so.
		w.open(entryResourceAttrs, 0)
		w.buf = append(w.buf, '0')
		w.close(0)
	case there && w.res.plain() && len(attrs) == left && !w.resources.clash():
	default:
		w.open(entryResourceAttrs, 0)
		w.buf = w.appendList(w.buf, b, attrs, w.res.choices)
		w.close(0)
	}
	schema, dropped := resourceHead(b, s)
	vschema, vdropped := resourceHead(vb, v)
	if dropped != vdropped || schema != vschema {
		w.group(entryResource, printStart.text(vschema).word(uint64(vdropped)))
		w.buf = append(w.buf, ',')
		w.buf = wire.AppendJSON(w.buf, schema)
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
