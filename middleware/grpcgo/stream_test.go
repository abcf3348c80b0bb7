// SPDX-License-Identifier: Apache-2.0

package grpcgo_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"

	"github.com/spanbridge/spanbridge/middleware/grpcgo"
	"github.com/spanbridge/spanbridge/middleware/internal/recorded"
	"github.com/spanbridge/spanbridge/span"
)

var insecureOption = grpc.WithTransportCredentials(insecure.NewCredentials())

// However a stream ends, both its spans do, once.
func TestStreams(t *testing.T) {
	three := func(t *testing.T, s grpc.ServerStreamingClient[pb.SimpleResponse]) {
		t.Helper()
		for range 3 {
			if _, err := s.Recv(); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range []struct {
		name           string
		run            func(*testing.T, context.Context, context.CancelFunc, pb.BenchmarkServiceClient, *service, *grpc.ClientConn)
		code           string
		sent, received string // by the client
		server         string // code, if it is another
	}{
		{
			name: "both ways", code: "OK", sent: "2", received: "2",
			run: func(t *testing.T, ctx context.Context, _ context.CancelFunc, c pb.BenchmarkServiceClient, _ *service, _ *grpc.ClientConn) {
				s, err := c.StreamingCall(ctx)
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					s.Send(&pb.SimpleRequest{})
					if _, err := s.Recv(); err != nil {
						t.Error(err)
					}
				}
				s.CloseSend()
				if _, err := s.Recv(); !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				s.Recv() // once more
			},
		},
		{
			name: "from client", code: "OK", sent: "2", received: "1",
			run: func(t *testing.T, ctx context.Context, _ context.CancelFunc, c pb.BenchmarkServiceClient, _ *service, _ *grpc.ClientConn) {
				s, err := c.StreamingFromClient(ctx)
				if err != nil {
					t.Fatal(err)
				}
				s.Send(&pb.SimpleRequest{})
				s.Send(&pb.SimpleRequest{})
				if _, err := s.CloseAndRecv(); err != nil {
					t.Error(err)
				}
			},
		},
		{
			name: "from client, refused", code: "InvalidArgument", sent: "1", received: "0",
			run: func(t *testing.T, ctx context.Context, _ context.CancelFunc, c pb.BenchmarkServiceClient, _ *service, _ *grpc.ClientConn) {
				s, err := c.StreamingFromClient(ctx)
				if err != nil {
					t.Fatal(err)
				}
				s.Send(&pb.SimpleRequest{ResponseSize: -int32(codes.InvalidArgument)})
				if _, err := s.CloseAndRecv(); err == nil {
					t.Error("no error")
				}
			},
		},
		{
			name: "from server", code: "OK", sent: "1", received: "3",
			run: func(t *testing.T, ctx context.Context, _ context.CancelFunc, c pb.BenchmarkServiceClient, _ *service, _ *grpc.ClientConn) {
				s, err := c.StreamingFromServer(ctx, &pb.SimpleRequest{})
				if err != nil {
					t.Fatal(err)
				}
				three(t, s)
				if _, err := s.Recv(); !errors.Is(err, io.EOF) {
					t.Error(err)
				}
			},
		},
		{
			name: "error", code: "DataLoss", sent: "1", received: "0",
			run: func(t *testing.T, ctx context.Context, _ context.CancelFunc, c pb.BenchmarkServiceClient, _ *service, _ *grpc.ClientConn) {
				s, err := c.StreamingFromServer(ctx, &pb.SimpleRequest{ResponseSize: -int32(codes.DataLoss)})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Recv(); err == nil {
					t.Error("no error")
				}
			},
		},
		{
			name: "cancelled and left", code: "Canceled", sent: "1", received: "3",
			run: func(t *testing.T, ctx context.Context, cancel context.CancelFunc, c pb.BenchmarkServiceClient, s *service, _ *grpc.ClientConn) {
				stream, err := c.StreamingFromServer(ctx, &pb.SimpleRequest{FillUsername: true})
				if err != nil {
					t.Fatal(err)
				}
				three(t, stream)
				<-s.began
				cancel()
			},
		},
		{
			name: "cancelled while it waits", code: "Canceled", sent: "1", received: "3",
			run: func(t *testing.T, ctx context.Context, cancel context.CancelFunc, c pb.BenchmarkServiceClient, s *service, _ *grpc.ClientConn) {
				stream, err := c.StreamingFromServer(ctx, &pb.SimpleRequest{FillUsername: true})
				if err != nil {
					t.Fatal(err)
				}
				three(t, stream)
				<-s.began
				go cancel()
				if _, err := stream.Recv(); err == nil {
					t.Error("no error")
				}
			},
		},
		{
			name: "connection closed", code: "Canceled", sent: "1", received: "3",
			run: func(t *testing.T, ctx context.Context, _ context.CancelFunc, c pb.BenchmarkServiceClient, s *service, cc *grpc.ClientConn) {
				stream, err := c.StreamingFromServer(ctx, &pb.SimpleRequest{FillUsername: true})
				if err != nil {
					t.Fatal(err)
				}
				three(t, stream)
				<-s.began
				cc.Close()
			},
		},
		{
			name: "panic", code: "Internal", sent: "1", received: "0", server: "-",
			run: func(t *testing.T, ctx context.Context, _ context.CancelFunc, c pb.BenchmarkServiceClient, _ *service, _ *grpc.ClientConn) {
				s, err := c.StreamingFromServer(ctx, &pb.SimpleRequest{ResponseSize: -100})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Recv(); err == nil {
					t.Error("no error")
				}
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, spans := recorded.NewTracer()
			client, s, cc := start(t, tr, true)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c.run(t, ctx, cancel, client, s, cc)
			out, in := spans.Kind(t, 2, span.KindClient), spans.Kind(t, 2, span.KindServer)
			if recorded.Tag(out, "grpc.status_code") != c.code || recorded.Tag(out, "grpc.messages_sent") != c.sent || recorded.Tag(out, "grpc.messages_received") != c.received {
				t.Errorf("client %v", out.Tags)
			}
			server := c.server
			if server == "" {
				server = c.code
			}
			if server != "-" && (recorded.Tag(in, "grpc.status_code") != server || recorded.Tag(in, "grpc.messages_sent") != c.received && c.received != "0") {
				t.Errorf("server %v", in.Tags)
			}
			if in.Parent != out.ID || (recorded.Tag(out, "error") == "true") != (c.code != "OK") {
				t.Errorf("parent %v of %v; client %v", in.Parent, out.ID, out.Tags)
			}
			if n := tr.Counts(); n.Started != n.Finished {
				t.Errorf("%+v", n)
			}
		})
	}
}

func TestMessages(t *testing.T) {
	tr, spans := recorded.NewTracer()
	client, _, _ := start(t, tr, true, grpcgo.Messages())
	s, err := client.StreamingFromServer(t.Context(), &pb.SimpleRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = s.Recv()
	}
	if out := spans.Kind(t, 2, span.KindClient); len(out.Logs) != 4 || recorded.Logged(out, "message", "message.type") != "sent" {
		t.Errorf("%v", out.Logs)
	}
}

// foreign is a stream of a channel that is not grpc's own: it calls nobody back.
type foreign struct {
	grpc.ClientStream
	err error
}

func (f foreign) Header() (metadata.MD, error) { return nil, f.err }
func (f foreign) SendMsg(any) error            { return f.err }
func (f foreign) RecvMsg(any) error            { return f.err }

func TestForeignStreams(t *testing.T) {
	broken := errors.New("broken")
	open := func(t *testing.T, ctx context.Context, err error) (grpc.ClientStream, *recorded.Spans) {
		t.Helper()
		tr, spans := recorded.NewTracer()
		s, e := grpcgo.StreamClient(tr)(ctx, &grpc.StreamDesc{ServerStreams: true}, nil, "/a/b",
			func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
				return foreign{err: err}, nil
			})
		if e != nil {
			t.Fatal(e)
		}
		return s, spans
	}
	for name, c := range map[string]struct {
		err  error
		use  func(grpc.ClientStream)
		code string
	}{
		"header":  {broken, func(s grpc.ClientStream) { s.Header() }, "Unknown"},
		"send":    {broken, func(s grpc.ClientStream) { s.SendMsg(nil) }, "Unknown"},
		"receive": {broken, func(s grpc.ClientStream) { s.SendMsg(nil); s.RecvMsg(nil) }, "Unknown"},
		"end":     {io.EOF, func(s grpc.ClientStream) { s.SendMsg(nil); s.RecvMsg(nil) }, "OK"},
	} {
		t.Run(name, func(t *testing.T) {
			s, spans := open(t, t.Context(), c.err)
			c.use(s)
			if got := spans.Only(t); recorded.Tag(got, "grpc.status_code") != c.code {
				t.Errorf("%v", got.Tags)
			}
		})
	}
	t.Run("context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, spans := open(t, ctx, nil)
		cancel()
		if got := spans.Only(t); recorded.Tag(got, "grpc.status_code") != "Canceled" {
			t.Errorf("%v", got.Tags)
		}
	})
}
