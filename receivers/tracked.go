// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"net"
	"sync"
)

// trackedListener knows the connections of a gRPC server, so that they can be cut
// off. grpc-go waits at its end for clients that have connected and not said
// anything, and it has no bound for messages that have come in part.
type trackedListener struct {
	net.Listener
	budget  *Budget // nil: there is no bound
	longest int64   // a message
	streams int     // of a connection
	mu      sync.Mutex
	conns   map[*trackedConn]bool
}

func track(l net.Listener, budget *Budget, longest int64, streams int) *trackedListener {
	return &trackedListener{Listener: l, budget: budget, longest: longest, streams: streams, conns: make(map[*trackedConn]bool)}
}

// Accept accepts a connection and remembers it until it is closed.
func (t *trackedListener) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	tc := &trackedConn{Conn: c, from: t, halves: newHalves(t.longest, t.streams), hold: hold{budget: t.budget}}
	t.conns[tc] = true
	return tc, nil
}

// cut closes all connections.
func (t *trackedListener) cut() {
	for _, c := range t.all() {
		_ = c.Close()
	}
}

func (t *trackedListener) all() (conns []*trackedConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.conns {
		conns = append(conns, c)
	}
	return conns
}

// greediest is the connection that keeps the most of messages that have come in
// part.
func (t *trackedListener) greediest() (most *trackedConn) {
	bytes := int64(-1)
	for _, c := range t.all() {
		c.mu.Lock()
		if c.hold.bytes > bytes {
			most, bytes = c, c.hold.bytes
		}
		c.mu.Unlock()
	}
	return most
}

type trackedConn struct {
	net.Conn
	from   *trackedListener
	halves *halves // of the reader alone

	mu     sync.Mutex
	hold   hold
	closed bool
}

// Read reads, and closes the connection that takes the most when the memory is
// all taken: a message that has come in part cannot be refused in any other way.
func (c *trackedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n == 0 || c.from.budget == nil {
		return n, err
	}
	if err := c.halves.read(p[:n]); err != nil {
		return 0, err
	}
	if c.account() {
		return n, err
	}
	if greedy := c.from.greediest(); greedy != nil {
		_ = greedy.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	c.hold.must(c.halves.bytes)
	return n, err
}

// account is false when there is no room for what the connection keeps.
func (c *trackedConn) account() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed || c.hold.set(c.halves.bytes) == nil
}

// Close closes the connection and gives back what it kept.
func (c *trackedConn) Close() error {
	c.from.mu.Lock()
	delete(c.from.conns, c)
	c.from.mu.Unlock()
	c.mu.Lock()
	c.closed = true
	c.hold.end()
	c.mu.Unlock()
	return c.Conn.Close()
}
