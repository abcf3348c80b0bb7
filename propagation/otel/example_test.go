// SPDX-License-Identifier: Apache-2.0

package otel_test

import (
	"context"
	"fmt"
	"net/http"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	headers "go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanbridge/spanbridge/propagation"
	bridge "github.com/spanbridge/spanbridge/propagation/otel"
)

// A request with B3 is continued, and the call that follows carries SkyWalking's
// header and the others beside W3C's. Instrumentation such as otelhttp uses the
// propagator that is set here.
func ExampleNew() {
	otel.SetTextMapPropagator(bridge.New("billing"))
	tracer := sdk.NewTracerProvider().Tracer("example")

	in := http.Header{"B3": {"463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-1"}}
	ctx := otel.GetTextMapPropagator().Extract(context.Background(), headers.HeaderCarrier(in))
	ctx, server := tracer.Start(ctx, "GET /bills", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(bridge.Attributes(ctx)...))
	defer server.End()
	bridge.SetEndpoint(ctx, "GET /bills")

	ctx, client := tracer.Start(ctx, "GET", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("server.address", "ledger")))
	defer client.End()
	out := http.Header{}
	otel.GetTextMapPropagator().Inject(ctx, headers.HeaderCarrier(out))
	for _, f := range []propagation.Format{propagation.B3, propagation.SW8, propagation.W3C, propagation.Uber} {
		c := propagation.New(propagation.Read(f)).Extract(propagation.HTTP(out))
		fmt.Println(f, c.Trace, c.Sampling)
	}
	// Output:
	// b3 463ac35c9f6413ad48485a3953bb6124 accept
	// sw8 463ac35c9f6413ad48485a3953bb6124 accept
	// w3c 463ac35c9f6413ad48485a3953bb6124 accept
	// uber 463ac35c9f6413ad48485a3953bb6124 accept
}

// B3 may leave the decision to the callee. Here every trace with an even id is
// taken, and headers of B3 count before W3C's.
func ExampleUndecided() {
	p := bridge.New("billing", bridge.Instance("billing-1"),
		bridge.Headers(propagation.New(propagation.Prefer(propagation.B3))),
		bridge.Undecided(func(id trace.TraceID) bool { return id[15]%2 == 0 }))
	for _, b3 := range []string{"48485a3953bb6124-7", "48485a3953bb6125-7"} {
		ctx := p.Extract(context.Background(), headers.MapCarrier{"b3": b3})
		fmt.Println(trace.SpanContextFromContext(ctx).IsSampled())
	}
	// Output:
	// true
	// false
}
