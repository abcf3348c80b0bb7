// SPDX-License-Identifier: Apache-2.0

package view

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openzipkin/zipkin-go/model"

	"github.com/spanbridge/spanbridge/span"
)

// A shared server whose client never reports keeps the id of the wire in Zipkin's
// answers. The page hangs it below the client's parent, as far as that is there.
func TestRow49LoneServer(t *testing.T) {
	t.Parallel()
	f := func(want string, spans ...string) {
		t.Helper()
		v := newView(Options{})
		for _, s := range spans {
			consume(t, v, batch(t, sp(s)))
		}
		if d := cmp.Diff(strings.ReplaceAll(want, "|", "\n")+"\n", draw(t, v)); d != "" {
			t.Errorf("%q: %s", spans, d)
		}
		// On the wire it is as it was, and of the unique ids it has one of its own.
		for _, s := range getJSON[[]struct {
			Name, ID, ParentID string
			Shared             bool
		}](t, v, "/api/v2/trace/1") {
			if s.Name == "c" && (s.ID != "0000000000000002" || s.ParentID != "0000000000000001" || !s.Shared) {
				t.Errorf("%q: %+v", spans, s)
			}
		}
		for _, s := range getJSON[[]struct {
			Name, ID, ParentID string
			Shared             bool
		}](t, v, "/api/v2/trace/1?ids=unique") {
			if s.Name == "c" && (s.ID == "0000000000000002" || s.ParentID != "0000000000000002" || s.Shared) {
				t.Errorf("%q, unique: %+v", spans, s)
			}
		}
	}
	const root, server, child = "1 - - s a 0 9", "2 1 shared t c 2 3", "3 2 - t d 3 1"
	f("a| c (split lifted)|  d (moved)", root, server, child)
	f("a| c (split lifted)|  d (moved)", child, server, root)
	f("c (split orphan)| d (moved)", server, child)
	// With its client it is below it.
	f("a| b (shared)|  c (split)|   d (moved)", root, server, child, "2 1 CLIENT s b 1 5")
}

