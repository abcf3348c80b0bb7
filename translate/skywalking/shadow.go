// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// shadow is what our own decoder makes of the span that is being written, as far as
// a residue.Writer looks at it: noted on the way, since to read it again takes longer
// than to write it. Texts lie where they are written. draft says the same of any
// segment; a segment that is not usual is left to it. TestShadow compares them.
type shadow struct {
	on     bool // the span that is written is noted
	w      *span.Builder
	writer residue.Writer
	text   []byte

	sight     *residue.Sight // nil: attributes are noted and compared
	sighted   bool           // it is told of the attributes of the span instead
	unsighted int            // spans of which it was not sure
	others    []other

	// Of the segment that is written.
	number uint32
	local  span.Endpoint
	marked span.Mark // where the details of a span begin
	side   int

	// Of the span.
	s       span.Span
	caller  string // the service of the process that called it, if it was another one
	failure failure
}

// usual is true for a segment whose spans the decoder gives their own ids and
// parents, because the marks in it agree (see mark.go).
func (e *Encoder) usual(items []span.Item, members []int32) bool {
	root := &e.pending[members[0]]
	trace := items[root.item].Span().Trace
	var hex [32]byte
	if trace.IsZero() || string(trace.AppendHex32(hex[:0])) != root.trace && span.TraceOf(root.trace) != trace {
		return false
	}
	for i, n := range members {
		v := &e.pending[n]
		it := &items[v.item]
		if it.ID == 0 || it.ID == it.Parent || v.number != root.number+int32(i) {
			return false
		}
	}
	return !root.child || !root.ref.isTo(&items[root.item])
}

// isTo is true for a reference to the very span that has it. One that names the
// parent by another span's name may be.
func (r *reference) isTo(it *span.Item) bool {
	switch {
	case r.agents:
		return span.SpanOf(it.Span().Trace, r.segment, r.number) == it.ID
	case r.number == 0:
		return r.owner == it.ID
	default:
		return false // the id is a hash then
	}
}

// begin starts to note a segment.
func (n *shadow) begin(root *conversion) {
	if n.w == nil {
		n.w = span.NewBuilder(nil, span.Origin{Format: formatSegments})
	}
	w := n.w
	w.Undo(span.Mark{})
	w.SetSide(w.Side()[:0])
	n.local = span.Endpoint{Service: n.copy(root.role.service)}
	setInstanceIP(&n.local, sound(root.role.instance))
	// Names of a segment count only for a span that an agent's details are visible of.
	n.number = w.Segment(span.Segment{Service: n.local.Service})
	n.marked, n.side = w.Mark(), len(w.Side())
}

// copy is a text of the message as the decoder sees it.
func (n *shadow) copy(s string) span.Text {
	if s == "" {
		return span.Text{}
	}
	return n.w.Copy(sound(s))
}

// span starts to note a span.
func (n *shadow) span(it *span.Item, r *role, start, end int64, failed bool) {
	n.w.Undo(n.marked)
	n.w.SetSide(n.w.Side()[:n.side])
	n.caller, n.failure = "", failure{}
	n.s = span.Span{
		Trace: it.Span().Trace, ID: it.ID, Parent: it.Parent, Segment: n.number, Local: n.local, Kind: kindOf(r.typ, r.layer),
	}
	setTimes(&n.s, start, end)
	if failed {
		n.s.Status = span.StatusError
	}
}

// reference notes the reference of a root.
func (n *shadow) reference(it *span.Item, root *conversion) {
	ref := &root.ref
	if !n.on || ref.segment == "" {
		return // one that names no segment is left out
	}
	kind := span.CrossProcess
	if ref.crossThread {
		kind = span.CrossThread
	}
	n.w.Ref(span.Ref{Trace: n.s.Trace, Span: it.Parent, Kind: kind, Parent: true, Agent: n.w.AgentRef(span.AgentRef{Number: ref.number})})
	self := ref.crossThread || ref.address == "" && sound(ref.service) == sound(root.role.service) && sound(ref.instance) == sound(root.role.instance)
	if !self {
		n.caller = sound(ref.service)
	}
}

// pairAt gives the texts of a pair that was just written.
func pairAt(d []byte, key, value string) (k, v span.Text) {
	at := len(d) - len(value)
	v = span.At(at, len(value))
	if len(value) > 0 {
		at -= 1 + wire.SizeVarint(len(value))
	}
	return span.At(at-len(key), len(key)), v
}

