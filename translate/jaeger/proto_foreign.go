// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"encoding/binary"
	"math"
	"net/netip"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// foreignWriter writes spans of other protocols as ProtoEncoder.span does and
// finds their residues on the way: what is written is told to the sight as
// protoReader will read it. What this reads in an unusual way it leaves to a
// draft.
type foreignWriter struct {
	sight *residue.Sight
	scope span.Scope
	local span.Endpoint // as it will be read of the process of the item
	clear bool          // that process will be read as it is

	item *span.Item
	b    *span.Batch
	s    *span.Span
	text []byte
	tags tags
}

// forget forgets what it knows of batches.
func (f *foreignWriter) forget() {
	if f.sight == nil {
		return
	}
	f.sight.Forget()
	f.item, f.b, f.s = nil, nil, nil
	clear(f.tags[:cap(f.tags)])
}

// process takes the process of an item, which was written anew.
func (f *foreignWriter) process(it *span.Item, named bool) {
	b, s := it.Batch, it.Span()
	f.clear = false
	f.local = span.Endpoint{}
	if service := s.Local.Service; service.Len() > 0 {
		if name := b.Str(service); name == noServiceName || !wire.IsValid(name) {
			return
		}
		f.local.Service = service
	}
	if ip := s.Local.IP(); ip.Is4In6() {
		return
	} else if ip.IsValid() {
		f.local.SetIP(ip)
	}
	if r := b.Resource(s.Resource); r != nil {
		attrs := b.Attrs(r.Attrs)
		for i := range attrs {
			if a := &attrs[i]; !a.Mirrored && (!isWhole(b, a) || b.Str(a.Key) == tagIP) {
				return
			}
		}
	}
	if g := b.Segment(s.Segment); g != nil && !wire.IsValid(b.Str(g.Instance)) {
		return
	}
	f.clear = named
}

// isWhole is true for an attribute that will be read with the same texts.
func isWhole(b *span.Batch, a *span.Attr) bool {
	if !wire.IsValid(b.Str(a.Key)) {
		return false
	}
	return a.Type != span.String && a.Type != span.JSON || wire.IsValid(b.Str(a.Text()))
}

// appendForeign appends the fields of a span of another protocol, without its
// process, with its residue. It returns false, with nothing appended, for one
// that needs a draft.
func (e *ProtoEncoder) appendForeign(d []byte, it *span.Item) ([]byte, bool) {
	f := &e.foreign
	if !f.clear || !f.sight.Begin(it) {
		return d, false
	}
	f.item, f.b, f.s = it, it.Batch, it.Span()
	start := len(d)
	d, ok := e.head(d)
	if ok {
		d, ok = f.attrs(d)
	}
	if ok {
		d, ok = f.made(d)
	}
	if ok {
		setShared(&f.sight.Span, f.sight.Refs)
		ok = f.resource() && f.events()
	}
	if ok {
		f.text, ok = f.sight.Append(f.text[:0], e.opts.Residue, &e.losses)
	}
	if !ok {
		return d[:start], false
	}
	if len(f.text) > 0 {
		d = appendStringTag(d, 8, residue.Key, f.text)
	}
	return f.logs(d), true
}

// logs appends the events that were told of.
func (f *foreignWriter) logs(d []byte) []byte {
	b, mark := f.b, 0
	events := b.Events(f.s.Events)
	for i := range events {
		ev := &events[i]
		d, mark = wire.Open(d, 9)
		d = appendSeconds(d, 1, ev.Time, false)
		if ev.Name.Len() > 0 {
			d = appendStringTag(d, 2, tagEvent, b.Str(ev.Name))
		}
		if ev.Attrs.N > 0 {
			f.tags = f.tags[:0]
			f.tags.attrs(b, ev.Attrs, false)
			d = appendTags(d, 2, f.tags)
		}
		d = wire.Close(d, mark)
	}
	return d
}

// head appends all up to the tags.
func (e *ProtoEncoder) head(d []byte) ([]byte, bool) {
	f := &e.foreign
	it, b, s, v := f.item, f.b, f.s, &f.sight.Span
	if it.ID == 0 || s.Trace.IsZero() || s.Kind > span.KindConsumer || !fits(s.Start) || !fits(s.Duration) ||
		!wire.IsValid(b.Str(s.Name)) {
		return d, false
	}
	v.Trace, v.ID, v.Has = s.Trace, it.ID, span.HasDuration
	d = appendTraceID(d, 1, s.Trace)
	d = appendSpanID(d, 2, it.ID)
	if s.Name.Len() > 0 {
		d = wire.AppendString(d, 3, b.Str(s.Name))
		v.Name = s.Name
	}
	e.refs = leadWithParent(collectRefs(e.refs, it, false), it)
	for i := range e.refs {
		r := &e.refs[i]
		d = appendRef(d, 4, r)
		f.sight.Refs = append(f.sight.Refs, span.Ref{Trace: r.Trace, Span: r.Span, Kind: r.Kind})
	}
	setParent(v, 0, f.sight.Refs)
	v.Sampling = span.Sampling(flags(b, s))
	d = wire.AppendVarint(d, 5, uint64(v.Sampling))
	d = appendSeconds(d, 6, s.Start, false)
	d = appendSeconds(d, 7, s.Duration, true)
	v.Start, v.Duration = s.Start, s.Duration
	if s.Start != 0 {
		v.Has |= span.HasStart
	}
	v.Local = f.local
	return d, true
}

