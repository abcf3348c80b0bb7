// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"net/netip"
	"slices"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Sight finds the residue of a span while an encoder writes it, without a
// draft that is read again: the encoder says of all that it writes what its
// protocol's decoder will make of it. It does so for spans whose visible form it
// is sure of, which are nearly all; a Draft finds the residues of the others,
// and tests hold both to the same text.
//
// For each span the encoder calls Begin, fills the exported fields, says of
// each attribute what becomes of it, in order, and ends with Append. A method
// that returns false leaves the span to a draft.
type Sight struct {
	// Span is the visible span. What is said below is not looked at here.
	Span   span.Span
	Scope  *span.Scope // the visible one, nil for none
	Events []span.Event
	Refs   []span.Ref
	// Shown has the texts of Span and its scope, events and references, which are
	// not in the fields above then; nil: the item's batch has the texts.
	Shown *span.Batch
	// Of the visible resource, if Resource is set.
	Resource bool
	Schema   span.Text
	Dropped  uint32

	within bool
	it     *span.Item
	b      *span.Batch
	writer Writer
	keys   keySet

	// The resource that the first keys are of, with what became known of it when
	// its attributes were told for the span before.
	resBatch *span.Batch
	resource uint32
	res      []span.Attr
	told     toldResource
	last     lastResource

	shapes   shapes
	ofRes    *shape // of the resource, nil if it is not known
	plan     *Plan  // for the span, nil for none
	prints   [16]nearPrint
	unsteady bool // what was told depends on values

	own  []span.Attr
	made []made
	left int // visible attributes of the resource that are not mirrored
}

// lastResource is the list of the resource as it was written for the span before,
// and what that depends on.
type lastResource struct {
	ok, there bool
	left      int
	choices   []choice
	text      []byte
}

// toldResource is what was told of the attributes of a resource.
type toldResource struct {
	ok      bool
	choices []choice
	flags   listed
	left    int
}

// Value is what a visible attribute has that no original one became.
type Value struct {
	Type span.Type // String, Int or Bool
	Text string
	Addr netip.Addr // of a String, in place of Text when valid
	Int  int64      // of a Bool 1 for true
}

// made is such an attribute.
type made struct {
	key      string
	here     bool // the visible resource has it
	mirrored bool
	used     bool // an original one, which a field told, can be told from it
}

// NewSight makes a sight for an encoder, nil for options with which it has no use.
// With within set a text becomes a part of a JSON string; told is true for keys of
// which a decoder takes an attribute for more than that; form is a key as it is
// written.
func NewSight(opts translate.EncoderOptions, within bool, told func(key string) bool, form func(key string) []byte) *Sight {
	if opts.Drafts || opts.Residue != translate.Exact && opts.Residue != translate.Plain {
		return nil
	}
	return &Sight{within: within, writer: Writer{sighted: true}, keys: keySet{told: told, form: form, within: within}, shapes: shapes{credit: mostCredit}}
}

// Forget forgets the batches that items came of, which end with the call in
// which they were given.
func (g *Sight) Forget() {
	g.keys.cut(0)
	g.it, g.b, g.resBatch, g.resource, g.res, g.own, g.Scope = nil, nil, nil, 0, nil, nil, nil
	g.Shown = nil
	g.ofRes, g.plan = nil, nil
	clear(g.prints[:])
	g.writer.segment.b = nil
	clear(g.made[:cap(g.made)])
}

// Begin starts a span. It is left to a draft if keys repeat.
func (g *Sight) Begin(it *span.Item) bool {
	b, s := it.Batch, it.Span()
	g.it, g.b = it, b
	g.Span = span.Span{}
	g.Scope, g.Events, g.Refs, g.Shown = nil, g.Events[:0], g.Refs[:0], nil
	g.Resource, g.Schema, g.Dropped, g.left = false, span.Text{}, 0, 0
	g.made = g.made[:0]
	g.own = b.Attrs(s.Attrs)
	if !g.keys.begin() || g.resBatch != b || g.resource != s.Resource || g.resource == 0 {
		g.keys.cut(0)
		g.resBatch, g.resource, g.res, g.told.ok, g.last.ok = nil, 0, nil, false, false
		if r := b.Resource(s.Resource); r != nil {
			g.res = b.Attrs(r.Attrs)
			for i := range g.res {
				if g.keys.add(b.Str(g.res[i].Key)) == nil {
					return false
				}
			}
		}
		g.resBatch, g.resource = b, s.Resource
		g.ofRes = g.shapes.root.after(b, g.res, ofResource)
	} else {
		g.keys.cut(len(g.res))
	}
	w := &g.writer
	g.unsteady, g.plan = false, nil
	g.shapes.earn()
	if g.ofRes != nil {
		if n := g.ofRes.after(b, g.own, 0); n != nil {
			g.plan = n.plan
		}
	}
	if p := g.plan; p != nil {
		choices := append(w.own.choices[:0], p.own.choices...)
		w.own = p.own
		w.own.choices = choices
	} else {
		w.own.start(len(g.own))
	}
	if g.told.ok {
		choices := append(w.res.choices[:0], g.told.choices...)
		w.res, g.left = g.told.flags, g.told.left
		w.res.choices = choices
	} else {
		w.res.start(len(g.res))
	}
	return true
}

