// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"net"
	"sync"
	"sync/atomic"
)

// connections counts the TCP connections of all ports.
type connections struct {
	most func() int // 0: no bound
	open atomic.Int64
}

// countedListener closes a connection at once that is one too many. No answer is
// better than one: zipkin-go throws a batch away after any answer, and tries
// again when the connection breaks, as gRPC's clients do.
type countedListener struct {
	net.Listener
	all     *connections
	most    func() int // at this port; 0: no bound
	open    atomic.Int64
	count   func(float64) // for the metric of open ones
	refused func()
}

// Accept accepts the next connection for which there is room.
func (l *countedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		here, all := l.open.Add(1), l.all.open.Add(1)
		l.count(1)
		counted := &countedConn{Conn: c, from: l}
		if over(here, int64(l.most())) || over(all, int64(l.all.most())) {
			l.refused()
			_ = counted.Close()
			continue
		}
		return counted, nil
	}
}

func over(n, most int64) bool { return most > 0 && n > most }

type countedConn struct {
	net.Conn
	from *countedListener
	once sync.Once
}

// Close closes the connection and makes room for another.
func (c *countedConn) Close() error {
	c.once.Do(func() {
		c.from.open.Add(-1)
		c.from.all.open.Add(-1)
		c.from.count(-1)
	})
	return c.Conn.Close()
}
