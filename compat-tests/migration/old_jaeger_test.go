// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/opentracing-contrib/go-stdlib/nethttp"
	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/config"
	"github.com/uber/jaeger-client-go/thrift-gen/sampling"
	"github.com/uber/jaeger-client-go/transport"
	"github.com/uber/jaeger-client-go/zipkin"
)

func TestOldJaeger(t *testing.T) {
	agent, url := udp(t), "http://127.0.0.1:1/"
	strategies := &sampling.PerOperationSamplingStrategies{DefaultSamplingProbability: 0.1}

	t.Setenv("JAEGER_AGENT_HOST", "127.0.0.1")
	cfg, err := config.FromEnv()
	check(t, err)
	cfg.ServiceName = "shop"
	configured, closer, err := cfg.NewTracer()
	check(t, err)
	configured.StartSpan("x").Finish()
	check(t, closer.Close())

	samplers := []jaeger.Sampler{
		jaeger.NewConstSampler(true),
		jaeger.NewRateLimitingSampler(2),
		jaeger.NewRemotelyControlledSampler("shop", jaeger.SamplerOptions.SamplingServerURL(url)),
	}
	probabilistic, err := jaeger.NewProbabilisticSampler(0.1)
	check(t, err)
	_ = jaeger.NewPerOperationSampler(jaeger.PerOperationSamplerParams{Strategies: strategies})
	for _, s := range append(samplers, probabilistic) {
		s.Close()
	}

	sender, err := jaeger.NewUDPTransport(agent, 0)
	check(t, err)
	reporter := jaeger.NewCompositeReporter(
		jaeger.NewRemoteReporter(sender),
		jaeger.NewRemoteReporter(transport.NewHTTPTransport(url)),
		jaeger.NewInMemoryReporter(),
		jaeger.NewLoggingReporter(jaeger.NullLogger),
	)
	b3 := zipkin.NewZipkinB3HTTPHeaderPropagator()
	tracer, closer := jaeger.NewTracer("shop", jaeger.NewConstSampler(true), reporter,
		jaeger.TracerOptions.Gen128Bit(true),
		jaeger.TracerOptions.Tag("zone", "eu"),
		jaeger.TracerOptions.MaxTagValueLength(1024),
		jaeger.TracerOptions.MaxLogsPerSpan(100),
		jaeger.TracerOptions.ZipkinSharedRPCSpan(true),
		jaeger.TracerOptions.PoolSpans(true),
		jaeger.TracerOptions.Injector(opentracing.HTTPHeaders, b3),
		jaeger.TracerOptions.Extractor(opentracing.HTTPHeaders, b3),
	)
	span := tracer.StartSpan("checkout")
	ext.SamplingPriority.Set(span, 1)
	sc := span.Context().(jaeger.SpanContext)
	if id := sc.TraceID().String(); len(id) != 32 || sc.SpanID().String() == "" || !sc.IsSampled() {
		t.Error(id)
	}
	parsed, err := jaeger.ContextFromString("ab:cd:0:1")
	if err != nil || parsed.TraceID().Low != 0xab {
		t.Error(parsed, err)
	}
	span.Finish()

	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewServer(nethttp.Middleware(tracer, next))
	defer server.Close()
	client := &http.Client{Transport: &nethttp.Transport{}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	check(t, err)
	req, ht := nethttp.TraceRequest(tracer, req)
	res, err := client.Do(req)
	check(t, err)
	res.Body.Close()
	ht.Finish()
	check(t, closer.Close())
}
