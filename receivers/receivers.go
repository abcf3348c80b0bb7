// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// Sink takes what was received. An error that has a method RetryAfter()
// time.Duration is for a while. The context must not be kept.
type Sink interface {
	Put(context.Context, *span.Batch) error
}

// Limits bound what a client may send.
type Limits struct {
	// Body is the most bytes of an HTTP body as sent, Inflated after
	// decompression.
	Body, Inflated int64
	// Message is the most bytes of a gRPC message, after decompression.
	Message int
	// Spans is the most spans of a message, Tags the most tags, events, tags of
	// events and references of a span, Text the longest name, key or value of a
	// span in bytes; 0: no bound but the memory.
	Spans, Tags, Text int
	// Connections is the most TCP connections of a port, ConnectionsTotal of
	// all ports; 0: no bound.
	Connections, ConnectionsTotal int
	// Streams is the most gRPC calls of a connection at one time, StreamsTotal
	// of all connections; 0 stands for 1024, and for no bound.
	Streams, StreamsTotal int
	// Header is how long a client may take for the head of a request, Read for
	// a whole request or the message of a gRPC call that brings one, Idle
	// between two.
	Header, Read, Idle time.Duration
	// Refuse: a client is refused at once when there is no memory for what it
	// sends. Otherwise it waits for as long as Wait says, or its route if that is 0.
	Refuse bool
	Wait   time.Duration
}

// Listen is how a port is opened.
type Listen struct {
	Address string
	// Strict: of a message with a malformed span nothing is taken, as the real
	// Zipkin server does.
	Strict bool
	// Busy is how clients by HTTP learn that the gateway is; "" stands for Auto.
	Busy Busy
	// TLS of the port, if it has a certificate; Auth is what clients must know,
	// if anything. Not for UDP.
	TLS  access.Server
	Auth access.Credentials
}

// Options of a server.
type Options struct {
	Protocols []translate.Protocol
	// Ports are the ports to open, by name.
	Ports  map[string]Listen
	Limits Limits
	Sink   Sink
	Set    *metrics.Set
	Log    *slog.Logger
	// Budget is the memory for what is on its way in; nil: there is no bound.
	Budget *Budget
	// TenantHeader is the header, or the metadata of a gRPC call, that names the
	// tenant whose spans a message brings; "": nobody asks.
	TenantHeader string
	// Outline tells of which forms of body spans may be outlined (span.Origin.Outline);
	// nil: none. It is asked for each message.
	Outline func(format string) bool
	// Other takes the requests of an HTTP port for which no protocol has a
	// route, by the name of the port.
	Other map[string]http.Handler
	// Forward gives what takes the calls of a gRPC port that carry no spans, by the
	// name of the port; nil: nothing does. It is asked for each call.
	Forward func(port string) Forwarder
}

// Server is all open ports.
type Server struct {
	opts    Options
	intake  *intake
	conns   connections
	calls   atomic.Int64 // of gRPC, being served
	serving sync.WaitGroup

	mu      sync.Mutex
	open    []*openPort
	started bool
	ended   chan struct{} // closed by Shutdown
	cut     context.Context
	cutOff  context.CancelFunc // cuts off what is left of ports that were closed
}

// openPort is a port that is listening.
type openPort struct {
	translate.Port
	protocol string
	listen   Listen
	address  net.Addr
	terms    *terms
	serve    func() error
	refuse   func() // takes no new connections
	stop     func(context.Context)
}

// New makes a server; it opens nothing yet.
func New(opts Options) *Server {
	if opts.Limits.Streams == 0 {
		opts.Limits.Streams = 1024
	}
	s := &Server{opts: opts, intake: newIntake(opts), ended: make(chan struct{})}
	s.conns.most = func() int { return s.intake.limits().ConnectionsTotal }
	s.cut, s.cutOff = context.WithCancel(context.Background())
	return s
}

// Open listens at all ports. When some of them cannot be opened, the others are
// closed again and the error has a line for each, with the setting to change.
func (s *Server) Open() error {
	var errs []error
	s.eachPort(func(protocol string, port translate.Port) {
		listen, ok := s.opts.Ports[port.Name]
		if !ok {
			return
		}
		o, err := s.openPort(protocol, port, listen)
		if err != nil {
			errs = append(errs, portError(port, listen, err))
			return
		}
		s.open = append(s.open, o)
	})
	if len(errs) > 0 {
		s.Shutdown(context.Background())
		return errors.Join(errs...)
	}
	return nil
}

