// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// attr reads an attribute: its key, or a list of key, type and text. Without a
// text it is taken from the first of the matchers that has it.
func (r *Reader) attr(e entry, m *matcher, more ...*matcher) (a span.Attr, ok bool) {
	if r.j.Peek() == '"' {
		v := r.find(e, r.text(), m, more)
		if v == nil {
			return a, false
		}
		a = *v
		a.Mirrored = a.Mirrored && !r.trusted
		return a, true
	}
	l := r.list()
	defer l.rest()
	key := l.text()
	t, mirrored, ok := typeOf(l.text())
	if !ok {
		return a, false
	}
	if l.next() {
		text := r.text()
		if mirrored && !r.trusted {
			return a, false
		}
		a, ok = parse(r.w, r.w.Copy(key), t, text, span.Text{})
		a.Mirrored = mirrored
		return a, ok
	}
	v := r.find(e, key, m, more)
	if v == nil {
		return a, false
	}
	if mirrored && !r.trusted {
		return *v, true
	}
	a = r.typed(e, v, t)
	a.Mirrored = mirrored
	return a, true
}

// find takes a visible attribute.
func (r *Reader) find(e entry, key string, m *matcher, more []*matcher) *span.Attr {
	if m != nil {
		for _, m := range append([]*matcher{m}, more...) {
			if at, _ := m.first(key); at >= 0 {
				m.use(at)
				return &m.attrs[at]
			}
		}
	}
	r.stale |= 1 << e
	return nil
}

// typed is a visible attribute with the type that it had; as it is when its
// text is not one of that type.
func (r *Reader) typed(e entry, v *span.Attr, t span.Type) span.Attr {
	if v.Type == t {
		return *v
	}
	r.textOf = r.b.AppendText(r.textOf[:0], v)
	var at span.Text
	if v.Type == span.String || v.Type == span.JSON {
		at = v.Text()
	}
	a, ok := parse(r.w, v.Key, t, string(r.textOf), at)
	if !ok {
		r.stale |= 1 << e
		return *v
	}
	return a
}

// typedKey is a key with the type of its value.
type typedKey struct {
	key string
	t   span.Type
}

// keys reads a list of keys, sorted.
func (r *Reader) keys(e entry) []string {
	r.made = r.made[:0]
	if r.lists[e] == 0 {
		return nil
	}
	r.j.Pos = r.lists[e]
	for l := r.list(); l.next(); {
		r.made = append(r.made, r.text())
	}
	slices.Sort(r.made)
	return r.made
}

// readTypes reads the types of attributes that are visible as text.
func (r *Reader) readTypes() {
	r.types = r.types[:0]
	if r.lists[entryTypes] == 0 {
		return
	}
	j := &r.j
	j.Pos = r.lists[entryTypes]
	if j.Peek() != '{' {
		return
	}
	for j.Object(); ; {
		k, ok := j.Key()
		if !ok {
			break
		}
		key := j.Text(k)
		if t, _, ok := typeOf(r.text()); ok {
			r.types = append(r.types, typedKey{key, t})
		}
	}
	slices.SortFunc(r.types, func(a, b typedKey) int { return strings.Compare(a.key, b.key) })
}

// items reads a list of attributes that are visible or written out.
func (r *Reader) items(e entry, dst []span.Attr, m *matcher, more ...*matcher) []span.Attr {
	r.j.Pos = r.lists[e]
	for l := r.list(); l.next(); {
		if a, ok := r.attr(e, m, more...); ok {
			dst = append(dst, a)
		}
	}
	return dst
}

// attrs restores the attributes of span and resource.
func (r *Reader) attrs(attrs []span.Attr) {
	r.spans.set(r.b, attrs)
	var visible []span.Attr
	if res := r.b.Resource(r.v.Resource); res != nil {
		visible = r.b.Attrs(res.Attrs)
	}
	r.resources.set(r.b, visible)

	r.own, r.res = r.own[:0], r.res[:0]
	if r.lists[entryAttrs] != 0 {
		r.own = r.items(entryAttrs, r.own, &r.spans)
	}
	if r.lists[entryResourceAttrs] != 0 {
		r.res = r.items(entryResourceAttrs, r.res, &r.resources, &r.spans)
	}
	r.readTypes()
	made := r.keys(entryMade)
	for i := range attrs {
		v := &attrs[i]
		if r.spans.used[i] || r.goes(v, made) {
			continue
		}
		a := *v
		if n, ok := slices.BinarySearchFunc(r.types, r.b.Str(v.Key), func(t typedKey, key string) int { return cmp.Compare(t.key, key) }); ok {
			a = r.typed(entryTypes, v, r.types[n].t)
		}
		r.own = append(r.own, a)
	}
	mark := r.w.AttrMark()
	for _, a := range r.own {
		r.w.Attr(a)
	}
	r.s.Attrs = r.w.AttrsFrom(mark)
	r.resource(visible)
}

// goes is true for a visible attribute that only speaks of fields in the
// manner of the protocol that it came by, and for one that we made.
func (r *Reader) goes(v *span.Attr, made []string) bool {
	if v.Mirrored {
		return r.trusted
	}
	_, ok := slices.BinarySearch(made, r.b.Str(v.Key))
	return ok
}

// resource restores the resource, which the spans of a process have in common.
func (r *Reader) resource(visible []span.Attr) {
	listed := r.lists[entryResourceAttrs] != 0
	made := r.keys(entryResourceMade)
	changed := listed || r.resourceHead
	for i := range visible {
		if r.resources.used[i] {
			continue
		}
		if r.goes(&visible[i], made) {
			changed = true
			continue
		}
		r.res = append(r.res, visible[i])
	}
	none := false
	if listed {
		none = r.j.Buf[r.lists[entryResourceAttrs]] == '0'
	} else {
		none = r.trusted && !keepsResource(r.home)
	}
	if len(r.res) == 0 && !r.resourceHead && none {
		r.s.Resource = 0
		return
	}
	if !changed {
		return
	}
	next := span.Resource{}
	if old := r.b.Resource(r.v.Resource); old != nil {
		next.Schema, next.Dropped = old.Schema, old.Dropped
	}
	if r.resourceHead {
		next.Schema, next.Dropped = r.schema, r.dropped
	}
	if last := r.b.Resource(r.last); last != nil && last.Dropped == next.Dropped && r.b.Str(last.Schema) == r.b.Str(next.Schema) &&
		sameAttrs(r.b, r.b.Attrs(last.Attrs), r.b, r.res) {
		r.s.Resource = r.last
		return
	}
	mark := r.w.AttrMark()
	for _, a := range r.res {
		r.w.Attr(a)
	}
	next.Attrs = r.w.AttrsFrom(mark)
	r.last = r.w.Resource(next)
	r.s.Resource = r.last
}
