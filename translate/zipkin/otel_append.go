// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// What the mode for the Collector does beyond adding tags: its Zipkin receiver
// (pkg/translator/zipkin/zipkinv2) refuses a whole request for an annotation
// with two separators that is not of its own form, for a link whose tracestate
// has one, and for an annotation at the time 0; of the status codes it knows
// only its own spelling.
const (
	statusOK    = "STATUS_CODE_OK"
	statusError = "STATUS_CODE_ERROR"
	separator   = '|'
	// fieldEvent is the field that names an event wherever the Collector's
	// translators find it; a field of that key leaves it to the other one.
	fieldEvent, fieldEventName = "event", "event.name"
)

// forCollector is true for a span of Zipkin that the Collector's receiver reads
// right as it came.
func forCollector(b *span.Batch, s *span.Span) bool {
	if s.Has&span.HasStatus != 0 {
		return false
	}
	events := b.Events(s.Events)
	for i := range events {
		if events[i].Time < 1000 || strings.IndexByte(b.Str(events[i].Name), separator) >= 0 {
			return false
		}
	}
	attrs := b.Attrs(s.Attrs)
	for i := range attrs {
		if strings.HasPrefix(b.Str(attrs[i].Key), tagLink) {
			return false
		}
	}
	return true
}

// appendOTel adds the tags in which the Collector's Zipkin receiver looks for
// what Zipkin has no field for. It knows the scope by its older name.
func (e *JSONEncoder) appendOTel(b *span.Batch, s *span.Span) {
	t := &e.tags
	own := isOwn(b, s)
	e.removeLinks(own)
	if c := b.Scope(s.Scope); c != nil && !own {
		t.Add(tagLibraryName, b.Str(c.Name))
		t.Add(tagLibraryVersion, b.Str(c.Version))
	}
	e.statusOTel(b, s, own)
	n := 0
	refs := b.Refs(s.Refs)
	for i := range refs {
		r := &refs[i]
		if r.Parent || r.Trace.IsZero() || r.Span == 0 {
			continue
		}
		t.Add(tagLink+strconv.Itoa(n), linkText(b, r))
		n++
	}
}

// statusOTel writes the status in the receiver's spelling. A message is read
// beside a code alone. The tag error of a span of Zipkin keeps its text.
func (e *JSONEncoder) statusOTel(b *span.Batch, s *span.Span, own bool) {
	t := &e.tags
	switch s.Status {
	case span.StatusOK:
		t.Set(translate.Tag{Key: "otel.status_code", Text: statusOK})
	case span.StatusError:
		if own {
			t.Add("error", "true")
		} else {
			t.Set(translate.Tag{Key: "error", Text: "true"})
		}
		message := !own && s.StatusMessage.Len() > 0
		if message || s.Has&span.HasStatus != 0 {
			t.Set(translate.Tag{Key: "otel.status_code", Text: statusError})
		}
		if message {
			t.Set(translate.Tag{Key: "otel.status_description", Text: b.Str(s.StatusMessage)})
		}
	}
}

// removeLinks takes out tags that would be taken for links: the links of the
// span are written anew, and a text that is none is refused.
func (e *JSONEncoder) removeLinks(own bool) {
	lost := false
	for i := len(e.tags.List) - 1; i >= 0; i-- {
		t := &e.tags.List[i]
		if _, ok := linkNumber(t.Key); ok {
			lost = lost || t.Attr == nil || !t.Attr.Mirrored
			e.tags.Remove(i)
		}
	}
	if lost && own { // of others the draft tells
		e.losses.Add(span.Zipkin, translate.FieldRefs)
	}
}

// linkText is trace|span|state|{attributes}|dropped, without a state that the
// receiver would take for more than one part.
func linkText(b *span.Batch, r *span.Ref) string {
	d := r.Trace.AppendHex32(nil)
	d = append(d, separator)
	d = r.Span.AppendHex(d)
	d = append(d, separator)
	if state := b.Str(r.State); strings.IndexByte(state, separator) < 0 {
		d = append(d, state...)
	}
	return string(appendEventText(d, b, &span.Event{Attrs: r.Attrs, Dropped: r.Dropped}))
}

// appendEventForCollector appends the value of an annotation of which the
// receiver takes all for an event: a name with separators stays the name up to
// the first one and is whole in a field.
func appendEventForCollector(d []byte, b *span.Batch, e *span.Event) []byte {
	name := b.Str(e.Name)
	cut := strings.IndexByte(name, separator)
	switch {
	case cut < 0 && !hasFields(b, e):
		return append(d, name...)
	case cut < 0:
		return appendEventText(d, b, e)
	}
	d = append(d, name[:cut]...)
	d = append(d, "|{"...)
	start := len(d)
	key := fieldEvent
	if hasField(b, e, key) {
		key = fieldEventName
	}
	d = append(wire.AppendJSON(d, key), ':')
	d = wire.AppendJSON(d, name)
	return appendFieldsText(d, start, b, e)
}

func hasField(b *span.Batch, e *span.Event, key string) bool {
	attrs := b.Attrs(e.Attrs)
	for i := range attrs {
		if !attrs[i].Mirrored && b.Str(attrs[i].Key) == key {
			return true
		}
	}
	return false
}
