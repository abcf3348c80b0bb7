// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// TestFirstByteBeforeLast: in both directions the first part arrives before the
// last is sent, over HTTP/1.1 and h2c, of known and unknown length.
func TestFirstByteBeforeLast(t *testing.T) {
	for _, tc := range []struct {
		name    string
		client  func(*rig) *http.Client
		length  string
		content string
	}{
		{"chunked", func(r *rig) *http.Client { return r.client }, "", "application/octet-stream"},
		{"events", func(r *rig) *http.Client { return r.client }, "", "text/event-stream"},
		{"known length", func(r *rig) *http.Client { return r.client }, "10", "application/octet-stream"},
		{"h2c", func(r *rig) *http.Client { return h2c(r.t) }, "", "application/octet-stream"},
		{"h2c known length", func(r *rig) *http.Client { return h2c(r.t) }, "10", "application/octet-stream"},
		{"by way of the forward port", func(r *rig) *http.Client { return r.through() }, "", "application/octet-stream"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			served := make(chan string, 10)
			service := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_ = http.NewResponseController(w).EnableFullDuplex()
				w.Header().Set("Content-Type", tc.content)
				if tc.length != "" {
					w.Header().Set("Content-Length", tc.length)
				}
				w.WriteHeader(200)
				_ = http.NewResponseController(w).Flush()
				for {
					p := make([]byte, 5)
					if _, err := io.ReadFull(r.Body, p); err != nil {
						return
					}
					served <- string(p)
					_, _ = w.Write(p)
					_ = http.NewResponseController(w).Flush()
				}
			})
			r := start(t, service.URL)
			url := r.inbound
			if strings.Contains(tc.name, "forward") {
				url = service.URL
			}
			pr, pw := io.Pipe()
			sent := make(chan error, 1)
			go func() { // the head of the answer comes before the first part is sent
				_, err := pw.Write([]byte("first"))
				sent <- err
			}()
			resp, err := tc.client(r).Do(request(t, "POST", url, pr))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			for _, part := range []string{"first", "again"} {
				if part == "again" {
					go func() {
						_, err := pw.Write([]byte(part))
						sent <- err
					}()
				}
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
				if got := <-served; got != part {
					t.Fatalf("the service got %q, want %q", got, part)
				}
				p := make([]byte, 5)
				if _, err := io.ReadFull(resp.Body, p); err != nil || string(p) != part {
					t.Fatalf("the caller got %q, %v, want %q", p, err, part)
				}
			}
			pw.Close()
			if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
				t.Errorf("%q, %v after the end", rest, err)
			}
		})
	}
}

// TestBigBodies: 64 MiB go both ways at once, unchanged, and the memory does not
// grow with them.
func TestBigBodies(t *testing.T) {
	const size = 64 << 20
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	})
	for name, client := range map[string]func(*rig) *http.Client{"http1": func(r *rig) *http.Client { return r.client }, "h2c": func(r *rig) *http.Client { return h2c(r.t) }} {
		t.Run(name, func(t *testing.T) {
			r := start(t, service.URL)
			sent, got := sha256.New(), sha256.New()
			source := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), sent)
			resp, err := client(r).Do(request(t, "POST", r.inbound, source))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			first, most := live(), uint64(0)
			for n := 0; ; n++ {
				k, err := io.CopyN(got, resp.Body, 1<<20)
				if n%8 == 0 {
					most = max(most, live())
				}
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("after %d MiB and %d: %v", n, k, err)
				}
			}
			if !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
				t.Error("other bytes came back")
			}
			if most > first+16<<20 {
				t.Errorf("%d MiB live, %d at first, want at most 16 more", most>>20, first>>20)
			}
			eventually(t, "bytes are counted", func() bool {
				return r.metric("bridge_proxy_bytes_total", "part=request") == size && r.metric("bridge_proxy_bytes_total", "part=response") == size
			})
		})
	}
}

// live is how much of the heap is in use.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestTrailers pass both ways, announced or not, over both versions.
func TestTrailers(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.Copy(w, r.Body)
		w.Header().Set("X-Sum", "of "+r.Trailer.Get("X-Up"))
		w.Header().Set(http.TrailerPrefix+"X-Late", "yes")
	})
	r := start(t, service.URL)
	for name, client := range map[string]*http.Client{"http1": r.client, "h2c": h2c(t)} {
		req := request(t, "POST", r.inbound, io.MultiReader(strings.NewReader("body")))
		req.Trailer = http.Header{"X-Up": {"caller"}}
		resp, body := answer(t, client, req)
		if body != "body" || resp.Trailer.Get("X-Sum") != "of caller" || resp.Trailer.Get("X-Late") != "yes" {
			t.Errorf("%s: %q, trailer %v", name, body, resp.Trailer)
		}
	}
}

