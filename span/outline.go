// SPDX-License-Identifier: Apache-2.0

package span

import "unsafe"

// Outline is what a batch says of attributes and events that were read, found in
// order and not kept: those of its spans that are Exact. Their Attrs and Events are
// empty; all else is as in a batch that is whole. Whoever needs more decodes the
// body again.
type Outline struct {
	Tags int // the most attributes and events that one span has
	Text int // the length of the longest text of a span

	Spans int // whose attributes and events were not kept

	bytes int // that the batch would have taken besides, had it kept all
}

// Outline is nil for a batch that is whole.
func (b *Batch) Outline() *Outline {
	if !b.outlined {
		return nil
	}
	return &b.outline
}

// Outlined tells that the attributes and events of a span were not kept.
func (w *Builder) Outlined(attrs, events, longest int) {
	w.b.outlined = true
	o := &w.b.outline
	o.Spans++
	o.Tags = max(o.Tags, attrs+events)
	o.Text = max(o.Text, longest)
	o.bytes += attrs*int(unsafe.Sizeof(Attr{})) + events*int(unsafe.Sizeof(Event{}))
}

// Outgrown is true for an outline of what might be Over if it were whole: slabs are
// charged with a few times of what they hold in the end; see stepsTo.
func (b *Batch) Outgrown() bool {
	const few = 8
	return b.outlined && few*(b.Memory()-cap(b.body)+b.outline.bytes) > most(&b.Origin)
}