// Told is true if the span before had the same resource, of whose attributes
// all was told then. ResourceTold says that it has been.
func (g *Sight) Told() bool { return g.told.ok }

// ResourceTold says that of the attributes of the resource all is told, which
// will be the same for the next span of that resource. What is made from fields
// of the span comes after it.
func (g *Sight) ResourceTold() {
	t := &g.told
	t.choices = append(t.choices[:0], g.writer.res.choices...)
	for i := range g.res {
		if g.res[i].Mirrored {
			t.choices[i] = byText // what a field of this span made of it is not the next one's
		}
	}
	t.ok, t.flags, t.left = true, g.writer.res, g.left
}

// Plan is what was told of the attributes of a span before that had the same
// keys and types: of those of this one nothing is to be told then, and no key to be
// taken. It is nil if there was none.
func (g *Sight) Plan() *Plan { return g.plan }

// OwnTold says that of the attributes of the span all is told, which will be the
// same for the next one with these keys and types; note is what it will find in the
// plan. What is made from fields comes after it.
func (g *Sight) OwnTold(note uint8) {
	if g.plan != nil || g.unsteady || len(g.own)+len(g.res) > mostPlanned || !g.shapes.pays() {
		return
	}
	n, own := len(g.res), &g.writer.own
	p := &Plan{Forms: make([][]byte, len(g.own)), Note: note, keys: make([]string, n+len(g.own)), own: *own}
	p.own.choices = slices.Clone(own.choices)
	for i := range p.keys {
		p.keys[i] = g.keys.at(i).key
	}
	for i := range p.Forms {
		if own.choices[i] != byText {
			p.Forms[i] = append([]byte{}, g.keys.at(n+i).Form...) // of an empty key it may be empty
		}
	}
	s := &g.shapes
	const size, perKey = 256, 48
	s.size += size + perKey*len(p.keys)
	for _, key := range p.keys {
		s.size += len(key) // another copy where it was forgotten in between
	}
	for _, form := range p.Forms {
		s.size += len(form)
	}
	g.ofRes = s.add(&s.root, g.res, ofResource, p.keys)
	s.add(g.ofRes, g.own, 0, p.keys[n:]).plan = p
}

// start makes ready for attributes that are all invisible unless it is said.
func (l *listed) start(n int) {
	choices := slices.Grow(l.choices[:0], n)[:n]
	clear(choices) // byText
	*l = listed{choices: choices}
}

// Key takes the key of the next attribute of the span. It is nil for one that
// repeats, and for some others.
func (g *Sight) Key(key string) *Known { return g.keys.add(key) }

// ResourceKey is the key of an attribute of the resource.
func (g *Sight) ResourceKey(i int) *Known { return g.keys.at(i) }

// Own says that an attribute of the span will be visible, as what it is or as its
// text; with mirrored set it will be in a field as well. One of which nothing is
// said will be invisible, which only those may be that are in a field.
func (g *Sight) Own(i int, asText, mirrored bool) bool {
	return g.seen(&g.writer.own, i, &g.own[i], asText, mirrored)
}

// OfResource says it of an attribute of the resource, which will be visible
// among those of the span or, if here is set, of a resource.
func (g *Sight) OfResource(i int, asText, mirrored, here bool) bool {
	if here && !mirrored {
		g.left++
	}
	l := &g.writer.res
	l.moved = l.moved || !here
	return g.seen(l, i, &g.res[i], asText, mirrored)
}

func (g *Sight) seen(l *listed, i int, a *span.Attr, asText, mirrored bool) bool {
	c := byKey
	if asText && a.Type != span.String {
		switch a.Type {
		case span.Int, span.Bool, span.Float, span.Bytes, span.Null: // as reads has it
		default:
			g.unsteady = true
			if !reads(g.b.Str(a.Text()), a.Type) {
				return false
			}
		}
		c = byType
	}
	l.choices[i] = c
	l.typed = l.typed || c == byType
	l.mirrored = l.mirrored || mirrored || a.Mirrored
	l.seen++
	return true
}

// Visible is true for a key of an attribute of the span that no field tells.
func (g *Sight) Visible(key string) bool {
	i := g.find(key)
	return i >= len(g.res) && !g.at(i).Mirrored
}

// InField says that an attribute of the span will be in a field as well, which it
// was not said of when it was told.
func (g *Sight) InField() { g.writer.own.mirrored = true }

// find is the place of a key among those of the resource and of the span, -1 for none.
func (g *Sight) find(key string) int {
	if g.plan != nil {
		return g.plan.find(key)
	}
	return g.keys.find(key)
}

// at is the attribute of the key at a place.
func (g *Sight) at(i int) *span.Attr {
	if i < len(g.res) {
		return &g.res[i]
	}
	return &g.own[i-len(g.res)]
}

