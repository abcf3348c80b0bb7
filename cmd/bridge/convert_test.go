// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// convert runs bridge convert on an input, with the losses as the second result.
func convert(t *testing.T, in []byte, args ...string) (out []byte, losses string) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "loss")
	var stdout, stderr bytes.Buffer
	code := run(append([]string{"convert", "--loss", report}, args...), &world{in: bytes.NewReader(in), out: &stdout, err: &stderr})
	if code != 0 {
		t.Fatalf("bridge convert %s: exit code %d: %s", strings.Join(args, " "), code, stderr.String())
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	return stdout.Bytes(), string(text)
}

// spanKey orders the spans of a list, and nothing else: a segment has its spans
// in an order of its own.
func spanKey(v any) string {
	m, _ := v.(map[string]any)
	if m["traceId"] == nil || m["refType"] != nil {
		return ""
	}
	id := fmt.Sprint(m["id"], m["spanId"])
	return id + fmt.Sprint(m["kind"], m["shared"], m["name"])
}

// full leaves out the members of JSON objects that say as much as none: the
// zeros of protobuf. What is left is compared without the order of keys.
func full(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			if e = full(e); e == nil {
				delete(x, k)
			} else {
				x[k] = e
			}
		}
		if len(x) == 0 {
			return nil
		}
		return x
	case []any:
		if len(x) == 0 {
			return nil
		}
		for i := range x {
			x[i] = full(x[i])
		}
		slices.SortStableFunc(x, func(a, b any) int { return strings.Compare(spanKey(a), spanKey(b)) })
		return x
	case float64:
		if x == 0 {
			return nil
		}
	case string:
		switch x {
		case "Entry", "CrossProcess", "Unknown":
			return nil
		}
	case bool:
		if !x {
			return nil
		}
	}
	return v
}

func readJSON(t *testing.T, in []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(in, &v); err != nil {
		t.Fatalf("%v: %s", err, in)
	}
	return full(v)
}

// TestConvertChains: what real clients sent in one protocol comes back from
// every other one as it was, and nothing is reported as lost.
func TestConvertChains(t *testing.T) {
	t.Parallel()
	forms := []string{"zipkin", "jaeger", "otlp", "skywalking"}
	f := func(form, sample string) {
		t.Helper()
		in, err := os.ReadFile(filepath.Join("../../translate", sample))
		if err != nil {
			t.Fatal(err)
		}
		was, _ := convert(t, in, "--to", form)
		if len(was) < 100 {
			t.Fatalf("%s: %s", sample, was)
		}
		for _, other := range forms {
			if other == form {
				continue
			}
			there, lost := convert(t, in, "--to", other)
			if lost != "Nothing was lost.\n" {
				t.Errorf("%s: %s → %s: %s", sample, form, other, lost)
			}
			back, _ := convert(t, there, "--to", form)
			if diff := cmp.Diff(readJSON(t, was), readJSON(t, back)); diff != "" {
				t.Errorf("%s: %s → %s → %s (-want +got):\n%s", sample, form, other, form, diff)
			}
		}
	}
	f("zipkin", "testdata/samples/zipkin-go/002-POST-api_v2_spans.body.json")
	f("zipkin", "testdata/samples/aiozipkin/009-POST-api_v2_spans.body.json")
	f("zipkin", "testdata/samples/sanic_zipkin/003-POST-api_v2_spans.body.json")
	f("jaeger", "testdata/samples/jaeger-client-go/006-POST-api_traces.body.thrift")
	f("jaeger", "testdata/samples/otel-go/006-POST-jaeger_api_v2_CollectorService_PostSpans.msg0.pb")
	f("otlp", "testdata/samples/otel-go/001-POST-v1_traces.body.pb")
	f("skywalking", "testdata/samples/skywalking-python-http/006-POST-v3_segment.body.json")
	f("skywalking", "skywalking/testdata/golog/segments.bin")
}

// TestConvertForms: every form that can be written is read again, by its name
// and by its content, as the same spans.
func TestConvertForms(t *testing.T) {
	t.Parallel()
	in, err := os.ReadFile("../../translate/testdata/samples/otel-go/001-POST-v1_traces.body.pb")
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range forms {
		file, _ := convert(t, in, "--to", form.name)
		again, _ := convert(t, file, "--from", form.name, "--to", form.name)
		guessed, _ := convert(t, file, "--to", form.name)
		if len(file) < 100 || !bytes.Equal(file, again) || !bytes.Equal(file, guessed) {
			t.Errorf("%s: %d bytes\n%s\n%s\n%s", form.name, len(file), file, again, guessed)
		}
	}
}

// TestGuess: the content of what real clients sent tells its form.
func TestGuess(t *testing.T) {
	t.Parallel()
	formats := fileFormats(protocols(nil))
	f := func(pattern, want string) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join("../../translate/testdata/samples", pattern))
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := "nothing"
			if found := guess(formats, body); found != nil {
				got = found.Name
			}
			if got != want {
				t.Errorf("%s: %s, want %s", file, got, want)
			}
		}
	}
	f("aiozipkin/*api_v2_spans.body.json", "zipkin.v2.json")
	f("zipkin-go/*.body.json", "zipkin.v2.json")
	f("zipkin-go/*.body.pb", "zipkin.proto3")
	f("sanic_zipkin/*api_v2_spans.body.json", "zipkin.v2.json")
	f("py_zipkin_v1thrift/*api_v2_spans.body.json", "zipkin.v2.json")
	f("py_zipkin_v1thrift/*api_v1_spans.body.json", "zipkin.v1.json")
	f("jaeger-client-go/*api_traces.body.thrift", "jaeger.thrift")
	f("jaeger-client-go/*api_v1_spans.body.thrift", "zipkin.v1.thrift")
	f("jaeger-client-go/*udp*.bin", "jaeger.agent")
	f("otel-go/*v1_traces.body.pb", "otlp.proto")
	f("otel-go/*PostSpans.msg0.pb", "jaeger.proto")
	f("otel-go/*Report.msg0.pb", "zipkin.proto3")
	f("skywalking-python-http/*v3_segment.body.json", "skywalking.segment.json")
	f("skywalking-python-http/*reportProperties.body.json", "skywalking.properties.json")
	f("skywalking-python-http/*keepAlive.body.json", "skywalking.ping.json")
	f("../../skywalking/testdata/golog/segments.bin", "skywalking.segments")
	f("../../skywalking/testdata/golog/lines.log", "skywalking.go2sky.log")
}
