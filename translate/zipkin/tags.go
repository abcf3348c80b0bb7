// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
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
