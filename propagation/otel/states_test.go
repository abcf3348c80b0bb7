// SPDX-License-Identifier: Apache-2.0

package otel_test

import (
	"context"
	"encoding/binary"
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	otel "go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanbridge/spanbridge/propagation"
	bridge "github.com/spanbridge/spanbridge/propagation/otel"
	"github.com/spanbridge/spanbridge/propagation/propagationtest"
	"github.com/spanbridge/spanbridge/span"
)

// newTracer is the SDK's tracer and what it reports.
func newTracer(t *testing.T, sampler sdk.Sampler) (trace.Tracer, *tracetest.InMemoryExporter) {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(spans), sdk.WithSampler(sampler))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return provider.Tracer("test"), spans
}

func ids(sc trace.SpanContext) (span.TraceID, span.ID) {
	t, s := sc.TraceID(), sc.SpanID()
	return span.TraceID{Hi: binary.BigEndian.Uint64(t[:8]), Lo: binary.BigEndian.Uint64(t[8:])}, span.ID(binary.BigEndian.Uint64(s[:]))
}

// serve begins a span for a request and another one for a call.
func serve(t *testing.T, p otel.TextMapPropagator, tracer trace.Tracer, spans *tracetest.InMemoryExporter, in http.Header, inside ...func(context.Context) context.Context) (hop propagationtest.Hop) {
	t.Helper()
	ctx := p.Extract(t.Context(), otel.HeaderCarrier(in))
	ctx, server := tracer.Start(ctx, "GET /orders", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(bridge.Attributes(ctx)...))
	for _, f := range inside {
		ctx = f(ctx)
	}
	ctx, client := tracer.Start(ctx, "POST", trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("server.address", "billing"), attribute.Int("server.port", 8080)))
	hop.Out = http.Header{}
	p.Inject(ctx, otel.HeaderCarrier(hop.Out))
	client.End()
	server.End()
	hop.Trace, hop.Server = ids(server.SpanContext())
	_, hop.Client = ids(client.SpanContext())
	hop.ClientParent = hop.Server
	reported := spans.GetSpans()
	spans.Reset()
	switch len(reported) {
	case 0: // a span that is not recorded does not tell its parent
		_, hop.ServerParent = ids(trace.SpanContextFromContext(p.Extract(t.Context(), otel.HeaderCarrier(in))))
	case 2:
		hop.Recorded = true
		_, hop.ClientParent = ids(reported[0].Parent)
		_, hop.ServerParent = ids(reported[1].Parent)
	default:
		t.Errorf("%d spans were reported, want 2", len(reported))
	}
	return hop
}

func TestStates(t *testing.T) {
	always, never := sdk.ParentBased(sdk.AlwaysSample()), sdk.ParentBased(sdk.NeverSample())
	yes := bridge.Undecided(func(trace.TraceID) bool { return true })
	for _, c := range []struct {
		file    string
		sampler sdk.Sampler
		options []bridge.Option
	}{
		{"testdata/sampler_always.txt", always, nil},
		{"testdata/sampler_never.txt", never, nil},
		{"testdata/undecided.txt", never, []bridge.Option{yes}},
	} {
		tracer, spans := newTracer(t, c.sampler)
		p := bridge.New("order", append(c.options, bridge.Headers(propagationtest.All()))...)
		propagationtest.Golden(t, c.file, propagationtest.Table(t, func(t *testing.T, in http.Header) propagationtest.Hop {
			t.Helper()
			return serve(t, p, tracer, spans, in)
		}))
	}
}

func read(h http.Header, f propagation.Format) propagation.Context {
	return propagation.New(propagation.Read(f)).Extract(propagation.HTTP(h))
}
