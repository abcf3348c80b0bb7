// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/translate"
)

// grpcSender calls the method of each message; messages in a row for a method
// that takes a stream go out in one stream, or joined to one message.
type grpcSender struct {
	conn    *grpc.ClientConn
	joined  map[string]translate.Joined
	apart   atomic.Bool // the server has none of the methods for joined messages
	log     *slog.Logger
	md      metadata.MD
	tenant  string // the metadata that names the tenant; "": none
	streams map[string]bool
	timeout time.Duration
	refused func([]byte) (int, string)
	badge   *access.Badge // nil: none
}

func newGRPCSender(target translate.Target, s Settings) (*grpcSender, error) {
	address, secure := strings.CutPrefix(s.Endpoint, "https://")
	if !secure {
		address = strings.TrimPrefix(s.Endpoint, "http://")
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("endpoint: %q, want host:port, or https://host:port for TLS", s.Endpoint)
	}
	badge, err := s.badge(target)
	if err != nil {
		return nil, err
	}
	creds := insecure.NewCredentials()
	if secure || !s.TLS.IsZero() {
		current, err := s.TLS.Configs(s.logger())
		if err != nil {
			return nil, err
		}
		creds = newCurrentTLS(current)
	}
	calls := []grpc.CallOption{grpc.ForceCodecV2(rawgrpc.Codec{}), grpc.MaxCallRecvMsgSize(mostGRPCAnswer)}
	if coding := s.coding(); coding != "" {
		calls = append(calls, grpc.UseCompressor(coding))
	}
	conn, err := grpc.NewClient("dns:///"+address,
		grpc.WithTransportCredentials(creds),
		grpc.WithUserAgent(s.UserAgent),
		grpc.WithDefaultCallOptions(calls...),
		// Several addresses behind one name are used in turn.
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithDisableServiceConfig(),
		// The default waits up to two minutes, in which a target that is back gets
		// nothing.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 5 * time.Minute, Timeout: 20 * time.Second}),
	)
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	g := &grpcSender{conn: conn, streams: target.Methods, joined: target.Joined, log: s.logger(), timeout: s.Timeout, refused: target.Refused, badge: badge, md: make(metadata.MD), tenant: s.TenantHeader}
	for k, v := range s.Headers {
		g.md.Set(k, v)
	}
	return g, nil
}

// mostGRPCAnswer bounds an answer.
const mostGRPCAnswer = 4 << 20

func (g *grpcSender) close() { _ = g.conn.Close() }

func (g *grpcSender) send(ctx context.Context, messages []translate.Message, tenant string) (a answers, err error) {
	md := g.metadata()
	if tenant != "" && g.tenant != "" {
		md = md.Copy()
		md.Set(g.tenant, tenant)
	}
	if len(md) > 0 {
		ctx = metadata.NewOutgoingContext(ctx, md)
	}
	first := true
	for ; len(messages) > 0; first = false {
		n := 1
		if g.streams[messages[0].Method] {
			for n < len(messages) && messages[n].Method == messages[0].Method {
				n++
			}
		}
		var answer []byte
		var err error
		if together, ok := g.joined[messages[0].Method]; ok && !g.apart.Load() {
			n = joinable(messages[:n])
			answer, err = g.callJoined(ctx, together, messages[:n])
		} else {
			answer, err = g.call(ctx, messages[:n])
		}
		if err != nil {
			if err = judgeGRPC(messages[0].Method, err); !first {
				err = partly(err)
			}
			return a, err
		}
		if g.refused != nil {
			if n, why := g.refused(answer); n > 0 {
				a.refused += n
				a.why = why
			}
		}
		messages = messages[n:]
	}
	return a, nil
}

// metadata is what goes with every call.
func (g *grpcSender) metadata() metadata.MD {
	if g.badge == nil {
		return g.md
	}
	md := g.md.Copy()
	md.Set(g.badge.Header())
	return md
}

// open begins a call that streams both ways, which any other call is a case of.
func (g *grpcSender) open(ctx context.Context, method string) (grpc.ClientStream, error) {
	md, _ := metadata.FromOutgoingContext(ctx)
	md = md.Copy()
	maps.Copy(md, g.metadata())
	desc := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	return g.conn.NewStream(metadata.NewOutgoingContext(ctx, md), desc, method, grpc.MaxCallRecvMsgSize(mostForwarded))
}

