// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"pgregory.net/rapid"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/span/spantest"
)

// pythonJSON is a segment as the HTTP reporter of the Python agent writes it:
// enums by name but refType by number, null for no peer, the child first.
const pythonJSON = `{"traceId": "9c6d714b8b4c4be0bff5a8e65919605e.35.17952380498340001", "traceSegmentId": "620808a4e56a11f183c402fc00000001",
 "service": "python-svc", "serviceInstance": "py-1", "isSizeLimited": false, "spans": [
 {"spanId": 1, "parentSpanId": 0, "startTime": 1795238049923, "endTime": 1795238049938, "operationName": "/b \u00e9\n", "peer": null,
  "spanType": "Exit", "spanLayer": "Http", "componentId": 7002, "isError": true,
  "logs": [{"time": 1795238049930, "data": [{"key": "Traceback", "value": "boom"}]}],
  "tags": [{"key": "http.method", "value": "GET"}], "refs": []},
 {"spanId": 0, "parentSpanId": -1, "startTime": 1795238049918, "endTime": 1795238049951, "operationName": "/py", "peer": "127.0.0.1:53506",
  "spanType": "Entry", "spanLayer": "Http", "componentId": 7001, "isError": false, "logs": [], "tags": [],
  "refs": [{"refType": 0, "traceId": "9c6d714b8b4c4be0bff5a8e65919605e.35.17952380498340001", "parentTraceSegmentId": "9c6d714b8b4c4be0bff5a8e65919605e.35.17952380498340000",
   "parentSpanId": 1, "parentService": "java-svc", "parentServiceInstance": "java-1", "parentEndpoint": "GET:/a", "networkAddressUsedAtPeer": "127.0.0.1:48081"}]}]}`

