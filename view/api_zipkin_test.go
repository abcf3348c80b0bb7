// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openzipkin/zipkin-go/model"
)

// The spans of these tests, their answers and the texts of errors were sent to
// and taken from openzipkin/zipkin 3.5.1.
const (
	traceA1 = `{"traceId":"a","id":"1","kind":"SERVER","name":"GET /A","timestamp":START,"duration":5000,"localEndpoint":{"serviceName":"Front","ipv4":"1.2.3.4"},"tags":{"environment":"prod","http.method":"GET","error":"x=y"},"annotations":[{"timestamp":START,"value":"retry"}]}`
	traceA2 = `{"traceId":"a","id":"2","parentId":"1","kind":"CLIENT","name":"call","timestamp":START+1000,"duration":3000,"localEndpoint":{"serviceName":"front"},"remoteEndpoint":{"serviceName":"back"}}`
	traceA3 = `{"traceId":"a","id":"2","parentId":"1","kind":"SERVER","shared":true,"name":"call","timestamp":START+1500,"duration":2000,"localEndpoint":{"serviceName":"back"},"tags":{"a":"b and c","nope":""}}`
	traceA4 = `{"traceId":"a","id":"3","parentId":"2","name":"local","timestamp":START+1600,"duration":200,"localEndpoint":{"serviceName":"back"},"remoteEndpoint":{"serviceName":"mysql"}}`
	traceB  = `{"traceId":"b","id":"1","name":"notime","localEndpoint":{"serviceName":"quiet"}}`
	traceC  = `{"traceId":"c","id":"1","name":"newer","timestamp":START+10000000,"duration":7,"localEndpoint":{"serviceName":"front"},"tags":{"error":""}}`
	traceD1 = `{"traceId":"d","id":"1","kind":"PRODUCER","name":"send","timestamp":START+5000000,"localEndpoint":{"serviceName":"front"},"remoteEndpoint":{"serviceName":"kafka"}}`
	traceD2 = `{"traceId":"d","id":"2","parentId":"1","kind":"CONSUMER","name":"next","timestamp":START+5000100,"localEndpoint":{"serviceName":"back"},"remoteEndpoint":{"serviceName":"kafka"}}`
)

func filled(t testing.TB) *View {
	t.Helper()
	v := newView(Options{AutocompleteKeys: []string{"environment", "error"}, Version: "1.2"})
	consume(t, v, batch(t, traceA1, traceA2, traceA3, traceA4), batch(t, traceB), batch(t, traceC, traceC), batch(t, traceD1, traceD2))
	return v
}

