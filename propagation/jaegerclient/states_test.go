// SPDX-License-Identifier: Apache-2.0

package jaegerclient_test

import (
	"net/http"
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/uber/jaeger-client-go"

	"github.com/spanbridge/spanbridge/propagation/jaegerclient"
	"github.com/spanbridge/spanbridge/propagation/propagationtest"
	"github.com/spanbridge/spanbridge/span"
)

// newTracer is a real tracer with the codec.
func newTracer(t *testing.T, sampled bool, codec *jaegerclient.Codec, options ...jaeger.TracerOption) (opentracing.Tracer, *jaeger.InMemoryReporter) {
	t.Helper()
	spans := jaeger.NewInMemoryReporter()
	tracer, closer := jaeger.NewTracer("order", jaeger.NewConstSampler(sampled), spans, append(codec.Options(), options...)...)
	t.Cleanup(func() { closer.Close() })
	return tracer, spans
}

// serve begins a span for a request and another one for a call.
func serve(t *testing.T, tracer opentracing.Tracer, in http.Header) (hop propagationtest.Hop) {
	t.Helper()
	came, err := tracer.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(in))
	if err != nil && err != opentracing.ErrSpanContextNotFound { //nolint:errorlint // as its users do
		t.Errorf("%v: %v", in, err)
	}
	server := tracer.StartSpan("GET /orders", ext.RPCServerOption(came))
	client := tracer.StartSpan("POST", opentracing.ChildOf(server.Context()), ext.SpanKindRPCClient)
	ext.HTTPUrl.Set(client, "http://billing:8080/bills")
	hop.Out = http.Header{}
	if err := tracer.Inject(client.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(hop.Out)); err != nil {
		t.Fatal(err)
	}
	client.Finish()
	server.Finish()
	s, c := server.Context().(jaeger.SpanContext), client.Context().(jaeger.SpanContext)
	hop.Trace = span.TraceID{Hi: s.TraceID().High, Lo: s.TraceID().Low}
	hop.Server, hop.ServerParent = span.ID(s.SpanID()), span.ID(s.ParentID())
	hop.Client, hop.ClientParent = span.ID(c.SpanID()), span.ID(c.ParentID())
	return hop
}

func TestStates(t *testing.T) {
	for file, sampled := range map[string]bool{"testdata/sampler_always.txt": true, "testdata/sampler_never.txt": false} {
		tracer, spans := newTracer(t, sampled, jaegerclient.New("order", jaegerclient.Propagator(propagationtest.All())))
		table := propagationtest.Table(t, func(t *testing.T, in http.Header) propagationtest.Hop {
			t.Helper()
			hop := serve(t, tracer, in)
			switch n := len(spans.GetSpans()); n {
			case 0, 2:
				hop.Recorded = n == 2
			default:
				t.Errorf("%d spans were reported, want 2", n)
			}
			spans.Reset()
			return hop
		})
		propagationtest.Golden(t, file, table)
	}
}
