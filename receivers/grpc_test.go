// SPDX-License-Identifier: Apache-2.0

package receivers_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/receivers"
	"github.com/spanbridge/spanbridge/span"
)

func (b *bench) dial(t *testing.T, port string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+b.Address(port).String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawgrpc.Codec{}), grpc.MaxCallSendMsgSize(1<<30)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func call(conn *grpc.ClientConn, method string, body []byte, opts ...grpc.CallOption) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var answer rawgrpc.Message
	if err := conn.Invoke(ctx, method, rawgrpc.New(body), &answer, opts...); err != nil {
		return "", err
	}
	defer answer.Free()
	return string(answer.Copy()), nil
}

func TestUnary(t *testing.T) {
	b := start(t, nil)
	conn := b.dial(t, "ids-grpc")
	f := func(method string, body []byte, want codes.Code, spans int, opts ...grpc.CallOption) {
		t.Helper()
		before := b.sink.got()
		_, err := call(conn, method, body, opts...)
		if got := b.sink.got() - before; status.Code(err) != want || got != spans {
			t.Errorf("%s of %d bytes: %v and %d spans, want %s and %d", method, len(body), err, got, want, spans)
		}
	}
	f("/ids.Service/unary", list(3), codes.OK, 3)
	f("/ids.Service/unary", nil, codes.OK, 0)
	f("/ids.Service/unary", list(3), codes.OK, 3, grpc.UseCompressor(gzip.Name))
	f("/ids.Service/unary", list(3), codes.OK, 3, grpc.UseCompressor("zstd"))
	f("/ids.Service/unary", append(list(2), 0x0a, 1, 1), codes.InvalidArgument, 2)
	f("/ids.Service/unary", []byte("rubbish"), codes.InvalidArgument, 0)
	f("/ids.Service/unary", bytes.Repeat([]byte{0}, 2<<20), codes.ResourceExhausted, 0)
	f("/ids.Service/unary", bytes.Repeat([]byte{0}, 20<<20), codes.ResourceExhausted, 0, grpc.UseCompressor(gzip.Name))
	f("/ids.Service/unary", bytes.Repeat([]byte{0}, 20<<20), codes.ResourceExhausted, 0, grpc.UseCompressor("zstd"))
	f("/ids.Service/nothing", list(1), codes.Unimplemented, 0)
	if n := testutil.ToFloat64(b.set.UnknownCalls.WithLabelValues("ids-grpc")); n != 1 {
		t.Errorf("%v unknown calls counted", n)
	}
	f("/ids.Service/panic", list(1), codes.InvalidArgument, 0)
	b.sink.answer(later(time.Second))
	f("/ids.Service/unary", list(3), codes.Unavailable, 0)
	b.sink.answer(nil)
	f("/ids.Service/unary", list(3), codes.OK, 3)
	if got, err := call(conn, "/ids.Service/ask", []byte("hello")); got != "you said hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	healthy, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || healthy.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", healthy, err)
	}
}

// gRPC and HTTP/1.1 meet at Zipkin's port.
func TestBothAtOnePort(t *testing.T) {
	b := start(t, nil)
	conn := b.dial(t, "zipkin")
	for range 3 {
		if _, err := call(conn, "/zipkin.proto3.SpanService/Report", []byte("\x0a\x14\x0a\x08\x00\x00\x00\x00\x00\x00\x00\x01\x1a\x08\x00\x00\x00\x00\x00\x00\x00\x02")); err != nil {
			t.Fatal(err)
		}
		if status, _, _ := b.post(t, b.url("zipkin", "/api/v2/spans"), strings.NewReader("["+oneSpan+"]")); status != 202 {
			t.Fatal(status)
		}
	}
	if b.sink.got() != 6 {
		t.Errorf("%d spans, want 6", b.sink.got())
	}
	if _, err := call(conn, "/zipkin.proto3.SpanService/Report", nil); err != nil {
		t.Errorf("an empty message: %v", err)
	}
}

func open(t *testing.T, conn *grpc.ClientConn, method string) grpc.ClientStream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, method)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func answer(s grpc.ClientStream) (string, error) {
	var m rawgrpc.Message
	if err := s.RecvMsg(&m); err != nil {
		return "", err
	}
	defer m.Free()
	return string(m.Copy()), nil
}

