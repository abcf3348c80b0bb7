// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/translate"
)

// Forwarder opens calls to a backend that serves methods which the gateway only
// answers or does not know: logs, meters, profiles, questions for settings.
// Messages of the stream are *rawgrpc.Message, both ways.
type Forwarder interface {
	Forward(ctx context.Context, method string) (grpc.ClientStream, error)
}

// Outcomes of a forwarded call.
const (
	answered    = "answered"    // the backend's answer or its refusal went back
	unreachable = "unreachable" // the gateway answered itself
)

// forward passes a call on, message by message: who sent a log or a meter stands
// only in the first message of a stream, so streams are not joined or split.
// When the backend cannot be reached or lacks it, a method that the gateway knows
// is answered as if there was none: agents take UNAVAILABLE for the end of the
// connection and stop reporting traces as well, and some complain of
// UNIMPLEMENTED every second. known is false for a method that is not.
func (h *grpcHandler) forward(to Forwarder, guarded bool, name string, m grpcMethod, known bool, ss grpc.ServerStream) error {
	in, _ := metadata.FromIncomingContext(ss.Context())
	pass := passing(in)
	if guarded {
		// What was meant for this port is nobody else's to know.
		delete(pass, "authorization")
		delete(pass, "authentication")
	}
	ctx, cancel := context.WithCancel(metadata.NewOutgoingContext(ss.Context(), pass))
	defer cancel()
	go func() {
		select {
		case <-h.done(): // endless streams end with the gateway
			cancel()
		case <-ctx.Done():
		}
	}()
	count := func(outcome string) {
		h.intake.opts.Set.ForwardedCalls.WithLabelValues(h.port.Name, outcome).Inc()
	}
	out, err := to.Forward(ctx, name)
	if err != nil {
		count(unreachable)
		return h.alone(name, m, known, ss)
	}
	up := &upstream{ServerStream: ss, out: out, keep: m.Respond != nil, lost: make(chan struct{})}
	if known {
		up.count = h.intake.opts.Set.Aside.WithLabelValues(m.protocol, m.Method).Inc
	}
	ended := make(chan error, 1)
	go func() { ended <- up.send() }()
	replied, err := up.receive()
	code := status.Code(err)
	if replied || code != codes.Unavailable && (!known || code != codes.Unimplemented) {
		count(answered)
		if !replied && known && h.isStopping() {
			return h.answerAside(m, up.lastMessage(), ss)
		}
		ss.SetTrailer(passing(out.Trailer()))
		return err
	}
	count(unreachable)
	close(up.lost)
	if !known {
		return h.alone(name, m, false, ss)
	}
	return h.outlast(m, up, ended)
}

// outlast answers when the client has sent all, as an agent expects, or when the
// gateway stops: some streams never end.
func (h *grpcHandler) outlast(m grpcMethod, up *upstream, ended <-chan error) error {
	select {
	case err := <-ended:
		if err != nil {
			return err
		}
	case <-h.done():
	}
	return h.answerAside(m, up.lastMessage(), up.ServerStream)
}

func (h *grpcHandler) isStopping() bool {
	select {
	case <-h.done():
		return true
	default:
		return false
	}
}

// alone answers as if there was no backend.
func (h *grpcHandler) alone(name string, m grpcMethod, known bool, ss grpc.ServerStream) error {
	if known {
		return h.aside(m, ss)
	}
	return h.refuseUnknown(name)
}

func (h *grpcHandler) answerAside(m grpcMethod, last []byte, ss grpc.ServerStream) error {
	if m.Respond == nil {
		return send(ss, translate.GRPCReply{})
	}
	return send(ss, m.Respond(last))
}

// upstream is the two directions of a forwarded call, or one that goes nowhere.
type upstream struct {
	grpc.ServerStream
	out   grpc.ClientStream // nil: there is no backend
	one   bool              // there is one message to read
	keep  bool              // the answer is made of the last message
	count func()
	lost  chan struct{} // closed when the backend is gone: messages are read all the same
	last  atomic.Pointer[[]byte]
}

func (u *upstream) lastMessage() []byte {
	if p := u.last.Load(); p != nil {
		return *p
	}
	return nil
}

// send passes on what the client sends until its end.
func (u *upstream) send() error {
	broken := u.out == nil
	for n := 0; n == 0 || !u.one; n++ {
		var msg rawgrpc.Message
		err := u.RecvMsg(&msg)
		if errors.Is(err, io.EOF) {
			if !broken {
				_ = u.out.CloseSend()
			}
			return nil
		}
		if err != nil {
			return err
		}
		if u.count != nil {
			u.count()
		}
		if msg.Is(noRoom) {
			return status.Error(codes.ResourceExhausted, errNoMemory.Error())
		}
		p := msg.Copy()
		msg.Free()
		if u.keep {
			u.last.Store(&p)
		}
		select {
		case <-u.lost:
			broken = true
		default:
		}
		if !broken {
			// Why it is broken is what receive learns.
			broken = u.out.SendMsg(rawgrpc.New(p)) != nil
		}
	}
	return nil
}

// receive passes on what the backend answers until its end. It tells whether
// anything went back.
func (u *upstream) receive() (replied bool, err error) {
	for {
		var msg rawgrpc.Message
		err := u.out.RecvMsg(&msg)
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return replied, err
		}
		if !replied {
			if head, err := u.out.Header(); err == nil {
				if err := u.SendHeader(passing(head)); err != nil {
					return true, err
				}
			}
			replied = true
		}
		// SendMsg is done with the memory when it returns only for a copy.
		p := msg.Copy()
		msg.Free()
		if err := u.SendMsg(rawgrpc.New(p)); err != nil {
			return true, err
		}
	}
}

// passing is the metadata that is meant for the other end of a call rather than
// for the next hop.
func passing(md metadata.MD) metadata.MD {
	out := make(metadata.MD, len(md))
	for k, v := range md {
		switch {
		case strings.HasPrefix(k, ":"), strings.HasPrefix(k, "grpc-"):
		case k == "content-type", k == "user-agent", k == "te", k == "connection", k == "host":
		default:
			out[k] = v
		}
	}
	return out
}
