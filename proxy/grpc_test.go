// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// calls is a service of gRPC that says in a trailer which b3 it was called with.
type calls struct {
	testpb.UnimplementedTestServiceServer
}

func told(ctx context.Context) metadata.MD {
	md, _ := metadata.FromIncomingContext(ctx)
	return metadata.Pairs("saw-b3", strings.Join(md["b3"], "|"), "saw-sw8", strings.Join(md["sw8"], "|"), "saw-authority", strings.Join(md[":authority"], "|"))
}

func (calls) UnaryCall(ctx context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	_ = grpc.SetHeader(ctx, metadata.Pairs("head", "here"))
	_ = grpc.SetTrailer(ctx, told(ctx))
	if s := in.GetResponseStatus(); s.GetCode() != 0 {
		return nil, status.Error(codes.Code(s.Code), s.Message)
	}
	return &testpb.SimpleResponse{Payload: in.Payload}, nil
}

func (calls) StreamingOutputCall(in *testpb.StreamingOutputCallRequest, s grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]) error {
	s.SetTrailer(told(s.Context()))
	for _, p := range in.ResponseParameters {
		if err := s.Send(&testpb.StreamingOutputCallResponse{Payload: &testpb.Payload{Body: make([]byte, p.Size)}}); err != nil {
			return err
		}
	}
	return status.Error(codes.DataLoss, "the end, with ümlaut and 100%")
}

func (calls) StreamingInputCall(s grpc.ClientStreamingServer[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse]) error {
	n := int32(0)
	for {
		in, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return s.SendAndClose(&testpb.StreamingInputCallResponse{AggregatedPayloadSize: n})
		}
		if err != nil {
			return err
		}
		n += int32(len(in.Payload.Body))
	}
}

func (calls) FullDuplexCall(s grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]) error {
	s.SetTrailer(told(s.Context()))
	for {
		in, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(&testpb.StreamingOutputCallResponse{Payload: in.Payload}); err != nil {
			return err
		}
	}
}

// serveGRPC runs the service.
func serveGRPC(t testing.TB) (url string, s *grpc.Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = grpc.NewServer()
	testpb.RegisterTestServiceServer(s, calls{})
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Stop(); <-done })
	return "http://" + l.Addr().String(), s
}

func stub(t testing.TB, url string) testpb.TestServiceClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return testpb.NewTestServiceClient(conn)
}

func asking(t testing.TB, pairs ...string) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return metadata.AppendToOutgoingContext(ctx, pairs...)
}