// TestWebSocket: an upgraded connection carries messages both ways, and the
// request that asks for it has its headers turned.
func TestWebSocket(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b3 := r.Header.Get("b3")
		websocket.Handler(func(c *websocket.Conn) {
			_ = websocket.Message.Send(c, b3)
			_, _ = io.Copy(c, c)
		}).ServeHTTP(w, r)
	})
	r := start(t, service.URL)
	config, err := websocket.NewConfig(strings.Replace(r.inbound, "http", "ws", 1)+"/chat", "http://origin.example/")
	if err != nil {
		t.Fatal(err)
	}
	config.Header.Set("traceparent", "00-463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-01")
	c, err := websocket.DialConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got string
	if err := websocket.Message.Receive(c, &got); err != nil || got != "463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-1" {
		t.Errorf("b3 %q, %v", got, err)
	}
	for i := range 100 {
		want := fmt.Sprint("message ", i)
		if err := websocket.Message.Send(c, want); err != nil {
			t.Fatal(err)
		}
		if err := websocket.Message.Receive(c, &got); err != nil || got != want {
			t.Fatalf("%q, %v, want %q", got, err, want)
		}
	}
	if r.metric("bridge_proxy_active") != 1 || r.metric("bridge_proxy_upgrades_total") != 1 {
		t.Error("the upgrade is not counted")
	}
	c.Close()
	eventually(t, "the connection is closed", func() bool { return r.metric("bridge_proxy_active") == 0 })
	if n := r.metric("bridge_proxy_requests_total", "code=101"); n != 1 {
		t.Errorf("%v answers 101, want 1", n)
	}
}

// TestUpgradeOfAnyKind: what the caller sends before the answer is not lost, and
// each end may close its half.
func TestUpgradeOfAnyKind(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		all, _ := io.ReadAll(rw) // until the caller closes its half
		fmt.Fprintf(conn, "got %s", all)
	})
	r := start(t, service.URL)
	c := dial(t, r.inbound)
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: lines/1\r\n\r\nearly,")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "lines/1" {
		t.Fatalf("%v, %v", resp, err)
	}
	fmt.Fprint(c, "late")
	_ = c.(*net.TCPConn).CloseWrite()
	if all, err := io.ReadAll(c); err != nil || string(all) != "got early,late" {
		t.Errorf("%q, %v", all, err)
	}
}

// TestOfferOfH2CIsDeclined: clients in Java offer it with each first request.
func TestOfferOfH2CIsDeclined(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %v %v %v %s", r.Proto, r.Header["Upgrade"], r.Header["Http2-Settings"], r.Header["Connection"], r.Header.Get("b3"))
	})
	r := start(t, service.URL)
	c := dial(t, r.inbound)
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nuber-trace-id: 1:2:0:1\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	if want := "HTTP/1.1 [] [] [] 0000000000000001-0000000000000002-1"; resp.StatusCode != 200 || string(body) != want {
		t.Errorf("%d %s, want %s", resp.StatusCode, body, want)
	}
}

// TestExpectContinue: the service decides whether the body is sent.
func TestExpectContinue(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "got %s", body)
	})
	r := start(t, service.URL)
	c := dial(t, r.inbound)
	in := bufio.NewReader(c)
	fmt.Fprint(c, "POST /yes HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	head, err := textproto.NewReader(in).ReadLine()
	if err != nil || head != "HTTP/1.1 100 Continue" {
		t.Fatalf("%q, %v", head, err)
	}
	if blank, _ := in.ReadString('\n'); blank != "\r\n" {
		t.Fatalf("%q after 100", blank)
	}
	fmt.Fprint(c, "body")
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(resp.Body); string(body) != "got body" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	c = dial(t, r.inbound)
	fmt.Fprint(c, "POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	resp, err = http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("%v, %v, want 403 without a 100", resp, err)
	}
}

// TestEarlyHints: informational answers pass.
func TestEarlyHints(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusOK)
	})
	r := start(t, service.URL)
	hints := 0
	req := request(t, "GET", r.inbound, nil)
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if code == http.StatusEarlyHints && h.Get("Link") == "</style.css>" {
			hints++
		}
		return nil
	}}))
	if resp, _ := answer(t, r.client, req); resp.StatusCode != 200 || hints != 1 {
		t.Errorf("%s and %d hints, want 1", resp.Status, hints)
	}
}

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

