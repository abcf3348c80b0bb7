// SPDX-License-Identifier: Apache-2.0

package grpcgo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/opentracing/opentracing-go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/middleware/grpcgo"
)

// service is a server whose answers the request asks for by the size of the
// response: a negative one is a code.
type service struct {
	pb.UnimplementedBenchmarkServiceServer
	t      *testing.T
	tracer opentracing.Tracer // nil: no spans are expected
	began  chan struct{}      // gets a value when a stream waits for its end
}

func (s *service) check(ctx context.Context) {
	span := opentracing.SpanFromContext(ctx)
	if (span != nil) != (s.tracer != nil) {
		s.t.Errorf("span %v in the context", span)
	}
}

func (s *service) answer(r *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	switch n := r.GetResponseSize(); {
	case n == -100:
		panic("no luck")
	case n < 0:
		return nil, status.Error(codes.Code(-n), "as asked")
	default:
		return &pb.SimpleResponse{Payload: &pb.Payload{Body: make([]byte, n)}}, nil
	}
}

func (s *service) UnaryCall(ctx context.Context, r *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	s.check(ctx)
	if r.GetFillUsername() { // a plain error of the context
		return nil, context.DeadlineExceeded
	}
	return s.answer(r)
}

func (s *service) StreamingCall(stream grpc.BidiStreamingServer[pb.SimpleRequest, pb.SimpleResponse]) error {
	s.check(stream.Context())
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		reply, err := s.answer(r)
		if err != nil {
			return err
		}
		if err := stream.Send(reply); err != nil {
			return err
		}
	}
}

func (s *service) StreamingFromClient(stream grpc.ClientStreamingServer[pb.SimpleRequest, pb.SimpleResponse]) error {
	s.check(stream.Context())
	var last pb.SimpleRequest
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			reply, err := s.answer(&last)
			if err != nil {
				return err
			}
			return stream.SendAndClose(reply)
		}
		if err != nil {
			return err
		}
		last.ResponseSize = r.GetResponseSize()
	}
}

func (s *service) StreamingFromServer(r *pb.SimpleRequest, stream grpc.ServerStreamingServer[pb.SimpleResponse]) error {
	s.check(stream.Context())
	for range 3 {
		reply, err := s.answer(r)
		if err != nil {
			return err
		}
		if err := stream.Send(reply); err != nil {
			return err
		}
	}
	if r.GetFillUsername() {
		s.began <- struct{}{}
		<-stream.Context().Done()
		return status.FromContextError(stream.Context().Err()).Err()
	}
	return nil
}

// start serves and connects, both traced.
func start(t *testing.T, tr opentracing.Tracer, spans bool, options ...grpcgo.Option) (pb.BenchmarkServiceClient, *service, *grpc.ClientConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, began: make(chan struct{}, 1)}
	if spans {
		s.tracer = tr
	}
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(recoverUnary, grpcgo.UnaryServer(tr, options...)),
		grpc.ChainStreamInterceptor(recoverStream, grpcgo.StreamServer(tr, options...)))
	pb.RegisterBenchmarkServiceServer(server, s)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	cc, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(grpcgo.UnaryClient(tr, options...)),
		grpc.WithChainStreamInterceptor(grpcgo.StreamClient(tr, options...)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return pb.NewBenchmarkServiceClient(cc), s, cc
}

// A panic ends a server of grpc, so these tests recover outside.
func recoverUnary(ctx context.Context, r any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (reply any, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = status.Error(codes.Internal, fmt.Sprint(v))
		}
	}()
	return h(ctx, r)
}

func recoverStream(server any, s grpc.ServerStream, _ *grpc.StreamServerInfo, h grpc.StreamHandler) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = status.Error(codes.Internal, fmt.Sprint(v))
		}
	}()
	return h(server, s)
}
