// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/residue"
)

// outcome is what the tags of a span say of its status. Zipkin's tag error
// means a failure whatever its value is; the otel tags are those of
// OpenTelemetry's Zipkin exporters.
type outcome struct {
	failed      bool
	message     span.Text // value of the last tag error
	code        span.Status
	description span.Text
	otel        otelTags
	residue     bool // there is a tag of that key
}

// read takes a tag into account and marks it if a field of the span says it.
func (o *outcome) read(w *span.Builder, a *span.Attr) {
	switch key := w.Str(a.Key); key {
	case "error":
		o.readError(w, a)
	case "otel.status_code":
		o.code = statusCode(w, a)
		a.Mirrored = o.code != span.StatusUnset
	case "otel.status_description":
		if a.Type == span.String {
			o.description = a.Text()
			a.Mirrored = true
		}
	case residue.Key:
		o.residue = true
	default:
		if len(key) > len(residue.Key) {
			o.otel.read(w, key, a)
		}
	}
}

// readError reads the tag error. Its value is the message; true, which is how
// OpenTracing says it, tells nothing more than the key.
func (o *outcome) readError(w *span.Builder, a *span.Attr) {
	switch {
	case a.Type == span.String:
		o.message = a.Text()
		if w.Str(o.message) == "true" {
			o.message = span.Text{}
		}
	case a.Type != span.Bool || !a.Bool():
		return // typed values of version 1, which the server does not read
	default:
		o.message = span.Text{}
	}
	o.failed = true
	a.Mirrored = true
}

// statusCode reads OK and ERROR, which some exporters write as STATUS_CODE_OK
// and STATUS_CODE_ERROR or in lower case.
func statusCode(w *span.Builder, a *span.Attr) span.Status {
	if a.Type != span.String {
		return span.StatusUnset
	}
	const prefix = "STATUS_CODE_"
	code := w.Str(a.Text())
	if len(code) > len(prefix) && strings.EqualFold(code[:len(prefix)], prefix) {
		code = code[len(prefix):]
	}
	switch {
	case strings.EqualFold(code, "OK"):
		return span.StatusOK
	case strings.EqualFold(code, "ERROR"):
		return span.StatusError
	}
	return span.StatusUnset
}

// set gives the span its status and what else the tags said; its attributes are
// those since the mark. A tag error wins over a code OK, because it
// does so in Zipkin.
func (o *outcome) set(w *span.Builder, s *span.Span, attrs int) {
	if o.otel.any {
		o.otel.set(w, s, attrs)
	}
	s.Status = o.code
	if o.failed {
		s.Status = span.StatusError
		s.StatusMessage = o.message
	}
	if o.code != span.StatusUnset && o.code == s.Status {
		s.Has |= span.HasStatus
	}
	if o.description.Present() {
		s.StatusMessage = o.description
	}
}
