// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"fmt"

	"github.com/spanbridge/spanbridge/span"
)

// measure finds what of a message is beyond the limits. How deep values lie in
// each other is bounded by the decoders.
func (l *Limits) measure(b *span.Batch) error {
	if beyond(b.Len(), l.Spans) {
		return fmt.Errorf("a message of %d spans, want at most %d (limits.spans)", b.Len(), l.Spans)
	}
	if o := b.Outline(); l.Tags <= 0 && l.Text <= 0 || o != nil && o.Spans == b.Len() && !l.outgrown(o) {
		return nil
	}
	spans := b.Spans()
	for i := range spans {
		s := &spans[i]
		tags, longest := s.Attrs.Len()+s.Events.Len()+s.Refs.Len(), max(s.Name.Len(), s.StatusMessage.Len(), s.State.Len(), longestOf(b, s.Attrs))
		for _, e := range b.Events(s.Events) {
			tags += e.Attrs.Len()
			longest = max(longest, e.Name.Len(), longestOf(b, e.Attrs))
		}
		switch {
		case beyond(tags, l.Tags):
			return fmt.Errorf("span %d (%s) has %d tags, events and references, want at most %d (limits.tags)", i+1, s.ID, tags, l.Tags)
		case beyond(longest, l.Text):
			return fmt.Errorf("span %d (%s) has a text of %d bytes, want at most %d (limits.text)", i+1, s.ID, longest, l.Text)
		}
	}
	return nil
}

// outgrown is true if a span is beyond a limit that is outlined: measure, which is to
// say which one it is, wants the whole batch.
func (l *Limits) outgrown(o *span.Outline) bool {
	return o != nil && (beyond(o.Tags, l.Tags) || beyond(o.Text, l.Text))
}

func beyond(n, most int) bool { return most > 0 && n > most }

// longestOf is the length of the longest key or value.
func longestOf(b *span.Batch, r span.Range) (n int) {
	attrs := b.Attrs(r)
	for i := range attrs {
		a := &attrs[i]
		n = max(n, a.Key.Len())
		if a.Type == span.String || a.Type == span.Bytes || a.Type == span.JSON {
			n = max(n, a.Text().Len())
		}
	}
	return n
}
