// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// failure is what the logs of a span say of its error. Agents write a log with
// event=error, error.kind, message and stack (AbstractTracingSpan.log of the
// Java agent); a log with just a message counts where there is no such log.
type failure struct {
	message span.Text
	rank    int
}

const (
	rankMessage = 1 + iota // a log with a message
	rankError              // the log of an error
)

// logs reads the logs of a SpanObject as events.
func (r *reader) logs(s *span.Span, p wire.Proto) error {
	mark := r.w.EventMark()
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		if field != 13 || typ != wire.TypeBytes {
			p.Skip(field, typ)
			continue
		}
		r.log(&p)
	}
	s.Events = r.w.EventsFrom(mark)
	return p.Err
}

// log reads a log: its first pair "event" is the event's name, the others are
// its fields.
func (r *reader) log(outer *wire.Proto) {
	p := outer.Message()
	var e span.Event
	var message, kind span.Text
	mark := r.w.AttrMark()
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeVarint:
			if v := int64(p.Varint()); v >= 0 && v <= maxMillis {
				e.Time = v * 1_000_000
			}
		case field == 2 && typ == wire.TypeBytes:
			key, value, ok := r.pair(&p)
			if !ok {
				continue
			}
			switch r.w.Str(key) {
			case "event":
				if !e.Name.Present() {
					e.Name = value
					continue
				}
			case "message":
				message = value
			case "error.kind":
				kind = value
			}
			r.w.Attr(span.StringAttr(key, value))
		default:
			p.Skip(field, typ)
		}
	}
	outer.Adopt(&p)
	e.Attrs = r.w.AttrsFrom(mark)
	r.w.Event(e)
	rank := rankMessage
	if kind.Present() || r.w.Str(e.Name) == "error" {
		rank = rankError
	}
	if message.Len() == 0 {
		message = kind
	}
	if message.Len() > 0 && rank > r.failure.rank {
		r.failure = failure{message, rank}
	}
}
