// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/otlp"
)

// A service reports to an OpenTelemetry Collector by HTTP.
func ExampleNew() {
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Println(r.Method, r.URL.Path, r.Header.Get("Content-Encoding"), r.Header.Get("Api-Key"))
	}))
	defer collector.Close()

	r, err := otlp.New(collector.URL, // such as "http://collector:4318"
		reporter.WithGzip(), reporter.WithHeader("Api-Key", "secret"))
	if err != nil {
		fmt.Println(err)
		return
	}
	t := tracer.New("shop", tracer.WithReporter(r))
	t.StartSpan("GET /cart").Finish()
	if err := t.Close(); err != nil {
		fmt.Println(err)
	}
	// Output: POST /v1/traces gzip secret
}
