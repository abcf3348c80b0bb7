// SPDX-License-Identifier: Apache-2.0

// Command shop is the five-minute start of docs/library.md: a service that
// traces what it is asked, looks up and calls.
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/middleware/nethttp"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter/zipkin"
)

func main() {
	reporter, err := zipkin.New("http://127.0.0.1:9411") // a bridge, or Zipkin
	if err != nil {
		log.Fatal(err)
	}
	t := tracer.New("shop", tracer.WithReporter(reporter))
	opentracing.SetGlobalTracer(t)
	server := &http.Server{
		Addr:              "127.0.0.1:8080",
		Handler:           routes(t, "http://127.0.0.1:8080/stock"),
		ReadHeaderTimeout: 10 * time.Second,
	}
	err = server.ListenAndServe()
	_ = t.Close() // sends what is left
	log.Fatal(err)
}

func routes(t opentracing.Tracer, stock string) http.Handler {
	mux := http.NewServeMux()
	client := &http.Client{Transport: nethttp.NewTransport(t, nil)}
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		span, ctx := opentracing.StartSpanFromContextWithTracer(r.Context(), t, "look up")
		defer span.Finish()
		span.SetTag("user", r.PathValue("id"))

		// Whoever is called goes on with the trace.
		call, err := http.NewRequestWithContext(ctx, http.MethodGet, stock, nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer, err := client.Do(call)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		fmt.Fprintln(w, "in stock")
	})
	mux.HandleFunc("GET /stock", func(http.ResponseWriter, *http.Request) {})
	return nethttp.Handler(t, mux)
}