// mostForwarded bounds an answer that goes back to an agent, as OAP's clients do.
const mostForwarded = 50 << 20

// call sends messages to their method: one, or a stream of them. Copies, since
// the transport may still hold a message of a call that has failed, and the
// memory is the encoder's.
func (g *grpcSender) call(ctx context.Context, messages []translate.Message) ([]byte, error) {
	method := messages[0].Method
	if !g.streams[method] {
		return g.invoke(ctx, method, rawgrpc.NewCopy(messages[0].Body))
	}
	if g.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, g.timeout)
		defer cancel()
	}
	var answer rawgrpc.Message
	stream, err := g.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, method)
	if err != nil {
		return nil, err
	}
	for i := range messages {
		if err := stream.SendMsg(rawgrpc.NewCopy(messages[i].Body)); err != nil {
			if errors.Is(err, io.EOF) {
				break // RecvMsg knows why
			}
			return nil, err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	if err := stream.RecvMsg(&answer); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil // no answer but a good end
		}
		return nil, err
	}
	defer answer.Free()
	return answer.Copy(), nil
}

// mostJoined bounds messages that are joined: servers take 4 MiB or more.
const mostJoined = 3 << 20

// joinable is how many of the messages may be one.
func joinable(messages []translate.Message) (n int) {
	bytes := 0
	for n < len(messages) && (n == 0 || bytes+len(messages[n].Body) <= mostJoined) {
		bytes += len(messages[n].Body)
		n++
	}
	return n
}

// callJoined sends messages as one. A server that has no such method gets them in a
// stream, from then on.
func (g *grpcSender) callJoined(ctx context.Context, to translate.Joined, messages []translate.Message) ([]byte, error) {
	bodies := make([][]byte, len(messages))
	for i := range messages {
		bodies[i] = messages[i].Body
	}
	answer, err := g.invoke(ctx, to.Method, rawgrpc.NewJoined(to.Field, bodies))
	if status.Code(err) != codes.Unimplemented {
		return answer, err
	}
	if answer, err = g.call(ctx, messages); err == nil && !g.apart.Swap(true) {
		g.log.Info("the target takes no joined messages, and gets streams from now on", "method", to.Method)
	}
	return answer, err
}

// invoke makes a call without streams.
func (g *grpcSender) invoke(ctx context.Context, method string, m *rawgrpc.Message) ([]byte, error) {
	if g.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, g.timeout)
		defer cancel()
	}
	var answer rawgrpc.Message
	if err := g.conn.Invoke(ctx, method, m, &answer); err != nil {
		return nil, err
	}
	defer answer.Free()
	return answer.Copy(), nil
}

// tooLarge knows what servers say of a message that is longer than they take; the
// code is the same as that of a server that is busy. Trying again would never help.
func tooLarge(message string) bool {
	m := strings.ToLower(message)
	return strings.Contains(m, "larger than max") || // Go, C++ and Python
		strings.Contains(m, "exceeds maximum size") || // Java
		strings.Contains(m, "length too large") // Rust
}

// nothingTaken is true where the call was not let in, or there is no connection. A
// stream that ends with any other error may have been taken in part.
func nothingTaken(st *status.Status) bool {
	switch st.Code() {
	case codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented:
		return true
	}
	return strings.Contains(st.Message(), "Error while dialing")
}

// judgeGRPC sorts an answer. Only codes that blame the message refuse it.
func judgeGRPC(method string, err error) error {
	st := status.Convert(err)
	text := fmt.Sprintf("%s: %s: %s", method, st.Code(), st.Message())
	switch st.Code() {
	case codes.InvalidArgument, codes.OutOfRange, codes.FailedPrecondition, codes.AlreadyExists:
		return &Refused{Answer: text, Large: tooLarge(st.Message())} // Rust's say OUT_OF_RANGE
	case codes.ResourceExhausted:
		if tooLarge(st.Message()) {
			return &Refused{Answer: text, Large: true}
		}
	}
	again := &TryAgain{Err: errors.New(text), Nothing: nothingTaken(st)}
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			again.After = min(max(info.GetRetryDelay().AsDuration(), 0), mostWait)
		}
	}
	return again
}
