// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/uber/jaeger-client-go"
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
	tracer, closer := jaeger.NewTracer("price", jaeger.NewConstSampler(true), jaeger.NewRemoteReporter(udp))
	defer closer.Close() // sends what is left
	h := &pricing{tracer: tracer, next: s.next}
	return serveOrders(ctx, s.listen, "price", orders(h.serve))
}

type pricing struct {
	tracer opentracing.Tracer
	next   string
}

func (h *pricing) serve(_ http.ResponseWriter, r *http.Request) ([]visit, error) {
	caller, _ := h.tracer.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(r.Header))
	server := h.tracer.StartSpan("GET /price", ext.RPCServerOption(caller))
	defer server.Finish()
	ext.HTTPMethod.Set(server, r.Method)
	ext.HTTPUrl.Set(server, r.URL.Path)
	v := visit{Service: "price", Headers: tracing(r.Header), Baggage: map[string]string{}}
	if c, ok := server.Context().(jaeger.SpanContext); ok {
		v.Trace, v.Sampled = c.TraceID().String(), c.IsSampled()
	}
	server.Context().ForeachBaggageItem(func(key, value string) bool {
		v.Baggage[key] = value
		return true
	})

	local := h.tracer.StartSpan("add taxes", opentracing.ChildOf(server.Context()))
	local.SetTag("taxes", 2)
	local.Finish()

	client := h.tracer.StartSpan("GET /rate", opentracing.ChildOf(server.Context()), ext.SpanKindRPCClient)
	defer client.Finish()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, h.next+"?"+r.URL.RawQuery, nil)
	if err != nil {
		return nil, err
	}
	ext.HTTPUrl.Set(client, h.next)
	ext.PeerHostname.Set(client, req.URL.Hostname())
	if err := h.tracer.Inject(client.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(req.Header)); err != nil {
		return nil, err
	}
	later, err := visits(http.DefaultClient, req)
	if err != nil {
		ext.LogError(client, err)
		return nil, err
	}
	return append([]visit{v}, later...), nil
}
