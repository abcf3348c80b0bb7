// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
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

func (h *opentraced) serve(_ http.ResponseWriter, r *http.Request) ([]visit, error) {
	caller, _ := h.tracer.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(r.Header))
	server := h.tracer.StartSpan("GET /"+h.name, ext.RPCServerOption(caller))
	defer server.Finish()
	ext.HTTPMethod.Set(server, r.Method)
	ext.HTTPUrl.Set(server, r.URL.Path)
	v := visit{Service: h.name, Headers: tracing(r.Header), Baggage: map[string]string{}}
	v.Trace, v.Sampled = h.identify(server.Context())
	server.Context().ForeachBaggageItem(func(key, value string) bool {
		v.Baggage[key] = value
		return true
	})

	local := h.tracer.StartSpan(h.work, opentracing.ChildOf(server.Context()))
	local.SetTag("items", 2)
	local.Finish()

	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, h.next+"?"+r.URL.RawQuery, nil)
	if err != nil {
		return nil, err
	}
	client := h.tracer.StartSpan("GET "+req.URL.Path, opentracing.ChildOf(server.Context()), ext.SpanKindRPCClient)
	defer client.Finish()
	ext.HTTPMethod.Set(client, req.Method)
	ext.HTTPUrl.Set(client, h.next)
	ext.PeerAddress.Set(client, req.URL.Host)
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
