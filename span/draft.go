// SPDX-License-Identifier: Apache-2.0

package span

import "slices"

// Draft is a changed copy of a batch in the making. It shares with the batch
// what is not changed; every slab is copied when it is first asked for. The
// batch stays as it is.
type Draft struct {
	b   Batch
	own uint8 // slabs that have been copied
}

// Slabs of a draft that can be changed.
const (
	ownSpans = 1 << iota
	ownAttrs
	ownSegments
	ownAgentRefs
	ownInstances
	ownResources
)

// Draft starts a changed copy.
func (b *Batch) Draft() *Draft {
	d := &Draft{b: *b}
	d.b.number = nextNumber()
	d.b.buffer = nil               // what it shares with the batch is nobody's to use again
	d.b.side = slices.Clip(b.side) // to append is to copy
	return d
}

// Batch is the finished copy. The draft must not be used afterwards.
func (d *Draft) Batch() *Batch { return &d.b }

// Copy keeps a copy of s in the side memory.
func (d *Draft) Copy(s string) Text {
	at := len(d.b.side)
	d.b.side = append(d.b.side, s...)
	return SideAt(at, len(s))
}

// Room is how many bytes Copy can still take.
func (d *Draft) Room() int { return MaxBody - len(d.b.side) }

// Str is the text as a string. It holds until the next Copy.
func (d *Draft) Str(t Text) string { return d.b.Str(t) }

// Keep leaves out the spans that keep says no to.
func (d *Draft) Keep(keep func(*Span) bool) {
	kept := make([]Span, 0, len(d.b.spans))
	for i := range d.b.spans {
		if keep(&d.b.spans[i]) {
			kept = append(kept, d.b.spans[i])
		}
	}
	d.b.spans = kept
	d.own |= ownSpans
}

// Spans are the spans, to be changed in place.
func (d *Draft) Spans() []Span { return owned(d, ownSpans, &d.b.spans) }

// Attrs are the attributes of a range, to be changed in place.
func (d *Draft) Attrs(r Range) []Attr {
	return owned(d, ownAttrs, &d.b.attrs)[r.First : r.First+r.N]
}

// Segments are the segments by number - 1, to be changed in place.
func (d *Draft) Segments() []Segment { return owned(d, ownSegments, &d.b.segments) }

// AgentRefs are the references of SkyWalking by number - 1, to be changed in
// place.
func (d *Draft) AgentRefs() []AgentRef { return owned(d, ownAgentRefs, &d.b.agentRefs) }

// Instances are the notices, to be changed in place.
func (d *Draft) Instances() []Instance { return owned(d, ownInstances, &d.b.instances) }

// Resources are the resources by number - 1, to be changed in place.
func (d *Draft) Resources() []Resource { return owned(d, ownResources, &d.b.resources) }

func owned[T any](d *Draft, slab uint8, s *[]T) []T {
	if d.own&slab == 0 {
		*s = slices.Clone(*s)
		d.own |= slab
	}
	return *s
}

// NumSegments is the highest number of Segment.
func (b *Batch) NumSegments() int { return len(b.segments) }

// NumResources is the highest number of Resource.
func (b *Batch) NumResources() int { return len(b.resources) }
