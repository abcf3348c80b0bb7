// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"bufio"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
)

// exchange is one request and its answer. It is the ResponseWriter that the
// answer goes through, and where the headers live that were written.
type exchange struct {
	w       http.ResponseWriter
	d       *direction
	context propagation.Context
	headers propagation.Memory
	record  *tracer.Record // nil without a span
	body    body

	began    time.Time // for calls of gRPC with a deadline
	deadline time.Duration

	code   int
	bytes  int64
	err    error  // of writing to the caller
	reason string // why there is no whole answer; "" if there is one
	whole  bool   // everything has passed

	text   [480]byte
	values [12]string
}

func (x *exchange) Header() http.Header { return x.w.Header() }

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.w }

func (x *exchange) WriteHeader(code int) {
	if code == http.StatusContinue {
		return // net/http says it when the body is read, which is what the service's word leads to
	}
	if code >= 200 || code == http.StatusSwitchingProtocols {
		x.code = code
		// net/http would guess a type where the service gave none.
		if h := x.w.Header(); h["Content-Type"] == nil {
			h["Content-Type"] = nil
		}
	}
	x.w.WriteHeader(code)
}

func (x *exchange) Write(p []byte) (int, error) {
	n, err := x.w.Write(p)
	x.bytes += int64(n)
	if err != nil {
		x.err = err
	}
	return n, err
}

// Hijack gives the connection for an upgrade. What the caller has sent already is
// read first, and everything is counted.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	x.code = http.StatusSwitchingProtocols
	x.d.upgrades.Inc()
	return &upgraded{Conn: conn, first: rw.Reader, in: x.d.request, out: x.d.response}, rw, nil
}

// upgraded is a caller's connection that speaks another protocol now.
type upgraded struct {
	net.Conn
	first   *bufio.Reader // nil when it is read out
	in, out prometheus.Counter
}

func (c *upgraded) Read(p []byte) (n int, err error) {
	if c.first != nil {
		if held := c.first.Buffered(); held > 0 {
			n, err = c.first.Read(p[:min(len(p), held)])
			c.in.Add(float64(n))
			return n, err
		}
		c.first = nil
	}
	n, err = c.Conn.Read(p)
	c.in.Add(float64(n))
	return n, err
}

func (c *upgraded) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.out.Add(float64(n))
	return n, err
}

// CloseWrite says to the other end that nothing more comes.
func (c *upgraded) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}
