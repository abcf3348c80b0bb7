// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opentracing/opentracing-go/ext"
	"github.com/spanbridge/spanbridge/middleware/nethttp"
	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/env"
	"github.com/spanbridge/spanbridge/tracer/reporter/jaeger"
)

func TestNewJaeger(t *testing.T) {
	agent, url := udp(t), "http://127.0.0.1:1/"

	t.Setenv("JAEGER_AGENT_HOST", "127.0.0.1")
	configured, closer, err := env.NewTracer("shop")
	check(t, err)
	configured.StartSpan("x").Finish()
	check(t, closer.Close())

	probabilistic, err := tracer.NewProbabilisticSampler(0.1)
	check(t, err)
	remote, err := tracer.NewRemoteSampler("shop", tracer.RemoteSampling{Endpoint: url})
	check(t, err)
	operations, err := tracer.NewOperationSampler(tracer.OperationStrategies{DefaultRate: 0.1})
	check(t, err)
	for _, s := range []tracer.Sampler{tracer.NewConstSampler(true), tracer.NewRateLimitingSampler(2), probabilistic, remote, operations} {
		tracer.New("shop", tracer.WithSampler(s)).StartSpan("x").Finish()
	}
	check(t, remote.Close())

	udp, err := jaeger.NewUDP(agent)
	check(t, err)
	collector, err := jaeger.NewHTTP(url)
	check(t, err)
	var lines strings.Builder
	logger := slog.New(slog.NewTextHandler(&lines, nil))
	memory := tracer.NewInMemoryReporter(0)
	reporter := tracer.Composite(udp, collector, memory, tracer.NewLoggingReporter(logger, slog.LevelInfo))
	b3 := propagation.New(propagation.Write(propagation.B3Multi))
	tr := tracer.New("shop", tracer.WithSampler(tracer.NewConstSampler(true)), tracer.WithReporter(reporter),
		tracer.WithTags(tracer.Tag{Key: "zone", Value: "eu"}),
		tracer.WithMaxTagValueLength(1024),
		tracer.WithMaxLogsPerSpan(100),
		tracer.WithSharedSpans(),
		tracer.With64BitTraceIDs(),
		tracer.WithPropagator(b3),
	)
	span := tr.StartSpan("checkout")
	ext.SamplingPriority.Set(span, 1)
	sc := span.Context().(*tracer.SpanContext)
	if id := sc.Trace.String(); id == "" || sc.Span.String() == "" || !sc.IsSampled() {
		t.Error(id)
	}
	parsed, err := propagation.ParseUber("ab:cd:0:1")
	if err != nil || parsed.Trace.Lo != 0xab {
		t.Error(parsed, err)
	}
	span.Finish()

	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewServer(nethttp.Handler(tr, next))
	client := &http.Client{Transport: nethttp.NewTransport(tr, nil)}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	check(t, err)
	res, err := client.Do(req)
	check(t, err)
	res.Body.Close()
	server.Close()
	for end := time.Now().Add(time.Minute); len(memory.Records()) < 3 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if n := len(memory.Records()); n != 3 || !strings.Contains(lines.String(), "checkout") {
		t.Errorf("%d spans, log %s", n, lines.String())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := tr.Shutdown(ctx); err == nil {
		t.Error("a collector that is not there took spans")
	}
}