// Made says that a value will be visible among the attributes of the span or,
// if here is set, of the resource, that none of the original ones became. It
// returns false if one of these will be visible under the key.
func (g *Sight) Made(key string, v Value, mirrored, here bool) bool {
	m := made{key: key, here: here, mirrored: mirrored}
	// One that a field told may be told from what was made of the field.
	i := g.find(key)
	if i >= 0 && !g.at(i).Mirrored {
		return false
	}
	switch w := &g.writer; {
	case i < 0 || here && i >= len(g.res):
	case i < len(g.res):
		c := g.compare(&g.res[i], &v)
		w.res.choices[i] = c
		w.res.moved = w.res.moved || !here
		m.used = c != byText
	default:
		i -= len(g.res)
		c := g.compare(&g.own[i], &v)
		w.own.choices[i] = c
		w.own.typed = w.own.typed || c == byType
		m.used = c != byText
	}
	if here && !mirrored {
		g.left++
	}
	g.made = append(g.made, m)
	return true
}

// compare is Writer.visible for a value that was made.
func (g *Sight) compare(a *span.Attr, v *Value) choice {
	if a.Type == span.String && v.Type == span.String && !v.Addr.IsValid() {
		if g.b.Str(a.Text()) == v.Text {
			return byKey
		}
		return byText
	}
	var room [64]byte
	var text []byte
	switch {
	case v.Type == span.Int:
		text = strconv.AppendInt(room[:0], v.Int, 10)
	case v.Type == span.Bool:
		text = strconv.AppendBool(room[:0], v.Int != 0)
	case v.Addr.IsValid():
		text = wire.AppendIP(room[:0], v.Addr)
	default:
		text = append(room[:0], v.Text...)
	}
	if a.Type == v.Type {
		if a.Type == span.String && g.b.Str(a.Text()) == string(text) || a.Type != span.String && a.Int() == v.Int {
			return byKey
		}
		return byText
	}
	w := &g.writer
	w.text = g.b.AppendText(w.text[:0], a)
	if string(w.text) != string(text) || a.Type != span.String && !reads(string(text), a.Type) {
		return byText
	}
	return byType
}

// Append appends the residue as Writer.Append does.
func (g *Sight) Append(dst []byte, mode translate.Residue, losses *translate.Losses) ([]byte, bool) {
	w, it, b, s := &g.writer, g.it, g.b, g.it.Span()
	f := form{b, &g.Span, g.Scope, g.Events, g.Refs}
	if g.Shown != nil {
		f = formOf(g.Shown, &g.Span)
	}
	w.begin(g.within)
	own, from := w.buf, len(dst)
	if g.within {
		w.buf = append(dst, headWithin...)
	} else {
		w.buf = append(dst, head...)
	}
	w.compareFields(it, &f)
	w.own.mirrored = w.own.mirrored || w.own.seen < len(g.own)
	g.listOwn()
	g.listResource()
	if r := b.Resource(s.Resource); r != nil && (r.Schema.Len() > 0 || r.Dropped > 0) || g.Schema.Len() > 0 || g.Dropped > 0 {
		schema := ""
		if g.Resource {
			schema = b.Str(g.Schema)
		}
		w.headResource(b, s, schema, g.Dropped)
	}
	if len(g.made) > 0 {
		g.listMade(entryMade, false)
		g.listMade(entryResourceMade, true)
	}
	w.details(it, &f)
	home := b.Home(s)
	g.ends(home, &f)
	out := append(w.buf, '}')
	w.buf = own
	// What has to go where a text is too long a draft decides.
	if w.odd || len(out)-from > Max {
		return out[:from], false
	}
	if mode != translate.Exact {
		w.count(home, 1<<numEntries-1, losses)
		return out[:from], true
	}
	return out, true
}

// listResource is Writer.listResource, which writes the same for the next span
// of the resource.
func (g *Sight) listResource() {
	w, s := &g.writer, g.it.Span()
	there := g.Resource && (g.left > 0 || keepsResource(g.b.Home(s)))
	if last := &g.last; last.ok && last.there == there && last.left == g.left && slices.Equal(last.choices, w.res.choices) {
		w.buf = append(w.buf, last.text...)
		if len(last.text) > 0 {
			w.parts = append(w.parts, part{entry: entryResourceAttrs})
		}
		return
	}
	w.res.mirrored = w.res.mirrored || w.res.seen < len(g.res)
	from := len(w.buf)
	w.listResource(g.b, s, g.res, g.left, g.Resource, false)
	g.last = lastResource{
		ok: !w.odd, there: there, left: g.left,
		text: append(g.last.text[:0], w.buf[from:]...), choices: append(g.last.choices[:0], w.res.choices...),
	}
}

// listMade is Writer.made.
func (g *Sight) listMade(e entry, here bool) {
	w := &g.writer
	any := false
	for i := range g.made {
		m := &g.made[i]
		if m.here != here || m.used || m.mirrored {
			continue
		}
		if !any {
			w.open(e, '[')
			any = true
		} else {
			w.buf = append(w.buf, ',')
		}
		// The keys are those that encoders know, which are plain.
		w.quote()
		w.buf = append(w.buf, m.key...)
		w.quote()
	}
	if any {
		w.close(']')
	}
}
