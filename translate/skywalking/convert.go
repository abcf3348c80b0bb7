// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"math"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// reference is a SegmentReference to be written. Its trace is the segment's.
type reference struct {
	crossThread       bool
	agents            bool    // the segment is an agent's
	owner             span.ID // the root of a segment that we named, else 0
	segment           string
	number            int32
	service, instance string
	endpoint, address string
}

// rootParent is the parent's number of the root of a segment.
const rootParent = -1

// appendSpan writes a pending span as field spans of a SegmentObject, with its
// parent's number there. ref is nil but for a root with a parent.
func (e *Encoder) appendSpan(items []span.Item, v *conversion, parent int32, ref *reference) {
	n, mark := &e.shadow, len(e.buf)
	n.on = e.noting && v.more < 0
	n.sighted = n.on && n.sight != nil && n.sight.Begin(&items[v.item])
	if !e.tryAppendSpan(items, v, parent, ref) {
		e.buf = e.buf[:mark]
		n.sighted = false
		n.unsighted++
		e.tryAppendSpan(items, v, parent, ref)
	}
	n.on = false
}

// tryAppendSpan is false for a span whose tags are not what the sight is sure of.
func (e *Encoder) tryAppendSpan(items []span.Item, v *conversion, parent int32, ref *reference) bool {
	it, r, n := &items[v.item], &v.role, &e.shadow
	start, end, failed := e.times(items, v)
	if n.on {
		n.span(it, r, start, end, failed)
		if v == &e.pending[v.owner] && v.child {
			n.reference(it, v)
		}
	}
	d, mark := openSpan(e.buf)
	d = wire.AppendVarint(d, 1, uint64(int64(v.number)))
	d = wire.AppendVarint(d, 2, uint64(int64(parent)))
	d = wire.AppendVarint(d, 3, uint64(start))
	d = wire.AppendVarint(d, 4, uint64(end))
	if ref != nil {
		d = appendReference(d, v.trace, ref)
	}
	operation, peer := sound(r.operation), sound(r.spanPeer(ref))
	d = wire.AppendString(d, 6, operation)
	if n.on && operation != "" {
		n.s.Name = span.At(len(d)-len(operation), len(operation))
	}
	d = wire.AppendString(d, 7, peer)
	d = wire.AppendVarint(d, 8, uint64(r.typ))
	d = wire.AppendVarint(d, 9, uint64(r.layer))
	d = wire.AppendVarint(d, 10, uint64(r.component))
	d = wire.AppendBool(d, 11, failed)
	if n.sighted {
		var ok bool
		if d, ok = e.appendSighted(d, it, r); !ok {
			return false
		}
	} else {
		d = e.appendTags(d, items, v)
	}
	if x := e.draft.text(v); len(x) > 0 {
		d = insertResidue(d, len(d), x)
	}
	tags := len(d)
	if n.on {
		n.s.Attrs = n.w.AttrsFrom(0)
	}
	d = e.appendLogs(d, it, start, end, failed)
	for k := v.more; k >= 0; k = e.partials[k].next {
		d = e.appendLogs(d, &items[e.partials[k].item], start, end, false)
	}
	if n.on {
		x, ok := n.end(d, it, r, peer, e.opts.Residue, &e.losses)
		if !ok {
			return false
		}
		if len(x) > 0 {
			d = insertResidue(d, tags, x)
		}
	}
	// A local span with a reference would be an endpoint of its own.
	d = wire.AppendBool(d, 14, r.typ == typeLocal && parent == rootParent)
	e.buf = closeSpan(d, mark)
	return true
}

// openSpan is wire.Open for a span, which takes two bytes to say how long it is.
func openSpan(d []byte) (out []byte, mark int) {
	d = append(d, 3<<3|wire.TypeBytes, 0, 0)
	return d, len(d)
}

func closeSpan(d []byte, mark int) []byte {
	n := len(d) - mark
	if n < 1<<7 || n >= 1<<14 {
		copy(d[mark-1:], d[mark:])
		return wire.Close(d[:len(d)-1], mark-1)
	}
	d[mark-2], d[mark-1] = byte(n)|0x80, byte(n>>7)
	return d
}

// appendWrapper writes the local span that stands around an exit, so that the
// exit has no reference of its own: with one its name would be an endpoint.
func (e *Encoder) appendWrapper(items []span.Item, v *conversion) {
	start, end, _ := e.times(items, v)
	d, mark := wire.Open(e.buf, 3)
	parent := int64(rootParent)
	d = wire.AppendVarint(d, 2, uint64(parent))
	d = wire.AppendVarint(d, 3, uint64(start))
	d = wire.AppendVarint(d, 4, uint64(end))
	if ref := v.rootRef(); ref != nil {
		d = appendReference(d, v.trace, ref)
	}
	d = appendText(d, 6, v.role.operation)
	d = wire.AppendVarint(d, 8, typeLocal)
	d = wire.AppendBool(d, 14, true)
	e.buf = wire.Close(d, mark)
}

