// SPDX-License-Identifier: Apache-2.0

package grpcgo_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/mocktracer"
	"github.com/uber/jaeger-client-go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/middleware/grpcgo"
	"github.com/spanbridge/spanbridge/middleware/internal/recorded"
	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

const unary = "/grpc.testing.BenchmarkService/UnaryCall"

func TestUnary(t *testing.T) {
	for _, c := range []struct {
		name    string
		request *pb.SimpleRequest
		code    string
		client  bool // the client's span failed
		server  bool
		logged  string
	}{
		{name: "ok", request: &pb.SimpleRequest{ResponseSize: 3}, code: "OK"},
		{name: "not found", request: &pb.SimpleRequest{ResponseSize: -int32(codes.NotFound)}, code: "NotFound", client: true},
		{name: "unavailable", request: &pb.SimpleRequest{ResponseSize: -int32(codes.Unavailable)}, code: "Unavailable", client: true, server: true, logged: "rpc error: code = Unavailable desc = as asked"},
		{name: "error of the context", request: &pb.SimpleRequest{FillUsername: true}, code: "DeadlineExceeded", client: true, server: true, logged: "context deadline exceeded"},
		{name: "panic", request: &pb.SimpleRequest{ResponseSize: -100}, code: "Internal", client: true, server: true, logged: "no luck"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, spans := recorded.NewTracer()
			client, _, cc := start(t, tr, true)
			parent := tr.StartSpan("work")
			ctx := opentracing.ContextWithSpan(t.Context(), parent)
			ctx = metadata.AppendToOutgoingContext(ctx, "mine", "1", "uber-trace-id", "of another call")
			_, err := client.UnaryCall(ctx, c.request)
			if status.Code(err).String() != c.code {
				t.Fatal(err)
			}
			out, in := spans.Kind(t, 2, span.KindClient), spans.Kind(t, 2, span.KindServer)
			if out.Operation != unary || in.Operation != unary || in.Parent != out.ID || in.Trace != out.Trace || out.Parent == 0 {
				t.Errorf("client %v, server %v", out, in)
			}
			failed := func(s *tracer.Record) bool { return recorded.Tag(s, "error") == "true" }
			if failed(out) != c.client || failed(in) != c.server || recorded.Logged(in, "error", "message") != c.logged {
				t.Errorf("client %v, server %v %v", out.Tags, in.Tags, in.Logs)
			}
			if c.name == "panic" {
				if !strings.Contains(recorded.Logged(in, "error", "stack"), "service_test.go") {
					t.Error("the stack does not show the place of the panic")
				}
			} else if recorded.Tag(in, "grpc.status_code") != c.code {
				t.Errorf("server %v", in.Tags)
			}
			if recorded.Tag(out, "grpc.status_code") != c.code || recorded.Tag(out, "component") != "gRPC" || recorded.Tag(in, "component") != "gRPC" ||
				recorded.Tag(out, "peer.address") != cc.Target() || !strings.HasPrefix(recorded.Tag(in, "peer.address"), "127.0.0.1:") || recorded.Tag(out, "grpc.peer") != "" {
				t.Errorf("client %v, server %v", out.Tags, in.Tags)
			}
		})
	}
}

// What fails before it is sent is a span too.
func TestUnreachable(t *testing.T) {
	tr, spans := recorded.NewTracer()
	client, _, cc := start(t, tr, true)
	cc.Close()
	if _, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{}); status.Code(err) != codes.Canceled {
		t.Fatal(err)
	}
	if _, err := client.StreamingCall(t.Context()); status.Code(err) != codes.Canceled {
		t.Fatal(err)
	}
	for _, s := range spans.Wait(t, 2) {
		if recorded.Tag(s, "error") != "true" || recorded.Tag(s, "grpc.status_code") != "Canceled" {
			t.Errorf("%v", s.Tags)
		}
	}
}

func TestOptions(t *testing.T) {
	tr, spans := recorded.NewTracer()
	client, _, _ := start(t, tr, true, grpcgo.Component("stock"), grpcgo.Messages(),
		grpcgo.Errors(func(c codes.Code) bool { return c == codes.NotFound || c == codes.OK }),
		grpcgo.Observe(func(s opentracing.Span, method string) { s.SetTag("seen", method) }),
		grpcgo.StartOptions(opentracing.Tag{Key: "zone", Value: "a"}))
	if _, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{}); err != nil {
		t.Fatal(err)
	}
	for _, s := range spans.Wait(t, 2) {
		if recorded.Tag(s, "component") != "stock" || recorded.Tag(s, "seen") != unary || recorded.Tag(s, "zone") != "a" || recorded.Tag(s, "error") != "true" {
			t.Errorf("%v", s.Tags)
		}
	}
}

