// SPDX-License-Identifier: Apache-2.0

// Package nethttp traces servers and clients of net/http.
//
//	http.ListenAndServe(":8080", nethttp.Handler(t, mux))
//	client := &http.Client{Transport: nethttp.NewTransport(t, nil)}
//
// Handler continues the trace of a request's headers by a server span, and puts
// that into the request's context. It is named by method and route where the
// route is known ("GET /users/{id}"): from the patterns of http.ServeMux, from a
// router that sets Request.Pattern, or by SetRoute. Without a route it is
// named by the method alone. Paths are never taken for names, since every name
// becomes an endpoint with metrics of its own in backends; the path is in
// http.url.
//
// NewTransport makes a client span for each request that goes out, a child of
// the span in the request's context, and writes its headers. Requests that
// follow a redirect are spans of their own. The span ends when the body of the
// response was read to its end or closed, and is lost where nobody does
// that. The request itself is not changed.
//
// Tags: component, span.kind, http.method, http.url, http.status_code,
// http.request_size, http.response_size (bytes of the bodies), http.route,
// peer.address; for servers http.aborted when the request's context was cancelled
// before the handler was done, as it is when a client goes away. Queries and
// passwords are left out of http.url unless the option URL says otherwise.
// Statuses of 500 and more, panics, which go on afterwards, and errors of the
// transport set error. Response writers keep what they can do: http.Flusher,
// http.Hijacker, http.Pusher, io.ReaderFrom and http.ResponseController; the
// deprecated http.CloseNotifier is lost.
package nethttp
