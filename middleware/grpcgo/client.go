// SPDX-License-Identifier: Apache-2.0

package grpcgo

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/spanbridge/spanbridge/middleware"
)

// kindClient and kindServer are made once: an option for each call would be an
// allocation.
var (
	kindClient opentracing.StartSpanOption = ext.SpanKindRPCClient
	kindServer opentracing.StartSpanOption = ext.SpanKindRPCServer
)

var errPanicked = errors.New("panic in the call")

// UnaryClient traces unary calls of a client.
func UnaryClient(t opentracing.Tracer, options ...Option) grpc.UnaryClientInterceptor {
	o := newOptions(failedCall, options)
	return func(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, list ...grpc.CallOption) error {
		tracer, on := middleware.Active(t)
		if !on || !o.wants(ctx, method) {
			return invoke(ctx, method, request, reply, cc, list...)
		}
		c, ctx := o.startCall(ctx, tracer, method, cc)
		if c.sampled {
			list = append(slices.Clip(list), grpc.Peer(&c.peer))
		}
		err := errPanicked
		defer func() { c.end(err) }()
		err = invoke(ctx, method, request, reply, cc, list...)
		return err
	}
}

// StreamClient traces the streams of a client.
func StreamClient(t opentracing.Tracer, options ...Option) grpc.StreamClientInterceptor {
	o := newOptions(failedCall, options)
	return func(ctx context.Context, d *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, list ...grpc.CallOption) (s grpc.ClientStream, err error) {
		tracer, on := middleware.Active(t)
		if !on || !o.wants(ctx, method) {
			return open(ctx, d, cc, method, list...)
		}
		c, ctx := o.startCall(ctx, tracer, method, cc)
		c.stream = true
		list = append(slices.Clip(list), grpc.OnFinish(c.finished))
		if c.sampled {
			list = append(list, grpc.Peer(&c.peer))
		}
		err = errPanicked
		defer func() {
			if err != nil {
				c.end(err)
			}
		}()
		if s, err = open(ctx, d, cc, method, list...); err != nil {
			return s, err
		}
		// Channels other than grpc's own do not know OnFinish.
		stop := context.AfterFunc(ctx, func() { c.cancelled(statusOf(ctx.Err()).Err()) })
		c.mu.Lock()
		c.stop = stop
		if c.done {
			stop()
		}
		c.mu.Unlock()
		return &clientStream{s, c, d.ServerStreams}, nil
	}
}

func (o *options) startCall(ctx context.Context, t opentracing.Tracer, method string, cc *grpc.ClientConn) (*call, context.Context) {
	options := make([]opentracing.StartSpanOption, 0, 2+len(o.startWith))
	options = append(options, kindClient)
	if parent := opentracing.SpanFromContext(ctx); parent != nil {
		options = append(options, opentracing.ChildOf(parent.Context()))
	}
	c := &call{options: o, span: t.StartSpan(method, append(options, o.startWith...)...)}
	if c.sampled = middleware.IsSampled(c.span); c.sampled {
		c.span.SetTag("component", o.component)
		c.target = targetOf(cc)
		middleware.SetPeer(c.span, c.target)
		if o.observe != nil {
			o.observe(c.span, method)
		}
	}
	ctx = opentracing.ContextWithSpan(ctx, c.span)
	headers, ok := metadata.FromOutgoingContext(ctx) // a copy
	if !ok {
		headers = make(metadata.MD, 4)
	}
	// A tracer that cannot write headers must not cost the call.
	_ = t.Inject(c.span.Context(), opentracing.HTTPHeaders, carrier(headers))
	return c, metadata.NewOutgoingContext(ctx, headers)
}

// targetOf is host and port that a connection was made for.
func targetOf(cc *grpc.ClientConn) string {
	if cc == nil {
		return ""
	}
	// scheme://[authority]/endpoint
	target := cc.CanonicalTarget()
	scheme, rest, _ := strings.Cut(target, "://")
	if strings.HasPrefix(scheme, "unix") {
		return target
	}
	if _, endpoint, ok := strings.Cut(rest, "/"); ok {
		return endpoint
	}
	return rest
}

// clientStream watches a stream for its end.
type clientStream struct {
	grpc.ClientStream
	call          *call
	serverStreams bool
}

func (s *clientStream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	if err != nil {
		s.call.end(err)
	}
	return md, err
}

func (s *clientStream) SendMsg(m any) error {
	err := s.ClientStream.SendMsg(m)
	switch {
	case err == nil:
		s.call.countSent()
	case !errors.Is(err, io.EOF): // then RecvMsg tells why
		s.call.end(err)
	}
	return err
}

func (s *clientStream) RecvMsg(m any) error {
	s.call.beginReceive()
	err := errPanicked
	defer func() { s.call.endReceive(err, !s.serverStreams) }()
	err = s.ClientStream.RecvMsg(m)
	return err
}
