// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/opentracing/opentracing-go"
	"github.com/uber/jaeger-client-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/propagation/jaegerclient"
)

func init() { services["price"] = price }

// price is traced by jaeger-client-go, which knows uber-trace-id. With our
// adapter it takes a trace from any header, and writes sw8 beside its own, for an
// agent that knows nothing else.
func price(ctx context.Context, args []string) error {
	s, err := parseService("price", args)
	if err != nil {
		return err
	}
	udp, err := jaeger.NewUDPTransport(s.jaeger, 0)
	if err != nil {
		return err
	}
	codec := jaegerclient.New("price", jaegerclient.Instance("price-1"),
		jaegerclient.Propagator(propagation.New(propagation.Prefer(propagation.Uber), propagation.Write(propagation.Uber, propagation.SW8))))
	tracer, closer := jaeger.NewTracer("price", jaeger.NewConstSampler(true), jaeger.NewRemoteReporter(udp), codec.Options()...)
	defer closer.Close() // sends what is left
	service := &opentraced{name: "price", work: "add taxes", tracer: tracer, next: s.next, identify: func(c opentracing.SpanContext) (string, bool) {
		own, ok := c.(jaeger.SpanContext)
		return own.TraceID().String(), ok && own.IsSampled()
	}}
	return service.serve(ctx, s.listen)
}
