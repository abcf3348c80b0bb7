// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// Draft finds the residues of items for an encoder that writes one span for
// each item, in order, into one message.
type Draft struct {
	// Protocol is what the encoder writes: spans that follow its conventions
	// need no residue.
	Protocol span.Protocol
	Format   string // of the message
	Mode     translate.Residue
	// Encoder writes a message without residues.
	Encoder translate.Encoder
	// Decode reads such a message; it may leave the residues alone.
	Decode func(w *span.Builder, body []byte)
	// Drafted counts the items that were compared.
	Drafted int
	// Lead, if set, is written before the items of a call, since what comes first
	// may say something of the others.
	Lead *span.Item

	writer  Writer
	builder *span.Builder
	items   []span.Item
	texts   []byte
	ends    []int32 // of the text of each item, by its place in the call

	next, run int // of More
}

// More says up to which place items are best compared together from i on, where
// a Sight could not tell the residue of item i: the more the oftener it is
// needed.
func (d *Draft) More(items []span.Item, i int) int {
	const most = 64
	if i != d.next || i == 0 {
		d.run = 0
	}
	d.run = min(2*d.run+1, most)
	d.next = min(i+d.run, len(items))
	return d.next
}

// Compare finds the residues of all items and adds what they cannot hold to
// losses. Text gives them until the next call.
func (d *Draft) Compare(items []span.Item, losses *translate.Losses) {
	d.items, d.texts, d.ends = d.items[:0], d.texts[:0], d.ends[:0]
	if d.Mode == translate.None {
		return
	}
	for i := range items {
		if it := &items[i]; it.Batch.Home(it.Span()) != d.Protocol {
			d.items = append(d.items, *it)
		}
	}
	if len(d.items) == 0 {
		return
	}
	d.Drafted += len(d.items)
	defer clear(d.items) // they point into batches
	visible, lead := d.read(d.items, d.Lead), 0
	if d.Lead != nil {
		lead = 1
	}
	// A span that its own reader refuses must not cost the others theirs.
	each := visible.Len() != lead+len(d.items)
	next := 0
	for i := range items {
		it := &items[i]
		if home := it.Batch.Home(it.Span()); home != d.Protocol {
			at := lead + next
			if each {
				visible, at = d.read(d.items[next:next+1], nil), 0
			}
			if at < visible.Len() {
				d.texts = d.writer.Append(d.texts, it, visible, &visible.Spans()[at], d.Mode, losses)
			} else {
				losses.Add(home, translate.FieldAttrs)
			}
			next++
		}
		d.ends = append(d.ends, int32(len(d.texts)))
	}
}

// read is what the target makes of items, with one before them if it is given.
func (d *Draft) read(items []span.Item, lead *span.Item) *span.Batch {
	d.Encoder.Reset()
	if lead != nil {
		d.Encoder.Add([]span.Item{*lead})
	}
	d.Encoder.Add(items)
	if d.builder == nil {
		d.builder = span.NewBuilder(nil, span.Origin{})
	}
	body := []byte(nil)
	if m := d.Encoder.Messages(); len(m) > 0 {
		body = m[0].Body
	}
	d.builder.Reset(body, span.Origin{Format: d.Format})
	d.Decode(d.builder, body)
	return d.builder.Batch()
}

// Text is the residue of item i of the last call of Compare, empty for none.
func (d *Draft) Text(i int) []byte {
	if len(d.ends) == 0 {
		return nil
	}
	from := int32(0)
	if i > 0 {
		from = d.ends[i-1]
	}
	return d.texts[from:d.ends[i]]
}
