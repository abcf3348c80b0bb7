// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/samples"
)

// TestAnswersAreTheRealServers sends every captured request, and hand-made ones
// that are empty, odd or wrong, to the gateway and to the real server of the
// protocol: Zipkin 3.5.1 or Jaeger 1.76. The answers are the same but for those
// that name their deviation.
func TestAnswersAreTheRealServers(t *testing.T) {
	zipkin, jaeger := lab.StartZipkin(t), lab.StartJaeger(t)
	b := startBridge(t, "")
	host := func(url string) string { return strings.TrimPrefix(url, "http://") }
	real := func(r *samples.Request) string {
		switch at := receiver(b, r); at {
		case host(b.Zipkin):
			return host(zipkin.URL)
		case host(b.JaegerHTTP):
			return host(strings.TrimSuffix(jaeger.ThriftHTTP, "/api/traces"))
		case b.JaegerGRPC:
			return jaeger.GRPC
		case b.OTLPGRPC:
			return jaeger.OTLPGRPC
		case host(b.OTLPHTTP):
			return host(jaeger.OTLPHTTP)
		case host(b.JaegerSampling):
			return host(jaeger.Sampling)
		}
		return ""
	}
	requests := append(loadSamples(t), handMadeRequests()...)
	compared := 0
	for _, r := range requests {
		if r.Method == "" {
			continue // nobody answers a datagram
		}
		if strings.HasPrefix(r.Path, "/zipkin.proto3.") {
			// Zipkin's port answers gRPC too.
			r := r
			compare(t, &r, host(b.Zipkin), host(zipkin.URL))
			compared++
			continue
		}
		if to := real(&r); to != "" {
			compare(t, &r, receiver(b, &r), to)
			compared++
		}
	}
	if compared < 60 {
		t.Errorf("%d requests compared", compared)
	}
}

// deviations are requests that the gateway means to answer otherwise, with what
// it answers and why.
var deviations = map[string]struct {
	status int
	why    string
}{
	"zipkin/empty proto3, gzip":               {202, "reporters send those; the server's 'Cannot gunzip spans' helps nobody"},
	"zipkin/span id 0":                        {400, "the server stores sixteen zeros, which is no id"},
	"zipkin/11 MiB":                           {413, "the server says 413 in the text of a 500"},
	"zipkin/timestamp of the year 5138":       {400, "64 bits of nanoseconds end in 2262"},
	"zipkin/30 MiB of blanks in a small gzip": {413, "the server inflates without a limit"},
}

func compare(t *testing.T, r *samples.Request, bridge, real string) {
	t.Helper()
	ours, err := r.Send(t.Context(), bridge)
	if err != nil {
		t.Errorf("%s: %v", r.Name, err)
		return
	}
	theirs, err := r.Send(t.Context(), real)
	if err != nil {
		t.Errorf("%s: at the real server: %v", r.Name, err)
		return
	}
	if d, ok := deviations[r.Name]; ok {
		if ours.Status != d.status {
			t.Errorf("%s: %v, want %d (%s)", r.Name, ours, d.status, d.why)
		}
		if theirs.Status == d.status {
			t.Errorf("%s: the real server answers %v too: no deviation", r.Name, theirs)
		}
		return
	}
	if ours.Status != theirs.Status || ours.GRPC != theirs.GRPC {
		t.Errorf("%s: %v, the real server: %v", r.Name, ours, theirs)
		return
	}
	switch {
	case strings.HasPrefix(r.Path, "/sampling") && ours.Status == http.StatusOK:
		if got, want := strategy(t, ours.Body), strategy(t, theirs.Body); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, the real server: %v", r.Name, got, want)
		}
	case ours.Status == http.StatusAccepted && ours.Body != theirs.Body:
		t.Errorf("%s: body %q, the real server: %q", r.Name, ours.Body, theirs.Body)
	case ours.Status >= 400 && ours.GRPC == "" && (ours.Body == "") != (theirs.Body == ""):
		t.Errorf("%s: body %q, the real server: %q", r.Name, ours.Body, theirs.Body)
	}
}

// strategy is what an answer of the sampling port means to a client. Jaeger v2
// writes the kind as a number, which its Go client cannot read; Jaeger v1 and the
// gateway write the name. Members that say nothing do not count.
func strategy(t *testing.T, body string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	if m["strategyType"] == "PROBABILISTIC" {
		m["strategyType"] = 0.0
	}
	out := map[string]any{"strategyType": m["strategyType"], "probabilisticSampling": m["probabilisticSampling"]}
	return out
}

