// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Report gives the spans of a batch that Decode made as an agent would report
// them, for a target of this protocol: the segments are those of go2sky's gRPC
// reporter, and what of the times is finer than a millisecond stands in a
// residue, from which a gateway restores it. An error is a fault that Decode
// has told of.
func (g Go2skyLog) Report(b *span.Batch) (*span.Batch, error) {
	plain := rawSegments(b, nil)
	origin := b.Origin
	origin.Format = formatSegments
	visible, err := decodeSegments(plain, origin)
	if err != nil || visible.Len() != b.Len() {
		return visible, err
	}
	var w residue.Writer
	var losses translate.Losses
	var text []byte
	var ends []int
	for i := range b.Spans() {
		s := &b.Spans()[i]
		it := span.Item{Batch: b, Index: i, Identity: span.Identity{ID: s.ID, Parent: s.Parent}}
		text = w.Append(text, &it, visible, &visible.Spans()[i], translate.Exact, &losses)
		ends = append(ends, len(text))
	}
	at, from := 0, 0
	return decodeSegments(rawSegments(visible, func() []byte {
		if at == len(ends) {
			return nil
		}
		tag := text[from:ends[at]]
		from = ends[at]
		at++
		return tag
	}), origin)
}

// rawSegments writes the segments of a batch as a SegmentCollection. next gives
// the residue of each span in turn.
func rawSegments(b *span.Batch, next func() []byte) (out []byte) {
	last := uint32(0)
	for i := range b.Spans() {
		n := b.Spans()[i].Segment
		if n == last {
			continue
		}
		last = n
		raw := []byte(b.Str(b.Segment(n).Raw))
		if next == nil {
			out = wire.AppendStringAlways(out, 1, string(raw))
			continue
		}
		var mark int
		out, mark = wire.Open(out, 1)
		for p := wire.ReadProto(raw); ; {
			from := p.Pos
			field, typ, ok := p.Next()
			if !ok {
				break
			}
			if field != 3 || typ != wire.TypeBytes {
				p.Skip(field, typ)
				out = append(out, raw[from:p.Pos]...)
				continue
			}
			at, size := p.Bytes()
			var inner int
			out, inner = wire.Open(out, 3)
			out = append(out, raw[at:at+size]...)
			if tag := next(); len(tag) > 0 {
				var pair int
				out, pair = wire.Open(out, 12)
				out = wire.AppendString(out, 1, residue.Key)
				out = wire.AppendString(out, 2, string(tag))
				out = wire.Close(out, pair)
			}
			out = wire.Close(out, inner)
		}
		out = wire.Close(out, mark)
	}
	return out
}
