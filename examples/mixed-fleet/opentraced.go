// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/middleware/nethttp"
)

// opentraced is a service that is traced through the OpenTracing API: cart and
// price differ in nothing but the tracer.
type opentraced struct {
	name, work string
	tracer     opentracing.Tracer
	// identify gives the trace id in the words of the tracer.
	identify func(opentracing.SpanContext) (trace string, sampled bool)
	next     string
}

// serve answers requests until the context ends.
func (o *opentraced) serve(ctx context.Context, addr string) error {
	client := &http.Client{Transport: nethttp.NewTransport(o.tracer, nil)}
	mux := http.NewServeMux()
	mux.Handle("GET /"+o.name, orders(func(r *http.Request) ([]visit, error) { return o.visit(r, client) }))
	return untilDone(ctx, newServer(addr, nethttp.Handler(o.tracer, mux)))
}

func (o *opentraced) visit(r *http.Request, client *http.Client) ([]visit, error) {
	here := opentracing.SpanFromContext(r.Context()).Context()
	v := visit{Service: o.name, Headers: tracing(r.Header), Baggage: map[string]string{}}
	v.Trace, v.Sampled = o.identify(here)
	here.ForeachBaggageItem(func(key, value string) bool {
		v.Baggage[key] = value
		return true
	})

	local := o.tracer.StartSpan(o.work, opentracing.ChildOf(here))
	local.SetTag("items", 2)
	local.Finish()

	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, o.next+"?"+r.URL.RawQuery, nil)
	if err != nil {
		return nil, err
	}
	later, err := visits(client, req)
	return append([]visit{v}, later...), err
}
