// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

type never struct{}

func (never) Sample(span.TraceID, string) tracer.Decision { return tracer.Decision{} }

type drain struct{}

func (drain) Report(*tracer.Record)       {}
func (drain) Close(context.Context) error { return nil }

func BenchmarkSampled(b *testing.B) {
	tr := tracer.New("bench", tracer.WithReporter(drain{}))
	b.ReportAllocs()
	for b.Loop() {
		tr.StartSpan("op").Finish()
	}
}

func BenchmarkNotSampled(b *testing.B) {
	tr := tracer.New("bench", tracer.WithSampler(never{}))
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
