// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"testing"
	"time"

	"github.com/opentracing/opentracing-go"
	zipkinot "github.com/openzipkin-contrib/zipkin-go-opentracing"
	"github.com/openzipkin/zipkin-go"
	"github.com/openzipkin/zipkin-go/model"
	zipkinhttp "github.com/openzipkin/zipkin-go/reporter/http"
)

func TestOldZipkin(t *testing.T) {
	backend := zipkinServer(t)
	reporter := zipkinhttp.NewReporter(backend.URL+"/api/v2/spans",
		zipkinhttp.BatchSize(100), zipkinhttp.BatchInterval(time.Second), zipkinhttp.MaxBacklog(1000), zipkinhttp.Timeout(time.Second))
	endpoint, err := zipkin.NewEndpoint("shop", "10.0.0.5:0")
	check(t, err)
	boundary, err := zipkin.NewBoundarySampler(0.01, 1)
	check(t, err)
	counting, err := zipkin.NewCountingSampler(0.1)
	check(t, err)
	_, _, _ = boundary(1), counting(1), zipkin.NewModuloSampler(10)(1)
	_, err = zipkin.NewTracer(reporter, zipkin.WithNoopTracer(true))
	check(t, err)
	native, err := zipkin.NewTracer(reporter,
		zipkin.WithLocalEndpoint(endpoint),
		zipkin.WithSampler(zipkin.AlwaysSample),
		zipkin.WithSharedSpans(true),
		zipkin.WithTraceID128Bit(true),
		zipkin.WithTags(map[string]string{"zone": "eu"}),
	)
	check(t, err)
	tracer := zipkinot.Wrap(native, zipkinot.WithB3InjectOption(zipkinot.B3InjectSingle))

	span := tracer.StartSpan("checkout")
	sc := model.SpanContext(span.Context().(zipkinot.SpanContext))
	if sc.TraceID.String() == "" || sc.ID.String() == "" || !*sc.Sampled {
		t.Error(sc)
	}
	headers := make(opentracing.TextMapCarrier)
	check(t, tracer.Inject(span.Context(), opentracing.TextMap, headers))
	span.Finish()
	check(t, reporter.Close())
	if backend.spans() != 1 {
		t.Errorf("%d spans", backend.spans())
	}
}
