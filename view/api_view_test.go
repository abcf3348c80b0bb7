// SPDX-License-Identifier: Apache-2.0

package view

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestViewAnswers(t *testing.T) {
	t.Parallel()
	v := filled(t)
	f := func(target string, status int, want string) {
		t.Helper()
		if got, body := get(t, v, target); got != status || body != times(want) {
			t.Errorf("%s: %d %s\nwant %d %s", target, got, body, status, times(want))
		}
	}
	f("/view/names", 200, `{"names":[],"remotes":[],"services":["back","front","quiet"]}`)
	f("/view/names?service=FRONT", 200, `{"names":["call","get /a","newer","send"],"remotes":["back","kafka"],"services":["back","front","quiet"]}`)
	f("/view/identify?text=b3: a-1-1", 200, `{"found":true,"trace":"000000000000000a"}`)
	f("/view/identify?text=A", 200, `{"found":true,"trace":"000000000000000a"}`)
	f("/view/identify?text=f", 200, `{"found":false,"trace":"000000000000000f"}`)
	f("/view/identify?text=", 400, "nothing, want a trace id or a tracing header")
	f("/view/identify?text=two words", 400, "neither a trace id nor a tracing header")
	f("/view/traces?limit=0", 400, "limit <= 0")
	f("/view/traces?limit=1", 200, `{"traces":[{"trace":"000000000000000c","service":"front","name":"newer","start":"1767225610000000000","duration":"7000","spans":1,"errors":1,`+
		`"services":[{"name":"front","spans":1,"errors":1}],"protocols":[{"name":"zipkin","spans":1}]}],"more":true}`)
	f("/view/traces?serviceName=quiet", 200, `{"traces":[{"trace":"000000000000000b","service":"quiet","name":"notime","spans":1,`+
		`"services":[{"name":"quiet","spans":1}],"protocols":[{"name":"zipkin","spans":1}]}]}`)
	f("/view/traces?serviceName=quiet&lookback=60000", 200, `{"traces":[]}`)
	f("/view/trace/b", 200, `{"trace":"000000000000000b","service":"quiet","name":"notime","spans":1,"services":[{"name":"quiet","spans":1}],`+
		`"protocols":[{"name":"zipkin","spans":1}],"ids":["000000000000000b"],`+
		`"rows":[{"id":"0000000000000001","up":-1,"service":"quiet","name":"notime","format":"zipkin.v2.json","transport":"http","marks":["untimed"]}]}`)
	f("/view/trace/none", 400, "none should be lower-hex encoded with no prefix")
	f("/view/trace/ff", 404, "00000000000000ff not found")
	f("/view/nothing", 404, "404 Not Found")
	status := getJSON[struct{ Traces, Spans, Taken, Gone, Memory int }](t, v, "/view/status")
	// The store keeps both reports of trace c.
	if status.Traces != 4 || status.Spans != 9 || status.Taken != 9 || status.Gone != 0 || status.Memory != 1<<30 {
		t.Errorf("%+v", status)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	v := newView(Options{})
	consume(t, v, mixed(t)...)
	f := func(text, want string) {
		t.Helper()
		answer := getJSON[struct{ IDs []string }](t, v, "/view/trace/1/match?text="+text)
		var got []string
		for _, id := range answer.IDs {
			got = append(got, strings.TrimLeft(id, "0"))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
	f("", "")
	f("SHOP", "1 2")
	f("http.status_code%3D1152", "3")
	f("retry", "3")
	f("waited%3D2", "3")
	f("hostname%3Dcart-7F", "3")
	f("stock@1", "4")
	f("10.0.0.1:80", "4")
	f("0000000000000003", "3")
	f("client", "2")
	f("nothing like that", "")
}

func TestPorts(t *testing.T) {
	t.Parallel()
	type status struct{ Ports []Port }
	if ports := getJSON[status](t, newView(Options{}), "/view/status").Ports; len(ports) != 0 {
		t.Error(ports)
	}
	mine := Port{"zipkin", "http", "[::1]:1", "mine"}
	v := newView(Options{Ports: func() []Port { return []Port{mine} }})
	if ports := getJSON[status](t, v, "/view/status").Ports; len(ports) != 1 || ports[0] != mine {
		t.Error(ports)
	}
}

// Pages of other origins may send spans to the port, so the receivers allow
// them; they must not read by the page's own API.
func TestSameOrigin(t *testing.T) {
	t.Parallel()
	h := filled(t).Handler()
	for target, want := range map[string]string{"/view/status": "", "/view/traces": "", "/": "", "/view/page/app.js": "", "/api/v2/services": "*"} {
		w := httptest.NewRecorder()
		w.Header().Set("Access-Control-Allow-Origin", "*") // as package receivers sets it
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if got := w.Header().Get("Access-Control-Allow-Origin"); w.Code != http.StatusOK || got != want {
			t.Errorf("%s: %d %q, want %q", target, w.Code, got, want)
		}
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	v := newView(Options{})
	var spans []string
	for i := range 200 {
		spans = append(spans, one(1, i+1))
	}
	consume(t, v, batch(t, spans...))
	for _, target := range []string{"/api/v2/trace/1", "/view/trace/1"} {
		_, plain := get(t, v, target)
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("Accept-Encoding", "deflate, gzip")
		w := httptest.NewRecorder()
		v.Handler().ServeHTTP(w, r)
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || string(got) != plain || w.Header().Get("Content-Encoding") != "gzip" || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v, %d bytes, want %d", target, err, len(got), len(plain))
		}
	}
}

// A limit above the greatest one counts as that.
func TestLimits(t *testing.T) {
	t.Parallel()
	v := newView(Options{})
	for i := range 3 {
		var spans []string
		for k := range 5000 {
			spans = append(spans, fmt.Sprintf(`{"traceId":"%x","id":"1","timestamp":START}`, i*5000+k+1))
		}
		consume(t, v, batch(t, spans...))
	}
	for _, target := range []string{"/api/v2/traces?limit=2000000000", "/api/v2/traces?limit=10001"} {
		if n := len(getJSON[[]any](t, v, target)); n != maxLimit {
			t.Errorf("%s: %d traces", target, n)
		}
	}
	answer := getJSON[struct {
		Traces []any
		More   bool
	}](t, v, "/view/traces?limit=2000000000")
	if len(answer.Traces) != maxLimit || !answer.More {
		t.Errorf("%d traces, more %v", len(answer.Traces), answer.More)
	}
}
