// SPDX-License-Identifier: Apache-2.0

package gorillamux

import (
	"net/http"

	"github.com/gorilla/mux"
	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/middleware/nethttp"
)

// Instrument traces all requests of a router, those included that find no
// route or not with their method. Call it before the router's own Use, so that
// the time of other middleware is in the span, and after NotFoundHandler and
// MethodNotAllowedHandler were set.
func Instrument(t opentracing.Tracer, router *mux.Router, options ...nethttp.Option) {
	router.Use(Middleware(t, options...))
	notFound, notAllowed := router.NotFoundHandler, router.MethodNotAllowedHandler
	if notFound == nil {
		notFound = http.NotFoundHandler()
	}
	if notAllowed == nil {
		notAllowed = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) })
	}
	options = withComponent(options)
	router.NotFoundHandler = nethttp.Handler(t, notFound, options...)
	router.MethodNotAllowedHandler = nethttp.Handler(t, notAllowed, options...)
}

// Middleware is for the method Use of a router. Where nethttp.Handler has made
// a span already, that one is named.
func Middleware(t opentracing.Tracer, options ...nethttp.Option) mux.MiddlewareFunc {
	trace := nethttp.Middleware(t, withComponent(options)...)
	return func(next http.Handler) http.Handler {
		traced := trace(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			template := templateOf(r)
			if template == "" || nethttp.SetRoute(r, template) {
				traced.ServeHTTP(w, r) // adds nothing to a span that is there
				return
			}
			// Handler takes the name of a request from its pattern, and the
			// request is not ours to change.
			routed := *r
			routed.Pattern = template
			traced.ServeHTTP(w, &routed)
		})
	}
}

func withComponent(options []nethttp.Option) []nethttp.Option {
	return append([]nethttp.Option{nethttp.Component("gorilla/mux")}, options...)
}

// templateOf is the template of the route that was taken.
func templateOf(r *http.Request) string {
	route := mux.CurrentRoute(r)
	if route == nil {
		return ""
	}
	template, err := route.GetPathTemplate()
	if err != nil {
		return "" // a route without a path, such as one by host
	}
	return template
}
