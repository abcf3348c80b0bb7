// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/translate"
)

// An encoder writes its next payload into the memory of the last one as soon as
// a call is over, and a call may be over before the transport has read all of
// it. The race detector tells.

// deaf listens for clients and reads nothing; it answers at once, if it has
// something to say.
func deaf(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var conns []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				for _, c := range conns {
					_ = c.Close()
				}
				return
			}
			conns = append(conns, c)
			_, _ = c.Write([]byte(answer))
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func scribble(p []byte) {
	for i := range p {
		p[i]++
	}
}

func TestHTTPMemoryAfterEarlyAnswer(t *testing.T) {
	for _, zip := range []bool{false, true} {
		h, err := newHTTPSender(httpTarget(), Settings{
			Endpoint: "http://" + deaf(t, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"), Timeout: 500 * time.Millisecond, Gzip: zip,
		})
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 4<<20)
		for range 3 {
			if _, err := h.send(context.Background(), []translate.Message{{Body: body}}, ""); err == nil {
				t.Error("no error")
			}
			scribble(body)
		}
		h.close()
	}
}

func TestGRPCMemoryAfterTimeout(t *testing.T) {
	for _, method := range []string{"/t.S/unary", "/t.S/stream"} {
		g, err := newGRPCSender(grpcTarget(method), Settings{Endpoint: (&grpcServer{}).start(t)})
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 3<<20)
		for i := range 30 { // the time at which it is being written is not known
			g.timeout = time.Duration(i+1) * 400 * time.Microsecond
			_, _ = g.send(context.Background(), []translate.Message{{Method: method, Body: body}}, "")
			scribble(body)
		}
		g.close()
	}
}
