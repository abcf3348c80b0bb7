// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Writer writes residues. The zero value is ready; it is used again for the
// next span.
type Writer struct {
	buf   []byte
	parts []part
	lost  uint32 // entries whose fields count as lost besides the parts
	text  []byte

	spans, resources matcher
	own, res         listed
	inner            matcher
	fields           listed
}

// part is an entry in the buffer, from its key on.
type part struct {
	entry    entry
	from, to int
}

// open starts an entry with its key and a bracket (0: none), close ends it.
func (w *Writer) open(e entry, bracket byte) {
	w.parts = append(w.parts, part{entry: e, from: len(w.buf)})
	w.buf = append(w.buf, `,"`...)
	w.buf = append(w.buf, entries[e].key...)
	w.buf = append(w.buf, `":`...)
	if bracket != 0 {
		w.buf = append(w.buf, bracket)
	}
}

func (w *Writer) close(bracket byte) {
	if bracket != 0 {
		w.buf = append(w.buf, bracket)
	}
	w.parts[len(w.parts)-1].to = len(w.buf)
}

// group starts an entry that is a list with a fingerprint.
func (w *Writer) group(e entry, p print) {
	w.open(e, '[')
	w.buf = strconv.AppendInt(w.buf, p.sum(), 10)
}

func (w *Writer) number(v int64) {
	w.buf = append(w.buf, ',')
	w.buf = strconv.AppendInt(w.buf, v, 10)
}

func (w *Writer) string(s string) {
	w.buf = append(w.buf, ',')
	w.buf = wire.AppendJSON(w.buf, s)
}

// optional writes a text, 0 for an absent one.
func (w *Writer) optional(b *span.Batch, t span.Text) {
	if !t.Present() {
		w.number(0)
		return
	}
	w.string(b.Str(t))
}

// trim takes zeros at the end of a list away, which is what is not there.
func (w *Writer) trim() {
	for n := len(w.buf); n > 2 && w.buf[n-2] == ',' && w.buf[n-1] == '0'; n -= 2 {
		w.buf = w.buf[:n-2]
	}
}

// Append appends the residue of an item of which the target makes the visible
// span v of batch vb. Even of a span that is the same there it says whose
// conventions it follows: without that word the next protocol takes it for the
// target's own, and remembers forms that it never had. What does not fit is
// added to losses; in a mode other than Exact all of it is, and nothing is
// appended.
func (w *Writer) Append(dst []byte, it *span.Item, vb *span.Batch, v *span.Span, mode translate.Residue, losses *translate.Losses) []byte {
	w.compareAll(it, vb, v)
	b, s := it.Batch, it.Span()
	home := b.Home(s)
	w.open(entryHome, 0)
	w.buf = append(w.buf, '"', home.String()[0], '"')
	w.close(0)
	w.open(entryFields, 0)
	w.buf = strconv.AppendInt(w.buf, printStart.fields(vb, v).sum(), 10)
	w.close(0)

	var out uint32 // entries that are left out
	if mode == translate.Exact {
		out = w.bound()
	} else {
		out = 1<<numEntries - 1
	}
	w.count(home, out, losses)
	if mode != translate.Exact {
		return dst
	}
	dst = append(dst, head...)
	for _, p := range w.parts {
		if out&(1<<p.entry) == 0 {
			dst = append(dst, w.buf[p.from:p.to]...)
		}
	}
	return append(dst, '}')
}

// bound says which entries have to go so that the others fit.
func (w *Writer) bound() (out uint32) {
	size := len(head) + 1 + len(w.buf)
	for _, group := range order {
		if size <= Max {
			return out
		}
		for _, e := range group {
			for _, p := range w.parts {
				if p.entry == e && out&(1<<e) == 0 {
					size -= p.to - p.from
					out |= 1 << e
				}
			}
		}
	}
	return out
}

// count adds the fields of entries that are left out to the losses.
func (w *Writer) count(home span.Protocol, out uint32, losses *translate.Losses) {
	if out == 0 {
		return
	}
	var seen [translate.NumFields + 1]bool
	add := func(e entry) {
		if f := entries[e].field; !seen[f] {
			seen[f] = true
			if f != noField {
				losses.Add(home, f)
			}
		}
	}
	for _, p := range w.parts {
		if out&(1<<p.entry) != 0 {
			add(p.entry)
		}
	}
	if out&(1<<entryAttrs) != 0 && w.lost&(1<<entryTypes) != 0 {
		add(entryTypes)
	}
}

