// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Segments that a gateway made of other protocols' spans come back when they
// are read from a log or go through a second gateway. Their spans then get
// their own ids and parents again: number 0 by the name of the segment, the
// packed ones by the tags that the encoder gave them. The tags count only in a
// segment whose name was made by span.SegmentName and agrees with them.

// mark is what the tags of a converted span say of its identity.
type mark struct{ id, parent span.ID }

// marks are those of the segment that is read, by number. There are none for a
// segment of an agent.
type marks struct {
	of []mark
	// wrapped: number 0 is the span that the encoder put around number 1.
	wrapped bool
	wrapper wire.Proto // number 0, if so
}

// readMarks reads the marks of the segment of n bytes at a place of the buffer.
func (r *reader) readMarks(at, n int) {
	r.marks = marks{of: r.marks.of[:0]}
	root := r.ids.ids.Made()
	if root == 0 {
		return
	}
	p := wire.Proto{Buf: r.buf, Pos: at, End: at + n}
	var zero wire.Proto
	whole := true
	clear(r.marked)
	for whole {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		if field != 3 || typ != wire.TypeBytes {
			p.Skip(field, typ)
			continue
		}
		inner := p.Message()
		number, m, err := r.readMark(inner)
		if number == 0 {
			zero = inner
		}
		whole = err == nil && r.keepMark(number, m)
	}
	switch of := r.marks.of; {
	case !whole || p.Err != nil || len(of) == 0:
		r.marks.of = of[:0]
	case of[0].id == root:
	case of[0] == mark{} && zero.Buf != nil && len(of) > 1 && of[1].id == root:
		r.marks.wrapped, r.marks.wrapper = true, zero
	default:
		r.marks.of = of[:0]
	}
}

// keepMark keeps the mark of a number. It returns false for what the encoder
// does not write: a span without a mark that is not number 0, two of one number
// or of one id, numbers with holes.
func (r *reader) keepMark(number int32, m mark) bool {
	if number < 0 || int(number) != len(r.marks.of) || m.id == m.parent && m.id != 0 || m.id == 0 && (number != 0 || m.parent != 0) {
		return false
	}
	if r.marked == nil {
		r.marked = make(map[span.ID]struct{})
	}
	if _, again := r.marked[m.id]; again {
		return false
	}
	r.marked[m.id] = struct{}{}
	r.marks.of = append(r.marks.of, m)
	return true
}

// readMark reads the number and the mark of a SpanObject. It looks through the others
// of its fields as well: who wraps another span is read nowhere else.
func (r *reader) readMark(p wire.Proto) (number int32, m mark, err error) {
	for {
		field, typ, ok := p.Next()
		switch {
		case !ok:
			return number, m, p.Err
		case (field == 6 || field == 7) && typ == wire.TypeBytes:
			r.text(&p)
		case field == 5 && typ == wire.TypeBytes:
			in := p.Message()
			for {
				field, typ, ok := in.Next()
				if !ok {
					break
				}
				in.Skip(field, typ)
			}
			p.Adopt(&in)
		case field == 13 && typ == wire.TypeBytes:
			in := p.Message()
			for {
				field, typ, ok := in.Next()
				if !ok {
					break
				}
				if field == 2 && typ == wire.TypeBytes {
					r.pair(&in)
				} else {
					in.Skip(field, typ)
				}
			}
			p.Adopt(&in)
		case field == 1 && typ == wire.TypeVarint:
			number = int32(p.Varint())
		case field == 12 && typ == wire.TypeBytes:
			key, value, _ := r.pair(&p)
			switch r.w.Str(key) {
			case tagSpanID:
				m.id, _ = span.ParseID(r.w.Str(value))
			case tagParentID:
				m.parent, _ = span.ParseID(r.w.Str(value))
			}
		default:
			p.Skip(field, typ)
		}
	}
}

// get is the mark of a number; its id is 0 where there is none.
func (m *marks) get(number int32) mark {
	if number < 0 || int(number) >= len(m.of) {
		return mark{}
	}
	return m.of[number]
}

// isWrapper tells the span that the encoder put around an exit.
func (m *marks) isWrapper(number int32) bool { return m.wrapped && number == 0 }

// numberOf is the number of a SpanObject.
func numberOf(p wire.Proto) (number int32) {
	for {
		field, typ, ok := p.Next()
		switch {
		case !ok:
			return number
		case field == 1 && typ == wire.TypeVarint:
			number = int32(p.Varint())
		default:
			p.Skip(field, typ)
		}
	}
}

// wrapperRefs reads the references of the span around an exit: they are the
// exit's.
func (r *reader) wrapperRefs() {
	p := r.marks.wrapper
	for {
		field, typ, ok := p.Next()
		if !ok {
			return
		}
		if field == 5 && typ == wire.TypeBytes {
			r.reference(&p)
		} else {
			p.Skip(field, typ)
		}
	}
}