// The data source of Grafana reads the answers with zipkin-go's model, which is
// stricter than the server: no numbers as tags, no times as text, ports of 16
// bits. Whatever came in, it reads what goes out; but for annotations at the time
// 0, which the server answers with too.
func TestQueryZipkinGoModel(t *testing.T) {
	t.Parallel()
	v := newView(Options{})
	odd := []string{
		`"kind":null,"timestamp":"1767225600000001","duration":"5","tags":{"n":-1.50e3,"":""}`,
		`"timestamp":1.767225600000002e15,"duration":7.0,"localEndpoint":{"serviceName":"A","ipv6":"1.2.3.4","ipv4":"2001:db8::1","port":"65535"}`,
		`"timestamp":-5,"duration":-1,"parentId":"0","remoteEndpoint":{"ipv6":"::ffff:9.8.7.6","port":-1}`,
		`"localEndpoint":{"ipv4":"bad"},"remoteEndpoint":{},"annotations":[{"timestamp":"7","value":6}]`,
		`"kind":"CLIENT","shared":true,"debug":true,"name":"tab\t"`,
		`"kind":"SERVER","shared":true,"debug":true,"annotations":[{"timestamp":1,"value":""}],"unknown":{"a":[]}`,
		`"kind":"PRODUCER","localEndpoint":{"serviceName":"é\u0000\ud83d"},"tags":{"error":""}`,
	}
	for i, fields := range odd {
		consume(t, v, batch(t, fmt.Sprintf(`{"traceId":"1","id":"%x0",%s}`, i+1, fields)))
	}
	consume(t, v, mixed(t)...)
	w := span.NewBuilder(nil, span.Origin{Format: "otlp.proto", Transport: "grpc", Received: start * 1000})
	for n, s := range []span.Span{
		{Start: start*1000 + 1, Duration: 1, Has: span.HasStart | span.HasDuration, Kind: span.KindInternal}, // less than a microsecond
		{Start: -1, Duration: -1, Has: span.HasStart | span.HasDuration},
		{Start: 1<<63 - 1, Duration: 1<<63 - 1, Has: span.HasStart | span.HasDuration, Status: span.StatusError},
	} {
		s.Trace, s.ID = span.TraceID{Lo: 1}, span.ID(0x1000+n)
		w.Span(s)
	}
	consume(t, v, w.Batch())
	const all = 7 + 4 + 3
	f := func(target string, lists func(body string) ([][]model.SpanModel, error)) {
		t.Helper()
		status, body := get(t, v, target)
		got, err := lists(body)
		if status != http.StatusOK || err != nil || len(got) != 1 || len(got[0]) != all {
			t.Errorf("%s: %d, %v, %d traces in %.200s", target, status, err, len(got), body)
			return
		}
		for _, s := range got[0] {
			if s.ID == 0 || s.TraceID.Low != 1 {
				t.Errorf("%s: %+v", target, s)
			}
		}
	}
	list := func(body string) (one []model.SpanModel, err error) { return one, json.Unmarshal([]byte(body), &one) }
	single := func(body string) ([][]model.SpanModel, error) {
		one, err := list(body)
		return [][]model.SpanModel{one}, err
	}
	several := func(body string) (many [][]model.SpanModel, err error) {
		return many, json.Unmarshal([]byte(body), &many)
	}
	for _, base := range []string{"", "/zipkin"} {
		for _, ids := range []string{"", "ids=unique"} {
			f(base+"/api/v2/trace/1?"+ids, single)
			f(base+"/api/v2/traces?"+ids, several)
			f(base+"/api/v2/traceMany?traceIds=1,2&"+ids, several)
		}
	}
	for _, target := range []string{"/api/v2/services", "/api/v2/spans?serviceName=a", "/api/v2/remoteServices?serviceName=stock", "/api/v2/autocompleteKeys"} {
		getJSON[[]string](t, v, target)
	}
	for _, link := range getJSON[[]map[string]any](t, v, fmt.Sprintf("/api/v2/dependencies?endTs=%d", start/1000+60_000)) {
		parent, _ := link["parent"].(string)
		child, _ := link["child"].(string)
		calls, _ := link["callCount"].(float64)
		if errors, said := link["errorCount"].(float64); parent == "" || child == "" || calls < 1 || said && errors < 1 {
			t.Errorf("link %v", link)
		}
	}
}

// An id of a trace may be given in any width that means it.
func TestQueryTraceIDForms(t *testing.T) {
	t.Parallel()
	v := newView(Options{})
	consume(t, v, batch(t, `{"traceId":"463ac35c9f6413ad00000000000000ab","id":"1"}`), batch(t, `{"traceId":"cd","id":"2"}`))
	f := func(id string, status int, want string) {
		t.Helper()
		got, body := get(t, v, "/api/v2/trace/"+id)
		if got != status || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %d with %s", id, got, body, status, want)
		}
	}
	const long, short = `"traceId":"463ac35c9f6413ad00000000000000ab"`, `"traceId":"00000000000000cd"`
	f("463ac35c9f6413ad00000000000000ab", 200, long)
	f("ab", 200, long) // of two processes one may know 64 bits
	f("00000000000000ab", 200, long)
	f("cd", 200, short)
	f("00000000000000cd", 200, short)
	f("000000000000000000000000000000cd", 200, short)
	f("ef", 404, "00000000000000ef not found")
	f("1463ac35c9f6413ad", 404, "0000000000000001463ac35c9f6413ad not found")
	// The server refuses upper case; here it is another form of the same id, and
	// an id that is nowhere is refused in the server's words.
	f("CD", 200, short)
	f("EF", 400, "EF should be lower-hex encoded with no prefix")
	f("463ac35c9f6413ad00000000000000abc", 400, "traceId.length > 32")
}
