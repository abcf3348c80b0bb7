// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// One request is four spans, each below the one before.
func TestShop(t *testing.T) {
	spans := tracer.NewInMemoryReporter(0)
	tr := tracer.New("shop", tracer.WithReporter(spans))
	stock := httptest.NewServer(routes(tr, ""))
	defer stock.Close()
	server := httptest.NewServer(routes(tr, stock.URL+"/stock"))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/users/7", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("uber-trace-id", "ab:cd:0:1")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if string(body) != "in stock\n" {
		t.Fatalf("%q, %v", body, err)
	}
	steps := []string{"GET /users/{id}", "look up", "GET", "GET /stock"}
	for end := time.Now().Add(time.Minute); len(spans.Records()) < len(steps) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	above := span.ID(0xcd)
	for _, step := range steps {
		found := false
		for _, s := range spans.Records() {
			if s.Parent == above && s.Operation == step && s.Trace == (span.TraceID{Lo: 0xab}) {
				above, found = s.ID, true
				break
			}
		}
		if !found {
			t.Fatalf("no %s below %v", step, above)
		}
	}
}
