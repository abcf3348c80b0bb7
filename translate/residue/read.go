// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Reader restores spans. The zero value is ready.
type Reader struct {
	found []int32
	blind bool // every fingerprint fits; for the fuzz target

	w           *span.Builder
	b           *span.Batch
	v           span.Span // as visible
	s           span.Span // as restored
	at          int       // of the span
	j           wire.JSON
	buf, textOf []byte

	stale  uint32 // entries
	home   span.Protocol
	parent span.ID
	// trusted: the fields that mirrored attributes speak of are as we wrote
	// them.
	trusted                    bool
	shared, wireID, wireParent bool
	refsGiven                  bool

	schema       span.Text // of the resource
	dropped      uint32
	resourceHead bool
	lists        [numEntries]int // places of values that wait for the others, 0 for none

	spans, resources matcher
	inner            matcher
	made             []string
	types            []typedKey
	seen             []span.Attr // visible, without the residue
	own, res         []span.Attr
	last, lastScope  uint32 // the resource and the scope that were restored last
}

// Found notes that span number i of the builder has an attribute of the key.
// It must be called in the order of the spans.
func (r *Reader) Found(i int) { r.found = append(r.found, int32(i)) }

// Restore brings the noted spans into the form that their residues tell of.
// The texts of residues that are none stay as they are: somebody's attribute.
func (r *Reader) Restore(w *span.Builder) {
	for _, i := range r.found {
		if int(i) < w.Len() {
			r.restore(w, int(i))
		}
	}
	r.found, r.last, r.lastScope = r.found[:0], 0, 0
}

func (r *Reader) restore(w *span.Builder, i int) {
	r.w, r.b, r.at = w, w.Batch(), i
	r.v = *w.SpanAt(i)
	attrs := r.b.Attrs(r.v.Attrs)
	n := len(attrs) - 1
	for n >= 0 && !r.isResidue(&attrs[n]) {
		n--
	}
	if n < 0 {
		return // somebody's attribute
	}
	r.buf = append(r.buf[:0], r.b.Str(attrs[n].Text())...)
	r.j = wire.JSON{Buf: r.buf}
	r.s = r.v
	r.stale, r.trusted, r.home, r.parent = 0, false, span.Unknown, r.v.Parent
	r.shared, r.wireID, r.wireParent, r.resourceHead = false, false, false, false
	r.refsGiven = false
	r.lists = [numEntries]int{}
	mark := w.Mark()
	if !r.read() {
		r.undo(mark)
		return
	}
	r.identity()
	r.seen = append(append(r.seen[:0], attrs[:n]...), attrs[n+1:]...)
	r.attrs(r.seen)
	if r.j.Err != nil {
		r.undo(mark)
		return
	}
	r.s.Has &^= span.Exact
	*w.SpanAt(i) = r.s
	for e := range numEntries {
		if r.stale&(1<<e) != 0 {
			w.Stale(entries[e].key)
		}
	}
}

func (r *Reader) undo(m span.Mark) {
	r.w.Undo(m)
	r.last, r.lastScope = 0, 0
}

// isResidue is true for an attribute that we may have written.
func (r *Reader) isResidue(a *span.Attr) bool {
	if a.Type != span.String || r.b.Str(a.Key) != Key {
		return false
	}
	text := r.b.Str(a.Text())
	return len(text) <= Max && strings.HasPrefix(text, head+",")
}

// read reads all entries. Those that need others wait.
func (r *Reader) read() bool {
	j := &r.j
	j.Object()
	for {
		k, ok := j.Key()
		if !ok {
			break
		}
		e, known := entryOf(j.Raw(k))
		if !known {
			j.Skip()
			continue
		}
		switch e {
		case entryHome:
			r.home = protocolOf(r.text())
		case entryFields:
			f := formOf(r.b, &r.v)
			r.trusted = r.number() == printStart.fields(&f).sum() || r.blind
		case entryShared:
			r.shared = r.number() == 1
		case entryNoWire:
			j.Skip()
			r.s.Has &^= span.HasWire | span.Shared
			r.s.Wire = span.Wire{}
		case entryTypes, entryAttrs, entryResourceAttrs, entryMade, entryResourceMade:
			j.Peek()
			r.lists[e] = j.Pos
			j.Skip()
		default:
			r.group(e)
		}
	}
	if j.Err == nil && j.Pos < len(j.Buf) {
		return false // more than an object
	}
	if !r.trusted && r.home != span.Unknown {
		r.stale |= 1 << entryFields
	}
	return j.Err == nil
}

func protocolOf(letter string) span.Protocol {
	for p := span.Zipkin; int(p) < span.NumProtocols; p++ {
		if len(letter) == 1 && p.String()[0] == letter[0] {
			return p
		}
	}
	return span.Unknown
}

// group reads an entry that is a list with a fingerprint.
func (r *Reader) group(e entry) {
	l := r.list()
	if l.number() == r.visible(e).sum() || r.blind {
		r.apply(e, &l)
	} else {
		r.stale |= 1 << e
	}
	l.rest()
}

// visible is the fingerprint of what an entry replaces.
func (r *Reader) visible(e entry) print {
	b, v, p := r.b, &r.v, printStart
	switch e {
	case entryWireID, entryAgent:
		return p.word(uint64(v.ID))
	case entryWireParent, entryParent:
		return p.word(uint64(v.Parent))
	case entryName:
		return p.name(b.Str(v.Name))
	case entryKind:
		return p.word(uint64(v.Kind))
	case entryStart:
		return p.time(r.visibleTime(span.HasStart), v.Has&span.HasStart != 0)
	case entryDuration:
		return p.time(r.visibleTime(span.HasDuration), v.Has&span.HasDuration != 0)
	case entryStatus:
		return p.status(b, v)
	case entryFlags:
		return p.word(uint64(v.Sampling)).word(uint64(v.TraceFlags))
	case entryState:
		return p.text(b.Str(v.State))
	case entryLocal:
		return p.endpoint(b, &v.Local)
	case entryRemote:
		return p.endpoint(b, &v.Remote)
	case entryDropped:
		return p.dropped(v.Dropped)
	case entryScope:
		return p.scope(b, b.Scope(v.Scope))
	case entryResource:
		schema, dropped := resourceHead(b, v)
		return p.text(schema).word(uint64(dropped))
	case entryRefs:
		return p.refs(b, b.Refs(v.Refs))
	case entryEvents:
		return p.events(b, b.Events(v.Events))
	}
	return 0
}
