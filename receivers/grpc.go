// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	_ "github.com/spanbridge/spanbridge/internal/compress" // clients may compress
	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// serveGRPC makes a gRPC server of a port with the methods that all protocols
// state for it. Messages stay bytes; the standard health service is there too.
func (s *Server) serveGRPC(o *openPort, l net.Listener) {
	limits := s.opts.Limits
	h := &grpcHandler{
		intake: s.intake, calls: &s.calls, port: o.Port, terms: o.terms,
		methods: make(map[string]grpcMethod),
	}
	h.readers = newReaders(h.done())
	for _, p := range s.opts.Protocols {
		for _, route := range p.GRPC {
			if route.Port == o.Name {
				h.methods[route.Method] = grpcMethod{protocol: p.Name, GRPCRoute: route}
			}
		}
	}
	srv := grpc.NewServer(
		grpc.NumStreamWorkers(mostIdleReaders),
		grpc.ForceServerCodecV2(rawgrpc.Codec{}),
		grpc.UnknownServiceHandler(h.handle),
		grpc.MaxRecvMsgSize(limits.Message),
		grpc.MaxConcurrentStreams(uint32(min(limits.Streams, math.MaxInt32))),
		grpc.ConnectionTimeout(limits.Header),
		grpc.MaxHeaderListSize(64<<10),
		// grpc-go would let a stream that is not read yet grow to 16 MiB.
		grpc.StaticStreamWindowSize(streamBytes),
		grpc.RPCDecompressor(&inflater{s.intake}), //nolint:staticcheck // the one that replaces it is for the whole process, and for clients too
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 2 * time.Minute, Timeout: 20 * time.Second, MaxConnectionIdle: limits.Idle}),
		// Agents ping as often as they like; being strict with them gains nothing.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	)
	healthy := health.NewServer()
	grpc_health_v1.RegisterHealthServer(srv, healthy)
	tracked := track(l, s.opts.Budget, int64(limits.Message), limits.Streams)
	o.serve = func() error {
		if err := srv.Serve(tracked); err != nil && !errors.Is(err, grpc.ErrServerStopped) && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
	o.stop = func(ctx context.Context) {
		healthy.Shutdown()
		h.stop()
		done := make(chan struct{})
		go func() {
			srv.GracefulStop()
			close(done)
		}()
		select {
		case <-done:
		case <-ctx.Done():
			tracked.cut()
			srv.Stop()
			<-done
		}
		_ = l.Close() // Stop leaves it open when Serve was never called
	}
}

type grpcMethod struct {
	protocol string
	tenant   string // of the call
	translate.GRPCRoute
}

// grpcHandler serves every method of a port.
type grpcHandler struct {
	intake   *intake
	calls    *atomic.Int64 // of all ports
	port     translate.Port
	terms    *terms
	methods  map[string]grpcMethod
	readers  *readers
	usual    atomic.Int64 // how long the bodies are that streams are joined to
	stopping sync.Once
	stopped  chan struct{}
	mu       sync.Mutex
	told     map[string]bool // unknown methods that were logged
}

// backend is what is behind the port; nil: nothing.
func (h *grpcHandler) backend() Forwarder {
	if h.intake.opts.Forward == nil {
		return nil
	}
	return h.intake.opts.Forward(h.port.Name)
}

// stop ends the streams that would stay open for ever: what they have brought
// so far is taken first.
func (h *grpcHandler) stop() {
	h.stopping.Do(func() { close(h.done()) })
}

func (h *grpcHandler) done() chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped == nil {
		h.stopped = make(chan struct{})
	}
	return h.stopped
}

func (h *grpcHandler) handle(_ any, ss grpc.ServerStream) (err error) {
	defer func() {
		if p := recover(); p != nil {
			h.intake.opts.Set.Panics.WithLabelValues("grpc").Inc()
			h.intake.opts.Log.Error("panic in a call", "port", h.port.Name, "panic", p, "stack", string(debug.Stack()))
			err = status.Error(codes.Internal, "the call failed (a bug of the gateway)")
		}
	}()
	name, _ := grpc.MethodFromServerStream(ss)
	m, ok := h.methods[name]
	defer h.calls.Add(-1)
	if n, most := h.calls.Add(1), h.intake.limits().StreamsTotal; over(n, int64(most)) {
		return h.refuseCall(m, ok)
	}
	guard := h.terms.now().guard
	if guard != nil {
		switch err := guard.call(ss.Context(), name, m.Tokenless); {
		case errors.Is(err, errTokenless):
			return h.aside(m, ss)
		case err != nil:
			return err
		}
	}
	if !ok || m.Format == "" {
		if to := h.backend(); to != nil {
			return h.forward(to, guard != nil, name, m, ok, ss)
		}
	}
	if ok && m.Format != "" {
		if err := h.tenant(ss.Context(), &m); err != nil {
			return err
		}
	}
	switch {
	case !ok:
		return h.refuseUnknown(name)
	case m.Format == "":
		return h.aside(m, ss)
	case m.Stream:
		return h.stream(m, ss)
	default:
		return h.unary(m, ss)
	}
}

// refuseCall answers a call that is one too many.
func (h *grpcHandler) refuseCall(m grpcMethod, known bool) error {
	err := &busyError{"the gateway is busy: there are as many calls as limits.streams_total allows"}
	h.intake.opts.Log.Warn("a call was refused: there are as many as limits.streams_total allows", "port", h.port.Name)
	if !known || m.Format == "" {
		return status.Error(codes.ResourceExhausted, err.Error())
	}
	return sendError(m.reply(h.intake.refuse(h.body(m), translate.Busy, err)))
}

func (h *grpcHandler) refuseUnknown(method string) error {
	h.unknown(method)
	return status.Errorf(codes.Unimplemented, "%s is not served at this port (%s)", method, h.port.About)
}

