// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter/zipkin"
)

func init() { services["cart"] = cart }

// cart is traced by package tracer, which takes a trace from any header and writes
// those that it is told to.
func cart(ctx context.Context, args []string) error {
	s, err := parseService("cart", args)
	if err != nil {
		return err
	}
	write, err := propagation.ParseFormats(s.write)
	if err != nil {
		return err
	}
	spans, err := zipkin.New(s.zipkin)
	if err != nil {
		return err
	}
	t := tracer.New("cart", tracer.WithInstance("cart-1"), tracer.WithReporter(spans),
		tracer.WithPropagator(propagation.New(propagation.Write(write...))))
	defer t.Close() // sends what is left
	service := &opentraced{name: "cart", work: "sum up", tracer: t, next: s.next, identify: func(c opentracing.SpanContext) (string, bool) {
		own, ok := c.(*tracer.SpanContext)
		if !ok {
			return "", false
		}
		return own.Trace.String(), own.IsSampled()
	}}
	return service.serve(ctx, s.listen)
}
