// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/SkyAPM/go2sky"
	plugin "github.com/SkyAPM/go2sky/plugins/http"
	"github.com/SkyAPM/go2sky/reporter"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
)

func TestOldGo2sky(t *testing.T) {
	backend := newOAP(t)
	r, err := reporter.NewGRPCReporter(backend.address, reporter.WithAuthentication("token"), reporter.WithMaxSendQueueSize(1000))
	check(t, err)
	tracer, err := go2sky.NewTracer("shop", go2sky.WithReporter(r), go2sky.WithInstance("shop-1"), go2sky.WithSampler(1))
	check(t, err)
	go2sky.SetGlobalTracer(tracer)

	in := httptest.NewRequest(http.MethodGet, "/orders", nil)
	out := make(http.Header)
	ctx := context.Background()
	entry, ctx, err := tracer.CreateEntrySpan(ctx, "GET:/orders", func(key string) (string, error) { return in.Header.Get(key), nil })
	check(t, err)
	local, ctx, err := tracer.CreateLocalSpan(ctx, go2sky.WithOperationName("price"))
	check(t, err)
	exit, err := tracer.CreateExitSpan(ctx, "/bills", "billing:8080", func(key, value string) error { out.Set(key, value); return nil })
	check(t, err)
	exit.SetComponent(5005)
	exit.SetSpanLayer(agentv3.SpanLayer_Http)
	exit.SetPeer("billing:8080")
	exit.Tag(go2sky.TagHTTPMethod, "GET")
	exit.Tag(go2sky.TagURL, "http://billing:8080/bills")
	exit.Log(time.Now(), "event", "retry")
	exit.Error(time.Now(), "no answer")
	if id := go2sky.TraceID(ctx); id == "" || go2sky.TraceSegmentID(ctx) == "" || go2sky.ActiveSpan(ctx) == nil {
		t.Error(id)
	}
	if !go2sky.PutCorrelation(ctx, "user", "ann") || go2sky.GetCorrelation(ctx, "user") != "ann" {
		t.Error("no correlation")
	}
	exit.End()
	local.End()
	entry.End()
	if out.Get("sw8") == "" {
		t.Error(out)
	}

	middleware, err := plugin.NewServerMiddleware(tracer)
	check(t, err)
	client, err := plugin.NewClient(tracer)
	check(t, err)
	server := httptest.NewServer(middleware(http.NotFoundHandler()))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	check(t, err)
	res, err := client.Do(req)
	check(t, err)
	res.Body.Close()
	backend.wait(t, 3)
	r.Close()
}