// mostUnknown bounds how many unknown methods are told apart: their names come
// from the network.
const mostUnknown = 100

// unknown counts a call of a method that is not served, and logs each method
// once: an agent may be newer than the gateway.
func (h *grpcHandler) unknown(method string) {
	h.intake.opts.Set.UnknownCalls.WithLabelValues(h.port.Name).Inc()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.told[method] || len(h.told) == mostUnknown {
		return
	}
	if h.told == nil {
		h.told = make(map[string]bool)
	}
	h.told[method] = true
	h.intake.opts.Log.Warn("a client called a method that is not served", "port", h.port.Name, "method", method)
}

func (h *grpcHandler) body(m grpcMethod) body {
	return body{format: m.Format, transport: "grpc", strict: h.terms.now().strict, tenant: m.tenant, wait: m.Wait}
}

// aside answers messages that carry no spans: counted, not kept.
func (h *grpcHandler) aside(m grpcMethod, ss grpc.ServerStream) error {
	up := &upstream{ServerStream: ss, one: !m.Stream, keep: m.Respond != nil, count: h.intake.opts.Set.Aside.WithLabelValues(m.protocol, m.Method).Inc}
	ended := make(chan error, 1)
	go func() { ended <- up.send() }()
	return h.outlast(m, up, ended)
}

func (h *grpcHandler) unary(m grpcMethod, ss grpc.ServerStream) error {
	share := h.intake.hold()
	defer share.end()
	if err := h.intake.enter(ss.Context(), m.Wait, &share, callBytes); err != nil {
		return send(ss, m.reply(h.intake.refuse(h.body(m), translate.Busy, err)))
	}
	// The read ends with the call, and a call that brings no message ends in time.
	c := singles.Get().(*single)
	c.stream = ss
	c.late.Reset(h.intake.limits().Read)
	h.readers.run(c.run)
	select {
	case <-c.came:
		c.late.Stop()
	case <-c.late.C: // c is still read into
		err := fmt.Errorf("the message has not come within %v", h.intake.limits().Read)
		h.intake.refuse(h.body(m), translate.BadBody, err)
		return status.Error(codes.DeadlineExceeded, err.Error())
	}
	msg, err := c.msg, c.err
	c.giveBack()
	if err != nil {
		return h.unread(m, err)
	}
	if msg.Is(noRoom) || share.set(int64(span.BufferSize(msg.Len()))) != nil {
		msg.Free()
		return send(ss, m.reply(h.intake.refuse(h.body(m), translate.Busy, errNoMemory)))
	}
	f := span.NewBuffer(msg.Len())
	f.Body = msg.AppendTo(f.Body)
	msg.Free()
	return send(ss, m.reply(h.intake.take(ss.Context(), h.body(m), f, &share)))
}

// unread answers for a message that could not be received.
func (h *grpcHandler) unread(m grpcMethod, err error) error {
	if status.Code(err) == codes.ResourceExhausted {
		h.intake.refuse(h.body(m), translate.TooLarge, err)
	}
	return err
}

// reply words an outcome.
func (m *grpcMethod) reply(o translate.Outcome) translate.GRPCReply {
	if m.Answer != nil {
		return m.Answer(o)
	}
	var code translate.Code
	switch o.Verdict {
	case translate.Taken:
		return translate.GRPCReply{}
	case translate.BadBody, translate.WrongMedia:
		code = translate.InvalidArgument
	case translate.TooLarge:
		code = translate.ResourceExhausted
	case translate.Busy:
		code = translate.Unavailable
	}
	return translate.GRPCReply{Code: code, Message: o.Err.Error()}
}

func send(ss grpc.ServerStream, r translate.GRPCReply) error {
	if r.Code != translate.OK {
		return sendError(r)
	}
	return ss.SendMsg(rawgrpc.New(r.Body))
}

func sendError(r translate.GRPCReply) error {
	// A message with line breaks would be percent-encoded beyond reading.
	s := status.New(codes.Code(r.Code), strings.ReplaceAll(r.Message, "\n", "; "))
	if r.After > 0 {
		if with, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(r.After)}); err == nil {
			s = with
		}
	}
	return s.Err()
}

// stream takes the messages of a client's stream. They are joined to bodies:
// agents send a message for each segment of a few spans. A stream is
// acknowledged by its end; one that never ends has its messages taken all the
// same.
func (h *grpcHandler) stream(m grpcMethod, ss grpc.ServerStream) error {
	j := &joiner{handler: h, method: m, ctx: ss.Context(), share: h.intake.hold()}
	defer j.stop()
	received := make(chan error, 1)
	h.readers.run(func() { received <- j.read(ss) })
	var err error
	select {
	case err = <-received:
	case <-h.done():
		err = h.lastMessages(received)
	}
	if errors.Is(err, io.EOF) {
		return send(ss, m.reply(j.end()))
	}
	j.end()
	if busy, ok := errors.AsType[*busyStream](err); ok {
		return send(ss, m.reply(busy.outcome))
	}
	return h.unread(m, err)
}

// streamGrace is how long streams may take to their end when the gateway stops.
const streamGrace = 200 * time.Millisecond

var errStopping = errors.New("the gateway is stopping")

// lastMessages waits a little for the end of a stream when the gateway stops. The
// client of one that has not ended may have sent what was never read: a good answer
// would acknowledge that too.
func (h *grpcHandler) lastMessages(received <-chan error) error {
	grace := time.NewTimer(streamGrace)
	defer grace.Stop()
	select {
	case err := <-received:
		return err
	case <-grace.C:
		return &busyStream{translate.Outcome{Verdict: translate.Busy, Err: errStopping}}
	}
}
