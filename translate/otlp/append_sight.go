// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// foreignWriter writes spans of other protocols as Encoder.span does and finds
// their residues on the way: what is written is told to the sight as reader
// will read it. What this reads in an unusual way it leaves to a draft.
type foreignWriter struct {
	sight *residue.Sight
	clear bool // the open groups will be read as they are

	item *span.Item
	b    *span.Batch
	s    *span.Span
	text []byte
	ends sightedEnds
	// told: some attributes say something of an end; named: some that are not
	// written have such keys.
	told, named bool
}

// forget forgets what it knows of batches.
func (f *foreignWriter) forget() {
	if f.sight == nil {
		return
	}
	f.sight.Forget()
	f.item, f.b, f.s = nil, nil, nil
	clear(f.ends.marked[:cap(f.ends.marked)])
	f.ends = sightedEnds{marked: f.ends.marked[:0]}
}

// groups looks at the groups that were opened for a span.
func (f *foreignWriter) groups(b *span.Batch, s *span.Span, instance string) {
	f.clear = false
	if service := s.Local.Service; !wire.IsValid(b.Str(service)) || !wire.IsValid(instance) {
		return
	}
	if r := b.Resource(s.Resource); r != nil {
		attrs := b.Attrs(r.Attrs)
		for i := range attrs {
			if a := &attrs[i]; !a.Mirrored && (!isWhole(b, a) || b.Str(a.Key) == keyService || b.Str(a.Key) == "host.ip") {
				return
			}
		}
		if !wire.IsValid(b.Str(r.Schema)) {
			return
		}
	}
	if c := b.Scope(s.Scope); c != nil {
		if c.Attrs.N > 0 || !wire.IsValid(b.Str(c.Name)) || !wire.IsValid(b.Str(c.Version)) || !wire.IsValid(b.Str(c.Schema)) {
			return
		}
	}
	f.clear = true
}

// isWhole is true for an attribute that will be read as it is.
func isWhole(b *span.Batch, a *span.Attr) bool {
	if a.Type == span.JSON || !wire.IsValid(b.Str(a.Key)) {
		return false
	}
	return a.Type != span.String || wire.IsValid(b.Str(a.Text()))
}

// foreign writes a span of another protocol with its residue. It returns false,
// with nothing written, for one that needs a draft.
func (e *Encoder) foreign(it *span.Item) bool {
	f := &e.sighted
	if !f.clear || !f.sight.Begin(it) {
		return false
	}
	f.item, f.b, f.s = it, it.Batch, it.Span()
	d, mark := wire.OpenWide(e.buf, spansField, spanWidth)
	d, ok := f.head(d)
	if ok {
		d, ok = e.seenAttrs(d)
	}
	ok = ok && f.resource(e.instance) && f.events() && f.links() && f.status()
	if ok {
		f.text, ok = f.sight.Append(f.text[:0], e.opts.Residue, &e.losses)
	}
	if !ok {
		return false
	}
	if len(f.text) > 0 {
		d = appendStringAttr(d, fieldAttribute, residue.Key, f.text)
	}
	d = e.tail(d, f.b, f.s, f.sight.Span.TraceFlags)
	e.buf = wire.CloseWide(d, mark, spanWidth)
	return true
}

// head appends all up to the attributes.
func (f *foreignWriter) head(d []byte) ([]byte, bool) {
	it, b, s, v := f.item, f.b, f.s, &f.sight.Span
	if it.ID == 0 || it.ID == it.Parent || s.Trace.IsZero() || s.Kind > span.KindConsumer ||
		!wire.IsValid(b.Str(s.Name)) || !wire.IsValid(b.Str(s.State)) {
		return d, false
	}
	v.Trace, v.ID, v.Parent, v.Kind = s.Trace, it.ID, it.Parent, s.Kind
	d = appendTraceID(d, fieldTraceID, s.Trace)
	d = appendSpanID(d, fieldSpanID, it.ID)
	if s.State.Len() > 0 {
		d = wire.AppendString(d, fieldState, b.Str(s.State))
		v.State = s.State
	}
	if it.Parent != 0 {
		d = appendSpanID(d, fieldParent, it.Parent)
	}
	if s.Name.Len() > 0 {
		d = wire.AppendString(d, fieldName, b.Str(s.Name))
		v.Name = s.Name
	}
	d = wire.AppendVarint(d, fieldKind, uint64(s.Kind))
	start, end := foreignTimes(s)
	if end > math.MaxInt64 {
		return d, false
	}
	d = wire.AppendFixed64(d, fieldStart, start)
	d = wire.AppendFixed64(d, fieldEnd, end)
	setTimes(v, start, end)
	v.TraceFlags = foreignFlags(s)
	if v.TraceFlags&1 != 0 {
		v.Sampling = span.Sampled
	}
	v.Dropped = s.Dropped
	return d, true
}

