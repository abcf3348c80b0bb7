// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// collectTags takes the tags that a span has in Zipkin.
func collectTags(t *translate.Tags, b *span.Batch, s *span.Span) {
	own := isOwn(b)
	t.Collect(b, s, own)
	if own {
		return
	}
	switch {
	case s.Status == span.StatusError:
		// The key alone makes a span an error in Zipkin; a user's tag of that
		// name that says nothing of the status gives way.
		t.Set(translate.Tag{Key: "error", Text: b.Str(s.StatusMessage)})
		if s.Has&span.HasStatus != 0 {
			t.Set(translate.Tag{Key: "otel.status_code", Text: "ERROR"})
		} else if !s.StatusMessage.Present() {
			t.Set(translate.Tag{Key: "error", Text: "true"})
		}
	case s.Status == span.StatusOK:
		t.Set(translate.Tag{Key: "otel.status_code", Text: "OK"})
	}
	if s.Kind == span.KindInternal {
		t.Add("span.kind", s.Kind.String())
	}
}

// isOwn tells a batch that came by Zipkin's own protocol.
func isOwn(b *span.Batch) bool { return strings.HasPrefix(b.Origin.Format, "zipkin.") }

// appendEventText appends an annotation's value: the name of the event, or
// name|{fields}|dropped when it has fields, the form of OpenTelemetry's Zipkin
// exporters.
func appendEventText(dst []byte, b *span.Batch, e *span.Event) []byte {
	dst = b.AppendStr(dst, e.Name)
	if e.Attrs.N == 0 && e.Dropped == 0 {
		return dst
	}
	return appendEventFields(dst, b, e)
}