func (s *Server) eachPort(each func(protocol string, port translate.Port)) {
	for _, p := range s.opts.Protocols {
		for _, port := range p.Ports {
			each(p.Name, port)
		}
	}
}

func portError(port translate.Port, listen Listen, err error) error {
	setting := "receivers." + port.Name + ".listen"
	if bad, ok := errors.AsType[*admissionError](err); ok {
		return fmt.Errorf("receivers.%s (%s): %w", port.Name, port.About, bad)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %s (%s) is in use by another program; set %s to another address, or receivers.%s.enabled to false",
			listen.Address, port.About, setting, port.Name)
	}
	return fmt.Errorf("cannot listen at %s (%s), set by %s: %w", listen.Address, port.About, setting, err)
}

func (s *Server) openPort(protocol string, port translate.Port, listen Listen) (*openPort, error) {
	first, err := s.term(port, listen)
	if err != nil {
		return nil, err
	}
	return s.openWith(first, protocol, port, listen)
}

// openWith opens a port by terms whose files have been read.
func (s *Server) openWith(first *term, protocol string, port translate.Port, listen Listen) (*openPort, error) {
	o := &openPort{Port: port, protocol: protocol, listen: listen, terms: &terms{}}
	o.terms.current.Store(first)
	if port.Network == translate.UDP {
		return o, s.openUDP(o, listen)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", listen.Address)
	if err != nil {
		return nil, err
	}
	o.address = l.Addr()
	l = s.secured(o, s.counted(port.Name, l))
	o.refuse = func() { _ = l.Close() }
	switch port.Network {
	case translate.HTTP:
		s.serveHTTP(o, l)
	case translate.GRPC:
		s.serveGRPC(o, l)
	default:
		both := newSplitListener(l, s.opts.Limits.Header)
		s.serveHTTP(o, both.http)
		http := *o
		s.serveGRPC(o, both.grpc)
		grpc := *o
		o.serve = func() error {
			s.serving.Go(func() { both.run() })
			s.serving.Go(func() { _ = grpc.serve() })
			return http.serve()
		}
		o.stop = func(ctx context.Context) {
			_ = l.Close()
			http.stop(ctx)
			grpc.stop(ctx)
		}
	}
	return o, nil
}

// counted bounds the connections of a port.
func (s *Server) counted(port string, l net.Listener) net.Listener {
	refused := s.opts.Set.Limits.ConnectionsRefused.WithLabelValues(port)
	return &countedListener{
		Listener: l, all: &s.conns, most: func() int { return s.intake.limits().Connections },
		count: s.opts.Set.Limits.Connections.WithLabelValues(port).Add,
		refused: func() {
			refused.Inc()
			s.opts.Log.Warn("a connection was refused: there are as many as limits.connections or limits.connections_total allows", "port", port)
		},
	}
}

// Address is where a port listens; nil when it is not open.
func (s *Server) Address(port string) net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.find(port); o != nil {
		return o.address
	}
	return nil
}

func (s *Server) find(port string) *openPort {
	for _, o := range s.open {
		if o.Name == port {
			return o
		}
	}
	return nil
}

// Serve serves all open ports until Shutdown.
func (s *Server) Serve() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = true
	for _, o := range s.open {
		s.serve(o)
	}
}

func (s *Server) serve(o *openPort) {
	s.serving.Go(func() {
		if err := o.serve(); err != nil {
			s.opts.Log.Error("a receiver stopped", "port", o.Name, "err", err)
		}
	})
}

// Shutdown stops listening, finishes what has been received, and returns when
// the servers have ended or the context is over; then the rest is cut off.
func (s *Server) Shutdown(ctx context.Context) {
	s.intake.stop()
	s.mu.Lock()
	open := s.open
	select {
	case <-s.ended:
	default:
		close(s.ended)
	}
	s.mu.Unlock()
	defer s.cutOff()
	defer context.AfterFunc(ctx, s.cutOff)()
	var stopping sync.WaitGroup
	for _, o := range open {
		stopping.Go(func() { o.stop(ctx) })
	}
	stopping.Wait()
	s.serving.Wait()
}