// compareAll writes an entry for all that differs.
func (w *Writer) compareAll(it *span.Item, vb *span.Batch, v *span.Span) {
	w.buf, w.parts, w.lost = w.buf[:0], w.parts[:0], 0
	b, s := it.Batch, it.Span()
	w.identity(it, v)
	if b.Str(s.Name) != vb.Str(v.Name) {
		w.group(entryName, printStart.name(vb.Str(v.Name)))
		w.string(b.Str(s.Name))
		w.close(']')
	}
	if s.Kind != v.Kind {
		w.group(entryKind, printStart.word(uint64(v.Kind)))
		w.number(int64(s.Kind))
		w.close(']')
	}
	w.time(entryStart, s.Start, v.Start, s.Has&span.HasStart != 0, v.Has&span.HasStart != 0)
	w.time(entryDuration, s.Duration, v.Duration, s.Has&span.HasDuration != 0, v.Has&span.HasDuration != 0)
	w.status(b, s, vb, v)
	if s.Sampling != v.Sampling || s.TraceFlags != v.TraceFlags {
		w.group(entryFlags, printStart.word(uint64(v.Sampling)).word(uint64(v.TraceFlags)))
		w.number(int64(s.Sampling))
		w.number(int64(s.TraceFlags))
		w.close(']')
	}
	if b.Str(s.State) != vb.Str(v.State) {
		w.group(entryState, printStart.text(vb.Str(v.State)))
		if s.State.Present() {
			w.string(b.Str(s.State))
		}
		w.close(']')
	}
	w.endpoint(entryLocal, b, &s.Local, vb, &v.Local)
	w.endpoint(entryRemote, b, &s.Remote, vb, &v.Remote)
	if s.Dropped != v.Dropped {
		w.group(entryDropped, printStart.dropped(v.Dropped))
		w.number(int64(s.Dropped.Attrs))
		w.number(int64(s.Dropped.Events))
		w.number(int64(s.Dropped.Refs))
		w.close(']')
	}
	w.scope(b, s, vb, v)
	w.attrs(b, s, vb, v)
	w.refs(it, vb, v)
	w.events(b, s, vb, v)
	w.agent(b, s, vb, v)
}

// identity writes under which identity a Zipkin backend knows the span. A
// visible span that has the same needs no word.
func (w *Writer) identity(it *span.Item, v *span.Span) {
	s := it.Span()
	wired, shared := s.Has&span.HasWire != 0, s.Has&span.Shared != 0
	if wired && v.Has&span.HasWire != 0 && s.Wire == v.Wire && shared == (v.Has&span.Shared != 0) {
		return
	}
	if !wired && v.Has&span.Shared != 0 {
		w.open(entryNoWire, 0)
		w.buf = append(w.buf, '0')
		w.close(0)
	}
	if v.Parent != it.Parent {
		w.id(entryParent, v.Parent, it.Parent)
	}
	if !wired {
		return
	}
	if s.Wire.ID != v.ID {
		w.id(entryWireID, v.ID, s.Wire.ID)
	}
	if s.Wire.Parent != it.Parent {
		w.id(entryWireParent, v.Parent, s.Wire.Parent)
	}
	if shared {
		w.open(entryShared, 0)
		w.buf = append(w.buf, '1')
		w.close(0)
	}
}

func (w *Writer) id(e entry, visible, id span.ID) {
	w.group(e, printStart.word(uint64(visible)))
	w.buf = append(w.buf, `,"`...)
	if id != 0 {
		w.buf = id.AppendHex(w.buf)
	}
	w.buf = append(w.buf, '"')
	w.close(']')
}

// time writes a start or a duration. An absent one counts as 0.
func (w *Writer) time(e entry, original, visible int64, has, shown bool) {
	if !has {
		original = 0
	}
	if !shown {
		visible = 0
	}
	if has == shown && original == visible {
		return
	}
	w.group(e, printStart.time(visible, shown))
	if has {
		w.number(original - visible)
	}
	w.close(']')
}

func (w *Writer) status(b *span.Batch, s *span.Span, vb *span.Batch, v *span.Span) {
	if s.Status == v.Status && s.Has&span.HasStatus == v.Has&span.HasStatus &&
		s.StatusMessage.Present() == v.StatusMessage.Present() && b.Str(s.StatusMessage) == vb.Str(v.StatusMessage) {
		return
	}
	w.group(entryStatus, printStart.status(vb, v))
	w.number(int64(s.Status))
	w.number(int64(flag(s.Has&span.HasStatus != 0)))
	switch {
	case !s.StatusMessage.Present():
	case v.StatusMessage.Present() && b.Str(s.StatusMessage) == vb.Str(v.StatusMessage):
		w.buf = append(w.buf, ",null"...)
	default:
		w.string(b.Str(s.StatusMessage))
	}
	w.close(']')
}

func (w *Writer) endpoint(e entry, b *span.Batch, s *span.Endpoint, vb *span.Batch, v *span.Endpoint) {
	service, ip4, ip6 := b.Str(s.Service) == vb.Str(v.Service), s.IP4() == v.IP4(), s.IP6() == v.IP6()
	if service && ip4 && ip6 && s.Port == v.Port {
		return
	}
	w.group(e, printStart.endpoint(vb, v))
	w.side(service, s.Service.Len() > 0, func() { w.buf = wire.AppendJSON(w.buf, b.Str(s.Service)) })
	w.side(ip4, s.IP4().IsValid(), func() { w.buf = append(s.IP4().AppendTo(append(w.buf, '"')), '"') })
	w.side(ip6, s.IP6().IsValid(), func() { w.buf = append(s.IP6().AppendTo(append(w.buf, '"')), '"') })
	w.side(s.Port == v.Port, s.Port != 0, func() { w.buf = strconv.AppendUint(w.buf, uint64(s.Port), 10) })
	w.close(']')
}

// side writes a part of an endpoint: null as visible, 0 absent.
func (w *Writer) side(same, there bool, write func()) {
	w.buf = append(w.buf, ',')
	switch {
	case same:
		w.buf = append(w.buf, "null"...)
	case !there:
		w.buf = append(w.buf, '0')
	default:
		write()
	}
}
