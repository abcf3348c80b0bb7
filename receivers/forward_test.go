// SPDX-License-Identifier: Apache-2.0

package receivers_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/receivers"
)

// behind is a backend that answers each message of any method at once with the
// method, what it was told as token, and the message; "fail" ends the call.
type behind struct {
	conn    *grpc.ClientConn
	address string
	server  *grpc.Server
}

// only is a backend behind one port.
func only(port string, to receivers.Forwarder) func(string) receivers.Forwarder {
	return func(name string) receivers.Forwarder {
		if name == port {
			return to
		}
		return nil
	}
}

func (b *behind) Forward(ctx context.Context, method string) (grpc.ClientStream, error) {
	return b.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
}

func startBehind(t *testing.T) *behind {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &behind{address: l.Addr().String()}
	b.server = grpc.NewServer(grpc.ForceServerCodecV2(rawgrpc.Codec{}), grpc.UnknownServiceHandler(func(_ any, ss grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(ss)
		md, _ := metadata.FromIncomingContext(ss.Context())
		ss.SetTrailer(metadata.Pairs("the-end", "of "+method))
		if err := ss.SendHeader(metadata.Pairs("the-head", "of "+method)); err != nil {
			return err
		}
		for {
			var m rawgrpc.Message
			err := ss.RecvMsg(&m)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			text := string(m.Copy())
			m.Free()
			if text == "fail" {
				return status.Error(codes.DataLoss, "as told")
			}
			answer := strings.Join(md["authentication"], ",") + " " + method + " " + text
			if err := ss.SendMsg(rawgrpc.New([]byte(answer))); err != nil {
				return err
			}
		}
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = b.server.Serve(l)
	}()
	if b.conn, err = grpc.NewClient("passthrough:///"+b.address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawgrpc.Codec{}))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = b.conn.Close()
		b.server.Stop()
		<-done
	})
	return b
}

func startWith(t *testing.T, b *behind) *bench {
	return start(t, func(o *receivers.Options) {
		o.Forward = only("ids-grpc", b)
	})
}

// W5: calls that carry no spans, and those that the gateway does not know, go to
// the backend and come back with everything that belongs to them, both ways.
func TestW5Forward(t *testing.T) {
	back := startBehind(t)
	b := startWith(t, back)
	conn := b.dial(t, "ids-grpc")
	for _, method := range []string{"/ids.Service/aside", "/not.Known/method"} {
		ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "authentication", "secret"), time.Minute)
		s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"one", "", "three"} {
			// The next message is only sent when the answer to this one is there.
			if err := s.SendMsg(rawgrpc.New([]byte(text))); err != nil {
				t.Fatal(err)
			}
			var m rawgrpc.Message
			if err := s.RecvMsg(&m); err != nil {
				t.Fatal(err)
			}
			if got, want := string(m.Copy()), "secret "+method+" "+text; got != want {
				t.Errorf("%q, want %q", got, want)
			}
			m.Free()
		}
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if err := s.RecvMsg(new(rawgrpc.Message)); !errors.Is(err, io.EOF) {
			t.Errorf("%v, want the end", err)
		}
		head, err := s.Header()
		if err != nil || head.Get("the-head")[0] != "of "+method || s.Trailer().Get("the-end")[0] != "of "+method {
			t.Errorf("%v, head %v, trailer %v", err, head, s.Trailer())
		}
		cancel()
	}
	if _, err := call(conn, "/not.Known/method", []byte("fail")); status.Code(err) != codes.DataLoss || status.Convert(err).Message() != "as told" {
		t.Errorf("%v", err)
	}
	if got, err := call(conn, "/ids.Service/ask", []byte("x")); got != " /ids.Service/ask x" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	// Spans stay here.
	if _, err := call(conn, "/ids.Service/unary", list(3)); err != nil || b.sink.got() != 3 {
		t.Errorf("%v, %d spans", err, b.sink.got())
	}
	if n := testutil.ToFloat64(b.set.ForwardedCalls.WithLabelValues("ids-grpc", "answered")); n != 4 {
		t.Errorf("%v calls counted, want 4", n)
	}
	if n := testutil.ToFloat64(b.set.Aside.WithLabelValues("ids", "/ids.Service/aside")); n != 3 {
		t.Errorf("%v messages counted, want 3", n)
	}
}

// A backend that is down must not end what an agent does: it would take
// UNAVAILABLE for the end of its connection.
func TestForwardToNobody(t *testing.T) {
	back := startBehind(t)
	back.server.Stop()
	b := startWith(t, back)
	conn := b.dial(t, "ids-grpc")
	s := open(t, conn, "/ids.Service/aside")
	for range 3 {
		if err := s.SendMsg(rawgrpc.New([]byte("meter"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	var m rawgrpc.Message
	if err := s.RecvMsg(&m); err != nil || m.Len() != 0 {
		t.Errorf("%v and %d bytes, want an empty answer", err, m.Len())
	}
	if n := testutil.ToFloat64(b.set.Aside.WithLabelValues("ids", "/ids.Service/aside")); n != 3 {
		t.Errorf("%v messages counted, want 3", n)
	}
	if got, err := call(conn, "/ids.Service/ask", []byte("hello")); got != "you said hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := call(conn, "/not.Known/method", nil); status.Code(err) != codes.Unimplemented {
		t.Errorf("%v", err)
	}
}

// A stream that never ends is ended when the gateway stops, whatever is behind
// it.
func TestForwardStops(t *testing.T) {
	f := func(name string, b *bench, answers bool, then func()) {
		t.Run(name, func(t *testing.T) {
			s, err := b.dial(t, "ids-grpc").NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/ids.Service/aside")
			if err != nil {
				t.Fatal(err)
			}
			if err := s.SendMsg(rawgrpc.New([]byte("first"))); err != nil {
				t.Fatal(err)
			}
			if answers {
				var m rawgrpc.Message
				if err := s.RecvMsg(&m); err != nil {
					t.Fatal(err)
				}
				m.Free()
			}
			count := b.set.Aside.WithLabelValues("ids", "/ids.Service/aside")
			for testutil.ToFloat64(count) == 0 {
				time.Sleep(time.Millisecond)
			}
			then()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			b.Shutdown(ctx)
			if ctx.Err() != nil {
				t.Error("the stream held the gateway up")
			}
		})
	}
	back := startBehind(t)
	f("a backend", startWith(t, back), true, func() {})
	f("one that goes away", startWith(t, back), true, back.server.Stop)
	f("one that is gone", startWith(t, back), false, func() {})
	f("none", start(t, nil), false, func() {})
}
