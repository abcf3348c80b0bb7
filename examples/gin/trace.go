// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/opentracing/opentracing-go"
	"github.com/spanbridge/spanbridge/middleware"
)

var kindServer = opentracing.Tag{Key: "span.kind", Value: "server"}

// trace makes a server span of each request, named by method and route.
func trace(t opentracing.Tracer) gin.HandlerFunc {
	return func(c *gin.Context) {
		// Whatever header the caller sent; none begins a new trace.
		caller, _ := t.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(c.Request.Header))
		name := strings.TrimSpace(c.Request.Method + " " + c.FullPath()) // the route, never the path
		span := t.StartSpan(name, opentracing.ChildOf(caller), kindServer)
		defer span.Finish()
		c.Request = c.Request.WithContext(opentracing.ContextWithSpan(c.Request.Context(), span))
		defer func() {
			if v := recover(); v != nil {
				middleware.FailPanic(span, v)
				panic(v) // gin.Recovery answers
			}
		}()
		c.Next()
		span.SetTag("component", "gin-gonic/gin").SetTag("http.method", c.Request.Method).SetTag("http.url", c.Request.URL.Path)
		if span.SetTag("http.status_code", c.Writer.Status()); c.Writer.Status() >= 500 {
			span.SetTag("error", true)
		}
	}
}
