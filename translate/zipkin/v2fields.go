// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// endpointFields are the places of an endpoint in messages.
type endpointFields struct {
	whole, service, ip, port string
	memory                   int // that may know it
}

var (
	localFields  = endpointFields{"localEndpoint", "localEndpoint.serviceName", "localEndpoint.ipv4", "localEndpoint.port", 0}
	remoteFields = endpointFields{"remoteEndpoint", "remoteEndpoint.serviceName", "remoteEndpoint.ipv4", "remoteEndpoint.port", 1}
	v1Fields     = endpointFields{"endpoint", "endpoint.serviceName", "endpoint.ipv4", "endpoint.port", 0}
)

// endpoint reads an endpoint object. One without a known field is an absent
// endpoint.
func (r *reader) endpoint(f *endpointFields) span.Endpoint {
	j := &r.j
	if j.Peek() != '{' {
		r.refuseValue(f.whole, "an object")
		return span.Endpoint{}
	}
	start := j.Pos
	memory := &r.endpoints[f.memory]
	tries := memory.tries()
	if tries {
		if known, n := memory.find(j.Buf[start:]); known != nil {
			j.Pos += n
			return *known
		}
	}
	lenient := j.Lenient
	j.Lenient = false
	e := r.readEndpoint(f)
	if tries && j.Err == nil && !r.faulty && !j.Lenient {
		memory.add(j.Buf[start:], j.Pos-start, &e)
	}
	j.Lenient = j.Lenient || lenient
	return e
}

func (r *reader) readEndpoint(f *endpointFields) (e span.Endpoint) {
	j := &r.j
	j.Object()
	for {
		key, k, ok := r.endpointKey()
		if !ok {
			return e
		}
		if j.Null() {
			continue
		}
		switch key {
		case keyService:
			e.Service = r.nonEmpty(f.service)
		case keyIP4, keyIP6:
			if a, ok := r.usualIP4(); ok {
				e.SetIP4(a)
				j.Lenient = j.Lenient || key == keyIP6
			} else if s, ok := r.text(f.ip); ok && !setIPText(&e, j.Text(s), key == keyIP6) {
				j.Lenient = true
			}
		case keyPort:
			v, ok := r.integer(f.port)
			if ok && v > 65535 {
				r.refuse(f.port, strconv.FormatInt(v, 10), "at most 65535")
			}
			e.Port = uint16(max(v, 0))
		default:
			r.skip(k)
		}
	}
}

// annotations reads a list of annotations.
func (r *reader) annotations() {
	j := &r.j
	if j.Peek() != '[' {
		r.refuseValue("annotations", "a list")
		return
	}
	j.Array()
	for r.item = 1; j.Elem(); r.item++ {
		if j.Peek() != '{' {
			r.refuseValue("annotation", "an object")
			continue
		}
		var e span.Event
		timed := false
		j.Object()
		for {
			k, ok := j.Key()
			if !ok {
				break
			}
			switch j.Text(k) {
			case "timestamp":
				e.Time, timed = r.annotationTime()
			case "value":
				e.Name = r.annotationValue()
			default:
				r.skip(k)
			}
		}
		if j.Err == nil && r.completeAnnotation(timed, e.Name) {
			r.w.Event(e)
		}
	}
	r.item = 0
}

// completeAnnotation refuses the span for an annotation without its fields.
func (r *reader) completeAnnotation(timed bool, value span.Text) bool {
	switch {
	case !timed:
		r.refuse("annotation.timestamp", "nothing", "microseconds since 1970")
	case !value.Present():
		r.refuse("annotation.value", "nothing", "a string")
	}
	return !r.faulty
}

// annotationTime reads microseconds as nanoseconds. Unlike a span an annotation
// may have the time 0 or less.
func (r *reader) annotationTime() (ns int64, ok bool) {
	const field = "annotation.timestamp"
	v, ok := r.integer(field)
	if v <= 0 {
		r.j.Lenient = true
	}
	return r.nanos(field, v), ok
}

func (r *reader) annotationValue() span.Text {
	s, ok := r.text("annotation.value")
	if !ok {
		return span.Text{}
	}
	return r.keep(s, "annotation.value")
}

// sortEvents sorts the events since the mark by time and text and takes out
// exact repeats, as the server's model does. It says whether that changed
// anything.
func sortEvents(w *span.Builder, mark int) (changed bool) {
	events := w.EventsSince(mark)
	compare := func(a, b span.Event) int {
		if c := cmp.Compare(a.Time, b.Time); c != 0 {
			return c
		}
		return strings.Compare(w.Str(a.Name), w.Str(b.Name))
	}
	for i := 1; i < len(events); i++ {
		if compare(events[i-1], events[i]) >= 0 {
			changed = true
			break
		}
	}
	if !changed {
		return false
	}
	slices.SortFunc(events, compare)
	left := slices.CompactFunc(events, func(a, b span.Event) bool { return compare(a, b) == 0 })
	w.TruncateEvents(mark + len(left))
	return true
}

// tags reads the object of tags. Values are strings or numbers; for others the
// server refuses the span.
func (r *reader) tags(said *outcome) {
	j := &r.j
	if j.Peek() != '{' {
		r.refuseValue("tags", "an object")
		return
	}
	j.Object()
	for prev := uint8(0); ; {
		k, special, next, ok := r.tagKey(prev)
		if !ok {
			return
		}
		prev = next
		if !j.IsText() {
			r.refuseValue("tag "+short(j.Bytes(k)), "a string")
			continue
		}
		v := j.String()
		if j.Err != nil {
			return
		}
		a := span.StringAttr(r.keep(k, "tags"), r.keep(v, "tags"))
		if special {
			said.read(r.w, &a)
		}
		r.w.Attr(a)
	}
}

// tagKey reads the key of the next tag, which comes after another one; false at
// the end of the list.
func (r *reader) tagKey(prev uint8) (k wire.Str, special bool, n uint8, ok bool) {
	j := &r.j
	at := j.PlainKey()
	if at >= 0 {
		if n = r.tagKeys.next(prev, j.Buf[at:]); n != 0 {
			known := &r.tagKeys.known[n]
			j.TakeKey(at + len(known.lit))
			return wire.Str{At: at, N: len(known.lit) - len(`":`)}, known.special, n, true
		}
	}
	lenient := j.Lenient
	j.Lenient = false
	if k, ok = j.Key(); ok && k.At == at && j.Pos == at+k.N+len(`":`) && !k.Escaped && !j.Lenient {
		n = r.tagKeys.add(prev, asString(j.Buf[at:j.Pos]))
	}
	j.Lenient = j.Lenient || lenient
	return k, true, n, ok
}
