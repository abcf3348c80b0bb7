// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/spanbridge/spanbridge/propagation/jaegerclient"
	"github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/config"
)

func TestLibraryJaegerClient(t *testing.T) {
	cfg := config.Configuration{ServiceName: "billing", Sampler: &config.SamplerConfig{Type: jaeger.SamplerTypeConst, Param: 1}}
	codec := jaegerclient.New("billing")
	tracer, closer, err := cfg.NewTracer(codec.Config()...)
	check(t, err)
	defer closer.Close()
	headers := make(opentracing.TextMapCarrier)
	check(t, tracer.Inject(tracer.StartSpan("x").Context(), opentracing.TextMap, headers))
	if headers["sw8"] == "" || headers["b3"] == "" || headers["uber-trace-id"] == "" {
		t.Error(headers)
	}
}
