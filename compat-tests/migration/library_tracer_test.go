// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter/jaeger"
	"github.com/spanbridge/spanbridge/tracer/reporter/otlp"
	"github.com/spanbridge/spanbridge/tracer/reporter/skywalking"
	"github.com/spanbridge/spanbridge/tracer/reporter/zipkin"
)

// What is at the usual ports of this machine, if anything, is sent nothing: no
// span is reported.
func TestLibraryReporters(t *testing.T) {
	zipkinReporter, err := zipkin.New("http://127.0.0.1:9411")
	check(t, err)
	jaegerReporter, err := jaeger.NewUDP("127.0.0.1:6831")
	check(t, err)
	skywalkingReporter, err := skywalking.New("127.0.0.1:11800")
	check(t, err)
	otlpReporter, err := otlp.New("http://127.0.0.1:4318")
	check(t, err)
	everywhere := tracer.Composite(zipkinReporter, jaegerReporter, skywalkingReporter, otlpReporter)
	check(t, everywhere.Close(t.Context()))
}

func TestLibrarySamplers(t *testing.T) {
	everywhere := tracer.NewInMemoryReporter(0)
	tenth, err := tracer.NewProbabilisticSampler(0.1)
	check(t, err)
	few := tracer.NewRateLimitingSampler(10)
	asTold, err := tracer.NewRemoteSampler("shop", tracer.RemoteSampling{}) // by Jaeger's agent, or a bridge
	check(t, err)
	check(t, asTold.Close())
	likeSkyWalking := tracer.NewSkyWalkingSampler(3)
	for _, s := range []tracer.Sampler{few, likeSkyWalking} {
		tr := tracer.New("shop", tracer.WithSampler(s), tracer.WithReporter(everywhere))
		tr.StartSpan("x").Finish()
		if tr.Counts().Finished != 1 {
			t.Errorf("%T does not sample the first trace", s)
		}
	}
	{
		t := tracer.New("shop", tracer.WithSampler(tenth), tracer.WithReporter(everywhere))
		t.StartSpan("x").Finish()
	}
}

func TestLibraryHeaders(t *testing.T) {
	tr := func() *tracer.Tracer {
		t := tracer.New("shop", tracer.WithPropagator(propagation.New(
			propagation.Write(propagation.B3Multi, propagation.SW8),
			propagation.Prefer(propagation.SW8)))) // where two headers disagree
		return t
	}()
	headers := make(opentracing.TextMapCarrier)
	check(t, tr.Inject(tr.StartSpan("x").Context(), opentracing.TextMap, headers))
	if headers["sw8"] == "" || headers["X-B3-TraceId"] == "" || headers["traceparent"] != "" {
		t.Error(headers)
	}
}

func TestLibraryLogs(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	span := tracer.New("shop").StartSpan("x")
	ctx := opentracing.ContextWithSpan(context.Background(), span)
	slog.SetDefault(slog.New(tracer.NewLogHandler(slog.Default().Handler(), tracer.WithTID())))
	slog.InfoContext(ctx, "sold out")
	if s := out.String(); !strings.Contains(s, "TID=") || !strings.Contains(s, span.Context().(*tracer.SpanContext).Trace.String()) {
		t.Error(s)
	}
}
