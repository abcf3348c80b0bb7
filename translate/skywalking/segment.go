// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// maxSegmentName is the longest segment id in bytes: 150 characters is what
// OAP's storages can hold, 40 to 60 what agents write. The name of a segment
// goes into the id of each of its spans, so an endless one would cost that
// time for every span.
const maxSegmentName = 150 * utf8.UTFMax

// decodeSegments reads a SegmentCollection. The reports of a stream are joined
// under its field 1.
func decodeSegments(body []byte, origin span.Origin) (*span.Batch, error) {
	r := newReader(body, origin, "skywalking segments")
	// A span takes 80 to 300 bytes and has 2 to 5 tags. The first ones tell how many
	// there are.
	r.w.Grow(min(len(body)/200+1, 8), min(len(body)/70+1, 64))
	r.readList()
	r.residues.Restore(r.w)
	return r.w.Batch(), r.bad.OrNil()
}

// readList reads the segments of a SegmentCollection.
func (r *reader) readList() {
	list := wire.ReadProto(r.buf)
	for {
		field, typ, ok := list.Next()
		if !ok {
			break
		}
		if field != 1 || typ != wire.TypeBytes {
			list.Skip(field, typ)
			continue
		}
		at, n := list.Bytes()
		if list.Err != nil {
			break
		}
		r.n++
		r.segment(at, n)
	}
	if list.Err != nil {
		r.bad.Stop(translate.FaultOf("", list.Err))
	}
}

// reader reads segments.
type reader struct {
	w    *span.Builder
	bad  *translate.Malformed
	buf  []byte // where messages lie: the body or the side memory
	side bool   // buf is the side memory
	torn bool   // a string is not UTF-8
	// broken are the spans that JSON did not make sense of; they are empty.
	broken []wire.UnitFault
	lost   bool // spans were left out of the segment that is read

	n int // number of the segment in the body, from 1; 0 in a body of one

	// Of the segment that is read.
	head      span.Segment
	traceName string
	trace     span.TraceID
	number    uint32 // of head in the batch
	local     span.Endpoint
	ids       numbering
	marks     marks
	marked    map[span.ID]struct{} // ids of the marks
	residues  residue.Reader
	peers     peerMemory

	// Of the span that is read.
	agent   span.Agent
	start   int64 // ms
	end     int64 // ms
	peerAt  int   // place of the peer
	failed  bool
	found   bool // there is a tag for a residue
	failure failure
	callers []span.AgentRef // of its references
}

func newReader(body []byte, origin span.Origin, form string) *reader {
	return &reader{
		w:   span.NewBuilder(body, origin),
		bad: &translate.Malformed{Format: form},
		buf: body,
	}
}

// place is where the segment lies in the body, for messages.
func (r *reader) place(inner string) string {
	if r.n == 0 {
		return inner
	}
	p := "segment " + strconv.Itoa(r.n)
	if inner != "" {
		p += ": " + inner
	}
	return p
}

// segment reads the SegmentObject of n bytes at a place of the buffer. One that
// cannot be read to its end is refused; one with a broken span or broken text
// is mended first and then read again.
func (r *reader) segment(at, n int) {
	mark, bad := r.w.Mark(), *r.bad
	var spans int
	var err error
	if len(r.broken) == 0 {
		r.torn = false
		spans, err = r.read(at, n)
		if err == nil && !r.torn {
			return
		}
		r.w.Undo(mark)
		*r.bad = bad
	}
	at, n, err = r.mend(at, n, &segmentShape)
	if err != nil {
		*r.bad = bad
		r.bad.Refuse(translate.FaultOf(r.place(""), err))
		r.bad.Spans += max(spans-1, 0)
		return
	}
	body, side := r.buf, r.side
	r.buf, r.side, r.lost = r.w.Side(), true, r.bad.Spans > bad.Spans
	if _, err = r.read(at, n); err != nil { // what mend wrote can be read
		r.w.Undo(mark)
		r.bad.Refuse(translate.FaultOf(r.place(""), err))
	}
	r.buf, r.side, r.lost = body, side, false
}