// spanPeer is the peer that is written. The consumer of a message has the broker
// as the producer's peer names it; when the sender is not known it has none: OAP
// would take it for a second broker of that name.
func (r *role) spanPeer(ref *reference) string {
	switch {
	case r.typ != typeEntry || r.layer != layerMQ:
		return r.peer
	case ref == nil:
		return ""
	case ref.address == unknown:
		return r.peer
	default:
		return ref.address
	}
}

func appendReference(d []byte, trace string, ref *reference) []byte {
	d, mark := wire.Open(d, 5)
	d = wire.AppendBool(d, 1, ref.crossThread)
	d = appendText(d, 2, trace)
	d = appendText(d, 3, ref.segment)
	d = wire.AppendVarint(d, 4, uint64(int64(ref.number)))
	d = appendText(d, 5, ref.service)
	d = appendText(d, 6, ref.instance)
	d = appendText(d, 7, ref.endpoint)
	d = appendText(d, 8, ref.address)
	return wire.Close(d, mark)
}

// clock is the start of a report and its end, in ns since 1970. A span without
// a start gets the time of its receipt: OAP loses segments of the year 1970.
func clock(it *span.Item) (from, to int64) {
	s := it.Span()
	from = it.Batch.Origin.Received
	if s.Has&span.HasStart != 0 && s.Start > 0 {
		from = s.Start
	}
	to = from
	if s.Has&span.HasDuration != 0 && s.Duration > 0 {
		to = from + min(s.Duration, math.MaxInt64-max(from, 0))
	}
	return from, to
}

// times are start and end in milliseconds, and whether the span failed.
func (e *Encoder) times(items []span.Item, v *conversion) (start, end int64, failed bool) {
	it := &items[v.item]
	from, to := clock(it)
	failed = it.Span().Status == span.StatusError
	given := it.Span().Has&span.HasStart != 0
	for k := v.more; k >= 0; k = e.partials[k].next {
		other := &items[e.partials[k].item]
		f, t := clock(other)
		if has := other.Span().Has&span.HasStart != 0; has && !given {
			from, to, given = f, max(t, f+max(it.Span().Duration, 0)), true
		} else if has {
			to = max(to, t)
		}
		failed = failed || other.Span().Status == span.StatusError
	}
	start = max(from/1_000_000, 1)
	return start, max(to/1_000_000, start), failed
}

// appendLogs appends the events, and the message of an error in the form of the
// agents unless an event has it.
func (e *Encoder) appendLogs(d []byte, it *span.Item, start, end int64, failed bool) []byte {
	b, s := it.Batch, it.Span()
	told := !failed || s.StatusMessage.Len() == 0
	if !told {
		for _, e := range b.Events(s.Events) {
			told = told || b.Str(e.Name) == "error"
		}
	}
	d = e.appendEvents(d, b, s, start)
	if told {
		return d
	}
	d, l := e.openLog(d, end)
	d = e.appendField(d, &l, "event", "error")
	d = e.appendField(d, &l, "message", b.Str(s.StatusMessage))
	return e.closeLog(d, &l)
}

// appendEvents appends the events as logs: the name as the pair event, first.
// Those of the year 1970 happen at the given time, in milliseconds.
func (e *Encoder) appendEvents(d []byte, b *span.Batch, s *span.Span, start int64) []byte {
	events := b.Events(s.Events)
	for i := range events {
		v := &events[i]
		at := v.Time / 1_000_000
		if at <= 0 {
			at = start
		}
		var l openLog
		d, l = e.openLog(d, at)
		if v.Name.Present() {
			d = e.appendField(d, &l, "event", b.Str(v.Name))
		}
		attrs := b.Attrs(v.Attrs)
		for j := range attrs {
			if a := &attrs[j]; !a.Mirrored {
				d = e.appendField(d, &l, b.Str(a.Key), e.text(b, a))
			}
		}
		d = e.closeLog(d, &l)
	}
	return d
}

// openLog is a log that is being written.
type openLog struct {
	mark int
	noted
}

func (e *Encoder) openLog(d []byte, at int64) ([]byte, openLog) {
	var l openLog
	d, l.mark = wire.Open(d, 13)
	if e.shadow.on {
		l.attrs = e.shadow.w.AttrMark()
		l.Time = at * 1_000_000
	}
	return wire.AppendVarint(d, 1, uint64(at)), l
}

// appendField appends a field of a log.
func (e *Encoder) appendField(d []byte, l *openLog, key, value string) []byte {
	key, value = sound(key), sound(value)
	d = appendSound(d, 2, key, value)
	if e.shadow.on {
		e.shadow.pair(&l.noted, d, key, value)
	}
	return d
}

func (e *Encoder) closeLog(d []byte, l *openLog) []byte {
	before := len(d)
	d = wire.Close(d, l.mark)
	if e.shadow.on {
		e.shadow.event(&l.noted, len(d)-before)
	}
	return d
}

// text is the value of an attribute as text.
func (c *converter) text(b *span.Batch, a *span.Attr) string {
	if a.Type == span.String {
		return b.Str(a.Text())
	}
	mark := len(c.names)
	c.names = b.AppendText(c.names, a)
	return c.names.since(mark)
}