func TestQueryAnswers(t *testing.T) {
	t.Parallel()
	v := filled(t)
	f := func(target string, status int, want string) {
		t.Helper()
		for _, prefix := range []string{"", "/zipkin"} {
			if got, body := get(t, v, prefix+target); got != status || body != times(want) {
				t.Errorf("%s%s: %d %s\nwant %d %s", prefix, target, got, body, status, times(want))
			}
		}
	}
	const (
		ok  = http.StatusOK
		bad = http.StatusBadRequest
		no  = http.StatusNotFound
		a1  = `{"traceId":"000000000000000a","id":"0000000000000001","kind":"SERVER","name":"get /a","timestamp":START,"duration":5000,"localEndpoint":{"serviceName":"front","ipv4":"1.2.3.4"},"annotations":[{"timestamp":START,"value":"retry"}],"tags":{"environment":"prod","http.method":"GET","error":"x=y"}}`
		a2  = `{"traceId":"000000000000000a","parentId":"0000000000000001","id":"0000000000000002","kind":"CLIENT","name":"call","timestamp":START+1000,"duration":3000,"localEndpoint":{"serviceName":"front"},"remoteEndpoint":{"serviceName":"back"}}`
		a3  = `{"traceId":"000000000000000a","parentId":"0000000000000001","id":"0000000000000002","kind":"SERVER","name":"call","timestamp":START+1500,"duration":2000,"localEndpoint":{"serviceName":"back"},"tags":{"a":"b and c","nope":""},"shared":true}`
		a4  = `{"traceId":"000000000000000a","parentId":"0000000000000002","id":"0000000000000003","name":"local","timestamp":START+1600,"duration":200,"localEndpoint":{"serviceName":"back"},"remoteEndpoint":{"serviceName":"mysql"}}`
		c   = `{"traceId":"000000000000000c","id":"0000000000000001","name":"newer","timestamp":START+10000000,"duration":7,"localEndpoint":{"serviceName":"front"},"tags":{"error":""}}`
		d1  = `{"traceId":"000000000000000d","id":"0000000000000001","kind":"PRODUCER","name":"send","timestamp":START+5000000,"localEndpoint":{"serviceName":"front"},"remoteEndpoint":{"serviceName":"kafka"}}`
		d2  = `{"traceId":"000000000000000d","parentId":"0000000000000001","id":"0000000000000002","kind":"CONSUMER","name":"next","timestamp":START+5000100,"localEndpoint":{"serviceName":"back"},"remoteEndpoint":{"serviceName":"kafka"}}`
		all = "[[" + c + "],[" + d1 + "," + d2 + "],[" + a1 + "," + a2 + "," + a3 + "," + a4 + "]]"

		noName  = "Mandatory parameter/header/attribute is missing: serviceName"
		notX    = `For input string: "x"`
		noSuch  = "0000000000000001 not found"
		noHex   = " should be lower-hex encoded with no prefix"
		theOnly = "Use /api/v2/trace/{traceId} endpoint to retrieve a single trace"
	)
	f("/api/v2/services", ok, `["back","front","quiet"]`)
	f("/api/v2/spans", bad, noName)
	f("/api/v2/spans?serviceName=", ok, `[]`)
	f("/api/v2/spans?serviceName=none", ok, `[]`)
	f("/api/v2/spans?serviceName=FRONT", ok, `["call","get /a","newer","send"]`)
	f("/api/v2/remoteServices", bad, noName)
	f("/api/v2/remoteServices?serviceName=front", ok, `["back","kafka"]`)

	f("/api/v2/traces", ok, all)
	f("/api/v2/traces?limit=1", ok, "[["+c+"]]")
	f("/api/v2/traces?limit=%2B1", ok, "[["+c+"]]")
	f("/api/v2/traces?limit=1&limit=x", ok, "[["+c+"]]")
	f("/api/v2/traces?spanName=all", ok, all)
	f("/api/v2/traces?serviceName=&spanName=&foo=bar&minDuration=&endTs=", ok, all)
	f("/api/v2/traces?serviceName=FRONT&spanName=Newer", ok, "[["+c+"]]")
	f("/api/v2/traces?serviceName=front&remoteServiceName=Kafka", ok, "[["+d1+","+d2+"]]")
	f("/api/v2/traces?serviceName=quiet", ok, "[]")
	f("/api/v2/traces?serviceName=back&spanName=newer", ok, "[]")
	f("/api/v2/traces?minDuration=7&maxDuration=7", ok, "[["+c+"]]")
	f("/api/v2/traces?serviceName=back&minDuration=3000", ok, "[]")
	f(fmt.Sprintf("/api/v2/traces?endTs=%d&lookback=1", start/1000), ok, "[["+a1+","+a2+","+a3+","+a4+"]]")
	f(fmt.Sprintf("/api/v2/traces?endTs=%d&lookback=1", start/1000+1000), ok, "[]")
	f("/api/v2/traces?limit=0", bad, "limit <= 0")
	f("/api/v2/traces?limit=x", bad, notX)
	f("/api/v2/traces?limit=", bad, "Cannot set null to primitive type parameter: limit")
	f("/api/v2/traces?limit=%203", bad, `For input string: " 3"`)
	f("/api/v2/traces?limit=99999999999", bad, `For input string: "99999999999"`)
	f("/api/v2/traces?lookback=0", bad, "lookback <= 0")
	f("/api/v2/traces?lookback=x", bad, notX)
	f("/api/v2/traces?endTs=0", bad, "endTs <= 0")
	f("/api/v2/traces?endTs=-1", bad, "endTs <= 0")
	f("/api/v2/traces?endTs=x", bad, notX)
	f("/api/v2/traces?endTs=99999999999999999999", bad, `For input string: "99999999999999999999"`)
	f("/api/v2/traces?minDuration=0", bad, "minDuration <= 0")
	f("/api/v2/traces?minDuration=x", bad, notX)
	f("/api/v2/traces?minDuration=1.5", bad, `For input string: "1.5"`)
	f("/api/v2/traces?maxDuration=5", bad, "maxDuration is only valid with minDuration")
	f("/api/v2/traces?minDuration=5&maxDuration=3", bad, "maxDuration < minDuration")
	f("/api/v2/traces?endTs=1&limit=0&lookback=0&maxDuration=5", bad, "limit <= 0")

	f("/api/v2/trace/c", ok, "["+c+"]")
	f("/api/v2/trace/%20c%20", ok, "["+c+"]")
	f("/api/v2/trace/0000000000000000000000000000000c", ok, "["+c+"]")
	f("/api/v2/trace/a", ok, "["+a1+","+a2+","+a3+","+a4+"]")
	f("/api/v2/trace/1", no, noSuch)
	f("/api/v2/trace/1a2b3c4d5e6f7a8b9", no, "0000000000000001a2b3c4d5e6f7a8b9 not found")
	f("/api/v2/trace/0", bad, "traceId is all zeros")
	f("/api/v2/trace/000", bad, "traceId is all zeros")
	f("/api/v2/trace/xyz", bad, "xyz"+noHex)
	f("/api/v2/trace/ABE", bad, "ABE"+noHex)
	f("/api/v2/trace/0x1", bad, "0x1"+noHex)
	f("/api/v2/trace/%20", bad, "traceId is empty")
	f("/api/v2/trace/123456789012345678901234567890123", bad, "traceId.length > 32")
	f("/api/v2/trace/", no, "404 Not Found")
	f("/api/v2/trace/a/b", no, "404 Not Found")
	// Beyond Zipkin: other forms of an id.
	f("/api/v2/trace/C", ok, "["+c+"]")
	f("/api/v2/trace/b3:%20000000000000000c-0000000000000001-1", ok, "["+c+"]")
	f("/api/v2/trace/traceparent%3A%2000-0000000000000000000000000000000c-0000000000000001-01", ok, "["+c+"]")
	f("/api/v2/trace/c%3A1%3A0%3A1", ok, "["+c+"]")
	f("/api/v2/trace/sw8:%201-MDAwMDAwMDAwMDAwMDAwYw==-YQ==-0-YQ==-YQ==-YQ==-YQ==", ok, "["+c+"]")
	f("/api/v2/trace/1:1:0:1", no, noSuch)
	f("/api/v2/trace/two%20words", bad, "two words"+noHex)

	f("/api/v2/traceMany", bad, "Mandatory parameter/header/attribute is missing: traceIds")
	f("/api/v2/traceMany?traceIds=", bad, "traceIds parameter is empty")
	f("/api/v2/traceMany?traceIds=1", bad, theOnly)
	f("/api/v2/traceMany?traceIds=1,1", bad, "redundant traceId: 1")
	f("/api/v2/traceMany?traceIds=1,01", bad, "redundant traceId: 01")
	f("/api/v2/traceMany?traceIds=1,2", ok, "[]")
	f("/api/v2/traceMany?traceIds=c,1,d", ok, "[["+c+"],["+d1+","+d2+"]]")
	f("/api/v2/traceMany?traceIds=1,x", bad, "x"+noHex)
	f("/api/v2/traceMany?traceIds=1,", bad, "traceId is empty")
	f("/api/v2/traceMany?traceIds=%201,2", bad, " 1"+noHex)

	f("/api/v2/dependencies", bad, "Mandatory parameter/header/attribute is missing: endTs")
	f("/api/v2/dependencies?endTs=", bad, "Cannot set null to primitive type parameter: endTs")
	f("/api/v2/dependencies?endTs=x", bad, notX)
	f("/api/v2/dependencies?endTs=0", bad, "endTs <= 0")
	f("/api/v2/dependencies?endTs=1&lookback=0", bad, "lookback <= 0")
	f("/api/v2/dependencies?endTs=1&lookback=x", bad, notX)
	f("/api/v2/dependencies?endTs=1", ok, "[]")

	f("/api/v2/autocompleteKeys", ok, `["environment","error"]`)
	f("/api/v2/autocompleteValues", bad, "Mandatory parameter/header/attribute is missing: key")
	f("/api/v2/autocompleteValues?key=", bad, "key was empty")
	f("/api/v2/autocompleteValues?key=none", ok, "[]")
	f("/api/v2/autocompleteValues?key=http.method", ok, "[]")
	f("/api/v2/autocompleteValues?key=error", ok, `["","x=y"]`)
	f("/api/v2/services/", no, "404 Not Found")
	f("/api/v2/nothing", no, "404 Not Found")
}