func TestStream(t *testing.T) {
	b := start(t, nil)
	conn := b.dial(t, "ids-grpc")
	s := open(t, conn, "/ids.Service/stream")
	for i := range 1000 {
		if err := s.SendMsg(rawgrpc.New(id(i + 1))); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.SendMsg(rawgrpc.New([]byte("odd"))) // costs only itself
	_ = s.CloseSend()
	if got, err := answer(s); got != "1000" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if b.sink.got() != 1000 {
		t.Errorf("%d spans", b.sink.got())
	}
	if n := testutil.ToFloat64(b.set.SpansRejected.WithLabelValues("ids", "malformed")); n != 1 {
		t.Errorf("%v rejected, want 1", n)
	}
	// The messages were joined to few bodies.
	if n := len(b.sink.batches); n > 100 {
		t.Errorf("%d bodies for 1000 messages", n)
	}
	empty := open(t, conn, "/ids.Service/stream")
	_ = empty.CloseSend()
	if got, err := answer(empty); got != "0" || err != nil {
		t.Errorf("an empty stream: %q, %v", got, err)
	}
	aside := open(t, conn, "/ids.Service/aside")
	_ = aside.SendMsg(rawgrpc.New([]byte("x")))
	_ = aside.SendMsg(rawgrpc.New([]byte("y")))
	_ = aside.CloseSend()
	if got, err := answer(aside); got != "" || err != nil {
		t.Errorf("aside: %q, %v", got, err)
	}
	if n := testutil.ToFloat64(b.set.Aside.WithLabelValues("ids", "/ids.Service/aside")); n != 2 {
		t.Errorf("%v aside, want 2", n)
	}
}

// An agent that never ends its stream has its messages taken all the same, and
// does not hold up the end. It is not told that all was taken: it may have sent more.
func TestEndlessStream(t *testing.T) {
	b := start(t, nil)
	s := open(t, b.dial(t, "ids-grpc"), "/ids.Service/stream")
	for i := range 3 {
		if err := s.SendMsg(rawgrpc.New(id(i + 1))); err != nil {
			t.Fatal(err)
		}
		b.sink.wait(t, i+1)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	began := time.Now()
	b.Shutdown(ctx)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the end took %v", took)
	}
	if got, err := answer(s); status.Code(err) != codes.Aborted || !strings.Contains(err.Error(), "stopping") {
		t.Errorf("the stream ended with %q, %v", got, err)
	}
}

// What clients send while the gateway stops is taken, or they are not told that it
// was.
func TestStreamsWhileStopping(t *testing.T) {
	b := start(t, nil)
	conn := b.dial(t, "ids-grpc")
	var clients sync.WaitGroup
	var acknowledged, streams atomic.Int64
	for range 8 {
		clients.Go(func() {
			for {
				s, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, "/ids.Service/stream")
				if err != nil {
					return
				}
				for range 5 {
					if s.SendMsg(rawgrpc.New(id(int(streams.Add(1))))) != nil {
						break // the answer says why
					}
				}
				_ = s.CloseSend()
				if _, err := answer(s); err != nil {
					return
				}
				acknowledged.Add(5)
			}
		})
	}
	b.sink.wait(t, 100)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	b.Shutdown(ctx)
	clients.Wait()
	if got := int64(b.sink.got()); got < acknowledged.Load() {
		t.Errorf("%d spans were acknowledged and %d taken", acknowledged.Load(), got)
	}
}

// A stream that brings too much at a busy time ends, and what it brought is
// counted.
func TestBusyStream(t *testing.T) {
	b := start(t, nil)
	b.sink.answer(later(time.Second))
	s := open(t, b.dial(t, "ids-grpc"), "/ids.Service/stream")
	var err error
	sent := 0
	for deadline := time.Now().Add(time.Minute); err == nil && time.Now().Before(deadline); sent++ {
		err = s.SendMsg(rawgrpc.New(id(1)))
	}
	if !errors.Is(err, io.EOF) {
		t.Fatalf("%v after %d messages", err, sent)
	}
	if _, err := answer(s); status.Code(err) != codes.Aborted || !strings.Contains(err.Error(), "full") {
		t.Errorf("%v", err)
	}
	if n := testutil.ToFloat64(b.set.SpansRejected.WithLabelValues("ids", "busy")); n == 0 {
		t.Error("nothing was counted")
	}
	if b.sink.got() != 0 {
		t.Errorf("%d spans", b.sink.got())
	}
}

// What a broken stream had brought is taken.
func TestBrokenStream(t *testing.T) {
	b := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := b.dial(t, "ids-grpc").NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, "/ids.Service/stream")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SendMsg(rawgrpc.New(id(1))); err != nil {
		t.Fatal(err)
	}
	b.sink.wait(t, 1)
	cancel()
}

type panicking struct{}

func (panicking) Put(context.Context, *span.Batch) error { panic("a bug") }

// A bug behind the decoders costs the message, also in a stream, whose messages
// are taken by another goroutine.
func TestSinkPanics(t *testing.T) {
	b := start(t, func(o *receivers.Options) { o.Sink = panicking{} })
	conn := b.dial(t, "ids-grpc")
	if _, err := call(conn, "/ids.Service/unary", list(3)); status.Code(err) != codes.InvalidArgument {
		t.Errorf("%v", err)
	}
	s := open(t, conn, "/ids.Service/stream")
	if err := s.SendMsg(rawgrpc.New(id(1))); err != nil {
		t.Fatal(err)
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	_, _ = answer(s)
	if n := testutil.ToFloat64(b.set.Panics.WithLabelValues("take ids.list")); n != 2 {
		t.Errorf("%v panics were counted, want 2", n)
	}
	if n := testutil.ToFloat64(b.set.SpansRejected.WithLabelValues("ids", "malformed")); n == 0 {
		t.Error("no span was counted as rejected")
	}
}
