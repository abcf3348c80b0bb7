// SPDX-License-Identifier: Apache-2.0

package nethttp_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/mocktracer"
	"github.com/uber/jaeger-client-go"

	"github.com/spanbridge/spanbridge/middleware/internal/recorded"
	"github.com/spanbridge/spanbridge/middleware/nethttp"
	"github.com/spanbridge/spanbridge/tracer"
)

func base64Text(t *testing.T, s string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// through sends a request by way of a client and a server, both traced.
func through(t *testing.T, tr opentracing.Tracer) {
	t.Helper()
	s := serve(t, nethttp.Handler(tr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, opentracing.SpanFromContext(r.Context()).BaggageItem("user"))
	})))
	parent := tr.StartSpan("work")
	parent.SetBaggageItem("user", "ann")
	r, _ := http.NewRequestWithContext(opentracing.ContextWithSpan(t.Context(), parent), "GET", s.URL, nil)
	resp, err := (&http.Client{Transport: nethttp.NewTransport(tr, nil)}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	parent.Finish()
	if string(b) != "ann" {
		t.Errorf("baggage %q", b)
	}
}

func eventually(t *testing.T, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("did not come")
		}
	}
}

// The tracers of others work as well.
func TestOtherTracers(t *testing.T) {
	t.Run("mocktracer", func(t *testing.T) {
		tr := mocktracer.New()
		through(t, tr)
		eventually(t, func() bool { return len(tr.FinishedSpans()) == 3 })
		ids := make(map[int]*mocktracer.MockSpan)
		for _, s := range tr.FinishedSpans() {
			ids[s.SpanContext.SpanID] = s
		}
		depth := 0
		for _, s := range tr.FinishedSpans() {
			d := 0
			for s.ParentID != 0 {
				s = ids[s.ParentID]
				d++
			}
			depth = max(depth, d)
		}
		if depth != 2 {
			t.Errorf("spans %v", tr.FinishedSpans())
		}
	})
	t.Run("jaeger-client-go", func(t *testing.T) {
		reporter := jaeger.NewInMemoryReporter()
		tr, closer := jaeger.NewTracer("test", jaeger.NewConstSampler(true), reporter)
		defer closer.Close()
		through(t, tr)
		eventually(t, func() bool { return reporter.SpansSubmitted() == 3 })
		for _, s := range reporter.GetSpans() {
			if c := s.Context().(jaeger.SpanContext); uint64(c.TraceID().Low) != uint64(reporter.GetSpans()[0].Context().(jaeger.SpanContext).TraceID().Low) {
				t.Errorf("another trace: %v", c)
			}
		}
	})
	t.Run("jaeger-client-go, not sampled", func(t *testing.T) {
		reporter := jaeger.NewInMemoryReporter()
		tr, closer := jaeger.NewTracer("test", jaeger.NewConstSampler(false), reporter)
		defer closer.Close()
		through(t, tr)
	})
	t.Run("not sampled", func(t *testing.T) {
		tr, spans := recorded.NewTracer(recorded.Never)
		through(t, tr)
		if n := len(spans.Records()); n != 0 {
			t.Errorf("%d spans", n)
		}
	})
}

// empty answers without any allocation of its own.
type empty struct{ h http.Header }

func (e empty) Header() http.Header       { return e.h }
func (empty) Write(p []byte) (int, error) { return len(p), nil }
func (empty) WriteHeader(int)             {}

// What a server's request costs that is not sampled: beyond the request's copy
// and context little more than the parts that net/http and OpenTracing demand.
func TestAllocations(t *testing.T) {
	tr, _ := recorded.NewTracer(recorded.Never)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(http.ResponseWriter, *http.Request) {})
	r := httptest.NewRequest("GET", "/users/7", nil)
	w := empty{http.Header{}}
	plain := testing.AllocsPerRun(1000, func() { mux.ServeHTTP(w, r) })
	for name, c := range map[string]struct {
		tracer opentracing.Tracer
		most   float64
	}{
		"not sampled": {tr, 9},
		"noop":        {opentracing.NoopTracer{}, 0},
	} {
		h := nethttp.Handler(c.tracer, mux)
		if got := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }) - plain; got > c.most {
			t.Errorf("%s: %v allocations more than without, want at most %v", name, got, c.most)
		}
	}
}

func BenchmarkHandler(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(http.ResponseWriter, *http.Request) {})
	r := httptest.NewRequest("GET", "/users/7", nil)
	w := empty{http.Header{}}
	unsampled, _ := recorded.NewTracer(recorded.Never)
	for name, h := range map[string]http.Handler{
		"plain": mux, "notSampled": nethttp.Handler(unsampled, mux),
		"sampled": nethttp.Handler(tracer.New("bench"), mux), "noop": nethttp.Handler(opentracing.NoopTracer{}, mux),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}
