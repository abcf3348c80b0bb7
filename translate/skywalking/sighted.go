// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// The attributes of usual spans are written as appendTags does, and a sight is told
// what becomes of each, so that they need not be noted and searched for among the
// visible ones (ADR 0029). TestShadow compares both.

// other is a tag that no attribute of that name became.
type other struct{ key, value string }

// isOmissible is true for keys of attributes that may be left out for what they say.
func isOmissible(key string) bool {
	return key == translate.TagTraceName || key == translate.TagInstance
}

// shortKey is how long a key is at most whose length takes one byte.
const shortKey = 0x7f

// keyForm is the key of a tag as its field, behind a byte that says whether it is
// another one than that of the attribute; nil for one that is not for the sight.
func keyForm(key string) []byte {
	switch {
	case key == "", len(key) > shortKey, !utf8.ValidString(key), isMark(key), strings.HasPrefix(key, residue.Key),
		key == "x-le", key == "transmission.latency":
		return nil
	}
	as := itself
	if to := oapTag(key); to != "" {
		key, as = to, byAnother
	}
	return append([]byte{byte(as), 1<<3 | wire.TypeBytes, byte(len(key))}, key...)
}

// became is what an attribute became among the visible ones.
type became uint8

const (
	unsure    became = iota // a shadow is to say it
	left                    // it was left out
	itself                  // it has its key, and its value as text
	byAnother               // its value has another key
)

// appendSighted is appendTags for a single report. It is false when the sight is not
// sure of a tag.
func (e *Encoder) appendSighted(d []byte, it *span.Item, r *role) (out []byte, ok bool) {
	n, b, s := &e.shadow, it.Batch, it.Span()
	g := n.sight
	e.keys, n.others = e.keys[:0], n.others[:0]
	if p := g.Plan(); p != nil {
		d, ok = e.appendPlanned(d, p, b, s, r)
	} else {
		d, ok = e.appendOwn(d, b, s, r)
	}
	if !ok {
		return d, false
	}
	var as became
	if res := b.Resource(s.Resource); res != nil {
		attrs := b.Attrs(res.Attrs)
		for i := range attrs {
			a := &attrs[i]
			if a.Mirrored {
				continue
			}
			d, as = e.appendKnown(d, g.ResourceKey(i), b, a, r)
			if as == unsure || as == itself && !g.OfResource(i, true, false, false) {
				return d, false
			}
		}
	}
	d = e.appendFurther(d, b, s, r)
	for i := range n.others {
		o := &n.others[i]
		again := slices.ContainsFunc(n.others[:i], func(x other) bool { return x.key == o.key })
		if again || !isSound(o.value) || !g.Made(o.key, residue.Value{Type: span.String, Text: o.value}, false, false) {
			return d, false
		}
	}
	return e.appendMarks(d, it), true
}

// appendOwn appends the attributes of the span.
func (e *Encoder) appendOwn(d []byte, b *span.Batch, s *span.Span, r *role) (out []byte, ok bool) {
	g := e.shadow.sight
	steady := true // the same becomes of the next ones with these keys
	var as became
	attrs := b.Attrs(s.Attrs)
	for i := range attrs {
		a := &attrs[i]
		k := g.Key(b.Str(a.Key))
		if k == nil {
			return d, false
		}
		if a.Mirrored {
			continue
		}
		steady = steady && !k.Told
		d, as = e.appendKnown(d, k, b, a, r)
		if as == unsure || as == itself && !g.Own(i, true, false) {
			return d, false
		}
	}
	if steady {
		g.OwnTold(0)
	}
	return d, true
}

// appendPlanned is appendOwn for a span of which is known what becomes of each
// attribute.
func (e *Encoder) appendPlanned(d []byte, p *residue.Plan, b *span.Batch, s *span.Span, r *role) (out []byte, ok bool) {
	attrs := b.Attrs(s.Attrs)
	for i, form := range p.Forms {
		a := &attrs[i]
		if a.Mirrored {
			continue
		}
		v := e.text(b, a)
		if !isSound(v) {
			return d, false
		}
		if form == nil {
			d = e.appendOther(d, oapTag(b.Str(a.Key)), v, r)
			continue
		}
		if r.layer == layerCache {
			e.keys = append(e.keys, b.Str(a.Key))
		}
		d = appendFormed(d, form[1:], v)
	}
	return d, true
}

// appendOther appends a value under another key than that of its attribute.
func (e *Encoder) appendOther(d []byte, key, v string, r *role) []byte {
	if r.layer == layerCache {
		if key == "db.type" {
			key = tagCacheType
		}
		e.keys = append(e.keys, key)
	}
	e.shadow.others = append(e.shadow.others, other{key, v})
	return appendSound(d, 12, key, v)
}

// appendKnown is appendAttr.
func (e *Encoder) appendKnown(d []byte, k *residue.Known, b *span.Batch, a *span.Attr, r *role) (out []byte, as became) {
	if k.Form == nil {
		return d, unsure
	}
	key, v := b.Str(a.Key), e.text(b, a)
	if k.Told && (key == translate.TagTraceName && r.traceName != "" || key == translate.TagInstance && v == r.instance) {
		return d, left
	}
	if !isSound(v) {
		return d, unsure
	}
	if as = became(k.Form[0]); as == byAnother {
		return e.appendOther(d, oapTag(key), v, r), as
	}
	if r.layer == layerCache {
		e.keys = append(e.keys, key)
	}
	return appendFormed(d, k.Form[1:], v), as
}

// appendFormed is appendSound for a tag whose key is formed.
func appendFormed(d, form []byte, value string) []byte {
	n := len(form) + len(value)
	if n <= 0x7f-2 && value != "" {
		d = append(d, 12<<3|wire.TypeBytes, byte(n+2))
		d = append(d, form...)
		d = append(d, 2<<3|wire.TypeBytes, byte(len(value)))
		return append(d, value...)
	}
	if value != "" {
		n += 1 + wire.SizeVarint(len(value))
	}
	d = binary.AppendUvarint(append(d, 12<<3|wire.TypeBytes), uint64(n))
	return wire.AppendString(append(d, form...), 2, value)
}

// forget forgets the batches of a call.
func (n *shadow) forget() {
	if n.sight != nil {
		n.sight.Forget()
	}
	n.caller = ""
	clear(n.others[:cap(n.others)])
}