func TestQueryDependencies(t *testing.T) {
	t.Parallel()
	v := filled(t)
	_, body := get(t, v, fmt.Sprintf("/api/v2/dependencies?endTs=%d", start/1000+60_000))
	want := `[{"parent":"front","child":"kafka","callCount":1},{"parent":"kafka","child":"back","callCount":1},` +
		`{"parent":"front","child":"back","callCount":1},{"parent":"back","child":"mysql","callCount":1}]`
	if body != want {
		t.Error(body)
	}
	if _, body := get(t, v, fmt.Sprintf("/api/v2/dependencies?endTs=%d&lookback=1000", start/1000+60_000)); body != "[]" {
		t.Error(body)
	}
}

func TestQueryHeaders(t *testing.T) {
	t.Parallel()
	v := filled(t)
	f := func(method, target string, status int, header, want string) {
		t.Helper()
		w := ask(t, v, method, target)
		if w.StatusCode != status || header != "" && w.Header.Get(header) != want {
			t.Errorf("%s %s: %d %q, want %d %q", method, target, w.StatusCode, w.Header.Get(header), status, want)
		}
	}
	const cached = "max-age=300, must-revalidate"
	f("GET", "/api/v2/services", 200, "Content-Type", "application/json")
	f("GET", "/api/v2/services", 200, "Cache-Control", "") // three services
	f("GET", "/api/v2/spans?serviceName=front", 200, "Cache-Control", "")
	f("GET", "/api/v2/autocompleteKeys", 200, "Cache-Control", cached)
	f("GET", "/api/v2/autocompleteValues?key=error", 200, "Cache-Control", "")
	consume(t, v, batch(t, `{"traceId":"e","id":"1","localEndpoint":{"serviceName":"fourth"}}`))
	f("GET", "/api/v2/services", 200, "Cache-Control", cached)
	f("GET", "/api/v2/spans?serviceName=front", 200, "Cache-Control", cached)
	f("GET", "/api/v2/remoteServices?serviceName=none", 200, "Cache-Control", cached)
	f("GET", "/zipkin/config.json", 200, "Cache-Control", "max-age=600")
	f("GET", "/config.json", 404, "Content-Type", "text/plain; charset=utf-8")
	f("GET", "/zipkin", 302, "Location", "./")
	f("GET", "/zipkin/", 302, "Location", "../")
	f("GET", "/zipkin/?serviceName=a", 302, "Location", "../?serviceName=a")
	f("GET", "/zipkin/traces/0abc", 302, "Location", "../../?trace=0abc")
	f("GET", "/zipkin/traces/%3Cb%2Fc%3E", 302, "Location", "../../?trace=%3Cb%2Fc%3E")
	f("GET", "/zipkin/dependency", 302, "Location", "../")
	f("GET", "/favicon.ico", 302, "Location", "view/page/icon.svg")
	f("GET", "/", 200, "Content-Type", "text/html; charset=utf-8")
	f("HEAD", "/", 200, "Content-Type", "text/html; charset=utf-8")
	f("POST", "/", 404, "", "")
	f("POST", "/api/v2/services", 404, "", "")
	f("HEAD", "/api/v2/services", 404, "", "")
	f("POST", "/zipkin/api/v2/services", 405, "", "")
	f("POST", "/zipkin/api/v2/spans", 405, "", "")
	f("GET", "/zipkin/nothing", 404, "", "")
	f("GET", "/nothing", 404, "", "")
	f("GET", "/view/page/nothing.js", 404, "", "")
	f("GET", "/view/page/", 404, "", "")
	f("GET", "/view/page/../view.go", 404, "", "")
}