// read reads a segment and says how many spans it saw.
func (r *reader) read(at, n int) (spans int, err error) {
	mark := r.w.Mark()
	if spans, err = r.readHead(at, n); err != nil {
		return spans, err
	}
	if spans == 0 {
		if !r.lost {
			r.bad.Refuse(translate.Fault{Place: r.place(""), Found: "no spans", Want: "at least one"})
		}
		return 0, nil
	}
	if l := r.head.Name.Len(); l > maxSegmentName {
		r.bad.Refuse(translate.Fault{
			Place: r.place("traceSegmentId"), Found: fmt.Sprintf("%d bytes", l), Want: fmt.Sprintf("at most %d", maxSegmentName),
		})
		r.bad.Spans += spans - 1
		return spans, nil
	}
	r.identify(at, n)
	r.readMarks(at, n)
	r.ids.marks = &r.marks
	r.number = r.w.Segment(r.head)
	first := r.w.Len()
	p := wire.Proto{Buf: r.buf, Pos: at, End: at + n}
	for i := 0; ; {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		if field != 3 || typ != wire.TypeBytes {
			p.Skip(field, typ)
			continue
		}
		i++
		inner := p.Message()
		if inner.Pos == inner.End {
			r.bad.Refuse(translate.FaultOf(r.place("span "+strconv.Itoa(i)), errEmptySpan))
			continue
		}
		if r.marks.wrapped && r.marks.isWrapper(numberOf(inner)) {
			continue
		}
		if !r.side {
			r.w.At(inner.Pos, len(r.buf))
		}
		if err := r.span(inner); err != nil {
			return spans, err
		}
	}
	if r.w.Len() == first {
		r.w.Undo(mark)
		return spans, nil
	}
	r.w.SegmentAt(r.number).Spans = uint32(r.w.Len() - first)
	// A batch that is Over lacks spans.
	for i, l := range r.ids.links[:min(len(r.ids.links), r.w.Len()-first)] {
		s := r.w.SpanAt(first + i)
		if l.parent >= 0 && l.parent != l.number {
			s.Parent = r.ids.find(l.parent)
		}
		if m := r.marks.get(l.number); m.id != 0 && m.id == s.ID && m.parent != 0 {
			s.Parent = m.parent
		}
	}
	return spans, nil
}

// readHead reads what a segment says of all its spans: its fields may stand
// behind the spans. It counts the spans.
func (r *reader) readHead(at, n int) (spans int, err error) {
	r.head = span.Segment{Raw: r.textAt(at, n)}
	p := wire.Proto{Buf: r.buf, Pos: at, End: at + n}
	for {
		field, typ, ok := p.Next()
		if !ok {
			return spans, p.Err
		}
		switch {
		case field == 3 && typ == wire.TypeBytes:
			p.Bytes()
			if p.Err == nil {
				spans++
			}
		case field == 1 && typ == wire.TypeBytes:
			r.head.TraceName = r.some(&p)
		case field == 2 && typ == wire.TypeBytes:
			r.head.Name = r.some(&p)
		case field == 4 && typ == wire.TypeBytes:
			r.head.Service = r.some(&p)
		case field == 5 && typ == wire.TypeBytes:
			r.head.Instance = r.some(&p)
		case field == 6 && typ == wire.TypeVarint:
			r.head.SizeLimited = p.Varint() != 0
		default:
			p.Skip(field, typ)
		}
	}
}

// identify takes the trace and the place of the spans from the head. A segment
// without a name is named by a hash of its bytes, and one without a trace is a
// trace of its own: no two of them must meet.
func (r *reader) identify(at, n int) {
	name := r.w.Str(r.head.Name)
	if name == "" {
		sum := sha256.Sum256(r.buf[at : at+n])
		name = hex.EncodeToString(sum[:])
	}
	before := r.traceName
	r.traceName = r.w.Str(r.head.TraceName)
	if r.traceName != "" && r.traceName == before {
		// as the segment before
	} else if r.traceName != "" {
		r.trace = span.TraceOf(r.traceName)
	} else {
		r.trace = span.TraceOf(name)
	}
	r.ids.reset(r.trace, name)
	r.local = span.Endpoint{Service: r.head.Service}
	setInstanceIP(&r.local, r.w.Str(r.head.Instance))
}

// textAt is the text of n bytes at a place of the buffer.
func (r *reader) textAt(at, n int) span.Text {
	if r.side {
		return span.SideAt(at, n)
	}
	return span.At(at, n)
}

// text reads a string.
func (r *reader) text(p *wire.Proto) span.Text {
	at, n := p.Bytes()
	return r.checked(at, n)
}

// checked is textAt, and notes a text that is not UTF-8.
func (r *reader) checked(at, n int) span.Text {
	if p := r.buf[at : at+n]; !r.side && !span.IsASCII(p) && !utf8.Valid(p) {
		r.torn = true
	}
	return r.textAt(at, n)
}

// some is text for fields where an empty string means absent.
func (r *reader) some(p *wire.Proto) span.Text {
	if t := r.text(p); t.Len() > 0 {
		return t
	}
	return span.Text{}
}
