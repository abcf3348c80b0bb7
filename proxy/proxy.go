// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// Proxy passes requests of a service on, in both directions. New, Open, Serve
// and Shutdown are called once each, in this order.
type Proxy struct {
	options    Options
	metrics    *metrics.Proxy
	memory     *memory
	transports *transports
	complaints complaints
	stdLog     *log.Logger
	ports      []*port

	open   gate // requests, upgraded connections and tunnels
	ending context.Context
	end    context.CancelFunc
	served sync.WaitGroup
}

// gate counts who is inside. Unlike a sync.WaitGroup it may be entered while
// somebody waits.
type gate struct {
	mu     sync.Mutex
	inside int
	empty  *sync.Cond
}

func (g *gate) enter() {
	g.mu.Lock()
	g.inside++
	g.mu.Unlock()
}

func (g *gate) leave() {
	g.mu.Lock()
	if g.inside--; g.inside == 0 && g.empty != nil {
		g.empty.Broadcast()
	}
	g.mu.Unlock()
}

// wait returns when nobody is inside.
func (g *gate) wait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.empty = sync.NewCond(&g.mu)
	for g.inside > 0 {
		g.empty.Wait()
	}
}

// port is an address that is listened at.
type port struct {
	Port
	server   *http.Server
	listener net.Listener
	to       string // host and port; empty for the forward proxy
}

// Port is where a proxy listens.
type Port struct {
	Address   string
	Direction string // inward or outward
	To        string // a URL; empty for the forward proxy
	Formats   []propagation.Format
}

// New makes a proxy. It opens nothing.
func New(o Options) (*Proxy, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.Metrics == nil {
		o.Metrics = metrics.NewProxy(prometheus.NewRegistry())
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	p := &Proxy{options: o, metrics: o.Metrics, complaints: complaints{log: o.Log}}
	p.transports = newTransports(&o, p.loops)
	p.stdLog = slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug)
	p.ending, p.end = context.WithCancel(context.Background())
	out := len(o.Outbound) > 0 || o.Forward != ""
	if out && len(o.Inbound) > 0 {
		p.memory = newMemory(o.Remember, o.RememberFor, o.Metrics.Forgotten.Inc)
		o.Metrics.Remembered(p.memory.len)
	}
	if len(o.Inbound) > 0 {
		// Where several formats came, the one counts that the service's tracer reads:
		// it would go by it as well.
		d := newDirection(inward, o.Inward, o.Inward, &o, p.memory)
		d.caller = propagation.Caller{Service: o.Caller}
		d.spans = newSpans(&o, span.KindServer)
		for _, r := range o.Inbound {
			p.listen(r.Address, r.To, d, o.Inward)
		}
	}
	if out {
		// And here the one that it writes; others may be copies of what it got.
		d := newDirection(outward, o.Outward, o.Inward, &o, p.memory)
		d.caller = propagation.Caller{Service: o.Service, Instance: o.Instance}
		d.spans = newSpans(&o, span.KindClient)
		for _, r := range o.Outbound {
			p.listen(r.Address, r.To, d, o.Outward)
		}
		if o.Forward != "" {
			p.listen(o.Forward, nil, d, o.Outward)
		}
	}
	return p, nil
}

// listen adds a port.
func (p *Proxy) listen(address string, to *url.URL, d *direction, formats []propagation.Format) {
	at := &port{Port: Port{Address: address, Direction: d.name, Formats: formats}}
	if to != nil {
		at.To, at.to = to.String(), hostPort(to)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	at.server = &http.Server{
		Handler:           newHandler(p, d, to),
		Protocols:         &protocols,
		ReadHeaderTimeout: p.options.Timeouts.Header,
		IdleTimeout:       p.options.Timeouts.Idle,
		MaxHeaderBytes:    p.options.MaxHeader,
		ErrorLog:          p.stdLog,
		BaseContext:       func(net.Listener) context.Context { return p.ending },
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 1000},
		// OPTIONS * is for the service.
		DisableGeneralOptionsHandler: true,
	}
	p.ports = append(p.ports, at)
}

// Open opens all ports, or none.
func (p *Proxy) Open() error {
	var lc net.ListenConfig
	for _, at := range p.ports {
		l, err := lc.Listen(context.Background(), "tcp", at.Address)
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%s is in use by another program", at.Address)
		}
		if err != nil {
			for _, other := range p.ports {
				if other.listener != nil {
					_ = other.listener.Close()
				}
			}
			return fmt.Errorf("cannot listen for %s requests: %w", at.Direction, err)
		}
		at.listener, at.Address = l, l.Addr().String()
	}
	return nil
}

// Ports are where the proxy listens; after Open with the ports that were given.
func (p *Proxy) Ports() []Port {
	ports := make([]Port, len(p.ports))
	for i, at := range p.ports {
		ports[i] = at.Port
	}
	return ports
}

// isOwn is true for the address of a forward port of this proxy.
func (p *Proxy) isOwn(host string) bool {
	return slices.ContainsFunc(p.ports, func(at *port) bool { return at.To == "" && reaches(host, at.Address) })
}

// loops is true for a connection to a port here from which requests go on to the
// same address again. It sees what isOwn and Check cannot tell from the name.
func (p *Proxy) loops(c net.Conn, address string) bool {
	to, ok := c.RemoteAddr().(*net.TCPAddr)
	from, local := c.LocalAddr().(*net.TCPAddr)
	if !ok || !local || !from.IP.Equal(to.IP) {
		return false // another machine
	}
	return slices.ContainsFunc(p.ports, func(at *port) bool {
		own, _ := at.listener.Addr().(*net.TCPAddr)
		return own != nil && own.Port == to.Port && (own.IP.IsUnspecified() || own.IP.Equal(to.IP)) && (at.to == "" || at.to == address)
	})
}

// Serve takes requests. It returns at once.
func (p *Proxy) Serve() {
	for _, at := range p.ports {
		p.served.Go(func() {
			if err := at.server.Serve(at.listener); !errors.Is(err, http.ErrServerClosed) {
				p.options.Log.Error("a port stopped", "address", at.Address, "err", err)
			}
		})
	}
}

// Shutdown takes no new connections, lets the requests that are under way come
// to their end as long as the context allows, and then ends them.
func (p *Proxy) Shutdown(ctx context.Context) {
	var all sync.WaitGroup
	for _, at := range p.ports {
		all.Go(func() { _ = at.server.Shutdown(ctx) })
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		p.open.wait() // upgraded connections and tunnels, which a server does not know
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	p.end()
	for _, at := range p.ports {
		_ = at.server.Close()
		if at.listener != nil {
			_ = at.listener.Close()
		}
	}
	<-done
	p.served.Wait()
	p.transports.close()
}
