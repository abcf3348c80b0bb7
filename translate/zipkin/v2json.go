// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"bytes"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// decodeV2JSON reads a list of v2 spans.
func decodeV2JSON(body []byte, origin span.Origin) (*span.Batch, error) {
	b, err := decodeJSON(body, origin, "zipkin v2 json", (*reader).v2span, true)
	if b.Outgrown() {
		origin.Outline = false
		b, err = decodeJSON(body, origin, "zipkin v2 json", (*reader).v2span, true)
	}
	return b, err
}

// v2span reads one span and adds it to the batch. Of a field that is given
// twice the last one counts; null stands for a field that is not there; lists,
// tags and flags add up.
func (r *reader) v2span() {
	j := &r.j
	start := j.Pos
	j.Lenient = false
	s := r.w.NextSpan()
	var said outcome
	var shared bool
	attrs, events := r.w.AttrMark(), r.w.EventMark()
	j.Object()
	for {
		key, k, ok := r.spanKey()
		if !ok {
			break
		}
		switch key {
		case keyTraceID:
			s.Trace = r.traceID()
		case keyID:
			s.ID = r.spanID("id")
			if s.ID == 0 {
				r.refuse("id", "all zeros", "a digit other than 0")
			}
		case keyParentID:
			if !j.Null() {
				if s.Parent = r.spanID("parentId"); s.Parent == 0 {
					j.Lenient = true
				}
			}
		case keyKind:
			if !j.Null() {
				s.Kind = r.kind()
			}
		case keyName:
			if !j.Null() {
				s.Name = r.nonEmpty("name")
			}
		case keyTimestamp:
			if !j.Null() {
				s.Start = r.micros("timestamp")
				s.Has = with(s.Has, span.HasStart, s.Start > 0)
			}
		case keyDuration:
			if !j.Null() {
				s.Duration = r.micros("duration")
				s.Has = with(s.Has, span.HasDuration, s.Duration > 0)
			}
		case keyLocal:
			if !j.Null() {
				s.Local = r.endpoint(&localFields)
				s.Local.Service = invented(r.w, s.Local.Service)
			}
		case keyRemote:
			if !j.Null() {
				s.Remote = r.endpoint(&remoteFields)
			}
		case keyAnnotations:
			if !j.Null() {
				j.Lenient = j.Lenient || r.w.EventMark() > events
				r.annotations()
			}
		case keyTags:
			if !j.Null() {
				j.Lenient = j.Lenient || r.w.AttrMark() > attrs
				r.tags(&said)
			}
		case keyDebug:
			if !j.Null() && r.boolean("debug") {
				s.Sampling = span.Debug | span.Sampled
			}
		case keyShared:
			if !j.Null() && r.boolean("shared") {
				shared = true
			}
		case keyBinary:
			r.refuse("binaryAnnotations", "JSON_V1", "a JSON_V2 encoded list")
			j.Skip()
		default:
			r.skip(k)
		}
	}
	switch {
	case j.Err != nil || r.faulty:
		return
	case s.Trace.IsZero():
		r.refuse("traceId", "nothing", "1 to 32 lower-case hex digits")
		return
	case s.ID == 0:
		r.refuse("id", "nothing", "1 to 16 lower-case hex digits")
		return
	}
	s.Attrs = r.w.AttrsFrom(attrs)
	said.set(r.w, s, attrs)
	changed := sortEvents(r.w, events)
	expandEvents(r.w, events)
	s.Events = r.w.EventsFrom(events)
	if !setWire(s, shared) && !changed && !j.Lenient {
		s.Has |= span.Exact
	}
	s.Raw = span.At(start, j.Pos-start)
	r.w.AddSpan()
	if said.residue {
		r.residues.Found(r.w.Len() - 1)
	}
}

// setWire sets the wire identity and applies the rules of the server's model
// that need the whole span. It says whether a rule changed anything.
func setWire(s *span.Span, shared bool) (changed bool) {
	if s.Parent == s.ID {
		s.Parent = 0
		changed = true
	}
	if shared && s.Kind == span.KindClient {
		shared = false
		changed = true
	}
	s.Has = with(s.Has, span.Shared, shared) | span.HasWire
	s.Wire = span.Wire{ID: s.ID, Parent: s.Parent}
	return changed
}

func with(h, bit span.Has, on bool) span.Has {
	if on {
		return h | bit
	}
	return h &^ bit
}

// v1Mark is how the server tells version 1 from version 2: it searches the
// whole body for these bytes and refuses all of its spans.
const v1Mark = `yAnnotations"`

// poisons is true for a string whose closing quote makes a v1Mark. Such a
// string is no fault here, but must not go out as it is.
func poisons(s string) bool { return strings.HasSuffix(s, v1Mark[:len(v1Mark)-1]) }

// skip steps over the value of a key that means nothing. A copy of the span
// takes it along.
func (r *reader) skip(k wire.Str) {
	r.j.Skip()
	if bytes.Contains(r.j.Buf[k.At:r.j.Pos], []byte(v1Mark)) {
		r.j.Lenient = true
	}
}

func (r *reader) traceID() span.TraceID {
	hi, lo, digits := r.hex("traceId", 32)
	switch {
	case digits > 0 && hi|lo == 0:
		r.refuse("traceId", "all zeros", "a digit other than 0")
	case digits != 16 && (digits != 32 || hi == 0):
		r.j.Lenient = true
	}
	return span.TraceID{Hi: hi, Lo: lo}
}

// spanID reads a span id; 0 when all digits are zero, and for a fault.
func (r *reader) spanID(field string) span.ID {
	_, lo, digits := r.hex(field, 16)
	if digits != 16 {
		r.j.Lenient = true
	}
	return span.ID(lo)
}

func (r *reader) kind() span.Kind {
	s, ok := r.text("kind")
	if !ok {
		return 0
	}
	switch r.j.Text(s) {
	case "CLIENT":
		return span.KindClient
	case "SERVER":
		return span.KindServer
	case "PRODUCER":
		return span.KindProducer
	case "CONSUMER":
		return span.KindConsumer
	}
	r.refuse("kind", short(r.j.Bytes(s)), "CLIENT, SERVER, PRODUCER or CONSUMER")
	return 0
}

// micros reads microseconds as nanoseconds; 0, which means absent, also for a
// fault and for what is negative.
func (r *reader) micros(field string) int64 {
	v, _ := r.integer(field)
	return r.nanos(field, max(v, 0))
}