// fits is true for a time that is not beyond what is read.
func fits(ns int64) bool { return -maxSeconds*1_000_000_000 < ns && ns < maxSeconds*1_000_000_000 }

// attrs appends the attributes of the span as tags.
func (f *foreignWriter) attrs(d []byte) (out []byte, ok bool) {
	b := f.b
	attrs := b.Attrs(f.s.Attrs)
	if p := f.sight.Plan(); p != nil {
		for i, form := range p.Forms {
			if form == nil {
				continue
			}
			if d, ok = appendAttr(d, b, form, &attrs[i]); !ok {
				return d, false
			}
		}
		return d, true
	}
	for i := range attrs {
		a := &attrs[i]
		k := f.sight.Key(b.Str(a.Key))
		if k == nil {
			return d, false
		}
		if a.Mirrored {
			continue
		}
		if k.Told || !k.Whole || !f.sight.Own(i, asText(a), false) {
			return d, false
		}
		if d, ok = appendAttr(d, b, k.Form, a); !ok {
			return d, false
		}
	}
	f.sight.OwnTold(0)
	return d, true
}

// asText is true for types that Jaeger has not.
func asText(a *span.Attr) bool { return a.Type == span.JSON || a.Type == span.Null }

// isTold is true for the keys of tags that readTags takes for more than tags.
func isTold(key string) bool {
	if len(key) < len(tagError) {
		return false
	}
	switch key[0] {
	case 's':
		return key == tagKind
	case 'w':
		return key == tagState
	case 'e':
		return key == tagError
	case 'p':
		return strings.HasPrefix(key, "peer.")
	case 'o':
		return strings.HasPrefix(key, "otel.")
	case 'b':
		return strings.HasPrefix(key, residue.Key)
	}
	return key[0] == '@'
}

// resource tells of the process.
func (f *foreignWriter) resource() bool {
	g, b, s := f.sight, f.b, f.s
	g.Resource = true
	if r := b.Resource(s.Resource); r != nil && !g.Told() {
		attrs := b.Attrs(r.Attrs)
		for i := range attrs {
			if a := &attrs[i]; !a.Mirrored && !g.OfResource(i, asText(a), false, true) {
				return false
			}
		}
		g.ResourceTold()
	}
	if ip := s.Local.IP(); ip.IsValid() {
		if !g.Made(tagIP, residue.Value{Addr: ip}, true, true) {
			return false
		}
	}
	if h := b.Segment(s.Segment); h != nil && h.Instance.Len() > 0 {
		if !g.Made(translate.TagInstance, residue.Value{Text: b.Str(h.Instance)}, false, true) {
			return false
		}
	}
	return true
}

// events tells of the logs.
func (f *foreignWriter) events() bool {
	b, g := f.b, f.sight
	events := b.Events(f.s.Events)
	for i := range events {
		ev := &events[i]
		v := span.Event{Time: ev.Time, Attrs: ev.Attrs}
		if ev.Name.Len() > 0 {
			v.Name = ev.Name
		}
		if !fits(ev.Time) || !wire.IsValid(b.Str(ev.Name)) {
			return false
		}
		attrs := b.Attrs(ev.Attrs)
		for n := range attrs {
			a := &attrs[n]
			if a.Mirrored || asText(a) || !isWhole(b, a) || !v.Name.Present() && b.Str(a.Key) == tagEvent {
				return false
			}
		}
		g.Events = append(g.Events, v)
	}
	return true
}

