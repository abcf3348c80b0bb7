// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/go/go2skyclient"
	"github.com/spanbridge/spanbridge/compat-tests/java"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/python"
	"github.com/spanbridge/spanbridge/compat-tests/story"
)

var capture = flag.Bool("capture", false, "write what the SkyWalking agents send into the captured samples")

// TestSkyWalkingSamples runs the SkyWalking agents against a recorder. They call
// the same methods as when the samples were captured; with -capture what they
// send becomes the samples.
func TestSkyWalkingSamples(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *lab.Recorder) story.Story{
		"skywalking-go2sky": func(t *testing.T, r *lab.Recorder) story.Story {
			s, stop, err := go2skyclient.Run(t.Context(), r.Addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			awaitSegments(t, r, segmentPath, s)
			return s
		},
		"skywalking-python-grpc": func(t *testing.T, r *lab.Recorder) story.Story { return python.SkyWalking(t, r.Addr, "grpc") },
		"skywalking-python-http": func(t *testing.T, r *lab.Recorder) story.Story { return python.SkyWalking(t, r.Addr, "http") },
		"skywalking-java":        func(t *testing.T, r *lab.Recorder) story.Story { return java.SkyWalking(t, r.Addr) },
	} {
		t.Run(name, func(t *testing.T) {
			r := lab.NewRecorder(t)
			run(t, r)
			dir := filepath.Join(sampleFolder, name)
			if *capture {
				writeSamples(t, dir, r.Calls(""))
				return
			}
			captured, err := filepath.Glob(filepath.Join(dir, "*.meta.json"))
			if err != nil || len(captured) == 0 {
				t.Fatalf("no samples in %s, %v", dir, err)
			}
			var called []string
			for _, c := range r.Calls("") {
				called = append(called, c.Path)
			}
			for _, file := range captured {
				var m struct{ Path string }
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal(data, &m); err != nil {
					t.Fatal(err)
				}
				// What agents call now and then may not have come up this time.
				if strings.Contains(m.Path, "egment") && !slices.Contains(called, m.Path) {
					t.Errorf("%s was not called, only %q", m.Path, called)
				}
			}
		})
	}
}

// writeSamples writes every call with segments, and the first of each other one,
// as files in the form of the other samples.
func writeSamples(t *testing.T, dir string, calls []lab.Call) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	n := 0
	for _, c := range calls {
		if seen[c.Path] && !strings.Contains(c.Path, "egment") {
			continue
		}
		seen[c.Path] = true
		n++
		name := fmt.Sprintf("%03d-%s-%s", n, c.Method, strings.ReplaceAll(strings.Trim(c.Path, "/"), "/", "_"))
		header := http.Header{"Content-Type": c.Header["Content-Type"]}
		for _, k := range []string{"Agent-Version", "User-Agent"} {
			if v := c.Header.Get(k); v != "" {
				header.Set(k, v)
			}
		}
		body, kind := c.Body, "json"
		if len(c.Frames) > 0 || c.Header.Get("Content-Type") == "application/grpc" {
			body, kind = nil, "grpcframes"
			for _, f := range c.Frames {
				body = binary.BigEndian.AppendUint32(append(body, 0), uint32(len(f)))
				body = append(body, f...)
			}
		}
		file := name + ".body." + kind
		meta, err := json.MarshalIndent(map[string]any{"seq": n, "method": c.Method, "path": c.Path, "headers": header, "body_file": file}, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		for path, data := range map[string][]byte{name + ".meta.json": append(meta, '\n'), file: anonymous(body)} {
			if err := os.WriteFile(filepath.Join(dir, path), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d samples in %s", n, dir)
}

// local finds what names the machine of the capture: paths.
var local = regexp.MustCompile(`/(?:root|home|tmp|usr|var|work|opt)/[^\s"\\\x00-\x1f]*`)

// anonymous takes out names of this machine, keeping every length.
func anonymous(body []byte) []byte {
	fill := func(p []byte) []byte { return bytes.Repeat([]byte("x"), len(p)) }
	out := local.ReplaceAllFunc(body, fill)
	if host, err := os.Hostname(); err == nil && len(host) > 2 {
		out = bytes.ReplaceAll(out, []byte(host), fill([]byte(host)))
	}
	return out
}
