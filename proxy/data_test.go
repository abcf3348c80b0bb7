// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/propagation"
)

// asItCame answers with what a service sees of its data.
func asItCame(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s|%d|%s|%v", r.URL.RawQuery, r.ContentLength, body, err)
}

func zipkinHeaders(o *Options) {
	o.DataField = "zipkin_headers"
	o.Inward = []propagation.Format{propagation.B3Multi}
	o.Outward = []propagation.Format{propagation.W3C}
}

// TestDataInward: sanic_zipkin finds the caller's trace in its data.
func TestDataInward(t *testing.T) {
	service := serve(t, asItCame)
	r := start(t, service.URL, zipkinHeaders)
	traceparent := "traceparent: 00-463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-01"
	const field = `{\"X-B3-TraceId\":\"463ac35c9f6413ad48485a3953bb6124\",\"X-B3-SpanId\":\"00f067aa0ba902b7\",\"X-B3-Sampled\":\"1\"}`
	for _, tc := range []struct {
		name    string
		body    io.Reader
		headers []string
		want    string
	}{
		{"JSON", strings.NewReader(`{"x": 1.50}`), []string{"Content-Type: application/json"}, `|146|{"x": 1.50,"zipkin_headers":"` + field + `"}|<nil>`},
		{"chunked", io.MultiReader(strings.NewReader(`{"x"`), strings.NewReader(`:1}`)), []string{"Content-Type: application/json; charset=utf-8"}, `|142|{"x":1,"zipkin_headers":"` + field + `"}|<nil>`},
		{"query", nil, nil, "x=1&zipkin_headers=%7B%22X-B3-TraceId%22%3A%22463ac35c9f6413ad48485a3953bb6124%22%2C%22X-B3-SpanId%22%3A%2200f067aa0ba902b7%22%2C%22X-B3-Sampled%22%3A%221%22%7D|0||<nil>"},
		{"an array", strings.NewReader(`[1]`), []string{"Content-Type: application/json"}, "|3|[1]|<nil>"},
		{"broken", strings.NewReader(`{"x":`), []string{"Content-Type: application/json"}, `|5|{"x":|<nil>`},
		{"a form", strings.NewReader(`x=1`), []string{"Content-Type: application/x-www-form-urlencoded"}, "|3|x=1|<nil>"},
		{"signed", strings.NewReader(`{}`), []string{"Content-Type: application/json", "Digest: sha-256=x"}, "|2|{}|<nil>"},
	} {
		url := r.inbound
		if tc.name == "query" {
			url += "?x=1"
		}
		if _, body := answer(t, r.client, request(t, "POST", url, tc.body, append(tc.headers, traceparent)...)); body != tc.want {
			t.Errorf("%s:\n%s, want\n%s", tc.name, body, tc.want)
		}
	}
	// Longer than the limit: as it came, whether the length is told or not.
	r = start(t, service.URL, zipkinHeaders, func(o *Options) { o.DataLimit = 1000 })
	long := `{"x":"` + strings.Repeat("y", 2000) + `"}`
	for _, body := range []io.Reader{strings.NewReader(long), io.MultiReader(strings.NewReader(long))} {
		if _, got := answer(t, r.client, request(t, "POST", r.inbound, body, "Content-Type: application/json", traceparent)); !strings.Contains(got, "|"+long+"|") {
			t.Errorf("%.60s…", got)
		}
	}
	if n := r.metric("bridge_proxy_data_total", "outcome=length", "direction=inward"); n != 2 {
		t.Errorf("%v counted as too long, want 2", n)
	}
	var packed strings.Builder
	z := gzip.NewWriter(&packed)
	fmt.Fprint(z, "{}")
	z.Close()
	answer(t, r.client, request(t, "POST", r.inbound, strings.NewReader(packed.String()), "Content-Type: application/json", "Content-Encoding: gzip", traceparent))
	if n := r.metric("bridge_proxy_data_total", "outcome=encoding"); n != 1 {
		t.Errorf("%v counted as packed, want 1", n)
	}
	// Nothing to write: nothing is changed.
	if _, got := answer(t, r.client, request(t, "POST", r.inbound, strings.NewReader(`{ }`), "Content-Type: application/json")); got != "|3|{ }|<nil>" {
		t.Errorf("%s", got)
	}
}

// TestDataOutward: what sanic_zipkin sends, as recorded, is read and stays in the
// data.
func TestDataOutward(t *testing.T) {
	callee := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s\n%s\n", r.RequestURI, body)
		echo(w, r)
	})
	r := start(t, callee.URL, zipkinHeaders)
	const samples = "../translate/testdata/samples/sanic_zipkin/"
	posted, err := os.ReadFile(samples + "001-POST-propagation.body.json")
	if err != nil {
		t.Fatal(err)
	}
	var meta struct{ Path string }
	if text, err := os.ReadFile(samples + "002-GET-propagation.meta.json"); err != nil {
		t.Fatal(err)
	} else if err := json.Unmarshal(text, &meta); err != nil {
		t.Fatal(err)
	}
	const want = "00-6b0127bb0e42ef64e3a7e22ce16f44eb-bea3704ffe619673-01"
	_, body := answer(t, r.through(), request(t, "POST", callee.URL+"/propagation", strings.NewReader(string(posted)), "Content-Type: application/json"))
	if header(body, "traceparent") != want || !strings.Contains(body, string(posted)) {
		t.Errorf("%s", body)
	}
	_, body = answer(t, r.through(), request(t, "GET", callee.URL+meta.Path, nil, "b3: 1-2-1"))
	if header(body, "traceparent") != want || !strings.HasPrefix(body, meta.Path+"\n") {
		t.Errorf("%s, want %s", body, meta.Path)
	}
	if strings.Contains(body, "\nb3: ") {
		t.Errorf("b3 names another trace than the data:\n%s", body)
	}
	if n := r.metric("bridge_proxy_data_total", "outcome=read", "direction=outward"); n != 2 {
		t.Errorf("%v read, want 2", n)
	}
}
