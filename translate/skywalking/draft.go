// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// draft finds what the segments of a call do not say of their spans: they are
// written without residues and read again.
type draft struct {
	buf    []byte
	reader *reader
	writer residue.Writer
	texts  []byte
}

// extent is a place in the texts of a draft.
type extent struct{ from, to int }

// text is the residue of a span, empty for none.
func (d *draft) text(v *conversion) []byte { return d.texts[v.residue.from:v.residue.to] }

// compare finds the residues of the pending spans. A span of which several
// reports came has none: it is none of them.
func (e *Encoder) compare(items []span.Item) {
	d := &e.draft
	d.texts = d.texts[:0]
	if len(e.pending) == 0 || e.opts.Residue == translate.None {
		return
	}
	whole := e.buf
	e.buf = d.buf[:0]
	for members := range e.each() {
		var mark int
		e.buf, mark = wire.Open(e.buf, 1)
		e.appendSegment(items, members)
		e.buf = wire.Close(e.buf, mark)
	}
	d.buf, e.buf = e.buf, whole
	visible := d.read()
	if visible.Len() != len(e.order) {
		return
	}
	for i, at := range e.order {
		v := &e.pending[at]
		if v.more >= 0 {
			continue
		}
		v.residue.from = len(d.texts)
		d.texts = d.writer.Append(d.texts, &items[v.item], visible, &visible.Spans()[i], e.opts.Residue, &e.losses)
		v.residue.to = len(d.texts)
	}
}

// read reads the segments, without their residues.
func (d *draft) read() *span.Batch {
	origin := span.Origin{Format: formatSegments}
	if d.reader == nil {
		d.reader = &reader{w: span.NewBuilder(nil, origin), bad: &translate.Malformed{}}
	}
	r := d.reader
	r.w.Reset(d.buf, origin)
	*r.bad = translate.Malformed{}
	r.buf, r.n = d.buf, 0
	r.readList()
	return r.w.Batch()
}
