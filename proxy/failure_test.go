// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

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
		r := start(t, tc.to, func(o *Options) {
			if o.Timeouts.Response = time.Minute; tc.reason == "timeout" {
				o.Timeouts.Response = 50 * time.Millisecond
			}
		})
		resp, body := answer(t, r.client, request(t, "GET", r.inbound, nil))
		if resp.StatusCode != tc.code || !strings.Contains(body, tc.text) || strings.Count(body, "\n") != 1 {
			t.Errorf("%s: %s %q, want %d %q", tc.reason, resp.Status, body, tc.code, tc.text)
		}
		eventually(t, tc.reason+" is counted", func() bool {
			return r.metric("bridge_proxy_errors_total", "reason="+tc.reason, "direction=inward") == 1 && r.metric("bridge_proxy_requests_total", fmt.Sprint("code=", tc.code)) == 1
		})
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