func TestWithoutSpan(t *testing.T) {
	tr, spans := recorded.NewTracer()
	client, _, _ := start(t, tr, false, grpcgo.Skip(unary), grpcgo.Filter(func(_ context.Context, method string) bool { return !strings.HasSuffix(method, "StreamingCall") }))
	none, _, _ := start(t, opentracing.NoopTracer{}, false)
	for _, c := range []pb.BenchmarkServiceClient{client, none} {
		if _, err := c.UnaryCall(t.Context(), &pb.SimpleRequest{}); err != nil {
			t.Error(err)
		}
		s, err := c.StreamingCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.CloseSend()
		s.Recv()
	}
	if n := len(spans.Records()); n != 0 {
		t.Errorf("%d spans", n)
	}
}

// Baggage that gRPC does not allow is left out, and costs nothing else.
func TestOddBaggage(t *testing.T) {
	for name, tr := range map[string]opentracing.Tracer{"ours": tracer.New("test"), "jaeger": jaegerTracer(t), "mock": mocktracer.New()} {
		t.Run(name, func(t *testing.T) {
			client, _, _ := start(t, tr, true)
			parent := tr.StartSpan("work")
			parent.SetBaggageItem("sch\u00f6n", "x")
			parent.SetBaggageItem("with space", "x")
			parent.SetBaggageItem("bin-bin", "x")
			parent.SetBaggageItem("value", "\u00fc\n\x00")
			parent.SetBaggageItem("User", "ann")
			if _, err := client.UnaryCall(opentracing.ContextWithSpan(t.Context(), parent), &pb.SimpleRequest{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func jaegerTracer(t *testing.T) opentracing.Tracer {
	t.Helper()
	tr, closer := jaeger.NewTracer("test", jaeger.NewConstSampler(true), jaeger.NewNullReporter())
	t.Cleanup(func() { closer.Close() })
	return tr
}

func TestOtherTracers(t *testing.T) {
	tr := mocktracer.New()
	client, _, _ := start(t, tr, true)
	if _, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); len(tr.FinishedSpans()) < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("did not come")
		}
	}
	a, b := tr.FinishedSpans()[0], tr.FinishedSpans()[1]
	if a.ParentID != b.SpanContext.SpanID && b.ParentID != a.SpanContext.SpanID {
		t.Errorf("%v, %v", a, b)
	}
}

// The header of SkyWalking names the target.
func TestAddressInSW8(t *testing.T) {
	tr := tracer.New("test", tracer.WithPropagator(propagation.New(propagation.Write(propagation.SW8))))
	var sw8 string
	err := grpcgo.UnaryClient(tr)(t.Context(), unary, nil, nil, newConn(t, "dns:///stock.example.com:50051"),
		func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
			md, _ := metadata.FromOutgoingContext(ctx)
			sw8 = strings.Join(md.Get("sw8"), "|")
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Split(sw8, "-")
	if len(fields) != 8 {
		t.Fatalf("sw8 %q", sw8)
	}
	if b, err := base64.StdEncoding.DecodeString(fields[7]); string(b) != "stock.example.com:50051" {
		t.Errorf("%q, %v", b, err)
	}
}

func newConn(t *testing.T, target string) *grpc.ClientConn {
	t.Helper()
	cc, err := grpc.NewClient(target, insecureOption)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return cc
}

func TestTarget(t *testing.T) {
	for target, want := range map[string][2]string{
		"dns:///stock:50051": {"stock", "stock:50051"}, "stock:50051": {"stock", "stock:50051"}, "passthrough:///10.0.0.1:1": {"", "10.0.0.1:1"},
		"dns://8.8.8.8/stock:1": {"stock", "stock:1"}, "unix:///run/s": {"", "unix:///run/s"},
	} {
		tr, spans := recorded.NewTracer()
		ok := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
		if err := grpcgo.UnaryClient(tr)(t.Context(), unary, nil, nil, newConn(t, target), ok); err != nil {
			t.Fatal(err)
		}
		if s := spans.Only(t); recorded.Tag(s, "peer.address") != want[1] || recorded.Tag(s, "peer.hostname") != want[0] {
			t.Errorf("%s: %v", target, s.Tags)
		}
	}
	// A channel that is not grpc's own.
	tr, spans := recorded.NewTracer()
	grpcgo.UnaryClient(tr)(t.Context(), unary, nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil })
	spans.Only(t)
}

// A call that is not sampled says so, and makes no tags.
func TestNotSampled(t *testing.T) {
	tr, spans := recorded.NewTracer(recorded.Never)
	client, _, _ := start(t, tr, true, grpcgo.Observe(func(opentracing.Span, string) { t.Error("tags are made") }))
	if _, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{}); err != nil {
		t.Fatal(err)
	}
	s, err := client.StreamingFromServer(t.Context(), &pb.SimpleRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = s.Recv()
	}
	if n := len(spans.Records()); n != 0 {
		t.Errorf("%d spans", n)
	}
	if got := tr.Counts(); got.NotSampled != 4 {
		t.Errorf("%+v", got)
	}
}
