// SPDX-License-Identifier: Apache-2.0

package nethttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/middleware/nethttp"
	"github.com/spanbridge/spanbridge/tracer"
)

// A server whose spans are named by the patterns of its ServeMux, and a client
// that hands the trace to it.
func Example() {
	t := tracer.New("shop")
	defer t.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		user := opentracing.SpanFromContext(r.Context()).BaggageItem("user")
		fmt.Fprintf(w, "hello %s, this is %s", user, r.PathValue("id"))
	})
	server := httptest.NewServer(nethttp.Handler(t, mux, nethttp.Skip("/healthz")))
	defer server.Close()

	client := &http.Client{Transport: nethttp.NewTransport(t, nil)}
	span := t.StartSpan("look up")
	defer span.Finish()
	span.SetBaggageItem("user", "ann")
	r, _ := http.NewRequest("GET", server.URL+"/users/7", nil)
	resp, err := client.Do(r.WithContext(opentracing.ContextWithSpan(r.Context(), span)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(string(body))
	// Output: hello ann, this is 7
}

func ExampleHandler() {
	t := tracer.New("shop")
	http.Handle("/", nethttp.Handler(t, http.FileServer(http.Dir("public"))))
}

func ExampleNewTransport() {
	t := tracer.New("shop")
	client := &http.Client{Transport: nethttp.NewTransport(t, http.DefaultTransport)}
	_ = client
}

func ExampleTransport() {
	// Around a transport that retries there is one span for all tries, below it
	// one for each.
	t := tracer.New("shop")
	var tries http.RoundTripper = nethttp.NewTransport(t, http.DefaultTransport)
	_ = tries
}

func ExampleTransport_RoundTrip() {
	transport := nethttp.NewTransport(tracer.New("shop"), nil)
	r, _ := http.NewRequest("GET", "http://127.0.0.1:1/", nil)
	_, err := transport.RoundTrip(r)
	fmt.Println(err != nil, len(r.Header))
	// Output: true 0
}

func ExampleTransport_Unwrap() {
	transport := nethttp.NewTransport(tracer.New("shop"), nil)
	fmt.Println(transport.Unwrap() == http.DefaultTransport)
	// Output: true
}

func ExampleTransport_CloseIdleConnections() {
	client := &http.Client{Transport: nethttp.NewTransport(tracer.New("shop"), nil)}
	client.CloseIdleConnections() // reaches the transport below
}

func ExampleMiddleware() {
	// For the method Use of chi, gorilla/mux and others.
	use := nethttp.Middleware(tracer.New("shop"))
	http.Handle("/", use(http.NotFoundHandler()))
}

// A router that does not say in Request.Pattern which route it took.
func ExampleSetRoute() {
	router := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(nethttp.SetRoute(r, "/carts/:id"))
	})
	h := nethttp.Handler(tracer.New("shop"), router)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/carts/7", nil))
	// Output: true
}

func ExampleSetOperation() {
	router := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(nethttp.SetOperation(r.Context(), "checkout"))
	})
	h := nethttp.Handler(tracer.New("shop"), router)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/carts/7", nil))
	// Output: true
}

func ExampleOption() {
	t := tracer.New("shop")
	nethttp.Handler(t, nil, nethttp.Component("shop-http"), nethttp.Skip("/healthz"))
}

func ExampleOperation() {
	t := tracer.New("shop")
	nethttp.NewTransport(t, nil, nethttp.Operation(func(r *http.Request) string {
		return "call " + r.URL.Hostname() // few, and known
	}))
}

func ExampleFilter() {
	t := tracer.New("shop")
	nethttp.Handler(t, nil, nethttp.Filter(func(r *http.Request) bool { return r.Method != http.MethodOptions }))
}

func ExampleSkip() {
	t := tracer.New("shop")
	nethttp.Handler(t, nil, nethttp.Skip("/healthz", "/metrics"))
}

func ExampleURL() {
	t := tracer.New("shop")
	nethttp.Handler(t, nil, nethttp.URL((*url.URL).Redacted)) // keeps queries
}

func ExampleObserve() {
	t := tracer.New("shop")
	nethttp.Handler(t, nil, nethttp.Observe(func(s opentracing.Span, r *http.Request) {
		s.SetTag("http.user_agent", r.UserAgent())
	}))
}

func ExampleErrors() {
	t := tracer.New("shop")
	nethttp.NewTransport(t, nil, nethttp.Errors(func(status int) bool { return status >= 400 }))
}

func ExampleComponent() {
	nethttp.Handler(tracer.New("shop"), nil, nethttp.Component("chi"))
}

func ExampleStartOptions() {
	t := tracer.New("shop")
	nethttp.Handler(t, nil, nethttp.StartOptions(opentracing.Tag{Key: "zone", Value: "eu-1"}))
}

func ExampleEvents() {
	t := tracer.New("shop")
	nethttp.NewTransport(t, nil, nethttp.Events())
}
