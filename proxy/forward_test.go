// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/propagation"
)

// TestForward: a client that knows HTTP_PROXY.
func TestForward(t *testing.T) {
	callee := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s host=%s auth=%v\n", r.RequestURI, r.Host, r.Header["Proxy-Authorization"])
		echo(w, r)
	})
	r := start(t, "", func(o *Options) { o.Outward = []propagation.Format{propagation.W3C} })
	_, body := answer(t, r.through(), request(t, "GET", callee.URL+"/a%2fb?x=|", nil, written[propagation.B3Multi]...))
	if want := "/a%2fb?x=| host=" + strings.TrimPrefix(callee.URL, "http://") + " auth=[]\n"; !strings.HasPrefix(body, want) {
		t.Errorf("%s, want %s", body, want)
	}
	if got := header(body, "traceparent"); got != "00-463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-01" {
		t.Errorf("traceparent %q in\n%s", got, body)
	}
	if header(body, "x-b3-traceid") == "" {
		t.Error("B3, which says the same, was taken out")
	}
}

// TestForwardPortRefuses what it cannot send on, and says what it wants.
func TestForwardPortRefuses(t *testing.T) {
	r := start(t, "")
	own := strings.TrimPrefix(r.forward, "http://")
	for raw, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n":                             "400 this port is a forward proxy (HTTP_PROXY)",
		"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n":                      `400 scheme "ftp", want http or https`,
		"GET http://" + own + "/ HTTP/1.1\r\nHost: " + own + "\r\n\r\n": "508 " + own + " is this port itself",
		"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n":     "502 127.0.0.1:1: no connection: ",
		"CONNECT " + own + " HTTP/1.1\r\nHost: " + own + "\r\n\r\n":     "508 " + own + " is this port itself",
	} {
		c := dial(t, r.forward)
		fmt.Fprint(c, raw)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		body, _ := io.ReadAll(resp.Body)
		if got := fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimPrefix(string(body), "bridge proxy: ")); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s, want %s", raw, got, want)
		}
	}
	inbound := start(t, "http://127.0.0.1:1")
	c := dial(t, inbound.inbound)
	fmt.Fprint(c, "CONNECT example:443 HTTP/1.1\r\nHost: example:443\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("CONNECT to a service: %v, %v", resp, err)
	}
}

// TestTunnel: https by CONNECT, as clients do with HTTPS_PROXY. Nothing in it is
// touched.
func TestTunnel(t *testing.T) {
	callee := httptest.NewTLSServer(http.HandlerFunc(echo))
	t.Cleanup(callee.Close)
	r := start(t, "")
	client := callee.Client()
	u, _ := url.Parse(r.forward)
	client.Transport.(*http.Transport).Proxy = http.ProxyURL(u)
	_, body := answer(t, client, request(t, "GET", callee.URL, nil, "uber-trace-id: 1:2:0:1"))
	if body != "uber-trace-id: 1:2:0:1\n" {
		t.Errorf("%q", body)
	}
	if r.metric("bridge_proxy_tunnels_total", "outcome=opened") != 1 || r.metric("bridge_proxy_active", "direction=tunnel") != 1 {
		t.Error("the tunnel is not counted")
	}
	client.CloseIdleConnections()
	eventually(t, "the tunnel is closed and its bytes are counted", func() bool {
		return r.metric("bridge_proxy_active", "direction=tunnel") == 0 && r.metric("bridge_proxy_bytes_total", "direction=tunnel", "part=response") > 100
	})
}

// TestTunnelHalves: what comes before the answer is kept, each end may close its
// half, and the end of the proxy ends it.
func TestTunnelHalves(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				all, _ := io.ReadAll(c)
				fmt.Fprintf(c, "got %s", all)
			}()
		}
	}()
	r := start(t, "")
	connect := func(early string) (net.Conn, *bufio.Reader) {
		c := dial(t, r.forward)
		fmt.Fprintf(c, "CONNECT %[1]s HTTP/1.1\r\nHost: %[1]s\r\n\r\n%[2]s", l.Addr(), early)
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect})
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%v, %v", resp, err)
		}
		return c, in
	}
	c, in := connect("early,")
	fmt.Fprint(c, "late")
	_ = c.(*net.TCPConn).CloseWrite()
	if all, err := io.ReadAll(in); err != nil || string(all) != "got early,late" {
		t.Errorf("%q, %v", all, err)
	}
	_, in = connect("")
	ended := make(chan error, 1)
	go func() { _, err := in.ReadByte(); ended <- err }()
	eventually(t, "it is open", func() bool { return r.metric("bridge_proxy_active", "direction=tunnel") == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	r.Shutdown(ctx)
	if err := <-ended; err == nil {
		t.Error("a byte came, want the end")
	}
}

// TestForwardToTLS: a route to an https URL, whose version TLS settles.
func TestForwardToTLS(t *testing.T) {
	callee := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.URL.Path, " ", r.Header.Get("b3"))
	}))
	callee.EnableHTTP2 = true
	callee.StartTLS()
	t.Cleanup(callee.Close)
	r := start(t, "", func(o *Options) { o.Outbound = []Route{{"127.0.0.1:0", parseURL(t, callee.URL+"/base/")}} })
	r.transports.http1.TLSClientConfig = callee.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	_, body := answer(t, r.client, request(t, "GET", r.routes[0]+"/a", nil, "uber-trace-id: 1:2:0:1"))
	if want := "HTTP/2.0 /base/a 0000000000000001-0000000000000002-1"; body != want {
		t.Errorf("%q, want %q", body, want)
	}
}