// TestFailures: what the caller is told, and what is counted.
func TestFailures(t *testing.T) {
	silent := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	broke := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		_ = conn.Close()
	})
	noise := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		fmt.Fprint(conn, "SSH-2.0-OpenSSH_9.9\r\n\r\n")
		_ = conn.Close()
	})
	for _, tc := range []struct {
		to     string
		code   int
		text   string
		reason string
	}{
		{"http://127.0.0.1:1", 502, "bridge proxy: 127.0.0.1:1: no connection: dial tcp 127.0.0.1:1: connect: connection refused", "unreachable"},
		{silent.URL, 504, "no answer in time: ", "timeout"},
		{broke.URL, 502, "the connection ended before the answer: ", "broken"},
		{noise.URL, 502, "no answer in HTTP: ", "protocol"},
	} {
		r := start(t, tc.to, func(o *Options) { o.Timeouts.Response = 50 * time.Millisecond })
		resp, body := answer(t, r.client, request(t, "POST", r.inbound, strings.NewReader("x")))
		if resp.StatusCode != tc.code || !strings.Contains(body, tc.text) || strings.Count(body, "\n") != 1 {
			t.Errorf("%s: %s %q, want %d %q", tc.reason, resp.Status, body, tc.code, tc.text)
		}
		if n := r.metric("bridge_proxy_errors_total", "reason="+tc.reason, "direction=inward"); n != 1 {
			t.Errorf("%s: counted %v times", tc.reason, n)
		}
		if n := r.metric("bridge_proxy_requests_total", fmt.Sprint("code=", tc.code)); n != 1 {
			t.Errorf("%d: counted %v times", tc.code, n)
		}
	}
	// HTTP/2 to a service that does not speak it.
	old := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(old.Close)
	r := start(t, old.URL)
	if resp, body := answer(t, h2c(t), request(t, "GET", r.inbound, nil)); resp.StatusCode != 502 || !strings.Contains(body, "does the service speak it without TLS?") {
		t.Errorf("%s %q", resp.Status, body)
	}
	r = start(t, old.URL, func(o *Options) { o.Version = HTTP1 })
	if resp, body := answer(t, h2c(t), request(t, "GET", r.inbound, nil)); resp.StatusCode != 200 {
		t.Errorf("in HTTP/1.1: %s %q", resp.Status, body)
	}
}

// TestAnswerThatBreaksOff is not whole for the caller either.
func TestAnswerThatBreaksOff(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	r := start(t, service.URL)
	for name, client := range map[string]*http.Client{"http1": r.client, "h2c": h2c(t)} {
		resp, err := client.Do(request(t, "GET", r.inbound, nil))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil || string(body) != "half" {
			t.Errorf("%s: %q, %v, want an error", name, body, err)
		}
	}
	eventually(t, "both are counted", func() bool { return r.metric("bridge_proxy_errors_total", "reason=broken") == 2 })
}

// TestCallerGoesAway: the service is told, and it is counted as such.
func TestCallerGoesAway(t *testing.T) {
	gone := make(chan struct{}, 8)
	began := make(chan struct{}, 8)
	service := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		gone <- struct{}{}
	})
	r := start(t, service.URL)
	for n, client := range []*http.Client{r.client, h2c(t)} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-began; cancel() }()
		if resp, err := client.Do(request(t, "GET", r.inbound, nil).WithContext(ctx)); err == nil {
			resp.Body.Close()
			t.Error("there was an answer")
		}
		<-gone
		eventually(t, "the abort is counted", func() bool {
			return r.metric("bridge_proxy_errors_total", "reason=aborted") == float64(n+1) && r.metric("bridge_proxy_active") == 0
		})
	}
	// In the middle of its body.
	c := dial(t, r.inbound)
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
	<-began
	c.Close()
	<-gone
	eventually(t, "the abort is counted", func() bool { return r.metric("bridge_proxy_errors_total", "reason=aborted") == 3 })
}

// TestLargeHeads are refused by the proxy itself.
func TestLargeHeads(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/large" {
			w.Header().Set("X-Large", strings.Repeat("x", 100<<10))
		}
	})
	r := start(t, service.URL)
	if resp, _ := answer(t, r.client, request(t, "GET", r.inbound, nil, "X-Large: "+strings.Repeat("x", 100<<10))); resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("request: %s, want 431", resp.Status)
	}
	if resp, _ := answer(t, r.client, request(t, "GET", r.inbound+"/large", nil)); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("answer: %s, want 502", resp.Status)
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

// TestShutdown: requests that are under way come to their end; what takes longer
// is cut at the deadline.
func TestShutdown(t *testing.T) {
	began, finish := make(chan struct{}, 8), make(chan struct{})
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		if r.URL.Path == "/endless" {
			<-r.Context().Done()
			return
		}
		<-finish
		fmt.Fprint(w, "done")
	})
	for name, client := range map[string]func(*rig) *http.Client{"http1": func(r *rig) *http.Client { return r.client }, "h2c": func(r *rig) *http.Client { return h2c(r.t) }} {
		r := start(t, service.URL)
		result := make(chan string, 1)
		go func() {
			resp, err := client(r).Do(request(t, "GET", r.inbound, nil))
			if err != nil {
				result <- err.Error()
				return
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			result <- string(body)
		}()
		<-began
		stopped := make(chan struct{})
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			r.Shutdown(ctx)
			close(stopped)
		}()
		eventually(t, "nothing new is taken", func() bool {
			c, err := net.Dial("tcp", strings.TrimPrefix(r.inbound, "http://"))
			if err == nil {
				c.Close()
			}
			return err != nil
		})
		finish <- struct{}{}
		if got := <-result; got != "done" {
			t.Errorf("%s: %q, want done", name, got)
		}
		<-stopped

		r = start(t, service.URL)
		go func() {
			resp, err := client(r).Do(request(t, "GET", r.inbound+"/endless", nil))
			if err == nil {
				resp.Body.Close()
			}
			result <- ""
		}()
		<-began
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		r.Shutdown(ctx)
		cancel()
		<-result
		if n := r.metric("bridge_proxy_active"); n != 0 {
			t.Errorf("%s: %v requests are still open", name, n)
		}
	}
}
