// SPDX-License-Identifier: Apache-2.0

package gorillamux_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/mux"
	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/middleware/gorillamux"
	"github.com/spanbridge/spanbridge/middleware/nethttp"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// recorder keeps what is reported.
type recorder struct{ *tracer.InMemoryReporter }

func newRecorder() recorder { return recorder{tracer.NewInMemoryReporter(100)} }

// take takes the one span that was reported.
func (r recorder) take(t *testing.T) *tracer.Record {
	t.Helper()
	list := r.Records()
	if r.Reset(); len(list) != 1 {
		t.Fatalf("%d spans, want 1", len(list))
	}
	return list[0]
}

func tag(s *tracer.Record, key string) string {
	for _, t := range s.Tags {
		if t.Key == key {
			return fmt.Sprint(t.Value)
		}
	}
	return ""
}

// names samples all, and keeps for which operation.
type names struct{ asked string }

func (n *names) Sample(_ span.TraceID, operation string) tracer.Decision {
	n.asked = operation
	return tracer.Decision{Sampled: true}
}

func routes(t *testing.T) *mux.Router {
	t.Helper()
	hello := func(w http.ResponseWriter, r *http.Request) {
		if opentracing.SpanFromContext(r.Context()) == nil {
			t.Errorf("%s has no span", r.URL)
		}
		io.WriteString(w, "hello "+mux.Vars(r)["id"])
	}
	router := mux.NewRouter()
	router.HandleFunc("/users/{id:[0-9]+}", hello).Methods("GET", "EVIL")
	api := router.PathPrefix("/api/{version}").Subrouter()
	api.HandleFunc("/orders/{id}", hello)
	router.Host("shop.example.com").HandlerFunc(hello)
	inner := http.NewServeMux()
	inner.HandleFunc("/files/{name}", hello)
	router.PathPrefix("/files/").Handler(inner)
	return router
}

func TestOperation(t *testing.T) {
	for _, way := range []string{"Instrument", "Middleware", "Handler", "both"} {
		for _, c := range []struct {
			method, url string
			want, route string
			status      string
		}{
			{"GET", "/users/7", "GET /users/{id:[0-9]+}", "/users/{id:[0-9]+}", "200"},
			{"EVIL", "/users/7", "HTTP /users/{id:[0-9]+}", "/users/{id:[0-9]+}", "200"},
			{"PUT", "/api/v1/orders/7", "PUT /api/{version}/orders/{id}", "/api/{version}/orders/{id}", "200"},
			{"GET", "http://shop.example.com/x/1", "GET", "", "200"},
			{"GET", "/files/a", "GET /files/{name}", "/files/{name}", "200"},
			{"GET", "/nothing/1", "GET", "", "404"},
			{"POST", "/users/7", "POST", "", "405"},
		} {
			t.Run(way+" "+c.method+" "+c.url, func(t *testing.T) {
				sampler, spans := new(names), newRecorder()
				tr := tracer.New("test", tracer.WithSampler(sampler), tracer.WithReporter(spans))
				router := routes(t)
				var h http.Handler = router
				switch way {
				case "Instrument":
					gorillamux.Instrument(tr, router)
				case "Middleware":
					if c.status != "200" {
						return // a router's middleware is not called: Instrument's business
					}
					router.Use(gorillamux.Middleware(tr))
				case "Handler":
					router.Use(gorillamux.Middleware(tr))
					h = nethttp.Handler(tr, router)
				case "both":
					gorillamux.Instrument(tr, router)
					h = nethttp.Handler(tr, router)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(c.method, c.url, nil))
				s := spans.take(t)
				if s.Operation != c.want || tag(s, "http.route") != c.route || tag(s, "http.status_code") != c.status || fmt.Sprint(w.Code) != c.status {
					t.Errorf("%q, tags %v, answer %d", s.Operation, s.Tags, w.Code)
				}
				if (way == "Instrument" || way == "Middleware") && c.url != "/files/a" && sampler.asked != c.want {
					t.Errorf("the sampler was asked for %q, want %q", sampler.asked, c.want)
				}
				component := "gorilla/mux"
				if way == "Handler" || way == "both" {
					component = "net/http"
				}
				if tag(s, "component") != component {
					t.Errorf("component %q", tag(s, "component"))
				}
			})
		}
	}
}

// What a router answers to requests without a route stays as it was.
func TestInstrumentKeepsHandlers(t *testing.T) {
	spans := newRecorder()
	tr := tracer.New("test", tracer.WithReporter(spans))
	plain, own := mux.NewRouter(), mux.NewRouter()
	plain.HandleFunc("/a", func(http.ResponseWriter, *http.Request) {}).Methods("GET")
	own.HandleFunc("/a", func(http.ResponseWriter, *http.Request) {}).Methods("GET")
	own.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) })
	own.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(501) })
	for _, router := range []*mux.Router{plain, own} {
		for _, r := range []*http.Request{httptest.NewRequest("GET", "/b", nil), httptest.NewRequest("POST", "/a", nil)} {
			before := httptest.NewRecorder()
			router.ServeHTTP(before, r)
			traced := *router
			gorillamux.Instrument(tr, &traced)
			after := httptest.NewRecorder()
			traced.ServeHTTP(after, r)
			if after.Code != before.Code || after.Body.String() != before.Body.String() {
				t.Errorf("%s %s: %d %q, before %d %q", r.Method, r.URL, after.Code, after.Body, before.Code, before.Body)
			}
			spans.take(t)
		}
	}
}

func TestNoop(t *testing.T) {
	router := mux.NewRouter()
	router.HandleFunc("/a", func(w http.ResponseWriter, r *http.Request) {
		if opentracing.SpanFromContext(r.Context()) != nil {
			t.Error("there is a span")
		}
		w.WriteHeader(204)
	})
	gorillamux.Instrument(opentracing.NoopTracer{}, router)
	w := httptest.NewRecorder()
	router.ServeHTTP(w, httptest.NewRequest("GET", "/a", nil))
	if w.Code != 204 {
		t.Error(w.Code)
	}
}
