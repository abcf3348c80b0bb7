// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package contrib

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// sampleAtCollector is the sample at the Collector's Zipkin receiver, from a
// target with residue: otel.
const sampleAtCollector = `
events unspecified 0000000000000005
  parent 0000000000000001
  resource service.name="shop"
  scope lib 1.2
  event "plain" dropped 0
  event "exception" dropped 3 big=1234567.5 exception.message="<init> & a|b" small=1e-7
failed server 0000000000000001
  resource service.name="shop"
  scope lib 1.2
  status error "out of stock"
  tracestate vendor=a|b,other=x
failed silently client 0000000000000002
  parent 0000000000000001
  resource service.name="shop"
  scope lib 1.2
  status error ""
  attrs peer.service="db"
good internal 0000000000000003
  parent 0000000000000001
  resource service.name="shop"
  scope lib 1.2
  status ok ""
links unspecified 0000000000000004
  parent 0000000000000001
  resource service.name="shop"
  scope lib 1.2
  link 00000000000000000000000000000002 0000000000000009 "k=v" dropped 2 n=3 why="a|b <&>"
  link 00000000000000000000000000000002 0000000000000008 "" dropped 0
`

// pipesAtCollector is its last span there.
const pipesAtCollector = `pipes unspecified 0000000000000006
  parent 0000000000000001
  resource service.name="shop"
  scope lib 1.2
  event "one" dropped 0 event="one|pipe"
  event "two" dropped 0 event="two|pipes|here"
  event "" dropped 0 event="||"
  event "named" dropped 0 a="b" event="named|with|pipes"
  link 00000000000000000000000000000002 0000000000000007 "" dropped 0
`

// TestRow34OTLP: spans of OpenTelemetry in Zipkin's form, read by the Collector.
func TestRow34OTLP(t *testing.T) {
	t.Parallel()
	f := func(pipes bool, mode, want string) {
		t.Helper()
		td, err := readZipkin(convert(t, otlp(t, sample(pipes)), "--from", "otlp.proto", "--to", "zipkin", "--residue", mode))
		if err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		expect(t, td, want)
	}
	f(true, "otel", sampleAtCollector+pipesAtCollector)
	f(false, "otel", sampleAtCollector)
	// Elsewhere links are no tags, and a message is where Zipkin has it.
	for _, mode := range []string{"exact", "plain"} {
		f(false, mode, `
events unspecified 0000000000000005
  parent 0000000000000001
  resource service.name="shop"
  event "plain" dropped 0
  event "exception" dropped 3 big=1234567.5 exception.message="<init> & a|b" small=1e-7
failed server 0000000000000001
  resource service.name="shop"
  status error ""
  tracestate vendor=a|b,other=x
  attrs error="out of stock"
failed silently client 0000000000000002
  parent 0000000000000001
  resource service.name="shop"
  status error ""
  attrs error="" peer.service="db"
good internal 0000000000000003
  parent 0000000000000001
  resource service.name="shop"
links unspecified 0000000000000004
  parent 0000000000000001
  resource service.name="shop"
`)
	}
}

// TestRow34Zipkin: what Zipkin's clients may send, and the Collector refuses or
// takes for something else, passes by way of the gateway.
func TestRow34Zipkin(t *testing.T) {
	t.Parallel()
	const head = `{"traceId":"01000000000000000000000000000001","id":"0000000000000001","name":"x","timestamp":1767225600000000,"localEndpoint":{"serviceName":"shop"},`
	f := func(fields, fault, want string) {
		t.Helper()
		body := []byte("[" + head + fields + "}]")
		if _, err := readZipkin(body); fmt.Sprint(err) != fault {
			t.Errorf("%s: straight: %v, want %s", fields, err, fault)
		}
		td, err := readZipkin(convert(t, body, "--from", "zipkin.v2.json", "--to", "zipkin", "--residue", "otel"))
		if err != nil {
			t.Errorf("%s: %v", fields, err)
			return
		}
		expect(t, td, "x unspecified 0000000000000001\n  resource service.name=\"shop\"\n"+want)
	}
	note := func(value string) string {
		return `"annotations":[{"timestamp":1767225600000001,"value":"` + value + `"}]`
	}
	const none = "<nil>"
	f(`"tags":{"error":"timeout"}`, none, "  status error \"\"\n  attrs error=\"timeout\"\n")
	f(`"tags":{"error":""}`, none, "  status error \"\"\n  attrs error=\"\"\n")
	f(`"tags":{"otel.status_code":"ERROR","otel.status_description":"boom"}`, none, "  status error \"boom\"\n")
	f(`"tags":{"otel.status_code":"OK"}`, none, "  status ok \"\"\n")
	f(`"tags":{"w3c.tracestate":"a=|"}`, none, "  tracestate a=|\n")
	f(note("a|b"), none, `  event "a" dropped 0 event="a|b"`+"\n")
	f(note("a|b|c"), "invalid character 'b' looking for beginning of value", `  event "a" dropped 0 event="a|b|c"`+"\n")
	f(note("a|{}|c"), `strconv.ParseUint: parsing "c": invalid syntax`, `  event "a" dropped 0 event="a|{}|c"`+"\n")
	f(note(`a|b|{\"event\":1}|0`), "invalid character 'b' looking for beginning of value", `  event "a" dropped 0 event.name="a|b" event=1`+"\n")
	f(`"annotations":[{"timestamp":0,"value":"a"}]`, "valid annotation timestamp required", `  event "a" dropped 0`+"\n")
	f(`"tags":{"otlp.link.0":"a|b|c|d|e"}`, "invalid length for ID", "")
	f(`"tags":{"otlp.link.0":"00000000000000000000000000000002|0000000000000007|k=v|w|{}|1"}`, "invalid character 'w' looking for beginning of value",
		"  link 00000000000000000000000000000002 0000000000000007 \"\" dropped 1\n")
}