// seenAttrs appends the attributes as appendForeign does.
func (e *Encoder) seenAttrs(d []byte) ([]byte, bool) {
	f := &e.sighted
	b, s, g := f.b, f.s, f.sight
	attrs := b.Attrs(s.Attrs)
	if p := g.Plan(); p != nil {
		f.told, f.named = p.Note&noteTold != 0, p.Note&noteNamed != 0
		for i, form := range p.Forms {
			if form == nil {
				continue
			}
			var ok bool
			if d, ok = e.appendKnown(d, form, &attrs[i]); !ok {
				return d, false
			}
		}
	} else {
		var ok bool
		if d, ok = e.tellAttrs(d, attrs); !ok {
			return d, false
		}
	}
	var ok bool
	if f.told {
		d, ok = f.appendEnds(d)
	} else {
		d, ok = f.appendOwnEnds(d)
	}
	if s.Agent != 0 && ok {
		return f.agent(d)
	}
	return d, ok
}

// tellAttrs appends the attributes of a span and says what will become of them.
func (e *Encoder) tellAttrs(d []byte, attrs []span.Attr) ([]byte, bool) {
	f := &e.sighted
	b, s, g := f.b, f.s, f.sight
	f.told, f.named = false, false
	if r := b.Resource(s.Resource); r != nil {
		for i := range int(r.Attrs.N) {
			f.named = f.named || g.ResourceKey(i).Told
		}
	}
	steady := true // what goes out does not depend on values
	for i := range attrs {
		a := &attrs[i]
		k := g.Key(b.Str(a.Key))
		if k == nil {
			return d, false
		}
		if a.Mirrored {
			steady = steady && b.Str(a.Key) != keyError
			if !keeps(b, s, a) {
				f.named = f.named || k.Told
				continue
			}
		}
		if !k.Whole || a.Type == span.JSON || !g.Own(i, false, false) {
			return d, false
		}
		if k.Told {
			if isOutside(b.Str(a.Key)) {
				return d, false
			}
			f.told = true
		}
		var ok bool
		if d, ok = e.appendKnown(d, k.Form, a); !ok {
			return d, false
		}
	}
	if steady {
		var note uint8
		if f.told {
			note |= noteTold
		}
		if f.named {
			note |= noteNamed
		}
		g.OwnTold(note)
	}
	return d, true
}

// What a plan notes of foreignWriter.told and named.
const (
	noteTold = 1 << iota
	noteNamed
)

// appendKnown appends an attribute of the span whose key is given as it is written;
// false for a text that is not UTF-8.
func (e *Encoder) appendKnown(d, key []byte, a *span.Attr) (out []byte, ok bool) {
	if a.Type != span.String {
		return e.appendAttr(d, fieldAttribute, e.sighted.b, a), true
	}
	return appendKnownAttr(d, key, e.sighted.b.Str(a.Text()))
}

// keyForm is the key of an attribute as it is written.
func keyForm(key string) []byte { return wire.AppendString(nil, 1, key) }

// appendKnownAttr appends an attribute of the span whose key is given as it is
// written; false for a text that is not UTF-8.
func appendKnownAttr(d, key []byte, text string) (out []byte, ok bool) {
	value := 2 + len(text)
	if kv := len(key) + 2 + value; kv < 0x80 {
		d = append(d, fieldAttribute<<3|wire.TypeBytes, byte(kv))
		d = append(d, key...)
		d = append(d, tagValue, byte(value), tagString, byte(len(text)))
		return wire.AppendValid(d, text)
	}
	d, kv := wire.Open(d, fieldAttribute)
	d, member := wire.Open(append(d, key...), 2)
	d = wire.AppendTag(d, anyString, wire.TypeBytes)
	d = binary.AppendUvarint(d, uint64(len(text)))
	d, ok = wire.AppendValid(d, text)
	return closeAttr(d, kv, member), ok
}

// filled is a text that is not empty, or an absent one.
func filled(t span.Text) span.Text {
	if t.Len() == 0 {
		return span.Text{}
	}
	return t
}

// isTold is true for the keys of attributes that reader.endpoints takes for
// more.
func isTold(key string) bool {
	if len(key) <= 6 {
		return false
	}
	switch key[0] {
	case 'n', 's', 'p', 'd':
		var e ends
		e.take(key, nil)
		return e.any
	}
	return isOutside(key)
}

