// SPDX-License-Identifier: Apache-2.0

// Command gin is an example of how to trace a library that has no middleware
// here: a server by gin, in twenty lines (trace.go). It continues the trace of
// any header, B3, sw8, uber-trace-id or traceparent, and reports to a Zipkin
// server, such as a bridge.
//
//	go run . -listen 127.0.0.1:8080 -zipkin http://127.0.0.1:9411
//	curl -H 'uber-trace-id: 1:2:0:1' http://127.0.0.1:8080/users/7
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
	"github.com/opentracing/opentracing-go"
	"github.com/spanbridge/spanbridge/middleware/nethttp"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter/zipkin"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to serve")
	backend := flag.String("zipkin", "http://127.0.0.1:9411", "where spans go")
	stock := flag.String("stock", "", "URL of a service that is asked on each request")
	flag.Parse()
	if err := run(*listen, *backend, *stock); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(listen, backend, stock string) error {
	reporter, err := zipkin.New(backend)
	if err != nil {
		return err
	}
	t := tracer.New("users", tracer.WithReporter(reporter))
	return errors.Join(http.ListenAndServe(listen, routes(t, stock)), t.Close()) //nolint:gosec // an example
}

// routes are those of the service.
func routes(t opentracing.Tracer, stock string) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	client := &http.Client{Transport: nethttp.NewTransport(t, nil)}
	r := gin.New()
	r.Use(gin.Recovery(), trace(t))
	r.GET("/users/:id", func(c *gin.Context) {
		if stock == "" {
			c.String(http.StatusOK, "user %s", c.Param("id"))
			return
		}
		// The request's context has the span: what is called goes on with it.
		request, err := http.NewRequestWithContext(c.Request.Context(), http.MethodGet, stock, nil)
		if err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
			return
		}
		answer, err := client.Do(request)
		if err != nil {
			_ = c.AbortWithError(http.StatusBadGateway, err)
			return
		}
		defer answer.Body.Close()
		c.String(answer.StatusCode, "user %s", c.Param("id"))
	})
	r.GET("/panic", func(*gin.Context) { panic("no luck") })
	return r
}
