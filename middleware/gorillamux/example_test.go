// SPDX-License-Identifier: Apache-2.0

package gorillamux_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gorilla/mux"
	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/middleware/gorillamux"
	"github.com/spanbridge/spanbridge/middleware/nethttp"
	"github.com/spanbridge/spanbridge/tracer"
)

func ExampleInstrument() {
	t := tracer.New("shop")
	defer t.Close()
	router := mux.NewRouter()
	gorillamux.Instrument(t, router, nethttp.Skip("/healthz"))
	router.HandleFunc("/users/{id}", func(_ http.ResponseWriter, r *http.Request) {
		span := opentracing.SpanFromContext(r.Context()) // GET /users/{id}
		fmt.Println(span != nil, mux.Vars(r)["id"])
	})
	router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/users/7", nil))
	// Output: true 7
}

func ExampleMiddleware() {
	router := mux.NewRouter()
	api := router.PathPrefix("/api").Subrouter()
	api.Use(gorillamux.Middleware(tracer.New("shop"))) // this part alone
}
