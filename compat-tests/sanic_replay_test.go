// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// aTime is when a span or an annotation of a captured body was, in µs.
var aTime = regexp.MustCompile(`("timestamp": *)(\d{16})`)

// replaySanicZipkin sends what sanic_zipkin sent when it was captured, for
// machines without Python 3.8, and tells the story that is in it. The times are
// moved to today: OAP takes an instance for dead whose last span is old, even
// when a sign of life came a moment before.
func replaySanicZipkin(t *testing.T, collector string) story.Story {
	t.Helper()
	files, err := filepath.Glob(sampleFolder + "/sanic_zipkin/*-POST-api_v2_spans.body.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	bodies := make([][]byte, len(files))
	var last int64
	for i, file := range files {
		if bodies[i], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
		for _, m := range aTime.FindAllSubmatch(bodies[i], -1) {
			last = max(last, micros(t, m[2]))
		}
	}
	if last == 0 {
		t.Fatal("no span of the samples has a time")
	}
	shift := time.Now().UnixMicro() - last
	var all []lab.ZipkinSpan
	for i, file := range files {
		body := aTime.ReplaceAllFunc(bodies[i], func(m []byte) []byte {
			parts := aTime.FindSubmatch(m)
			return strconv.AppendInt(bytes.Clone(parts[1]), micros(t, parts[2])+shift, 10)
		})
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

func micros(t *testing.T, digits []byte) int64 {
	t.Helper()
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
