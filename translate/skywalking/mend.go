// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// A message with a string that is not UTF-8 is refused by every protobuf
// library, and in a stream it takes the others with it. So is a segment with a
// broken span. mend writes what can be kept of such a message to the side
// memory; from there it is read, and forwarded, instead of the received bytes.

// shape says which fields of a message are strings and which are messages.
type shape struct {
	text     uint32 // bit n for field n
	messages [16]*shape
	// lossy is the field whose broken elements are left out, 0 for none.
	lossy int
}

var (
	pairShape      = shape{text: 1<<1 | 1<<2}
	logShape       = shape{messages: [16]*shape{2: &pairShape}}
	referenceShape = shape{text: 1<<2 | 1<<3 | 1<<5 | 1<<6 | 1<<7 | 1<<8}
	spanShape      = shape{text: 1<<6 | 1<<7, messages: [16]*shape{5: &referenceShape, 12: &pairShape, 13: &logShape}}
	segmentShape   = shape{text: 1<<1 | 1<<2 | 1<<4 | 1<<5, messages: [16]*shape{3: &spanShape}, lossy: 3}

	propertiesShape = shape{text: 1<<1 | 1<<2 | 1<<4, messages: [16]*shape{3: &pairShape}}
	pingShape       = shape{text: 1<<1 | 1<<2 | 1<<3}
)

// errEmptySpan is about a span that says nothing, not even when: all of it would
// be zero.
var errEmptySpan = errors.New("an empty message, want a span")

// mend copies a message to the side memory, with the broken bytes of strings
// replaced and broken spans left out and refused. It returns the place of the
// copy, or the fault that makes the message as a whole unreadable.
func (r *reader) mend(at, n int, s *shape) (to, size int, err error) {
	side := r.w.Side()
	to = len(side)
	side, err = r.appendSound(side, wire.Proto{Buf: r.buf, Pos: at, End: at + n}, s)
	if err == nil && len(side) > span.MaxBody {
		err = &wire.Fault{At: at, Found: "more memory than a batch can hold", Want: "less"}
	}
	if err != nil {
		return 0, 0, err
	}
	r.w.SetSide(side)
	return to, len(side) - to, nil
}

// emptySpan says why a span has no fields.
func (r *reader) emptySpan(n int) error {
	for i := range r.broken {
		if r.broken[i].Unit == n {
			return &r.broken[i].Fault
		}
	}
	return errEmptySpan
}

func (r *reader) appendSound(dst []byte, p wire.Proto, s *shape) ([]byte, error) {
	for element := 0; ; {
		start := p.Pos
		field, typ, ok := p.Next()
		if !ok {
			return dst, p.Err
		}
		switch {
		case typ == wire.TypeBytes && field < len(s.messages) && s.messages[field] != nil:
			inner := p.Message()
			if p.Err != nil {
				return dst, p.Err
			}
			before := len(dst)
			var mark int
			var err error
			dst, mark = wire.Open(dst, field)
			dst, err = r.appendSound(dst, inner, s.messages[field])
			if field == s.lossy {
				element++
				if err == nil && inner.Pos == inner.End {
					err = r.emptySpan(element)
				}
				if err != nil {
					dst = dst[:before]
					r.bad.Refuse(translate.FaultOf(r.place("span "+strconv.Itoa(element)), err))
					continue
				}
			}
			if err != nil {
				return dst, err
			}
			dst = wire.Close(dst, mark)
		case typ == wire.TypeBytes && field < 32 && s.text&(1<<field) != 0:
			at, n := p.Bytes()
			dst = wire.AppendStringAlways(dst, field, strings.ToValidUTF8(string(p.Buf[at:at+n]), "\uFFFD"))
		default:
			p.Skip(field, typ)
			if p.Err == nil {
				dst = append(dst, p.Buf[start:p.Pos]...)
			}
		}
	}
}
