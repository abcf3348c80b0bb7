// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// replaySanicZipkin sends what sanic_zipkin sent when it was captured, for
// machines without Python 3.8, and tells the story that is in it.
func replaySanicZipkin(t *testing.T, collector string) story.Story {
	t.Helper()
	files, err := filepath.Glob(sampleFolder + "/sanic_zipkin/*-POST-api_v2_spans.body.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var all []lab.ZipkinSpan
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		spans, err := zipkinSpans(body)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, spans...)
		res, err := http.Post(collector, "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusAccepted {
			t.Fatalf("%s: status %d, want 202", file, res.StatusCode)
		}
	}
	return story.Story{Client: "sanic_zipkin 0.1.2, captured", Spans: lab.ZipkinStory(all)}
}
