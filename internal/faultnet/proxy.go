// SPDX-License-Identifier: Apache-2.0

package faultnet

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Faults is what a Proxy does to its connections. The zero value does nothing to
// them.
type Faults struct {
	// Delay is how long each piece waits before it goes on, both ways.
	Delay time.Duration
	// Rate is the most bytes a second, for each connection and direction; 0: as
	// fast as it goes.
	Rate int
	// Stall: nothing goes on, and nobody is told.
	Stall bool
	// Refuse: new connections are reset at once.
	Refuse bool
	// CutAfter cuts a connection when that many bytes have come from the client on
	// it since it was opened; 0: never.
	CutAfter int64
}

// Proxy stands before a TCP port.
type Proxy struct {
	target   string
	listener net.Listener
	ctx      context.Context // ends with Close
	stop     context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	faults  Faults
	changed chan struct{} // closed when the faults change
	pairs   map[*pair]bool
}

// pair is a connection of a client and the one to the target that belongs to it.
type pair struct{ client, server net.Conn }

// NewProxy opens a port on loopback before target, which is host:port and need
// not be there yet.
func NewProxy(target string) (*Proxy, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, listener: l, changed: make(chan struct{}), pairs: make(map[*pair]bool)}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.running.Go(p.accept)
	return p, nil
}

// Addr is where clients connect, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set changes the faults, those of open connections too.
func (p *Proxy) Set(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
	close(p.changed)
	p.changed = make(chan struct{})
}

// Cut closes all connections in order, whatever is in them, and says how many
// there were.
func (p *Proxy) Cut() int { return p.end(false) }

// Reset closes all connections with a reset, which throws away what the other side
// has not read, and says how many there were.
func (p *Proxy) Reset() int { return p.end(true) }

// Close ends the proxy and every connection.
func (p *Proxy) Close() error {
	p.stop()
	err := p.listener.Close()
	p.end(false)
	p.running.Wait()
	return err
}

func (p *Proxy) end(reset bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		c.close(reset)
	}
	return len(p.pairs)
}

func (c *pair) close(reset bool) {
	for _, conn := range []net.Conn{c.client, c.server} {
		if t, ok := conn.(*net.TCPConn); ok && reset {
			_ = t.SetLinger(0)
		}
		_ = conn.Close()
	}
}

func (p *Proxy) now() (Faults, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults, p.changed
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if f, _ := p.now(); f.Refuse {
			(&pair{client, client}).close(true)
			continue
		}
		p.running.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	d := net.Dialer{Timeout: 10 * time.Second}
	server, err := d.DialContext(p.ctx, "tcp", p.target)
	if err != nil {
		// As a port behind which nobody is: not an end in order.
		(&pair{client, client}).close(true)
		return
	}
	c := &pair{client, server}
	p.mu.Lock()
	p.pairs[c] = true
	p.mu.Unlock()
	if p.ctx.Err() != nil { // Close may not have seen it
		c.close(false)
	}
	var both sync.WaitGroup
	both.Go(func() { p.carry(c, server, client, true) })
	both.Go(func() { p.carry(c, client, server, false) })
	both.Wait()
	c.close(false)
	p.mu.Lock()
	delete(p.pairs, c)
	p.mu.Unlock()
}

// piece is how much is carried at once.
const piece = 16 << 10

func (p *Proxy) carry(c *pair, to, from net.Conn, fromClient bool) {
	buf := make([]byte, piece)
	total := int64(0)
	for {
		n, err := from.Read(buf)
		rest := buf[:n]
		for len(rest) > 0 {
			f, ok := p.moving()
			if !ok {
				return
			}
			part := rest
			if f.Rate > 0 {
				part = rest[:min(len(rest), max(1, f.Rate/20))]
			}
			cut := false
			if fromClient && f.CutAfter > 0 && total+int64(len(part)) >= f.CutAfter {
				part, cut = part[:min(int64(len(part)), max(0, f.CutAfter-total))], true
			}
			if _, err := to.Write(part); err != nil || cut {
				c.close(false)
				return
			}
			total += int64(len(part))
			rest = rest[len(part):]
			if f.Rate > 0 && !p.pause(time.Duration(len(part))*time.Second/time.Duration(f.Rate)) {
				return
			}
		}
		if err != nil {
			if t, ok := to.(*net.TCPConn); ok && errors.Is(err, io.EOF) {
				_ = t.CloseWrite() // the other direction may go on
			} else {
				c.close(false)
			}
			return
		}
	}
}

// moving waits while nothing may go on, and for the delay. It is false when the
// proxy was closed.
func (p *Proxy) moving() (Faults, bool) {
	for {
		f, changed := p.now()
		if !f.Stall {
			return f, f.Delay <= 0 || p.pause(f.Delay)
		}
		select {
		case <-changed:
		case <-p.ctx.Done():
			return f, false
		}
	}
}

// pause waits; other faults end it early. It is false when the proxy was closed.
func (p *Proxy) pause(d time.Duration) bool {
	_, changed := p.now()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-p.ctx.Done():
		return false
	}
	return true
}
