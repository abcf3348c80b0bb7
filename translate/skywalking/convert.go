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

// appendSpan appends a span as field spans of a SegmentObject, with its number
// and its parent's number there. ref is nil but for a root with a parent.
func (c *converter) appendSpan(d []byte, it *span.Item, r *role, number, parent int32, trace string, ref *reference) []byte {
	s := it.Span()
	start, end := times(it)
	d, mark := wire.Open(d, 3)
	d = wire.AppendVarint(d, 1, uint64(int64(number)))
	d = wire.AppendVarint(d, 2, uint64(int64(parent)))
	d = wire.AppendVarint(d, 3, uint64(start))
	d = wire.AppendVarint(d, 4, uint64(end))
	if ref != nil {
		d = appendReference(d, trace, ref)
	}
	d = appendText(d, 6, r.operation)
	d = appendText(d, 7, r.spanPeer(ref != nil))
	d = wire.AppendVarint(d, 8, uint64(r.typ))
	d = wire.AppendVarint(d, 9, uint64(r.layer))
	d = wire.AppendVarint(d, 10, uint64(r.component))
	d = wire.AppendBool(d, 11, s.Status == span.StatusError)
	d = c.appendTags(d, it, r)
	d = c.appendLogs(d, it, start, end)
	// A local span with a reference would be an endpoint of its own.
	d = wire.AppendBool(d, 14, r.typ == typeLocal && parent == rootParent)
	return wire.Close(d, mark)
}

// spanPeer is the peer that is written. The consumer of a message whose sender
// is not known has none: OAP would take it for a second broker of that name.
func (r *role) spanPeer(referred bool) string {
	if r.typ == typeEntry && r.layer == layerMQ && !referred {
		return ""
	}
	return r.peer
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

// times are start and end in milliseconds. A span without a start gets the time
// of its receipt: OAP loses segments of the year 1970.
func times(it *span.Item) (start, end int64) {
	s := it.Span()
	from := it.Batch.Origin.Received
	if s.Has&span.HasStart != 0 && s.Start > 0 {
		from = s.Start
	}
	to := from
	if s.Has&span.HasDuration != 0 && s.Duration > 0 {
		to = from + min(s.Duration, math.MaxInt64-max(from, 0))
	}
	start = max(from/1_000_000, 1)
	return start, max(to/1_000_000, start)
}

// appendLogs appends the events, and the message of an error in the form of the
// agents unless an event has it.
func (c *converter) appendLogs(d []byte, it *span.Item, start, end int64) []byte {
	b, s := it.Batch, it.Span()
	told := s.Status != span.StatusError || s.StatusMessage.Len() == 0
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
			told = told || b.Str(e.Name) == "error"
		}
		attrs := b.Attrs(e.Attrs)
		for j := range attrs {
			if a := &attrs[j]; !a.Mirrored {
				d = appendPair(d, 2, b.Str(a.Key), c.text(b, a))
			}
		}
		d = wire.Close(d, mark)
	}
	if told {
		return d
	}
	d, mark := wire.Open(d, 13)
	d = wire.AppendVarint(d, 1, uint64(end))
	d = appendPair(d, 2, "event", "error")
	d = appendPair(d, 2, "message", b.Str(s.StatusMessage))
	return wire.Close(d, mark)
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
