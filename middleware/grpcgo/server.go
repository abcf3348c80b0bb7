// SPDX-License-Identifier: Apache-2.0

package grpcgo

import (
	"context"
	"errors"

	"github.com/opentracing/opentracing-go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/spanbridge/spanbridge/middleware"
)

// UnaryServer traces the unary calls of a server.
func UnaryServer(t opentracing.Tracer, options ...Option) grpc.UnaryServerInterceptor {
	o := newOptions(failedServer, options)
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (reply any, err error) {
		tracer, on := middleware.Active(t)
		if !on || !o.wants(ctx, info.FullMethod) {
			return handle(ctx, request)
		}
		c, ctx := o.startServer(ctx, tracer, info.FullMethod)
		err = errExit
		defer func() { c.endHandler(recover(), err) }()
		reply, err = handle(ctx, request)
		return reply, err
	}
}

// StreamServer traces the streams of a server.
func StreamServer(t opentracing.Tracer, options ...Option) grpc.StreamServerInterceptor {
	o := newOptions(failedServer, options)
	return func(server any, s grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
		ctx := s.Context()
		tracer, on := middleware.Active(t)
		if !on || !o.wants(ctx, info.FullMethod) {
			return handle(server, s)
		}
		c, ctx := o.startServer(ctx, tracer, info.FullMethod)
		c.stream = true
		err = errExit
		defer func() { c.endHandler(recover(), err) }()
		err = handle(server, &serverStream{s, ctx, c})
		return err
	}
}

// errExit is what a handler leaves that returns nothing: it has panicked, or
// ended its goroutine.
var errExit = errors.New("the handler ended its goroutine")

// endHandler ends the call, and panics again.
func (c *call) endHandler(recovered any, err error) {
	if recovered == nil {
		c.end(err)
		return
	}
	if middleware.IsSampled(c.span) {
		middleware.FailPanic(c.span, recovered)
	}
	// Grpc has no answer for it: the process ends, or some recovery answers.
	c.mu.Lock()
	c.done = true
	c.mu.Unlock()
	c.span.Finish()
	panic(recovered)
}

func (o *options) startServer(ctx context.Context, t opentracing.Tracer, method string) (*call, context.Context) {
	options := make([]opentracing.StartSpanOption, 0, 2+len(o.startWith))
	options = append(options, kindServer)
	headers, _ := metadata.FromIncomingContext(ctx)
	// What cannot be read begins a new trace.
	if caller, err := t.Extract(opentracing.HTTPHeaders, carrier(headers)); err == nil && caller != nil {
		options = append(options, opentracing.ChildOf(caller))
	} else if outer := opentracing.SpanFromContext(ctx); outer != nil {
		options = append(options, opentracing.ChildOf(outer.Context()))
	}
	c := &call{options: o, span: t.StartSpan(method, append(options, o.startWith...)...)}
	if c.sampled = middleware.IsSampled(c.span); c.sampled {
		c.span.SetTag("component", o.component)
		if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
			c.span.SetTag("peer.address", p.Addr.String())
		}
		if o.observe != nil {
			o.observe(c.span, method)
		}
	}
	return c, opentracing.ContextWithSpan(ctx, c.span)
}

// serverStream gives the handler the context with the span.
type serverStream struct {
	grpc.ServerStream
	ctx  context.Context
	call *call
}

func (s *serverStream) Context() context.Context { return s.ctx }

func (s *serverStream) SendMsg(m any) error {
	err := s.ServerStream.SendMsg(m)
	if err == nil {
		s.call.countSent()
	}
	return err
}

func (s *serverStream) RecvMsg(m any) error {
	err := s.ServerStream.RecvMsg(m)
	if err == nil {
		s.call.countReceived()
	}
	return err
}
