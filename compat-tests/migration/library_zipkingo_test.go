// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/openzipkin/zipkin-go"
	zipkinhttp "github.com/openzipkin/zipkin-go/middleware/http"
	"github.com/openzipkin/zipkin-go/reporter/recorder"
	"github.com/spanbridge/spanbridge/propagation/zipkingo"
)

func TestLibraryZipkinGo(t *testing.T) {
	spans := recorder.NewReporter()
	tracer, err := zipkin.NewTracer(spans)
	check(t, err)
	var got http.Header
	next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	codec := zipkingo.New("billing")
	handler := codec.Handler(zipkinhttp.NewServerMiddleware(tracer)(next))
	client, err := zipkinhttp.NewClient(tracer, zipkinhttp.TransportOptions(zipkinhttp.RoundTripper(codec.Transport(http.DefaultTransport))))
	check(t, err)
	server := httptest.NewServer(handler)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	check(t, err)
	answer, err := client.Do(r)
	check(t, err)
	answer.Body.Close()
	if got.Get("sw8") == "" || got.Get("traceparent") == "" || got.Get("x-b3-traceid") == "" {
		t.Error(got)
	}
}
