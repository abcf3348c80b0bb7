// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestRequestsPassAsTheyCame: what is not a tracing header is not touched.
func TestRequestsPassAsTheyCame(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s host=%s te=%v conn=%v for=%v proto=%v agent=%q accept=%q", r.Method, r.RequestURI, r.Host, r.Header["Te"], r.Header["Connection"], r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"], r.Header["User-Agent"], r.Header["Accept-Encoding"])
		if r.URL.Path == "/typeless" {
			return
		}
		w.Header()["Content-Type"] = nil
		w.Header().Set("Keep-Alive", "timeout=5")
	})
	r := start(t, service.URL, func(o *Options) { o.Inbound[0].To = parseURL(t, service.URL) })
	for raw, want := range map[string]string{
		"GET /a%2Fb/c|d/%zz?x=1;y=%&z HTTP/1.1\r\nHost: shop.example:80\r\nConnection: close\r\n\r\n":                                  "",
		"GET /a%2Fb/c|d?x=1;y=%&z HTTP/1.1\r\nHost: shop.example:80\r\nConnection: X-Mine, close\r\nX-Mine: 1\r\nTE: trailers\r\n\r\n": "GET /a%2Fb/c|d?x=1;y=%&z host=shop.example:80 te=[trailers] conn=[] for=[127.0.0.1] proto=[] agent=[] accept=[]",
		"BREW //pot? HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n":         "BREW //pot? host=x te=[] conn=[] for=[1.2.3.4, 127.0.0.1] proto=[https] agent=[] accept=[]",
		"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                                                                   "OPTIONS * host=x te=[] conn=[] for=[127.0.0.1] proto=[] agent=[] accept=[]",
	} {
		c := dial(t, r.inbound)
		fmt.Fprint(c, raw)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		body, _ := io.ReadAll(resp.Body)
		if want == "" { // net/http refuses it
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%q: %s", raw, resp.Status)
			}
			continue
		}
		if string(body) != want {
			t.Errorf("%q:\n%s, want\n%s", raw, body, want)
		}
		if resp.Header["Keep-Alive"] != nil {
			t.Errorf("%q: Keep-Alive passed", raw)
		}
	}
}

// TestOddHTTP: old clients, requests in a row without waiting, and what smuggles.
func TestOddHTTP(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "[%s %s %s %v %s]", r.Method, r.URL.Path, body, r.TransferEncoding, r.Header.Get("b3"))
	})
	r := start(t, service.URL)
	talk := func(raw string) string {
		c := dial(t, r.inbound)
		fmt.Fprint(c, raw)
		all, err := io.ReadAll(c) // every last request ends the connection
		if err != nil {
			t.Errorf("%q: %v", raw, err)
		}
		return string(all)
	}
	const trace = "X-B3-TraceId: 463ac35c9f6413ad\r\nX-B3-SpanId: a2fb4a1d1a96d312\r\nX-B3-Sampled: true\r\n"
	const b3 = "463ac35c9f6413ad-a2fb4a1d1a96d312-1"
	if got := talk("GET /old HTTP/1.0\r\n" + trace + "\r\n"); !strings.Contains(got, "[GET /old  [] "+b3+"]") || !strings.HasPrefix(got, "HTTP/1.0 200") {
		t.Errorf("HTTP/1.0: %q", got)
	}
	got := talk("POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n" + trace + "\r\nabcPOST /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	for _, want := range []string{"[POST /1 abc [] " + b3 + "]", "[POST /2 def [chunked] ]", "[GET /3  [] ]"} {
		if !strings.Contains(got, want) {
			t.Errorf("in a row: no %q in %q", want, got)
		}
	}
	if got := talk("GET /listed HTTP/1.1\r\nHost: x\r\nConnection: close, x-b3-traceid, b3\r\n" + trace + "\r\n"); !strings.Contains(got, "[GET /listed  [] "+b3+"]") {
		t.Errorf("listed in Connection: %q", got)
	}
	for _, raw := range []string{
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nb3 : 1\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"nonsense, longer than the preface of HTTP/2\r\n\r\n",
	} {
		if got := talk(raw); !strings.HasPrefix(got, "HTTP/1.1 400") && !strings.HasPrefix(got, "HTTP/1.1 501") {
			t.Errorf("%q: %.100q, want it refused", raw, got)
		}
	}
}

// TestContentTypeIsNotGuessed: an answer without one stays without.
func TestContentTypeIsNotGuessed(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		_, _ = io.WriteString(w, "<html>")
	})
	r := start(t, service.URL)
	if resp, _ := answer(t, r.client, request(t, "GET", r.inbound, nil)); resp.Header["Content-Type"] != nil {
		t.Errorf("Content-Type %v was made up", resp.Header["Content-Type"])
	}
}

// TestXForwardedFor: the three choices.
func TestXForwardedFor(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header["X-Forwarded-For"], r.Header["Forwarded"])
	})
	for choice, want := range map[Forwarded]string{
		AppendForwarded: "[1.1.1.1, 2.2.2.2, 127.0.0.1] [for=1.1.1.1]",
		PassForwarded:   "[1.1.1.1 2.2.2.2] [for=1.1.1.1]",
		DropForwarded:   "[] []",
	} {
		r := start(t, service.URL, func(o *Options) { o.Forwarded = choice })
		if _, body := answer(t, r.client, request(t, "GET", r.inbound, nil, "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2", "Forwarded: for=1.1.1.1")); body != want {
			t.Errorf("%s: %s, want %s", choice, body, want)
		}
		// What the service sends out does not tell where it runs.
		if _, body := answer(t, r.through(), request(t, "GET", service.URL, nil)); body != "[] []" {
			t.Errorf("outward: %s", body)
		}
	}
}

// TestManyAtOnce: 1000 requests that are all open at the same time, and few
// connections for many that follow each other.
func TestManyAtOnce(t *testing.T) {
	const many = 1000
	var all sync.WaitGroup
	all.Add(many)
	var mu sync.Mutex
	conns := make(map[string]bool)
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		conns[r.RemoteAddr] = true
		mu.Unlock()
		if r.URL.Path == "/together" {
			all.Done()
			all.Wait() // nobody is answered before all are there
		}
		echo(w, r)
	})
	r := start(t, service.URL)
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			b3 := fmt.Sprintf("%032x-%016x-1", i+1, i+7)
			_, body := answer(t, r.client, request(t, "GET", r.inbound+"/together", nil, "b3: "+b3))
			if got := header(body, "b3"); got != b3 {
				t.Errorf("%q, want %q", got, b3)
			}
		})
	}
	wg.Wait()
	mu.Lock()
	before := len(conns)
	mu.Unlock()
	for range 100 {
		answer(t, r.client, request(t, "GET", r.inbound, nil))
	}
	mu.Lock()
	defer mu.Unlock()
	if len(conns) > before+1 {
		t.Errorf("%d new connections for 100 requests in a row", len(conns)-before)
	}
}
