// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"strings"
	"testing"
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
