// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"net"
	"sync"
)

// trackedListener knows its connections, so that they can be cut off. grpc-go
// waits at its end for clients that have connected and not said anything.
type trackedListener struct {
	net.Listener
	mu    sync.Mutex
	conns map[net.Conn]bool
}

func track(l net.Listener) *trackedListener {
	return &trackedListener{Listener: l, conns: make(map[net.Conn]bool)}
}

// Accept accepts a connection and remembers it until it is closed.
func (t *trackedListener) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	tc := &trackedConn{Conn: c, from: t}
	t.conns[tc] = true
	return tc, nil
}

// cut closes all connections.
func (t *trackedListener) cut() {
	t.mu.Lock()
	conns := t.conns
	t.conns = make(map[net.Conn]bool)
	t.mu.Unlock()
	for c := range conns {
		_ = c.Close()
	}
}

type trackedConn struct {
	net.Conn
	from *trackedListener
}

func (c *trackedConn) Close() error {
	c.from.mu.Lock()
	delete(c.from.conns, c)
	c.from.mu.Unlock()
	return c.Conn.Close()
}
