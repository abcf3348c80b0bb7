// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/spanbridge/spanbridge/translate"
)

// alpn is what a port offers. At a port for both, HTTP/1.1 stands first: clients
// of HTTP that offer h2 too must not end at the gRPC server, and clients of gRPC
// offer nothing else.
var alpn = map[translate.Network][]string{
	translate.HTTP:        {"http/1.1"},
	translate.GRPC:        {"h2"},
	translate.HTTPAndGRPC: {"http/1.1", "h2"},
}

// admissionError is a fault of a certificate or of a file with secrets.
type admissionError struct{ err error }

func (a *admissionError) Error() string { return a.err.Error() }

// secured puts TLS over a listener, while the port has a certificate.
func (s *Server) secured(o *openPort, l net.Listener) net.Listener {
	count := s.opts.Set.HandshakesFailed.WithLabelValues(o.Name)
	var seldom seldom
	return newTLSListener(l, func() *tls.Config { return o.terms.now().secure }, s.opts.Limits.Header, func(c net.Conn, err error) {
		count.Inc()
		seldom.log(func(before int) {
			s.opts.Log.Warn("a connection failed in the handshake of TLS", "port", o.Name, "from", c.RemoteAddr(), "err", err, "others since the last such line", before)
		})
	})
}

// tlsListener gives connections whose handshake is done. Handshakes run side by
// side, each within its time, so that a client that is slow stops nobody.
type tlsListener struct {
	net.Listener
	config   func() *tls.Config // nil: connections are plain
	patience time.Duration      // for a handshake
	failed   func(net.Conn, error)

	start sync.Once
	ready *side
	mu    sync.Mutex
	busy  map[net.Conn]bool // connections in their handshake
}

func newTLSListener(l net.Listener, config func() *tls.Config, patience time.Duration, failed func(net.Conn, error)) *tlsListener {
	return &tlsListener{Listener: l, config: config, patience: patience, failed: failed, ready: newSide(l.Addr()), busy: make(map[net.Conn]bool)}
}

// Accept gives the next connection whose handshake is done.
func (t *tlsListener) Accept() (net.Conn, error) {
	t.start.Do(func() { go t.run() })
	return t.ready.Accept()
}

// Close closes the listener and the connections that nobody was given yet.
func (t *tlsListener) Close() error {
	err := t.Listener.Close()
	t.ready.end()
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.busy {
		_ = c.Close()
	}
	return err
}

func (t *tlsListener) run() {
	defer t.ready.end()
	acceptAll(t.Listener, func(c net.Conn) {
		config := t.config()
		if config == nil {
			t.ready.give(c)
			return
		}
		t.mu.Lock()
		t.busy[c] = true
		t.mu.Unlock()
		go t.shake(c, config)
	})
}

func (t *tlsListener) shake(c net.Conn, config *tls.Config) {
	ctx, cancel := context.WithTimeout(context.Background(), t.patience)
	defer cancel()
	secure := tls.Server(c, config)
	err := secure.HandshakeContext(ctx)
	t.mu.Lock()
	delete(t.busy, c)
	t.mu.Unlock()
	if err != nil {
		t.refuse(c, err)
		return
	}
	t.ready.give(secure)
}

// refuse ends a connection. Who speaks plain HTTP is told so in its language.
func (t *tlsListener) refuse(c net.Conn, err error) {
	defer c.Close()
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return // a probe whether the port is open, or the end of the gateway
	}
	if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil && methodOf(string(plain.RecordHeader[:])) {
		err = errors.New("the client speaks plain HTTP")
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(c, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nthis port speaks TLS: use https://\n")
	}
	t.failed(c, err)
	// Who sends already would have the connection reset under it, and never read
	// the alert that says why: it gets a moment to do so.
	if w, ok := c.(interface{ CloseWrite() error }); ok && w.CloseWrite() == nil {
		_ = c.SetReadDeadline(time.Now().Add(alertWait))
		_, _ = io.CopyN(io.Discard, c, 64<<10)
	}
}

const alertWait = 500 * time.Millisecond

// methodOf is true for the first five bytes of a request by HTTP.
func methodOf(head string) bool {
	for _, m := range []string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PRI *"} {
		if strings.HasPrefix(head, m) {
			return true
		}
	}
	return false
}

// seldom lets a line of the log through now and then: clients that are wrong try
// again and again.
type seldom struct {
	mu     sync.Mutex
	last   time.Time
	hushed int
}

const seldomEvery = 10 * time.Second

// log calls write, with how many were left out before, unless it has just done so.
func (s *seldom) log(write func(before int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.last) < seldomEvery {
		s.hushed++
		return
	}
	write(s.hushed)
	s.last, s.hushed = time.Now(), 0
}
