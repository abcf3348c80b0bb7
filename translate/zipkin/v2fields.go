// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// endpointFields are the places of an endpoint in messages.
type endpointFields struct{ whole, service, ip, port string }

var (
	localFields  = endpointFields{"localEndpoint", "localEndpoint.serviceName", "localEndpoint.ipv4", "localEndpoint.port"}
	remoteFields = endpointFields{"remoteEndpoint", "remoteEndpoint.serviceName", "remoteEndpoint.ipv4", "remoteEndpoint.port"}
	v1Fields     = endpointFields{"endpoint", "endpoint.serviceName", "endpoint.ipv4", "endpoint.port"}
)

// endpoint reads an endpoint object. One without a known field is an absent
// endpoint.
func (r *reader) endpoint(f *endpointFields) (e span.Endpoint) {
	j := &r.j
	if j.Null() {
		return e
	}
	if j.Peek() != '{' {
		r.refuseValue(f.whole, "an object")
		return e
	}
	j.Object()
	for {
		k, ok := j.Key()
		if !ok {
			return e
		}
		switch j.Raw(k) {
		case "serviceName":
			if !j.Null() {
				e.Service = r.nonEmpty(f.service)
			}
		case "ipv4", "ipv6":
			// The server looks at the text, not at the key; it ignores text that
			// is no address.
			if j.Null() {
				continue
			}
			if s, ok := r.text(f.ip); ok {
				if a, err := netip.ParseAddr(j.Raw(s)); err == nil && a.Zone() == "" {
					e.SetIP(a)
				}
			}
		case "port":
			if j.Null() {
				continue
			}
			v, ok := r.integer(f.port)
			switch {
			case ok && v > 65535:
				r.refuse(f.port, strconv.FormatInt(v, 10), "at most 65535")
			case ok && v > 0:
				e.Port = uint16(v)
			}
		default:
			j.Skip()
		}
	}
}

// annotations reads a list of annotations: sorted by time and value, the same
// one twice counts once, as in the server's model.
func (r *reader) annotations() span.Range {
	j := &r.j
	if j.Peek() != '[' {
		r.refuseValue("annotations", "a list")
		return span.Range{}
	}
	mark := r.w.EventMark()
	j.Array()
	for r.item = 1; j.Elem(); r.item++ {
		if j.Peek() != '{' {
			r.refuseValue("annotation", "an object")
			continue
		}
		var e span.Event
		var at int64
		j.Object()
		for {
			k, ok := j.Key()
			if !ok {
				break
			}
			switch j.Raw(k) {
			case "timestamp":
				at = r.annotationTime()
			case "value":
				e.Name = r.annotationValue()
			default:
				j.Skip()
			}
		}
		switch {
		case j.Err != nil || r.faulty:
		case at == 0:
			r.refuse("annotation.timestamp", "nothing", "microseconds since 1970")
		case !e.Name.Present():
			r.refuse("annotation.value", "nothing", "a string")
		default:
			e.Time = at
			r.w.Event(e)
		}
	}
	r.item = 0
	if sortEvents(r.w, mark) {
		j.Lenient = true
	}
	return r.w.EventsFrom(mark)
}

// annotationTime reads microseconds as nanoseconds; 0 for null.
func (r *reader) annotationTime() int64 {
	if r.j.Null() {
		return 0
	}
	v, ok := r.integer("annotation.timestamp")
	if ok && (v > maxMicros || v < -maxMicros) {
		r.refuse("annotation.timestamp", strconv.FormatInt(v, 10), "microseconds up to "+strconv.Itoa(maxMicros))
		return 0
	}
	return v * 1000
}

func (r *reader) annotationValue() span.Text {
	if r.j.Null() {
		return span.Text{}
	}
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
		return cmp.Or(cmp.Compare(a.Time, b.Time), strings.Compare(w.Str(a.Name), w.Str(b.Name)))
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
func (r *reader) tags(s *span.Span) span.Range {
	j := &r.j
	if j.Peek() != '{' {
		r.refuseValue("tags", "an object")
		return span.Range{}
	}
	mark := r.w.AttrMark()
	j.Object()
	for {
		k, ok := j.Key()
		if !ok {
			break
		}
		if !j.IsText() {
			r.refuseValue("tag "+short(j.Bytes(k)), "a string")
			continue
		}
		v := j.String()
		if j.Err != nil {
			break
		}
		a := span.StringAttr(r.keep(k, "tags"), r.keep(v, "tags"))
		readStatus(r.w, s, &a)
		r.w.Attr(a)
	}
	return r.w.AttrsFrom(mark)
}

// readStatus takes the status from the tags that say it. Zipkin's tag error
// means a failure whatever its value is; OpenTelemetry's tags are those of its
// Zipkin exporters, of which some write STATUS_CODE_ERROR.
func readStatus(w *span.Builder, s *span.Span, a *span.Attr) {
	if a.Type != span.String {
		return
	}
	switch key := w.Str(a.Key); key {
	case "error":
		a.Mirrored = true
		s.Status = span.StatusError
		if !s.StatusMessage.Present() {
			s.StatusMessage = a.Text()
		}
	case "otel.status_code":
		switch strings.TrimPrefix(strings.ToUpper(w.Str(a.Text())), "STATUS_CODE_") {
		case "OK":
			a.Mirrored = true
			s.Has |= span.HasStatus
			if s.Status == span.StatusUnset {
				s.Status = span.StatusOK
			}
		case "ERROR":
			a.Mirrored = true
			s.Has |= span.HasStatus
			s.Status = span.StatusError
		}
	case "otel.status_description":
		a.Mirrored = true
		s.StatusMessage = a.Text()
	}
}
