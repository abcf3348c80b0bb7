// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// splitListener tells the connections of one port apart: those that open with
// HTTP/2's preface speak gRPC, the others HTTP/1.1. grpc-go gets a listener of
// its own, because serving it through net/http costs twice as much.
type splitListener struct {
	l        net.Listener
	patience time.Duration // for the first bytes
	http     *side
	grpc     *side

	mu      sync.Mutex
	looking map[net.Conn]bool // connections of which the first bytes are awaited
}

func newSplitListener(l net.Listener, patience time.Duration) *splitListener {
	return &splitListener{l: l, patience: patience, http: newSide(l.Addr()), grpc: newSide(l.Addr()), looking: make(map[net.Conn]bool)}
}

// preface is the start of HTTP/2's preface; no HTTP/1.1 request starts so.
const preface = "PRI "

// run accepts connections until the listener is closed.
func (s *splitListener) run() {
	defer s.http.end()
	defer s.grpc.end()
	var looking sync.WaitGroup
	defer looking.Wait()
	defer s.forget()
	acceptAll(s.l, func(c net.Conn) {
		s.mu.Lock()
		s.looking[c] = true
		s.mu.Unlock()
		looking.Go(func() { s.look(c) })
	})
}

// acceptAll gives every connection until the listener is closed.
func acceptAll(l net.Listener, take func(net.Conn)) {
	wait := time.Duration(0)
	for {
		c, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// Out of descriptors, for example: it may pass.
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			time.Sleep(wait)
			continue
		}
		wait = 0
		take(c)
	}
}

// forget closes the connections that have not said anything.
func (s *splitListener) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.looking {
		_ = c.Close()
	}
}

// look reads the first bytes and hands the connection on.
func (s *splitListener) look(c net.Conn) {
	first := make([]byte, len(preface))
	_ = c.SetReadDeadline(time.Now().Add(s.patience))
	n, err := io.ReadFull(c, first)
	s.mu.Lock()
	delete(s.looking, c)
	s.mu.Unlock()
	if n == 0 && err != nil {
		_ = c.Close()
		return
	}
	_ = c.SetReadDeadline(time.Time{})
	to := s.http
	if string(first) == preface {
		to = s.grpc
	}
	to.give(&prefixConn{Conn: c, prefix: first[:n]})
}

// side is one of the listeners that a splitListener feeds.
type side struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newSide(addr net.Addr) *side {
	return &side{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (s *side) give(c net.Conn) {
	select {
	case s.conns <- c:
	case <-s.done:
		_ = c.Close()
	}
}

func (s *side) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

func (s *side) Close() error {
	s.end()
	return nil
}

func (s *side) end() { s.once.Do(func() { close(s.done) }) }

func (s *side) Addr() net.Addr { return s.addr }

// prefixConn is a connection of which the first bytes were read already.
type prefixConn struct {
	net.Conn
	prefix []byte
}

func (c *prefixConn) Read(p []byte) (int, error) {
	if len(c.prefix) > 0 {
		n := copy(p, c.prefix)
		c.prefix = c.prefix[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
