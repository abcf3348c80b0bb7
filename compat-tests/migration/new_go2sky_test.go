// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/spanbridge/spanbridge/middleware/nethttp"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/skywalking"
)

func TestNewGo2sky(t *testing.T) {
	backend := newOAP(t)
	r, err := skywalking.New(backend.address, skywalking.WithToken("token"), reporter.WithQueue(1000))
	check(t, err)
	sampler, err := tracer.NewProbabilisticSampler(1)
	check(t, err)
	tr := tracer.New("shop", tracer.WithReporter(r), tracer.WithInstance("shop-1"), tracer.WithSampler(sampler))
	before := opentracing.GlobalTracer()
	defer opentracing.SetGlobalTracer(before)
	opentracing.SetGlobalTracer(tr)

	in := httptest.NewRequest(http.MethodGet, "/orders", nil)
	out := make(http.Header)
	ctx := context.Background()
	caller, _ := tr.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(in.Header))
	entry := tr.StartSpan("GET /orders", ext.RPCServerOption(caller))
	ctx = opentracing.ContextWithSpan(ctx, entry)
	local, ctx := opentracing.StartSpanFromContextWithTracer(ctx, tr, "price")
	exit := tr.StartSpan("/bills", opentracing.ChildOf(local.Context()), ext.SpanKindRPCClient)
	exit.SetTag("sw.component", 5005)
	ext.PeerAddress.Set(exit, "billing:8080")
	ext.HTTPMethod.Set(exit, "GET")
	ext.HTTPUrl.Set(exit, "http://billing:8080/bills")
	local.SetBaggageItem("user", "ann")
	check(t, tr.Inject(exit.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(out)))
	exit.LogKV("event", "retry")
	ext.LogError(exit, errors.New("no answer"))
	if id := tracer.TID(ctx); !strings.HasPrefix(id, "TID: ") || opentracing.SpanFromContext(ctx) == nil {
		t.Error(id)
	}
	if local.BaggageItem("user") != "ann" {
		t.Error("no baggage")
	}
	exit.Finish()
	local.Finish()
	entry.Finish()
	if out.Get("sw8") == "" || !strings.HasPrefix(tracer.SkyWalkingContext(ctx), "[shop,shop-1,") {
		t.Error(out, tracer.SkyWalkingContext(ctx))
	}

	middleware := nethttp.Middleware(tr)
	client := &http.Client{Transport: nethttp.NewTransport(tr, nil)}
	server := httptest.NewServer(middleware(http.NotFoundHandler()))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	check(t, err)
	res, err := client.Do(req)
	check(t, err)
	res.Body.Close()
	server.Close()
	check(t, tr.Close())
	found := false
	for _, s := range backend.wait(t, 3) {
		for _, sp := range s.GetSpans() {
			if sp.GetOperationName() == "/bills" {
				found = true
				if sp.GetComponentId() != 5005 || sp.GetPeer() != "billing:8080" || sp.GetSpanLayer().String() != "Http" || !sp.GetIsError() {
					t.Errorf("%v", sp)
				}
			}
		}
	}
	if !found {
		t.Error("no exit")
	}
}
