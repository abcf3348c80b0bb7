// SPDX-License-Identifier: Apache-2.0

package receivers_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/access/accesstest"
	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/receivers"
)

// changing is a server with what it was last told.
type changing struct {
	*bench
	ports  map[string]receivers.Listen
	limits receivers.Limits
}

func startChanging(t *testing.T) *changing {
	c := &changing{}
	c.bench = start(t, func(o *receivers.Options) { c.ports, c.limits = maps.Clone(o.Ports), o.Limits })
	return c
}

func (c *changing) change(port string, change func(*receivers.Listen)) error {
	next := maps.Clone(c.ports)
	l := next[port]
	change(&l)
	next[port] = l
	err := c.Change(next, c.limits, time.Minute)
	if err == nil {
		c.ports = next
	}
	return err
}

// kept is a connection that must stay open. net/http's client would dial anew, and
// of its own accord too.
type kept struct {
	net.Conn
	answers *bufio.Reader
}

func keep(t *testing.T, address string) *kept {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &kept{conn, bufio.NewReader(conn)}
}

// ask posts a list of ids and gives the status.
func (k *kept) ask(t *testing.T, n int, headers ...string) int {
	t.Helper()
	_ = k.SetDeadline(time.Now().Add(time.Minute))
	body := list(n)
	fmt.Fprintf(k, "POST /ids HTTP/1.1\r\nHost: a\r\nContent-Type: application/ids\r\nContent-Length: %d\r\n", len(body))
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(k, "%s: %s\r\n", headers[i], headers[i+1])
	}
	fmt.Fprintf(k, "\r\n%s", body)
	resp, err := http.ReadResponse(k.answers, nil)
	if err != nil {
		t.Fatalf("the connection was closed: %v", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// A port whose address stays keeps its connections, and takes what comes by the
// new terms; a call that is open stays open.
func TestChangeOfTerms(t *testing.T) {
	c := startChanging(t)
	client := keep(t, c.Address("ids-http").String())
	stream := open(t, c.dial(t, "ids-grpc"), "/ids.Service/stream")
	if err := stream.SendMsg(rawgrpc.New(id(1))); err != nil {
		t.Fatal(err)
	}
	c.sink.wait(t, 1)
	step := func(what string, want int, change func(), headers ...string) {
		t.Helper()
		change()
		if code := client.ask(t, 1, headers...); code != want {
			t.Errorf("%s: status %d, want %d", what, code, want)
		}
	}
	auth := func(token string) func() {
		return func() {
			for _, port := range []string{"ids-http", "ids-grpc"} {
				if err := c.change(port, func(l *receivers.Listen) { l.Auth.Token = token }); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	step("at first", http.StatusOK, func() {})
	step("a token", http.StatusUnauthorized, auth("first"))
	step("with it", http.StatusOK, func() {}, "Authorization", "Bearer first")
	step("another token", http.StatusUnauthorized, auth("second"), "Authorization", "Bearer first")
	step("no token", http.StatusOK, auth(""))
	step("a limit", http.StatusRequestEntityTooLarge, func() {
		c.limits.Body = 5
		if err := c.Change(c.ports, c.limits, time.Minute); err != nil {
			t.Fatal(err)
		}
	})
	if err := stream.SendMsg(rawgrpc.New(id(2))); err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := answer(stream); err != nil {
		t.Errorf("the stream has not come to a good end: %v", err)
	}
}

// TLS comes and goes with the next connection; those that are open stay as they
// are.
func TestChangeOfTLS(t *testing.T) {
	ca := accesstest.NewAuthority(t, "ca")
	pair := ca.Issue("bridge", time.Now().Add(time.Hour))
	c := startChanging(t)
	address := c.Address("ids-http").String()
	client := keep(t, address)
	_ = client.ask(t, 1)
	if err := c.change("ids-http", func(l *receivers.Listen) { l.TLS = access.Server{CertFile: pair.CertFile, KeyFile: "nowhere"} }); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("%v, want the file that is not there", err)
	}
	if err := c.change("ids-http", func(l *receivers.Listen) { l.TLS = access.Server{CertFile: pair.CertFile, KeyFile: pair.KeyFile} }); err != nil {
		t.Fatal(err)
	}
	if code := client.ask(t, 1); code != http.StatusOK {
		t.Errorf("the open connection: status %d", code)
	}
	trust, err := access.Client{CAFile: ca.File}.Configs(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	dial := func() error {
		conf := trust()
		conf.ServerName = "127.0.0.1"
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", c.Address("ids-http").String(), conf)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	if err := dial(); err != nil {
		t.Errorf("with TLS: %v", err)
	}
	if err := c.change("ids-http", func(l *receivers.Listen) { l.TLS = access.Server{} }); err != nil {
		t.Fatal(err)
	}
	if dial() == nil {
		t.Error("TLS is still spoken")
	}
	if code := keep(t, address).ask(t, 1); code != http.StatusOK {
		t.Errorf("without TLS: status %d", code)
	}
}

// A port that is moved opens the new one first, and finishes what it has begun to
// receive at the old one.
func TestMove(t *testing.T) {
	c := startChanging(t)
	former := c.Address("ids-http").String()
	slow, err := net.Dial("tcp", former)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	body := list(3)
	if _, err := io.WriteString(slow, "POST /ids HTTP/1.1\r\nHost: a\r\nContent-Type: application/ids\r\nExpect: 100-continue\r\nContent-Length: 30\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 12)
	if _, err := io.ReadFull(slow, head); err != nil || !strings.Contains(string(head), "100") {
		t.Fatal(string(head), err)
	}
	// From the one interface to all of them: the same number.
	_, number, _ := net.SplitHostPort(former)
	if err := c.change("ids-http", func(l *receivers.Listen) { l.Address = "0.0.0.0:" + number }); err != nil {
		t.Fatal(err)
	}
	if code := keep(t, "127.0.0.1:"+number).ask(t, 2); code != http.StatusOK {
		t.Errorf("status %d at the new port", code)
	}
	if _, err := slow.Write(body); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(slow); err != nil || !strings.Contains(string(answer), "200 OK") {
		t.Errorf("what was begun at the old port: %q, %v", answer, err)
	}
	c.sink.wait(t, 5)
	// Closed, and opened again.
	without := maps.Clone(c.ports)
	delete(without, "ids-http")
	if err := c.Change(without, c.limits, time.Minute); err != nil {
		t.Fatal(err)
	}
	if c.Address("ids-http") != nil {
		t.Error("the port that was closed has an address")
	}
	if conn, err := net.Dial("tcp", former); err == nil {
		_ = conn.Close()
		t.Error("the port that was closed is open")
	}
	if err := c.change("ids-http", func(l *receivers.Listen) { l.Address = "127.0.0.1:0" }); err != nil {
		t.Fatal(err)
	}
	if code := keep(t, c.Address("ids-http").String()).ask(t, 1); code != http.StatusOK {
		t.Errorf("status %d at the port that was opened", code)
	}
}

// What cannot be opened leaves everything as it was.
func TestChangeThatFails(t *testing.T) {
	c := startChanging(t)
	zipkin := c.Address("zipkin").String()
	taken := func(address string) string {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return ""
		}
		t.Cleanup(func() { _ = l.Close() })
		return l.Addr().String()
	}
	changes := []map[string]string{{"ids-grpc": taken("127.0.0.1:0"), "zipkin": "127.0.0.1:00"}}
	// All interfaces cannot be listened at where another program has one of them.
	_, number, _ := net.SplitHostPort(c.Address("ids-http").String())
	if taken("127.0.0.2:"+number) != "" { // not on macOS
		changes = append(changes, map[string]string{"ids-http": "0.0.0.0:" + number, "zipkin": "127.0.0.1:00"})
	}
	for _, change := range changes {
		next := maps.Clone(c.ports)
		for port, address := range change {
			next[port] = receivers.Listen{Address: address}
		}
		err := c.Change(next, c.limits, time.Minute)
		if err == nil || !strings.Contains(err.Error(), "in use by another program") {
			t.Errorf("%v, want the port that is in use", err)
		}
		if got := c.Address("zipkin").String(); got != zipkin {
			t.Errorf("another port has moved to %s", got)
		}
		if code := keep(t, c.Address("ids-http").String()).ask(t, 1); code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	}
}

// A port whose socket was closed for a change that fails is opened again by the terms
// that it had, also where their files can no longer be read.
func TestChangeThatFailsWithoutFiles(t *testing.T) {
	pair := accesstest.NewAuthority(t, "ca").Issue("bridge", time.Now().Add(time.Hour))
	c := startChanging(t)
	if err := c.change("ids-http", func(l *receivers.Listen) { l.TLS = access.Server{CertFile: pair.CertFile, KeyFile: pair.KeyFile} }); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(pair.KeyFile); err != nil {
		t.Fatal(err)
	}
	_, number, _ := net.SplitHostPort(c.Address("ids-http").String())
	another, err := net.Listen("tcp", "127.0.0.2:"+number)
	if err != nil {
		t.Logf("there is one address of loopback: %v", err) // macOS
		return
	}
	defer another.Close()
	if err := c.change("ids-http", func(l *receivers.Listen) { *l = receivers.Listen{Address: "0.0.0.0:" + number} }); err == nil {
		t.Fatal("a port that is in use was opened")
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", "127.0.0.1:"+number, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatalf("the port is not as it was: %v", err)
	}
	_ = conn.Close()
}

// Nothing is changed any more once the server stops.
func TestChangeAfterTheEnd(t *testing.T) {
	c := startChanging(t)
	c.Shutdown(t.Context())
	if err := c.Change(c.ports, c.limits, time.Minute); err == nil {
		t.Error("it was changed")
	}
}
