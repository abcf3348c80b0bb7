// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/harness"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
)

// probe looks into contexts for the harness.
type probe struct{}

func (probe) SameTrace(a, b opentracing.Span) bool {
	x, y := a.Context().(*tracer.SpanContext), b.Context().(*tracer.SpanContext)
	return x.HasIDs() && x.Trace == y.Trace
}

func (probe) SameSpanContext(s opentracing.Span, c opentracing.SpanContext) bool {
	x, y := s.Context().(*tracer.SpanContext), c.(*tracer.SpanContext)
	return x.HasIDs() && x.Trace == y.Trace && x.Span == y.Span
}

// OpenTracing's own checks, all of them, with each set of headers.
func TestHarness(t *testing.T) {
	for name, formats := range map[string][]propagation.Format{
		"default": nil, "b3": {propagation.B3}, "b3multi": {propagation.B3Multi}, "sw8": {propagation.SW8},
		"w3c": {propagation.W3C}, "uber": {propagation.Uber}, "ot": {propagation.OT},
	} {
		t.Run(name, func(t *testing.T) {
			harness.RunAPIChecks(t, func() (opentracing.Tracer, func()) {
				var options []tracer.Option
				if formats != nil {
					options = append(options, tracer.WithPropagator(propagation.New(propagation.Write(formats...))))
				}
				tr := tracer.New("planet-express", options...)
				return tr, func() { _ = tr.Close() }
			}, harness.CheckEverything(), harness.UseProbe(probe{}))
		})
	}
}