// TestRow34Shared: halves that share an id keep it, as with a Zipkin server.
func TestRow34Shared(t *testing.T) {
	t.Parallel()
	td, err := readZipkin(convert(t, []byte(`[
{"traceId":"1","parentId":"2","id":"3","kind":"CLIENT","name":"call","timestamp":1767225600000000,"localEndpoint":{"serviceName":"a"},"annotations":[{"timestamp":1767225600000001,"value":"a|b|c"}]},
{"traceId":"1","parentId":"2","id":"3","kind":"SERVER","name":"serve","timestamp":1767225600000000,"shared":true,"debug":true,"localEndpoint":{"serviceName":"b"},"tags":{"error":"x"}}
]`), "--from", "zipkin.v2.json", "--to", "zipkin", "--residue", "otel"))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, td, `
call client 0000000000000003
  parent 0000000000000002
  resource service.name="a"
  event "a" dropped 0 event="a|b|c"
serve server 0000000000000003
  parent 0000000000000002
  resource service.name="b"
  status error ""
  attrs error="x"
`)
}

// TestRow34Jaeger: spans of Jaeger's clients in Zipkin's form.
func TestRow34Jaeger(t *testing.T) {
	t.Parallel()
	trace := model.NewTraceID(0, 1)
	at := start.AsTime()
	body, err := (&api_v2.PostSpansRequest{Batch: model.Batch{
		Process: model.NewProcess("shop", nil),
		Spans: []*model.Span{{
			TraceID: trace, SpanID: 3, OperationName: "x", StartTime: at, Duration: time.Millisecond,
			References: []model.SpanRef{model.NewChildOfRef(trace, 2), model.NewFollowsFromRef(trace, 4), model.NewChildOfRef(model.NewTraceID(7, 8), 9)},
			Tags: []model.KeyValue{
				model.String("span.kind", "client"), model.Bool("error", true), model.Int64("http.status_code", 500),
				model.String("otel.status_description", "no | such | thing"), model.String("w3c.tracestate", "a=|"),
			},
			Logs: []model.Log{
				{Timestamp: at, Fields: []model.KeyValue{model.String("event", "a|b|c"), model.Int64("n", 5)}},
				{Timestamp: at, Fields: []model.KeyValue{model.String("message", "<a|b|c>")}},
			},
		}},
	}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	td, err := readZipkin(convert(t, body, "--from", "jaeger.proto", "--to", "zipkin", "--residue", "otel"))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, td, `
x client 0000000000000003
  parent 0000000000000002
  resource service.name="shop"
  status error "no | such | thing"
  tracestate a=|
  event "a" dropped 0 event="a|b|c" n=5
  event "" dropped 0 message="<a|b|c>"
  link 00000000000000000000000000000001 0000000000000004 "" dropped 0
  link 00000000000000070000000000000008 0000000000000009 "" dropped 0
  attrs http.status_code="500"
`)
}

// TestRow34ToJaeger: spans of OpenTelemetry in Jaeger's form, which has a place
// for all but what links say, are at the Collector what its own exporter makes
// of them.
func TestRow34ToJaeger(t *testing.T) {
	t.Parallel()
	want := dump(readJaeger(t, writeJaeger(t, sample(true))))
	if !strings.Contains(want, "  status error \"out of stock\"\n  tracestate vendor=a|b,other=x\n") || !strings.Contains(want, "  event \"two|pipes|here\"") {
		t.Fatalf("the Collector's own is\n%s", want)
	}
	for _, mode := range []string{"exact", "plain", "otel"} {
		got := dump(readJaeger(t, convert(t, otlp(t, sample(true)), "--from", "otlp.proto", "--to", "jaeger.proto", "--residue", mode)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mode, diff)
		}
	}
}

// receiver answers as the Collector's Zipkin receiver does: 400 for a body that
// its translator refuses, else 202.
type receiver struct {
	mu     sync.Mutex
	all    ptrace.Traces
	faults []error
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var td ptrace.Traces
	if err == nil {
		td, err = readZipkin(body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.faults = append(r.faults, err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	td.ResourceSpans().MoveAndAppendTo(r.all.ResourceSpans())
	w.WriteHeader(http.StatusAccepted)
}

// TestRow34Gateway: a running gateway with the Collector for a target.
func TestRow34Gateway(t *testing.T) {
	t.Parallel()
	r := &receiver{all: ptrace.NewTraces()}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	b := lab.StartBridge(t, fmt.Sprintf("targets:\n  collector: {kind: zipkin, endpoint: %q, residue: otel}\n", server.URL))
	post(t, b.OTLPHTTP+"/v1/traces", "application/x-protobuf", otlp(t, sample(true)), http.StatusOK)
	lab.Eventually(t, time.Minute, "the spans at the receiver", func(context.Context) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.faults) > 0 {
			t.Fatalf("refused: %v", r.faults)
		}
		if n := r.all.SpanCount(); n < 6 {
			return fmt.Errorf("%d spans, want 6", n)
		}
		return nil
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	expect(t, r.all, sampleAtCollector+pipesAtCollector)
}

func post(t *testing.T, url, media string, body []byte, want int) {
	t.Helper()
	res, err := http.Post(url, media, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	if res.StatusCode != want {
		t.Fatalf("%s: %s: %s", url, res.Status, answer)
	}
}
