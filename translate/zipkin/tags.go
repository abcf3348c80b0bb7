// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// CollectTags takes the tags that a span has in Zipkin.
func CollectTags(t *translate.Tags, b *span.Batch, s *span.Span) {
	own := isOwn(b, s)
	t.Collect(b, s, own)
	if s.Status != span.StatusError {
		dropErrorFalse(t, b)
	}
	if own {
		return
	}
	switch s.Status {
	case span.StatusError:
		// The key alone makes a span an error in Zipkin; a user's tag of that
		// name that says nothing of the status gives way.
		t.Set(translate.Tag{Key: "error", Text: b.Str(s.StatusMessage)})
		if s.Has&span.HasStatus != 0 {
			t.Set(translate.Tag{Key: "otel.status_code", Text: "ERROR"})
		} else if !s.StatusMessage.Present() {
			t.Set(translate.Tag{Key: "error", Text: "true"})
		}
	case span.StatusOK:
		t.Set(translate.Tag{Key: "otel.status_code", Text: "OK"})
	}
	if s.Kind == span.KindInternal {
		t.Add("span.kind", s.Kind.String())
	}
}

// dropErrorFalse takes out a tag error that says there is none: Zipkin looks
// only at the key. OpenTelemetry's rules for Zipkin exporters ask for it too.
func dropErrorFalse(t *translate.Tags, b *span.Batch) {
	i := t.Find("error")
	if i < 0 || t.List[i].Attr == nil {
		return
	}
	a := t.List[i].Attr
	if a.Type == span.Bool && !a.Bool() || a.Type == span.String && b.Str(a.Text()) == "false" {
		t.Remove(i)
	}
}

// isOwn tells a span whose tags follow Zipkin's conventions.
func isOwn(b *span.Batch, s *span.Span) bool { return b.Home(s) == span.Zipkin }

// hasFields is true for an event that says more than its name.
func hasFields(b *span.Batch, e *span.Event) bool {
	attrs := b.Attrs(e.Attrs)
	for i := range attrs {
		if !attrs[i].Mirrored {
			return true
		}
	}
	return e.Dropped > 0
}

// appendEventText appends the value of the annotation for an event with
// fields: name|{fields}|dropped, the form of OpenTelemetry's Zipkin exporters.
func appendEventText(d []byte, b *span.Batch, e *span.Event) []byte {
	d = b.AppendStr(d, e.Name)
	d = append(d, '|')
	sep := byte('{')
	attrs := b.Attrs(e.Attrs)
	for i := range attrs {
		if attrs[i].Mirrored {
			continue
		}
		d = append(d, sep)
		d = wire.AppendJSON(d, b.Str(attrs[i].Key))
		d = append(d, ':')
		d = appendJSONValue(d, b, &attrs[i])
		sep = ','
	}
	if sep == '{' {
		d = append(d, sep)
	}
	d = append(d, "}|"...)
	return strconv.AppendUint(d, uint64(e.Dropped), 10)
}

// appendJSONValue appends a typed value as JSON.
func appendJSONValue(d []byte, b *span.Batch, a *span.Attr) []byte {
	switch a.Type {
	case span.Int, span.Bool, span.JSON:
		return b.AppendText(d, a)
	case span.Float:
		if v := a.Float(); v-v == 0 { // finite
			return b.AppendText(d, a)
		}
		return append(b.AppendText(append(d, '"'), a), '"')
	case span.Null:
		return append(d, "null"...)
	case span.Bytes:
		return append(b.AppendText(append(d, '"'), a), '"')
	default:
		return wire.AppendJSON(d, b.Str(a.Text()))
	}
}

// Times in microseconds, which is what both forms of version 2 hold. A start in
// the first microsecond of 1970 cannot be said, nor a duration of 0: both mean
// absent. A duration below a microsecond counts as one, as Zipkin's own
// libraries have it.

func startMicros(s *span.Span) (int64, bool) {
	v := s.Start / 1000
	return v, s.Has&span.HasStart != 0 && v > 0
}

func durationMicros(s *span.Span) (int64, bool) {
	if s.Has&span.HasDuration == 0 || s.Duration <= 0 {
		return 0, false
	}
	return max(s.Duration/1000, 1), true
}

// wireIdentity is the identity under which Zipkin knows a span.
func wireIdentity(it *span.Item, s *span.Span) (id, parent span.ID, shared bool) {
	if s.Has&span.HasWire != 0 {
		return s.Wire.ID, s.Wire.Parent, s.Has&span.Shared != 0
	}
	return it.ID, it.Parent, false
}
