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
	it, r := &items[v.item], &v.role
	start, end, failed := e.times(items, v)
	d, mark := wire.Open(e.buf, 3)
	d = wire.AppendVarint(d, 1, uint64(int64(v.number)))
	d = wire.AppendVarint(d, 2, uint64(int64(parent)))
	d = wire.AppendVarint(d, 3, uint64(start))
	d = wire.AppendVarint(d, 4, uint64(end))
	if ref != nil {
		d = appendReference(d, v.trace, ref)
	}
	d = appendText(d, 6, r.operation)
	d = appendText(d, 7, r.spanPeer(ref))
	d = wire.AppendVarint(d, 8, uint64(r.typ))
	d = wire.AppendVarint(d, 9, uint64(r.layer))
	d = wire.AppendVarint(d, 10, uint64(r.component))
	d = wire.AppendBool(d, 11, failed)
	d = e.appendTags(d, items, v)
	d = e.appendLogs(d, it, start, end, failed)
	for k := v.more; k >= 0; k = e.partials[k].next {
		d = e.appendLogs(d, &items[e.partials[k].item], start, end, false)
	}
	// A local span with a reference would be an endpoint of its own.
	d = wire.AppendBool(d, 14, r.typ == typeLocal && parent == rootParent)
	e.buf = wire.Close(d, mark)
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
func (c *converter) appendLogs(d []byte, it *span.Item, start, end int64, failed bool) []byte {
	b, s := it.Batch, it.Span()
	told := !failed || s.StatusMessage.Len() == 0
	for _, e := range b.Events(s.Events) {
		told = told || b.Str(e.Name) == "error"
	}
	d = c.appendEvents(d, b, s, start)
	if told {
		return d
	}
	d, mark := wire.Open(d, 13)
	d = wire.AppendVarint(d, 1, uint64(end))
	d = appendPair(d, 2, "event", "error")
	d = appendPair(d, 2, "message", b.Str(s.StatusMessage))
	return wire.Close(d, mark)
}

// appendEvents appends the events as logs: the name as the pair event, first.
// Those of the year 1970 happen at the given time, in milliseconds.
func (c *converter) appendEvents(d []byte, b *span.Batch, s *span.Span, start int64) []byte {
	events := b.Events(s.Events)
	for i := range events {
		e := &events[i]
		at := e.Time / 1_000_000
		if at <= 0 {
			at = start
		}
		var mark int
		d, mark = wire.Open(d, 13)
		d = wire.AppendVarint(d, 1, uint64(at))
		if e.Name.Present() {
			d = appendPair(d, 2, "event", b.Str(e.Name))
		}
		attrs := b.Attrs(e.Attrs)
		for j := range attrs {
			if a := &attrs[j]; !a.Mirrored {
				d = appendPair(d, 2, b.Str(a.Key), c.text(b, a))
			}
		}
		d = wire.Close(d, mark)
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
