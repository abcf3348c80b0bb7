// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// draft finds what a segment does not say of its spans: it is written without
// residues and read again. So is one of which shadow cannot say what a decoder
// makes of it.
type draft struct {
	asked  int // so many times
	buf    []byte
	reader *reader
	writer residue.Writer
	texts  []byte
}

// extent is a place in the texts of a draft.
type extent struct{ from, to int }

// text is the residue of a span, empty for none.
func (d *draft) text(v *conversion) []byte { return d.texts[v.residue.from:v.residue.to] }

// compare finds the residues of the members of a segment. A span of which several
// reports came has none: it is none of them.
func (e *Encoder) compare(items []span.Item, members []int32) {
	d := &e.draft
	d.asked++
	d.texts = d.texts[:0]
	whole := e.buf
	var mark int
	e.buf, mark = wire.Open(d.buf[:0], 1)
	e.appendSegment(items, members)
	d.buf, e.buf = wire.Close(e.buf, mark), whole
	visible := d.read()
	if visible.Len() != len(members) {
		return
	}
	for i, at := range members {
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
	r.traceName, r.peers = "", peerMemory{} // of the buffer as it was
	r.readList()
	return r.w.Batch()
}