func TestQueryHealthAndInfo(t *testing.T) {
	t.Parallel()
	v := filled(t)
	if _, body := get(t, v, "/health"); body != `{"status":"UP","zipkin":{"status":"UP","details":{"view":{"status":"UP"}}}}` {
		t.Error(body)
	}
	if _, body := get(t, v, "/info"); body != `{"zipkin":{"commit":"","version":"1.2"}}` {
		t.Error(body)
	}
	config := getJSON[map[string]any](t, v, "/zipkin/config.json")
	if config["queryLimit"] != 10.0 || config["defaultLookback"] != 900000.0 || config["searchEnabled"] != true {
		t.Error(config)
	}
}

// The traces that each query finds, as the server found them.
func TestQueryAnnotations(t *testing.T) {
	t.Parallel()
	v := filled(t)
	f := func(query, service string, want ...string) {
		t.Helper()
		params := strings.NewReplacer(" ", "%20", "=", "%3D").Replace(query)
		var got []string
		for _, tr := range getJSON[[][]model.SpanModel](t, v, "/api/v2/traces?annotationQuery="+params+"&serviceName="+service) {
			got = append(got, strings.TrimLeft(tr[0].TraceID.String(), "0"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q of %q: %v, want %v", query, service, got, want)
		}
	}
	f("", "", "c", "d", "a")
	f("retry", "", "a")
	f("error", "", "c", "a")
	f("error=x=y", "", "a")
	f(" error = x=y ", "", "a")
	f("error=", "", "c", "a")
	f("retry and nope", "", "a")
	f("retry and nope", "front")
	f("retry and nope", "back")
	f("retry and zzz", "")
	f("a=b and c", "")
	f(" ", "")
	f("=", "")
	f("=x", "")
	f("error=x and error", "")
	f("error and error=x", "")
	f("retry=", "", "a")
	f("retry=x", "")
	f("retry AND nope", "")
	f("http.method=GET and a", "", "a")
	f("environment=prod", "", "a")
}

func TestParseTerms(t *testing.T) {
	t.Parallel()
	f := func(in string, want map[string]string) {
		t.Helper()
		if d := cmp.Diff(want, parseTerms(in)); d != "" {
			t.Errorf("%q: %s", in, d)
		}
	}
	f("", nil)
	f("retry", map[string]string{"retry": ""})
	f("error=x=y", map[string]string{"error": "x=y"})
	f(" error = x=y ", map[string]string{"error": "x=y"})
	f("error=", map[string]string{"error": ""})
	f("a=1 and a", map[string]string{"a": "1"})
	f("a and a=1", map[string]string{"a": "1"})
	f("a=1 and a=2", map[string]string{"a": "2"})
	f("a=1 and a=", map[string]string{"a": ""})
	f("a=b and c", map[string]string{"a": "b", "c": ""})
	f("a\tand b", map[string]string{"a\tand b": ""})
	many := parseTerms(strings.TrimSuffix(strings.Repeat("a and ", 50), " and ") + strings.Repeat(" and b", 51))
	if len(many) != 3 || many["b and b"] != "" {
		t.Error(many)
	}
}

func FuzzParseTerms(f *testing.F) {
	for _, s := range []string{"", "retry", "error=x=y", " error = x=y ", "a and b=c and b", strings.Repeat("x and ", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		terms := parseTerms(s)
		if len(terms) > maxTerms || s != "" && len(terms) == 0 {
			t.Fatalf("%d terms", len(terms))
		}
		var parts []string
		for k, v := range terms {
			if strings.Contains(k, "=") || trim(k) != k || trim(v) != v {
				t.Fatalf("%q=%q", k, v)
			}
			parts = append(parts, k+"="+v)
		}
		// Written out and read again it asks for the same, unless the parts
		// themselves hold what joins them.
		again := parseTerms(strings.Join(parts, " and "))
		if len(terms) < maxTerms && !strings.Contains(strings.Join(parts, ""), "and") && !cmp.Equal(terms, again) {
			t.Fatalf("%q, then %q", terms, again)
		}
	})
}
