// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// What a field of one span made of an attribute of the resource does not count for
// the next one of that resource.
func TestSightForgetsWhatFieldsTold(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"peer.service", "span.kind", "otel.scope.name", "w3c.tracestate"} {
		for _, format := range []string{"zipkin.v2json", "jaeger.proto", "otlp.proto"} {
			w := span.NewBuilder(nil, span.Origin{Format: format})
			mark := w.AttrMark()
			value := w.Copy("server")
			a := span.StringAttr(w.Copy(key), value)
			a.Mirrored = true
			w.Attr(a)
			w.Attr(span.StringAttr(w.Copy("plain"), w.Copy("text")))
			resource := w.Resource(span.Resource{Attrs: w.AttrsFrom(mark)})
			scope := w.Scope(span.Scope{Name: value})
			for i := range 3 {
				s := span.Span{Trace: span.TraceID{Lo: 1}, ID: span.ID(i + 1), Resource: resource, Name: w.Copy("n")}
				if i != 1 {
					s.Remote.Service, s.Kind, s.Scope, s.State = value, span.KindServer, scope, value
				}
				w.Span(s)
			}
			for _, to := range sightTargets {
				sameByDraft(t, to, items(w.Batch()), translate.Exact)
				sameByDraft(t, to, items(w.Batch()), translate.Plain)
			}
		}
	}
}

// Whether a mirrored attribute is written may depend on what it says.
func TestPlanOfWhatFieldsTold(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"zipkin.v2.json", "jaeger.proto", "otlp.proto"} {
		for _, first := range []string{"true", "boom"} {
			w := span.NewBuilder(nil, span.Origin{Format: format})
			for i, text := range []string{first, "bang", "true", "", "bang"} {
				mark := w.AttrMark()
				a := span.StringAttr(w.Copy("error"), w.Copy(text))
				a.Mirrored = true
				w.Attr(a)
				w.Span(span.Span{
					Trace: span.TraceID{Lo: 1}, ID: span.ID(i + 1), Name: w.Copy("n"), Attrs: w.AttrsFrom(mark),
					Status: span.StatusError, StatusMessage: w.Copy("boom"),
				})
			}
			for _, to := range sightTargets {
				sameByDraft(t, to, items(w.Batch()), translate.Exact)
			}
		}
	}
}