// tag notes the tag that was just written.
func (n *shadow) tag(d []byte, key, value string) {
	if key == "" && value == "" {
		return // the decoder leaves it out
	}
	a := span.StringAttr(pairAt(d, key, value))
	if strings.HasPrefix(key, residue.Key) {
		n.w.SetBody(d)
		residue.Inside(n.w, &a)
	}
	n.w.Attr(a)
}

// noted is a log that is being written.
type noted struct {
	span.Event
	name          string
	attrs         int // where its attributes begin
	message, kind span.Text
}

// pair notes a pair of a log, as reader.log does.
func (n *shadow) pair(e *noted, d []byte, key, value string) {
	if key == "" && value == "" {
		return
	}
	k, v := pairAt(d, key, value)
	switch key {
	case "event":
		if !e.Name.Present() {
			e.Name, e.name = v, value
			return
		}
	case "message":
		e.message = v
	case "error.kind":
		e.kind = v
	}
	n.w.Attr(span.StringAttr(k, v))
}

// event ends a log whose content was moved to make room for its length.
func (n *shadow) event(e *noted, moved int) {
	if moved > 0 {
		e.Name, e.message, e.kind = e.Name.Moved(moved), e.message.Moved(moved), e.kind.Moved(moved)
		attrs := n.w.AttrsSince(e.attrs)
		for i := range attrs {
			attrs[i] = span.StringAttr(attrs[i].Key.Moved(moved), attrs[i].Text().Moved(moved))
		}
	}
	e.Attrs = n.w.AttrsFrom(e.attrs)
	n.w.Event(e.Event)
	rank := rankMessage
	if e.kind.Present() || e.name == "error" {
		rank = rankError
	}
	message := e.message
	if message.Len() == 0 {
		message = e.kind
	}
	if message.Len() > 0 && rank > n.failure.rank {
		n.failure = failure{message, rank}
	}
}

// end is the residue of the span, of which all that a decoder looks at is written
// into d but for the residue itself. It is false if the sight is not sure of it.
func (n *shadow) end(d []byte, it *span.Item, r *role, peer string, mode translate.Residue, losses *translate.Losses) (text []byte, ok bool) {
	w := n.w
	w.SetBody(d)
	s := &n.s
	s.Refs = w.RefsFrom(0)
	s.Events = w.EventsFrom(0)
	if s.Status == span.StatusError {
		s.StatusMessage = n.failure.message
	}
	switch {
	case peer == "":
	case r.typ == typeEntry && r.layer != layerMQ: // the caller's address; see remoteAddress
		s.Remote.SetIP(it.Span().Remote.IP())
		s.Remote.Port = it.Span().Remote.Port
	case r.typ == typeEntry || r.typ == typeExit:
		n.setPeer(peer)
	}
	if n.caller != "" && s.Kind == span.KindServer {
		s.Remote.Service = w.Copy(n.caller)
	}
	if n.sighted {
		n.sight.Span, n.sight.Shown = *s, w.Batch()
		n.text, ok = n.sight.Append(n.text[:0], mode, losses)
		return n.text, ok
	}
	n.text = n.writer.Append(n.text[:0], it, w.Batch(), s, mode, losses)
	return n.text, true
}

// setPeer is reader.setPeer for the peer that was written.
func (n *shadow) setPeer(peer string) {
	e := &n.s.Remote
	host, port := splitPeer(peer)
	e.Port = port
	if host.end == host.start {
		return
	}
	name := peer[host.start:host.end]
	if ip, ok := parseIP(name); ok {
		e.SetIP(ip)
		return
	}
	e.Service = n.w.Copy(name)
}

// insertResidue puts a tag with a residue into d.
func insertResidue(d []byte, at int, text []byte) []byte {
	size := 2 + len(residue.Key) + 1 + wire.SizeVarint(len(text)) + len(text)
	whole := 1 + wire.SizeVarint(size) + size
	d = slices.Grow(d, whole)
	behind := len(d) - at
	d = d[:len(d)+whole]
	copy(d[at+whole:], d[at:at+behind])
	tag := append(d[:at], 12<<3|wire.TypeBytes)
	tag = binary.AppendUvarint(tag, uint64(size))
	tag = wire.AppendString(tag, 1, residue.Key)
	tag = binary.AppendUvarint(append(tag, 2<<3|wire.TypeBytes), uint64(len(text)))
	_ = append(tag, text...)
	return d
}