// made appends the tags that say what Jaeger has no field for, as tags.span
// has them.
func (f *foreignWriter) made(d []byte) ([]byte, bool) {
	b, s, g := f.b, f.s, f.sight
	v := &g.Span
	ok := true
	text := func(key, text string, mirrored bool) {
		ok = ok && wire.IsValid(text) && g.Made(key, residue.Value{Text: text}, mirrored, false)
		d = appendStringTag(d, 8, key, text)
	}
	var room [64]byte
	addr := func(key string, ip netip.Addr) {
		ok = ok && g.Made(key, residue.Value{Addr: ip}, true, false)
		d = appendStringTag(d, 8, key, wire.AppendIP(room[:0], ip))
	}
	number := func(key string, n int64, mirrored bool) {
		ok = ok && g.Made(key, residue.Value{Type: span.Int, Int: n}, mirrored, false)
		d = appendTag(d, 8, &tag{key: key, typ: span.Int, bits: uint64(n)})
	}
	if s.Kind != span.KindUnset {
		text(tagKind, s.Kind.String(), true)
		v.Kind = s.Kind
	}
	if s.Status != span.StatusUnset {
		coded := s.Has&span.HasStatus != 0
		message := b.Str(s.StatusMessage)
		v.Status = s.Status
		switch {
		case s.Status > span.StatusError || s.Status == span.StatusError && !coded && message == "false":
			return d, false
		case s.Status == span.StatusOK:
			text(tagStatusCode, "OK", true)
			v.Has |= span.HasStatus
		default:
			ok = ok && g.Made(tagError, residue.Value{Type: span.Bool, Int: 1}, true, false)
			d = appendTag(d, 8, &tag{key: tagError, typ: span.Bool, bits: 1})
			if coded {
				text(tagStatusCode, "ERROR", true)
				v.Has |= span.HasStatus
			}
		}
		if s.StatusMessage.Present() && (coded || message != "true") {
			text(tagDescription, message, true)
			v.StatusMessage = orEmpty(s.StatusMessage)
		}
	}
	if p := &s.Remote; p.Service.Len() > 0 {
		text(tagPeerService, b.Str(p.Service), true)
		v.Remote.Service = p.Service
	}
	if ip := s.Remote.IP4(); ip.IsValid() {
		addr(tagPeerIP4, ip)
		v.Remote.SetIP(ip)
	}
	if ip := s.Remote.IP6(); ip.IsValid() {
		addr(tagPeerIP6, ip)
		v.Remote.SetIP6(ip.As16())
		ok = ok && !ip.Is4In6()
	}
	if p := s.Remote.Port; p != 0 {
		number(tagPeerPort, int64(p), true)
		v.Remote.Port = p
	}
	if c := b.Scope(s.Scope); c != nil {
		f.scope = span.Scope{}
		if c.Name.Len() > 0 {
			text(tagScopeName, b.Str(c.Name), true)
			f.scope.Name, g.Scope = c.Name, &f.scope
		}
		if c.Version.Len() > 0 {
			text(tagScopeVersion, b.Str(c.Version), true)
			f.scope.Version, g.Scope = c.Version, &f.scope
		}
	}
	if s.State.Len() > 0 {
		text(tagState, b.Str(s.State), true)
		v.State = s.State
	}
	v.Dropped = s.Dropped
	for _, n := range [...]struct {
		key   string
		count uint32
	}{{tagDroppedAttrs, s.Dropped.Attrs}, {tagDroppedEvents, s.Dropped.Events}, {tagDroppedLinks, s.Dropped.Refs}} {
		if n.count > 0 {
			number(n.key, int64(n.count), true)
		}
	}
	if s.Agent != 0 {
		f.tags = f.tags[:0]
		f.tags.agent(b, s)
		parents := 0
		for i := range f.tags {
			t := &f.tags[i]
			if t.key == translate.TagParentNumber {
				parents++
			}
			if ok = ok && parents < 2; t.typ == span.Int {
				number(t.key, int64(t.bits), false)
			} else {
				text(t.key, t.text, false)
			}
		}
	}
	return d, ok
}

// keyForm is the key of a tag as it is written.
func keyForm(key string) []byte { return wire.AppendString(nil, 1, key) }

// appendAttr appends an attribute of the span as a tag, whose key is given as it
// is written; false for a text that is not UTF-8.
func appendAttr(d []byte, b *span.Batch, key []byte, a *span.Attr) (out []byte, ok bool) {
	var text string
	switch a.Type {
	case span.String, span.JSON:
		text = b.Str(a.Text())
	case span.Null:
	default:
		mark := 0
		d, mark = wire.Open(d, 8)
		d = append(d, key...)
		d = wire.AppendVarint(d, 2, protoNumbers[a.Type])
		switch a.Type {
		case span.Int:
			d = wire.AppendVarint(d, 5, uint64(a.Int()))
		case span.Float:
			d = wire.AppendFixed64(d, 6, math.Float64bits(a.Float()))
		case span.Bool:
			d = wire.AppendBool(d, 4, a.Bool())
		default:
			d = wire.AppendString(d, 7, b.Str(a.Text()))
		}
		return wire.Close(d, mark), true
	}
	size := len(key)
	if text != "" {
		size += 1 + wire.SizeVarint(len(text)) + len(text)
	}
	d = append(appendSize(append(d, 8<<3|wire.TypeBytes), size), key...)
	if text == "" {
		return d, true
	}
	d = appendSize(append(d, 3<<3|wire.TypeBytes), len(text))
	return wire.AppendValid(d, text)
}

// appendStringTag is appendTag for a string: the sizes are known beforehand.
func appendStringTag[T string | []byte](d []byte, field int, key string, text T) []byte {
	size := 0
	if key != "" {
		size = 1 + wire.SizeVarint(len(key)) + len(key)
	}
	if len(text) > 0 {
		size += 1 + wire.SizeVarint(len(text)) + len(text)
	}
	d = append(d, byte(field)<<3|wire.TypeBytes)
	d = appendSize(d, size)
	if key != "" {
		d = appendSize(append(d, 1<<3|wire.TypeBytes), len(key))
		d = append(d, key...)
	}
	if len(text) > 0 {
		d = appendSize(append(d, 3<<3|wire.TypeBytes), len(text))
		d = append(d, text...)
	}
	return d
}

func appendSize(d []byte, n int) []byte {
	if n < 0x80 {
		return append(d, byte(n))
	}
	return binary.AppendUvarint(d, uint64(n))
}
