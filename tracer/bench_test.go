// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"net/http"
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/opentracing/opentracing-go/log"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
)

func BenchmarkSampled(b *testing.B) {
	tr := tracer.New("bench", tracer.WithReporter(drain{}))
	b.ReportAllocs()
	for b.Loop() {
		tr.StartSpan("op").Finish()
	}
}

func BenchmarkNotSampled(b *testing.B) {
	tr := tracer.New("bench", tracer.WithSampler(tracer.NewConstSampler(false)))
	b.ReportAllocs()
	for b.Loop() {
		tr.StartSpan("op").Finish()
	}
}

func BenchmarkInject(b *testing.B) {
	tr := tracer.New("bench", tracer.WithPropagator(propagation.New(propagation.Write(propagation.Uber))))
	s := tr.StartSpan("op")
	h := http.Header{}
	b.ReportAllocs()
	for b.Loop() {
		_ = tr.Inject(s.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h))
	}
}

func BenchmarkTagged(b *testing.B) {
	var tr opentracing.Tracer = tracer.New("bench", tracer.WithReporter(drain{}))
	b.ReportAllocs()
	for b.Loop() {
		s := tr.StartSpan("op", ext.SpanKindRPCServer)
		s.SetTag("component", "net/http")
		s.SetTag("http.method", "GET")
		s.SetTag("http.url", "http://shop/orders/17")
		s.SetTag("http.status_code", uint16(200))
		s.LogFields(log.String("event", "cache miss"), log.Int("size", 17))
		s.Finish()
	}
}

func BenchmarkChild(b *testing.B) {
	var tr opentracing.Tracer = tracer.New("bench", tracer.WithReporter(drain{}))
	parent := tr.StartSpan("op")
	b.ReportAllocs()
	for b.Loop() {
		tr.StartSpan("op", opentracing.ChildOf(parent.Context())).Finish()
	}
}

func BenchmarkExtract(b *testing.B) {
	tr := tracer.New("bench")
	h := http.Header{}
	_ = tr.Inject(tr.StartSpan("op").Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = tr.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h))
	}
}
