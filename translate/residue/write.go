// SPDX-License-Identifier: Apache-2.0

package residue

import (
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

	// within: the text is written as a part of a JSON string. What needs more
	// than its quotes escaped is odd then and has to be written otherwise.
	within bool
	odd    bool

	// sighted: it is a Sight's, which says when batches end, so that what a segment
	// has in common can be kept.
	sighted bool
	segment segmentText

	flags   memo[flagsOf]
	outcome memo[statusOf]
	sides   [sidesKept]side

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

// segmentText is what was written of a segment for the span before.
type segmentText struct {
	b      *span.Batch
	number uint32
	text   []byte
}

// memo is an entry as it was written for a span before, and what it depends on:
// some are the same for most spans of a client.
type memo[T comparable] struct {
	of     T
	text   []byte
	within bool
}

// again writes the entry once more if it is of the same.
func (m *memo[T]) again(w *Writer, e entry, of T) bool {
	if len(m.text) == 0 || m.of != of || m.within != w.within {
		return false
	}
	from := len(w.buf)
	w.buf = append(w.buf, m.text...)
	w.parts = append(w.parts, part{e, from, len(w.buf)})
	return true
}

// keep takes what was written from a place on.
func (m *memo[T]) keep(w *Writer, from int, of T) {
	m.of, m.text, m.within = of, append(m.text[:0], w.buf[from:]...), w.within
}

// flagsOf is what entryFlags depends on, of the original and the visible span,
// and statusOf what entryStatus does where there is no message.
type (
	flagsOf struct {
		sampling, visible span.Sampling
		flags, shown      uint32
	}
	statusOf struct {
		status, visible span.Status
		has, shown      span.Has
	}
)

func (f flagsOf) differ() bool { return f.sampling != f.visible || f.flags != f.shown }

// open starts an entry with its key and a bracket (0: none), close ends it.
func (w *Writer) open(e entry, bracket byte) {
	w.parts = append(w.parts, part{entry: e, from: len(w.buf)})
	if w.within {
		w.buf = append(w.buf, opened[1][e]...)
	} else {
		w.buf = append(w.buf, opened[0][e]...)
	}
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
	w.buf = wire.AppendDecimal(w.buf, p.sum())
}

func (w *Writer) number(v int64) {
	w.buf = append(w.buf, ',')
	w.buf = wire.AppendDecimal(w.buf, v)
}

func (w *Writer) string(s string) {
	w.buf = append(w.buf, ',')
	w.json(s)
}

// quote begins or ends a string.
func (w *Writer) quote() {
	if w.within {
		w.buf = append(w.buf, '\\', '"')
		return
	}
	w.buf = append(w.buf, '"')
}

// json writes a string.
func (w *Writer) json(s string) {
	if !w.within {
		w.buf = wire.AppendJSON(w.buf, s)
		return
	}
	var ok bool
	if w.buf, ok = wire.AppendPlain(append(w.buf, '\\'), s); !ok {
		w.odd = true
		return
	}
	w.buf[len(w.buf)-1] = '\\'
	w.buf = append(w.buf, '"')
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

// form is the visible form of a span, with its parts at hand. Its texts are
// those of the batch.
type form struct {
	b      *span.Batch
	s      *span.Span
	scope  *span.Scope
	events []span.Event
	refs   []span.Ref
}

func formOf(b *span.Batch, s *span.Span) form {
	return form{b, s, b.Scope(s.Scope), b.Events(s.Events), b.Refs(s.Refs)}
}

// Append appends the residue of an item of which the target makes the visible
// span v of batch vb. Even of a span that is the same there it says whose
// conventions it follows: without that word the next protocol takes it for the
// target's own, and remembers forms that it never had. What does not fit is
// added to losses; in a mode other than Exact all of it is, and nothing is
// appended.
func (w *Writer) Append(dst []byte, it *span.Item, vb *span.Batch, v *span.Span, mode translate.Residue, losses *translate.Losses) []byte {
	f := formOf(vb, v)
	w.begin(false)
	w.compareFields(it, &f)
	w.attrs(it.Batch, it.Span(), vb, v)
	w.details(it, &f)
	return w.end(dst, it, &f, mode, losses)
}

// begin starts a residue.
func (w *Writer) begin(within bool) {
	w.buf, w.parts, w.lost = w.buf[:0], w.parts[:0], 0
	w.within, w.odd = within, false
}

// end appends the residue that was written.
func (w *Writer) end(dst []byte, it *span.Item, f *form, mode translate.Residue, losses *translate.Losses) []byte {
	home := it.Batch.Home(it.Span())
	w.ends(home, f)
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

// ends writes the entries that come last.
func (w *Writer) ends(home span.Protocol, f *form) {
	w.open(entryHome, 0)
	w.quote()
	w.buf = append(w.buf, home.String()[0])
	w.quote()
	w.close(0)
	w.open(entryFields, 0)
	w.buf = wire.AppendDecimal(w.buf, printStart.fields(f).sum())
	w.close(0)
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

// compareFields writes an entry for each field that differs. That one does not is told
// here as a rule, without a call.
func (w *Writer) compareFields(it *span.Item, f *form) {
	b, s := it.Batch, it.Span()
	vb, v := f.b, f.s
	w.identity(it, v)
	if (b != vb || s.Name != v.Name) && !same(b, s.Name, vb, v.Name) {
		w.group(entryName, printStart.name(vb.Str(v.Name)))
		w.string(b.Str(s.Name))
		w.close(']')
	}
	if s.Kind != v.Kind {
		w.group(entryKind, printStart.word(uint64(v.Kind)))
		w.number(int64(s.Kind))
		w.close(']')
	}
	if s.Start != v.Start || s.Duration != v.Duration || (s.Has^v.Has)&(span.HasStart|span.HasDuration) != 0 {
		w.time(entryStart, s.Start, v.Start, s.Has&span.HasStart != 0, v.Has&span.HasStart != 0)
		w.time(entryDuration, s.Duration, v.Duration, s.Has&span.HasDuration != 0, v.Has&span.HasDuration != 0)
	}
	if b != vb || s.Status != v.Status || (s.Has^v.Has)&span.HasStatus != 0 || s.StatusMessage != v.StatusMessage {
		w.status(b, s, vb, v)
	}
	if now := (flagsOf{s.Sampling, v.Sampling, s.TraceFlags, v.TraceFlags}); now.differ() && !w.flags.again(w, entryFlags, now) {
		from := len(w.buf)
		w.group(entryFlags, printStart.word(uint64(v.Sampling)).word(uint64(v.TraceFlags)))
		w.number(int64(s.Sampling))
		w.number(int64(s.TraceFlags))
		w.close(']')
		w.flags.keep(w, from, now)
	}
	if (b != vb || s.State != v.State) && !same(b, s.State, vb, v.State) {
		w.group(entryState, printStart.text(vb.Str(v.State)))
		if s.State.Present() {
			w.string(b.Str(s.State))
		}
		w.close(']')
	}
	if b != vb || s.Local != v.Local || s.Remote != v.Remote {
		w.endpoint(entryLocal, b, &s.Local, vb, &v.Local)
		w.endpoint(entryRemote, b, &s.Remote, vb, &v.Remote)
	}
	if s.Dropped != v.Dropped {
		w.group(entryDropped, printStart.dropped(v.Dropped))
		w.number(int64(s.Dropped.Attrs))
		w.number(int64(s.Dropped.Events))
		w.number(int64(s.Dropped.Refs))
		w.close(']')
	}
	if s.Scope != 0 || f.scope != nil {
		w.scope(b, b.Scope(s.Scope), f)
	}
}

// same is true for two texts of the same content.
func same(b *span.Batch, t span.Text, c *span.Batch, u span.Text) bool {
	return t.Len() == u.Len() && (b == c && t == u || b.Str(t) == c.Str(u))
}

// details writes entries for the references, the events and what a SkyWalking
// agent said.
func (w *Writer) details(it *span.Item, f *form) {
	s := it.Span()
	if s.Refs.N > 0 || len(f.refs) > 0 {
		w.refs(it, f)
	}
	if s.Events.N > 0 || len(f.events) > 0 {
		w.events(it.Batch, s, f)
	}
	if s.Agent != 0 || s.Segment != 0 {
		w.agent(it.Batch, s, f.b, f.s)
	}
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
	w.buf = append(w.buf, ',')
	w.quote()
	if id != 0 {
		w.buf = id.AppendHex(w.buf)
	}
	w.quote()
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
		s.StatusMessage.Present() == v.StatusMessage.Present() && same(b, s.StatusMessage, vb, v.StatusMessage) {
		return
	}
	now := statusOf{s.Status, v.Status, s.Has & span.HasStatus, v.Has & span.HasStatus}
	plain := !s.StatusMessage.Present() && !v.StatusMessage.Present()
	if plain && w.outcome.again(w, entryStatus, now) {
		return
	}
	from := len(w.buf)
	w.group(entryStatus, printStart.status(vb, v))
	w.number(int64(s.Status))
	w.number(int64(flag(s.Has&span.HasStatus != 0)))
	switch {
	case !s.StatusMessage.Present():
	case v.StatusMessage.Present() && same(b, s.StatusMessage, vb, v.StatusMessage):
		w.buf = append(w.buf, ",null"...)
	default:
		w.string(b.Str(s.StatusMessage))
	}
	w.close(']')
	if plain {
		w.outcome.keep(w, from, now)
	}
}