// TestGRPC: all kinds of calls pass, with metadata, trailers, and status.
func TestGRPC(t *testing.T) {
	service, _ := serveGRPC(t)
	r := start(t, service)
	c := stub(t, r.inbound)
	wantB3 := span.TraceOf(traceJ).String() + "-" + propagationSpan(t).String() + "-1"

	var head, trail metadata.MD
	ctx := asking(t, "sw8", sw8J)
	payload := &testpb.Payload{Body: []byte(strings.Repeat("x", 100_000))}
	out, err := c.UnaryCall(ctx, &testpb.SimpleRequest{Payload: payload}, grpc.Header(&head), grpc.Trailer(&trail))
	if err != nil || len(out.Payload.Body) != 100_000 || head.Get("head")[0] != "here" || trail.Get("saw-b3")[0] != wantB3 {
		t.Errorf("unary: %v, head %v, trailer %v, want b3 %s", err, head, trail, wantB3)
	}
	_, err = c.UnaryCall(ctx, &testpb.SimpleRequest{ResponseStatus: &testpb.EchoStatus{Code: int32(codes.FailedPrecondition), Message: "not now, ü"}}, grpc.Trailer(&trail))
	if s := status.Convert(err); s.Code() != codes.FailedPrecondition || s.Message() != "not now, ü" || trail.Get("saw-b3")[0] != wantB3 {
		t.Errorf("an error: %v, trailer %v", err, trail)
	}
	_, err = c.UnimplementedCall(ctx, &testpb.Empty{})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("unimplemented: %v", err)
	}

	down, err := c.StreamingOutputCall(ctx, &testpb.StreamingOutputCallRequest{ResponseParameters: []*testpb.ResponseParameters{{Size: 1}, {Size: 200_000}, {Size: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for {
		m, err := down.Recv()
		if err != nil {
			if s := status.Convert(err); s.Code() != codes.DataLoss || s.Message() != "the end, with ümlaut and 100%" {
				t.Errorf("server stream: %v", err)
			}
			break
		}
		n += len(m.Payload.Body)
	}
	if n != 200_004 || down.Trailer().Get("saw-b3")[0] != wantB3 {
		t.Errorf("server stream: %d bytes, trailer %v", n, down.Trailer())
	}

	up, err := c.StreamingInputCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if err := up.Send(&testpb.StreamingInputCallRequest{Payload: &testpb.Payload{Body: make([]byte, 10_000)}}); err != nil {
			t.Fatal(err)
		}
	}
	if sum, err := up.CloseAndRecv(); err != nil || sum.AggregatedPayloadSize != 500_000 {
		t.Errorf("client stream: %v, %v", sum, err)
	}

	both, err := c.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 { // each message is answered before the next is sent
		want := fmt.Sprint("message ", i)
		if err := both.Send(&testpb.StreamingOutputCallRequest{Payload: &testpb.Payload{Body: []byte(want)}}); err != nil {
			t.Fatal(err)
		}
		m, err := both.Recv()
		if err != nil || string(m.Payload.Body) != want {
			t.Fatalf("bidi: %v, %v", m, err)
		}
	}
	_ = both.CloseSend()
	if _, err := both.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("bidi: %v, want the end", err)
	}
	if got := both.Trailer().Get("saw-b3"); len(got) != 1 || got[0] != wantB3 {
		t.Errorf("bidi: trailer %v", both.Trailer())
	}
	eventually(t, "no request is open", func() bool { return r.metric("bridge_proxy_active") == 0 })
}

// propagationSpan is the span that sw8J names.
func propagationSpan(t *testing.T) span.ID {
	c, err := propagation.ParseSW8(sw8J)
	if err != nil {
		t.Fatal(err)
	}
	return c.Span
}

// TestGRPCOutward: calls that a service makes by way of a route, and what sw8 says
// of it.
func TestGRPCOutward(t *testing.T) {
	callee, _ := serveGRPC(t)
	r := start(t, callee, func(o *Options) {
		o.Outbound = []Route{{"127.0.0.1:0", parseURL(t, callee)}}
	})
	// The service was asked for something in this trace.
	if _, err := stub(t, r.inbound).EmptyCall(asking(t, "b3", "463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-1"), &testpb.Empty{}); status.Code(err) != codes.Unimplemented {
		t.Fatal(err)
	}
	var trail metadata.MD
	_, err := stub(t, r.routes[0]).UnaryCall(asking(t, "b3", "463ac35c9f6413ad48485a3953bb6124-2222222222222222-1-00f067aa0ba902b7"), &testpb.SimpleRequest{}, grpc.Trailer(&trail))
	if err != nil {
		t.Fatal(err)
	}
	c, err := propagation.ParseSW8(trail.Get("saw-sw8")[0])
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(callee, "http://")
	want := propagation.Caller{Service: "middle", Instance: "one@host", Endpoint: "grpc.testing.TestService/EmptyCall", Address: host}
	if got, _ := c.Caller(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := trail.Get("saw-authority"); got[0] != host {
		t.Errorf("the callee is called %v, want %s", got, host)
	}
}

// TestGRPCUnreachable: a status that clients try again on, with the reason.
func TestGRPCUnreachable(t *testing.T) {
	r := start(t, "http://127.0.0.1:1")
	_, err := stub(t, r.inbound).UnaryCall(asking(t), &testpb.SimpleRequest{})
	if s := status.Convert(err); s.Code() != codes.Unavailable || !strings.Contains(s.Message(), "bridge proxy: 127.0.0.1:1: no connection: ") {
		t.Errorf("%v", err)
	}
	eventually(t, "it is counted", func() bool { return r.metric("bridge_proxy_errors_total", "reason=unreachable") > 0 })
}

// TestGRPCCancelAndDeadline: a caller that gives up is seen by the service.
func TestGRPCCancelAndDeadline(t *testing.T) {
	service, _ := serveGRPC(t)
	r := start(t, service)
	c := stub(t, r.inbound)
	ctx, cancel := context.WithCancel(asking(t))
	s, err := c.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(&testpb.StreamingOutputCallRequest{Payload: &testpb.Payload{Body: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := s.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("%v, want Canceled", err)
	}
	eventually(t, "the abort is counted", func() bool {
		return r.metric("bridge_proxy_errors_total", "reason=aborted") == 1 && r.metric("bridge_proxy_active") == 0
	})
	for n := range 20 { // whoever notices first
		short, cancel := context.WithTimeout(asking(t), time.Duration(10+n)*time.Millisecond)
		s, err = c.FullDuplexCall(short)
		if err == nil && n%2 == 0 {
			err = s.Send(&testpb.StreamingOutputCallRequest{Payload: &testpb.Payload{Body: []byte("x")}})
			if err == nil {
				_, err = s.Recv()
			}
		}
		if err == nil {
			_, err = s.Recv()
		}
		if status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("%v, want DeadlineExceeded", err)
		}
		cancel()
	}
}

// TestGRPCBroken: a service that dies in a stream ends the caller's stream with
// an error, not as if it were whole.
func TestGRPCBroken(t *testing.T) {
	service, server := serveGRPC(t)
	r := start(t, service)
	s, err := stub(t, r.inbound).FullDuplexCall(asking(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(&testpb.StreamingOutputCallRequest{Payload: &testpb.Payload{Body: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	if _, err := s.Recv(); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "the stream broke off: ") {
		t.Errorf("%v, want Unavailable", err)
	}
	eventually(t, "it is counted", func() bool { return r.metric("bridge_proxy_errors_total", "reason=broken") == 1 })
}
