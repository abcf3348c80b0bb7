// SPDX-License-Identifier: Apache-2.0

package zipkin_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/zipkin"
)

// A service reports to a Zipkin server.
func ExampleNew() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Println(r.Method, r.URL.Path, strings.Contains(string(body), `"name":"GET /cart"`))
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()

	r, err := zipkin.New(server.URL, // such as "http://zipkin:9411"
		reporter.WithInterval(500*time.Millisecond),
		reporter.WithHeader("X-Tenant", "shop"))
	if err != nil {
		fmt.Println(err)
		return
	}
	t := tracer.New("shop", tracer.WithReporter(r))
	t.StartSpan("GET /cart").Finish()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := t.Shutdown(ctx); err != nil { // sends what is left
		fmt.Println(err)
	}
	fmt.Println(r.Counts().Sent, "sent,", r.Counts().Dropped(), "dropped")
	// Output:
	// POST /api/v2/spans true
	// 1 sent, 0 dropped
}
