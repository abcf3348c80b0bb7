// SPDX-License-Identifier: Apache-2.0

// Package gorillamux traces servers whose routes are those of gorilla/mux. Spans
// are those of package nethttp, which has the options and says what is in
// them, named by method and template of the route: "GET /users/{id}". Patterns
// of variables are a part of the template.
//
//	router := mux.NewRouter()
//	gorillamux.Instrument(t, router)
//
// A router calls its middleware only for requests that have a route. Instrument
// sees to the others as well; Middleware alone leaves them without a span.
package gorillamux
