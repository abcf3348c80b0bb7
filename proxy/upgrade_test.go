// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/websocket"
)

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
