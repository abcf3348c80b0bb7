// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

func get(t *testing.T, url, key, value string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set(key, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// wait waits for n spans: a server's ends after the answer.
func wait(t *testing.T, spans *tracer.InMemoryReporter, n int) []*tracer.Record {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if list := spans.Records(); len(list) >= n {
			return list
		}
	}
	t.Fatalf("%d spans, want %d", len(spans.Records()), n)
	return nil
}

func tag(s *tracer.Record, key string) string {
	for _, t := range s.Tags {
		if t.Key == key {
			return fmt.Sprint(t.Value)
		}
	}
	return ""
}

// A request continues the trace of any header, and hands it to whom it calls.
func TestRequest(t *testing.T) {
	spans := tracer.NewInMemoryReporter(100)
	tr := tracer.New("users", tracer.WithReporter(spans))
	var sent http.Header
	stock := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { sent = r.Header }))
	defer stock.Close()
	server := httptest.NewServer(routes(tr, stock.URL))
	defer server.Close()
	for _, h := range [][2]string{
		{"b3", "00000000000000ab-00000000000000cd-1"}, {"uber-trace-id", "ab:cd:0:1"}, {"traceparent", "00-000000000000000000000000000000ab-00000000000000cd-01"},
	} {
		spans.Reset()
		if status, body := get(t, server.URL+"/users/7", h[0], h[1]); status != http.StatusOK || body != "user 7" {
			t.Fatal(status, body)
		}
		for _, s := range wait(t, spans, 2) {
			switch s.Kind {
			case span.KindServer:
				if s.Operation != "GET /users/:id" || s.Trace != (span.TraceID{Lo: 0xab}) || s.Parent != 0xcd || tag(s, "http.status_code") != "200" {
					t.Errorf("%s: %+v", h[0], s)
				}
			case span.KindClient:
				if want := fmt.Sprintf("%v-%v-1", s.Trace, s.ID); s.Trace != (span.TraceID{Lo: 0xab}) || sent.Get("b3")[:len(want)] != want && h[0] == "b3" {
					t.Errorf("%s: %+v, sent %v", h[0], s, sent)
				}
			}
		}
	}
}

func TestPanic(t *testing.T) {
	spans := tracer.NewInMemoryReporter(100)
	server := httptest.NewServer(routes(tracer.New("users", tracer.WithReporter(spans)), ""))
	defer server.Close()
	if status, _ := get(t, server.URL+"/panic", "", ""); status != http.StatusInternalServerError {
		t.Error(status)
	}
	if status, _ := get(t, server.URL+"/nothing/7", "", ""); status != http.StatusNotFound {
		t.Error(status)
	}
	if s := wait(t, spans, 2)[1]; s.Operation != "GET" || tag(s, "http.status_code") != "404" || tag(s, "error") != "" {
		t.Errorf("%+v", s)
	}
	if s := spans.Records()[0]; s.Operation != "GET /panic" || tag(s, "error") != "true" || len(s.Logs) != 1 {
		t.Errorf("%+v", s)
	}
}