// isOutside is true for keys that leave with a suffix, and some others.
func isOutside(key string) bool { return strings.HasPrefix(key, residue.Key) }

// agent appends what a SkyWalking agent said, as appendAgent does.
func (f *foreignWriter) agent(d []byte) ([]byte, bool) {
	b, s, g := f.b, f.s, f.sight
	ok := true
	text := func(key, text string) {
		if text == "" {
			return
		}
		ok = ok && wire.IsValid(text) && g.Made(key, residue.Value{Text: text}, false, false)
		d = appendStringAttr(d, fieldAttribute, key, text)
	}
	number := func(key string, n int32) {
		ok = ok && g.Made(key, residue.Value{Type: span.Int, Int: int64(n)}, false, false)
		d = appendIntAttr(d, fieldAttribute, key, int64(n))
	}
	a := b.Agent(s.Agent)
	if h := b.Segment(s.Segment); h != nil {
		text(translate.TagTraceName, b.Str(h.TraceName))
		text(translate.TagSegment, b.Str(h.Name))
	}
	number(translate.TagNumber, a.Number)
	parents := 0
	refs := b.Refs(s.Refs)
	for i := range refs {
		if ar := b.AgentRef(refs[i].Agent); ar != nil && refs[i].Parent {
			text(translate.TagParentSegment, b.Str(ar.Segment))
			number(translate.TagParentNumber, ar.Number)
			parents++
		}
	}
	if a.Layer != 0 {
		text(translate.TagLayer, translate.LayerName(a.Layer))
	}
	if a.Component != 0 {
		number(translate.TagComponent, a.Component)
	}
	text(translate.TagPeer, b.Str(a.Peer))
	return d, ok && parents <= 1
}

// resource tells of the groups.
func (f *foreignWriter) resource(instance string) bool {
	g, b, s := f.sight, f.b, f.s
	g.Scope = b.Scope(s.Scope)
	r := b.Resource(s.Resource)
	g.Resource = r != nil || s.Local.Service.Len() > 0 || instance != ""
	if r != nil {
		g.Schema, g.Dropped = r.Schema, r.Dropped
		if !g.Told() {
			attrs := b.Attrs(r.Attrs)
			for i := range attrs {
				if a := &attrs[i]; !a.Mirrored && !g.OfResource(i, false, false, true) {
					return false
				}
			}
			g.ResourceTold()
		}
	}
	if s.Local.Service.Len() > 0 {
		if !g.Made(keyService, residue.Value{Text: b.Str(s.Local.Service)}, true, true) {
			return false
		}
	}
	if instance != "" {
		if !g.Made(translate.TagInstance, residue.Value{Text: instance}, false, true) {
			return false
		}
	}
	return true
}

// events tells of the events.
func (f *foreignWriter) events() bool {
	b, g := f.b, f.sight
	events := b.Events(f.s.Events)
	for i := range events {
		ev := &events[i]
		v := span.Event{Time: max(ev.Time, 0), Name: filled(ev.Name), Attrs: ev.Attrs, Dropped: ev.Dropped}
		if !wire.IsValid(b.Str(ev.Name)) || !areWhole(b, ev.Attrs) {
			return false
		}
		g.Events = append(g.Events, v)
	}
	return true
}

// areWhole is true for attributes that are all written and will be read as they
// are.
func areWhole(b *span.Batch, r span.Range) bool {
	attrs := b.Attrs(r)
	for i := range attrs {
		if attrs[i].Mirrored || !isWhole(b, &attrs[i]) {
			return false
		}
	}
	return true
}

// links tells of the links.
func (f *foreignWriter) links() bool {
	b, g := f.b, f.sight
	refs := b.Refs(f.s.Refs)
	for i := range refs {
		r := &refs[i]
		if !isLink(r) {
			continue
		}
		if r.Kind != span.Link || r.Agent != 0 || !wire.IsValid(b.Str(r.State)) || !areWhole(b, r.Attrs) {
			return false
		}
		v := *r
		v.State, v.Parent = filled(r.State), false
		g.Refs = append(g.Refs, v)
	}
	return true
}

// status tells of the status.
func (f *foreignWriter) status() bool {
	b, s, v := f.b, f.s, &f.sight.Span
	if s.Status > span.StatusError || errorFalse(b, s) || !wire.IsValid(b.Str(s.StatusMessage)) {
		return false
	}
	if s.Status != span.StatusUnset || s.StatusMessage.Len() > 0 {
		v.Status, v.StatusMessage = s.Status, filled(s.StatusMessage)
		v.Has |= span.HasStatus
	}
	return true
}