// W10: the Python agent's JSON is the same as its protobuf.
func TestW10PythonJSON(t *testing.T) {
	t.Parallel()
	g := &agentv3.SegmentObject{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal([]byte(pythonJSON), g); err != nil {
		t.Fatal(err)
	}
	want := spantest.Dump(decode(t, formatSegments, collection(t, g)))
	if got := spantest.Dump(decode(t, formatSegmentJSON, []byte(pythonJSON))); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := spantest.Dump(decode(t, formatSegmentsJSON, []byte(" ["+pythonJSON+"] \n"))); got != want {
		t.Errorf("in a list: got\n%swant\n%s", got, want)
	}
	if strings.Count(want, "\nspan ")+1 != 2 || !strings.Contains(want, `remote "java-svc" ip4 127.0.0.1 port 53506`) {
		t.Errorf("got\n%s", want)
	}
}

func TestW10JSONSpellings(t *testing.T) {
	t.Parallel()
	f := func(body, want string) {
		t.Helper()
		b := decode(t, formatSegmentJSON, []byte(body))
		s := &b.Spans()[0]
		a := b.Agent(s.Agent)
		got := fmt.Sprintf("%s %d %d %d %d %d", b.Str(s.Name), s.Start, a.Number, a.Parent, a.Type, a.Layer)
		if got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	f(`{"spans":[{"operationName":"a","startTime":"1700000000000","spanId":"2","parentSpanId":-1,"spanType":"Exit","spanLayer":"Cache"}]}`, "a 1700000000000000000 2 -1 1 5")
	f(`{"spans":[{"operation_name":"a","start_time":1700000000000,"span_id":2,"parent_span_id":-1,"span_type":1,"span_layer":5}]}`, "a 1700000000000000000 2 -1 1 5")
	f(`{"trace_id":null,"extra":{"x":[1,{}]},"spans":[{"operationName":"a","startTime":1.7e12,"new":1,"spanType":"Other","spanLayer":7}]}`, "a 1700000000000000000 0 0 0 7")
	f(`{"spans":[{"operationName":"a","startTime":1,"spanLayer":"GenAI"}]}`, "a 1000000 0 0 0 7")
}

// W10: a bad element costs only itself, and so does a bad span.
func TestW10BadElements(t *testing.T) {
	t.Parallel()
	good := func(name string) string {
		return `{"traceId":"t","traceSegmentId":"` + name + `","spans":[{"startTime":1,"parentSpanId":-1,"operationName":"` + name + `"}]}`
	}
	f := func(format, body string, spans int, refusedSpans int, cut bool, want string) {
		t.Helper()
		b, err := tryDecode(format, []byte(body))
		refused(t, err, refusedSpans, cut, want)
		if b.Len() != spans {
			t.Errorf("%s: %d spans, want %d", body, b.Len(), spans)
		}
		if err := invariants(b); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
	f(formatSegmentsJSON, `[`+good("a")+`,{"traceId":5,"spans":[{"startTime":1}]},`+good("b")+`]`, 2, 1, false, `segment 2, byte`)
	f(formatSegmentsJSON, `[`+good("a")+`,null,7,"x",`+good("b")+`]`, 2, 3, false, "segment 2, byte")
	f(formatSegmentsJSON, `[`+good("a")+`,{},`+good("b")+`]`, 2, 1, false, "segment 2: no spans")
	f(formatSegmentsJSON, `[{"spans":[{"startTime":1},{"startTime":"x"},{"tags":[{"key":{}}]},{"spanId":1,"startTime":2}]},`+good("b")+`]`, 3, 2, false, "segment 1: span 2, byte")
	f(formatSegmentsJSON, `[{"spans":[{"startTime":"x"}]},`+good("b")+`]`, 1, 1, false, "segment 1: span 1, byte")
	f(formatSegmentsJSON, `[`+good("a")+`,{"spans":[{"startTime":1},{"start`, 1, 0, true, "segment 2, byte")
	f(formatSegmentsJSON, `[`+good("a")+`,]`, 1, 0, true, "")
	f(formatSegmentsJSON, `[]`, 0, 0, false, "")
	f(formatSegmentsJSON, ``, 0, 0, true, "the end of the body, want an array")
	f(formatSegmentsJSON, good("a"), 0, 0, true, "want an array")
	f(formatSegmentJSON, `[`+good("a")+`]`, 0, 1, false, "want an object")
	f(formatSegmentJSON, good("a")+` x`, 1, 0, true, "want the end of the body")
	f(formatSegmentJSON, ``, 0, 0, true, "")
	f(formatSegmentJSON, strings.Replace(good("a"), `":"a`, "\":\"\xff", 1), 1, 0, false, "")
}

// protojson and this decoder read the same from whatever protojson can write.
func TestJSONAsUpstream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := anySegment(t)
		for _, s := range g.Spans {
			// JSON can say zeros, which protobuf does not write.
			s.OperationName = "/" + s.OperationName
		}
		body, err := protojson.MarshalOptions{
			UseProtoNames: rapid.Bool().Draw(t, "proto names"), UseEnumNumbers: rapid.Bool().Draw(t, "enum numbers"),
			EmitUnpopulated: rapid.Bool().Draw(t, "unpopulated"),
		}.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		back := &agentv3.SegmentObject{}
		if err := protojson.Unmarshal(body, back); err != nil {
			t.Fatal(err)
		}
		b, _ := tryDecode(formatSegmentJSON, body)
		want := content([]*agentv3.SegmentObject{back})
		if got := contentOf(b); got != want {
			t.Fatalf("%s\ngot\n%swant\n%s", body, got, want)
		}
	})
}

func TestNoticesJSON(t *testing.T) {
	t.Parallel()
	f := func(format, body, want string) {
		t.Helper()
		if got := spantest.Dump(decode(t, format, []byte(body))); got != want {
			t.Errorf("%s: got\n%swant\n%s", body, got, want)
		}
	}
	f(formatPropertiesJSON, `{"service":"a","serviceInstance":"b","properties":[{"key":"language","value":"python"},{"key":"x","value":null}]}`,
		"instance properties service \"a\" name \"b\" layer -\n  property \"language\" string \"python\"\n  property \"x\" string \"\"\n")
	f(formatPropertiesJSON, `{"service":"a","layer":"MESH"}`, "instance properties service \"a\" name - layer \"MESH\"\n")
	f(formatPingJSON, `{"service":"a","service_instance":"b","layer":"GENERAL"}`, "instance ping service \"a\" name \"b\" layer \"GENERAL\"\n")
	f(formatPingJSON, `{}`, "")
	f(formatPing, "", "")
	f(formatProperties, "\x0a\x02a\xff\x12\x01b", "instance properties service \"a\ufffd\" name \"b\" layer -\n")
	for format, body := range map[string]string{formatPropertiesJSON: `{"service":5}`, formatPingJSON: `{`, formatPing: "\x0a\x05a", formatProperties: "\x1a\x02\x0a\x09"} {
		_, err := tryDecode(format, []byte(body))
		if m, ok := asMalformed(err); !ok || !strings.HasPrefix(m.Error(), "skywalking p") {
			t.Errorf("%s: %v", format, err)
		}
	}
}
