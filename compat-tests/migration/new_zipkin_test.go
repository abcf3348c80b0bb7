// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"net/netip"
	"testing"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/zipkin"
)

func TestNewZipkin(t *testing.T) {
	backend := zipkinServer(t)
	r, err := zipkin.New(backend.URL,
		reporter.WithBatch(100, 1<<20), reporter.WithInterval(time.Second), reporter.WithQueue(1000), reporter.WithTimeout(time.Second))
	check(t, err)
	probabilistic, err := tracer.NewProbabilisticSampler(0.01)
	check(t, err)
	_, _ = probabilistic, opentracing.NoopTracer{}
	tr := tracer.New("shop",
		tracer.WithReporter(r),
		tracer.WithIP(netip.MustParseAddr("10.0.0.5")),
		tracer.WithSampler(tracer.NewConstSampler(true)),
		tracer.WithSharedSpans(),
		tracer.WithTags(tracer.Tag{Key: "zone", Value: "eu"}),
		tracer.WithPropagator(propagation.New(propagation.Write(propagation.B3))),
	)

	span := tr.StartSpan("checkout")
	sc := span.Context().(*tracer.SpanContext)
	if sc.Trace.String() == "" || sc.Span.String() == "" || !sc.IsSampled() {
		t.Error(sc)
	}
	headers := make(opentracing.TextMapCarrier)
	check(t, tr.Inject(span.Context(), opentracing.TextMap, headers))
	if len(headers) != 1 || headers["b3"] == "" {
		t.Error(headers)
	}
	span.Finish()
	check(t, tr.Close())
	if backend.spans() != 1 {
		t.Errorf("%d spans", backend.spans())
	}
}
