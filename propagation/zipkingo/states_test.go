// SPDX-License-Identifier: Apache-2.0

package zipkingo_test

import (
	"net/http"
	"testing"

	"github.com/openzipkin/zipkin-go"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/reporter/recorder"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/propagation/propagationtest"
	"github.com/spanbridge/spanbridge/propagation/zipkingo"
	"github.com/spanbridge/spanbridge/span"
)

// newTracer is a real tracer and what it reports.
func newTracer(t *testing.T, options ...zipkin.TracerOption) (*zipkin.Tracer, *recorder.ReporterRecorder) {
	t.Helper()
	spans := recorder.NewReporter()
	t.Cleanup(func() { spans.Close() })
	tracer, err := zipkin.NewTracer(spans, options...)
	if err != nil {
		t.Fatal(err)
	}
	return tracer, spans
}

func request(t *testing.T, url string, h http.Header) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = h
	return r
}

// serve begins a span for a request and another one for a call.
func serve(t *testing.T, codec *zipkingo.Codec, tracer *zipkin.Tracer, spans *recorder.ReporterRecorder, in http.Header, inside ...func(zipkin.Span)) (hop propagationtest.Hop) {
	t.Helper()
	came := tracer.Extract(codec.ExtractHTTP(request(t, "http://order:8080/orders", in)))
	if came.Err != nil {
		t.Errorf("%v: %v", in, came.Err)
	}
	server := tracer.StartSpan("get /orders", zipkin.Kind(model.Server), zipkin.Parent(came), zipkin.Tags(zipkingo.Tags(came)))
	for _, f := range inside {
		f(server)
	}
	client := tracer.StartSpan("post", zipkin.Kind(model.Client), zipkin.Parent(server.Context()))
	hop.Out = http.Header{}
	if err := codec.InjectHTTP(request(t, "http://billing:8080/bills", hop.Out))(client.Context()); err != nil {
		t.Fatal(err)
	}
	client.Finish()
	server.Finish()
	s, c := server.Context(), client.Context()
	hop.Trace = span.TraceID{Hi: s.TraceID.High, Lo: s.TraceID.Low}
	hop.Server, hop.Client = span.ID(s.ID), span.ID(c.ID)
	if s.ParentID != nil {
		hop.ServerParent = span.ID(*s.ParentID)
	}
	hop.ClientParent = span.ID(*c.ParentID)
	reported := spans.Flush()
	switch len(reported) {
	case 0:
	case 2:
		hop.Recorded, hop.Joined = true, reported[1].Shared
	default:
		t.Errorf("%d spans were reported, want 2", len(reported))
	}
	return hop
}

func TestStates(t *testing.T) {
	for file, options := range map[string][]zipkin.TracerOption{
		"testdata/sampler_always.txt": {zipkin.WithSharedSpans(false)},
		"testdata/sampler_never.txt":  {zipkin.WithSharedSpans(false), zipkin.WithSampler(zipkin.NeverSample)},
		"testdata/shared.txt":         {zipkin.WithTraceID128Bit(true)},
	} {
		tracer, spans := newTracer(t, options...)
		codec := zipkingo.New("order", zipkingo.Propagator(propagationtest.All()))
		propagationtest.Golden(t, file, propagationtest.Table(t, func(t *testing.T, in http.Header) propagationtest.Hop {
			t.Helper()
			hop := serve(t, codec, tracer, spans, in)
			if file == "testdata/shared.txt" && !hop.Recorded { // what is not reported does not say
				hop.Joined = hop.Server == propagationtest.Caller
			}
			return hop
		}))
	}
}

func read(h http.Header, f propagation.Format) propagation.Context {
	return propagation.New(propagation.Read(f)).Extract(propagation.HTTP(h))
}
