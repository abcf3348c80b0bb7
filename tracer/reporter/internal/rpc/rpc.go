// SPDX-License-Identifier: Apache-2.0

// Package rpc is how reporters call a backend by gRPC: messages that are bytes
// already go in, answers come out. Errors are sorted for package reporter: those
// that are for a while are a *reporter.TryAgain.
package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/tracer/reporter"
)

// Conn is a connection to a backend. Its methods may be called from several
// goroutines.
type Conn struct {
	conn *grpc.ClientConn
	md   metadata.MD
}

// Dial makes a connection to host:port, to https://host:port by TLS, or to
// several of them that stand behind commas and are used in turn. It is opened
// when it is first needed, and again whenever it breaks.
func Dial(address string, s *reporter.Settings) (*Conn, error) {
	list, secure := strings.CutPrefix(address, "https://")
	if !secure {
		list = strings.TrimPrefix(address, "http://")
	}
	hosts := strings.Split(list, ",")
	for _, host := range hosts {
		if _, port, err := net.SplitHostPort(host); err != nil || port == "" || strings.Contains(port, "/") {
			return nil, fmt.Errorf("reporter: address: %q, want host:port, or https://host:port for TLS", address)
		}
	}
	creds := insecure.NewCredentials()
	if secure || s.TLS != nil {
		creds = credentials.NewTLS(s.TLS)
	}
	calls := []grpc.CallOption{grpc.ForceCodecV2(rawgrpc.Codec{})}
	if s.Gzip {
		calls = append(calls, grpc.UseCompressor(gzip.Name))
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithUserAgent("spanbridge-tracer"),
		grpc.WithDefaultCallOptions(calls...),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 5 * time.Minute, Timeout: 20 * time.Second}),
	}
	target := "dns:///" + list
	if len(hosts) > 1 {
		known := manual.NewBuilderWithScheme("backends")
		var state resolver.State
		for _, host := range hosts {
			state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: host}}})
		}
		known.InitialState(state)
		target = known.Scheme() + ":///"
		options = append(options, grpc.WithResolvers(known))
	}
	conn, err := grpc.NewClient(target, options...)
	if err != nil {
		return nil, fmt.Errorf("reporter: address: %w", err)
	}
	c := &Conn{conn: conn, md: make(metadata.MD)}
	for k, v := range s.Headers {
		c.md.Set(k, v)
	}
	return c, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.conn.Close() }

func (c *Conn) outgoing(ctx context.Context) context.Context {
	if len(c.md) == 0 {
		return ctx
	}
	return metadata.NewOutgoingContext(ctx, c.md)
}

// Call calls a method with one message.
func (c *Conn) Call(ctx context.Context, method string, message []byte) (answer []byte, err error) {
	var m rawgrpc.Message
	if err := c.conn.Invoke(c.outgoing(ctx), method, rawgrpc.NewCopy(message), &m); err != nil {
		return nil, judge(method, err)
	}
	defer m.Free()
	return m.Copy(), nil
}

// Stream calls a method that takes a stream with messages, and waits for its
// answer. They stand in a row, and end where ends says. After an error they must
// not change any more: a call that failed may have left some with the transport.
func (c *Conn) Stream(ctx context.Context, method string, messages []byte, ends []int) error {
	ctx, cancel := context.WithCancel(c.outgoing(ctx))
	defer cancel()
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, method)
	if err != nil {
		return judge(method, err)
	}
	from := 0
	for _, end := range ends {
		err := stream.SendMsg(rawgrpc.New(messages[from:end:end]))
		from = end
		if err != nil {
			if errors.Is(err, io.EOF) {
				break // RecvMsg knows why
			}
			return judge(method, err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		return judge(method, err)
	}
	var m rawgrpc.Message
	if err := stream.RecvMsg(&m); err != nil {
		if errors.Is(err, io.EOF) {
			return nil // no answer but a good end
		}
		return judge(method, err)
	}
	m.Free()
	return nil
}

// judge sorts an error. The codes that OTLP and SkyWalking's agents try again
// are for a while; RESOURCE_EXHAUSTED is so by the backend as well, but is what
// grpc-go says of a message that is too large.
func judge(method string, err error) error {
	st := status.Convert(err)
	err = fmt.Errorf("%s: %s: %s", method, st.Code(), st.Message())
	switch st.Code() {
	case codes.ResourceExhausted:
		if strings.Contains(st.Message(), "larger than max") || strings.Contains(st.Message(), "exceeds maximum size") {
			return fmt.Errorf("%w: %w", reporter.ErrTooLarge, err)
		}
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.DataLoss, codes.Internal, codes.Unknown:
	default:
		return err
	}
	return &reporter.TryAgain{Err: err}
}
