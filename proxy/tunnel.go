// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const tunnelDirection = "tunnel"

// tunnel opens a connection to where a CONNECT request says, and passes bytes
// both ways until both ends are done.
func (p *Proxy) tunnel(w http.ResponseWriter, r *http.Request) {
	p.open.enter()
	defer p.open.leave()
	dialer := net.Dialer{Timeout: p.options.Timeouts.Dial}
	to, err := dialer.DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		p.metrics.Tunnels.WithLabelValues(unreachable).Inc()
		reason := reasonOf(err)
		code := http.StatusBadGateway
		if reason == timeout {
			code = http.StatusGatewayTimeout
		}
		p.complaints.say("no tunnel", "to", r.Host, "reason", reason, "err", err)
		http.Error(w, fmt.Sprintf("bridge proxy: %s: %s", r.Host, describe(reason, err, false)), code)
		return
	}
	defer to.Close()
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2
		p.metrics.Tunnels.WithLabelValues(refused).Inc()
		http.Error(w, "bridge proxy: CONNECT needs HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return
	}
	defer conn.Close()
	// A deadline may be left from the reading of the request's head.
	_ = conn.SetDeadline(time.Time{})
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	p.metrics.Tunnels.WithLabelValues("opened").Inc()
	active := p.metrics.Active.WithLabelValues(tunnelDirection)
	active.Inc()
	defer active.Dec()
	stop := context.AfterFunc(p.ending, func() { //nolint:contextcheck // a hijacked connection outlives its request
		_ = conn.Close()
		_ = to.Close()
	})
	defer stop()
	var first io.Reader = conn
	if n := rw.Reader.Buffered(); n > 0 {
		first = io.MultiReader(io.LimitReader(rw.Reader, int64(n)), conn)
	}
	var both sync.WaitGroup
	both.Go(func() { copyHalf(to, first, p.metrics.Bytes.WithLabelValues(tunnelDirection, "request")) })
	copyHalf(conn, to, p.metrics.Bytes.WithLabelValues(tunnelDirection, "response"))
	both.Wait()
}

// copyHalf passes one direction of a tunnel on, and its end as well. An end that
// cannot take more ends the other direction too.
func copyHalf(to net.Conn, from io.Reader, count prometheus.Counter) {
	n, err := io.Copy(to, from)
	count.Add(float64(n))
	if err != nil {
		_ = to.Close()
		return
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