// handMadeRequests are those that no well-behaved client sends, and those that
// some do.
func handMadeRequests() (all []samples.Request) {
	add := func(name, path, media, encoding string, body []byte) {
		h := http.Header{}
		if media != "" {
			h.Set("Content-Type", media)
		}
		if encoding != "" {
			h.Set("Content-Encoding", encoding)
		}
		all = append(all, samples.Request{Name: name, Method: http.MethodPost, Path: path, Header: h, Body: body})
	}
	v2 := func(name, body string) { add("zipkin/"+name, "/api/v2/spans", "application/json", "", []byte(body)) }
	with := func(name, field string) {
		v2(name, `[{"traceId":"463ac35c9f6413ad","id":"a2fb4a1d1a96d312","name":"x",`+field+`}]`)
	}
	// Bodies that are empty.
	v2("no bytes", "")
	v2("[]", "[]")
	v2("[ ]", "[ ]")
	add("zipkin/no bytes, gzip", "/api/v2/spans", "application/json", "gzip", nil)
	add("zipkin/[], gzip", "/api/v2/spans", "application/json", "gzip", zipped("[]"))
	add("zipkin/empty proto3", "/api/v2/spans", "application/x-protobuf", "", nil)
	add("zipkin/empty proto3, gzip", "/api/v2/spans", "application/x-protobuf", "gzip", zipped(""))
	add("zipkin/empty thrift list", "/api/v1/spans", "application/x-thrift", "", []byte{12, 0, 0, 0, 0})
	add("zipkin/empty thrift list, gzip", "/api/v1/spans", "application/x-thrift", "gzip", zipped("\x0c\x00\x00\x00\x00"))
	// Bodies that are no lists of spans.
	v2("an object", "{}")
	v2("leading space", " []")
	v2("byte order mark", "\ufeff[]")
	v2("text behind the list", `[{"traceId":"1","id":"1"}] and more`)
	v2("trailing comma", `[{"traceId":"1","id":"1"},]`)
	v2("cut", `[{"traceId":"1","id":`)
	v2("single quotes", `[{'traceId':'1','id':'1'}]`)
	v2("not JSON", "hello")
	v2("one bad span of two", `[{"traceId":"1","id":"1"},{"traceId":"x","id":"1"}]`)
	v2("v1 span", `[{"traceId":"1","id":"1","binaryAnnotations":[]}]`)
	add("zipkin/v2 span at v1", "/api/v1/spans", "application/json", "", []byte(`[{"traceId":"1","id":"1","localEndpoint":{"serviceName":"a"}}]`))
	add("zipkin/not gzip", "/api/v2/spans", "application/json", "gzip", []byte("[]"))
	add("zipkin/plain with deflate header", "/api/v2/spans", "application/json", "deflate", []byte("[]"))
	add("zipkin/text/plain", "/api/v2/spans", "text/plain", "", []byte("[]"))
	add("zipkin/no media type", "/api/v2/spans", "", "", []byte("[]"))
	add("zipkin/charset", "/api/v2/spans", "application/json; charset=utf-8", "", []byte("[]"))
	add("zipkin/trailing slash", "/api/v2/spans/", "application/json", "", []byte("[]"))
	add("zipkin/query", "/api/v2/spans?a=b", "application/json", "", []byte("[]"))
	add("zipkin/unknown path", "/api/v3/spans", "application/json", "", []byte("[]"))
	add("zipkin/bad proto3", "/api/v2/spans", "application/x-protobuf", "", []byte{10, 200, 1, 2, 3})
	add("zipkin/bad thrift", "/api/v1/spans", "application/x-thrift", "", []byte{12, 0, 0, 0, 1, 10, 0})
	add("zipkin/11 MiB", "/api/v2/spans", "application/json", "", append([]byte("["), bytes.Repeat([]byte(" "), 11<<20)...))
	add("zipkin/9 MiB", "/api/v2/spans", "application/json", "", []byte("["+strings.Repeat(" ", 9<<20)+"]"))
	add("zipkin/30 MiB of blanks in a small gzip", "/api/v2/spans", "application/json", "gzip", zipped("["+strings.Repeat(" ", 30<<20)+"]"))
	// Spans that are odd, by the rules of the server's model.
	for name, ids := range map[string]string{
		"short ids": `"traceId":"abc1","id":"1","parentId":"2"`, "17 digits": `"traceId":"1463ac35c9f6413ad","id":"1"`,
		"31 digits": `"traceId":"463ac35c9f6413ad463ac35c9f6413a","id":"1"`, "33 digits": `"traceId":"463ac35c9f6413ad463ac35c9f6413ad1","id":"1"`,
		"17-digit id": `"traceId":"1","id":"1463ac35c9f6413ad"`, "empty trace id": `"traceId":"","id":"1"`, "zero trace id": `"traceId":"0000000000000000","id":"1"`,
		"upper case": `"traceId":"ABC","id":"1"`, "0x": `"traceId":"0x1","id":"1"`, "no id": `"traceId":"1"`, "no trace id": `"id":"1"`,
		"span id 0": `"traceId":"1","id":"0"`, "sixteen zeros": `"traceId":"1","id":"0000000000000000"`, "null trace id": `"traceId":null,"id":"1"`,
		"number as id": `"traceId":15,"id":1`, "null parent": `"traceId":"1","id":"1","parentId":null`, "zero parent": `"traceId":"1","id":"1","parentId":"0"`,
		"own parent": `"traceId":"1","id":"1","parentId":"1"`, "empty parent": `"traceId":"1","id":"1","parentId":""`, "bad parent": `"traceId":"1","id":"1","parentId":"z"`,
	} {
		v2(name, "[{"+ids+"}]")
	}
	for name, field := range map[string]string{
		"kind lower case": `"kind":"client"`, "kind INTERNAL": `"kind":"INTERNAL"`, "kind empty": `"kind":""`, "kind null": `"kind":null`, "kind SERVER": `"kind":"SERVER"`,
		"timestamp as text": `"timestamp":"1700000000000001"`, "timestamp as 1.7e15": `"timestamp":1.7e15`, "timestamp with .0": `"timestamp":1700000000000001.0`,
		"timestamp with .5": `"timestamp":1700000000000001.5`, "timestamp negative": `"timestamp":-5`, "timestamp 0": `"timestamp":0`, "timestamp 10^20": `"timestamp":100000000000000000000`,
		"timestamp bool": `"timestamp":true`, "timestamp of the year 5138": `"timestamp":100000000000000000`,
		"duration 0": `"duration":0`, "duration negative": `"duration":-5`, "duration 1.5": `"duration":1.5`, "duration null": `"duration":null`,
		"tag number": `"tags":{"a":5}`, "tag bool": `"tags":{"a":true}`, "tag null": `"tags":{"a":null}`, "tag object": `"tags":{"a":{}}`, "tag empty key": `"tags":{"":"a"}`,
		"tags null": `"tags":null`, "tags list": `"tags":[]`, "v2 tag value with a v1 key": `"tags":{"a":"binaryAnnotations\""}`,
		"annotation without value": `"annotations":[{"timestamp":1}]`, "annotation without time": `"annotations":[{"value":"a"}]`, "annotation time 0": `"annotations":[{"timestamp":0,"value":"a"}]`,
		"annotation null value": `"annotations":[{"timestamp":1,"value":null}]`, "annotations null": `"annotations":null`,
		"debug text": `"debug":"true"`, "debug null": `"debug":null`, "shared on a client": `"kind":"CLIENT","shared":true`, "shared number": `"shared":1`,
		"bad ip": `"localEndpoint":{"ipv4":"zz"}`, "swapped ips": `"localEndpoint":{"ipv6":"1.2.3.4","ipv4":"::1"}`, "port -1": `"localEndpoint":{"port":-1}`,
		"port 70000": `"localEndpoint":{"port":70000}`, "port text": `"localEndpoint":{"port":"80"}`, "endpoint {}": `"localEndpoint":{}`, "endpoint null": `"remoteEndpoint":null`,
		"endpoint text": `"localEndpoint":"a"`, "unknown field": `"what":{"ever":[1,2,{}]}`, "name null": `"name":null`, "name number": `"name":5`, "bad utf-8": "\"name\":\"\xff\"",
	} {
		with(name, field)
	}
	// Jaeger's HTTP port.
	add("jaeger/wrong media", "/api/traces", "application/json", "", []byte("{}"))
	add("jaeger/media with parameters", "/api/traces", "application/x-thrift; charset=x", "", []byte{0})
	add("jaeger/bad body", "/api/traces", "application/x-thrift", "", []byte("rubbish"))
	add("jaeger/no media type", "/api/traces", "", "", []byte("rubbish"))
	for _, query := range []string{"", "?service=", "?service=a", "?service=a&service=b", "?service=a%20b&x=y"} {
		all = append(all, samples.Request{Name: "sampling/" + query, Method: http.MethodGet, Path: "/sampling" + query})
	}
	return all
}
