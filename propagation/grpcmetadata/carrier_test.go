// SPDX-License-Identifier: Apache-2.0

package grpcmetadata

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

func sent() propagation.Context {
	return propagation.Context{
		Trace: span.TraceID{Hi: 0x463ac35c9f6413ad, Lo: 0x48485a3953bb6124}, Long: true, Span: 7, Sampling: propagation.Debug,
		Baggage: propagation.Baggage{{Key: "user", Value: "語 \r\n"}, {Key: "a!b", Value: "x"}, {Key: "raw-bin", Value: "v"}},
	}
}

// A call through a real server, with every format by itself and all at once.
func TestThroughACall(t *testing.T) {
	got := make(chan propagation.Context, 1)
	reader := propagation.New()
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		got <- Extract(ctx, reader)
		return handler(ctx, req)
	}))
	healthpb.RegisterHealthServer(server, health.NewServer())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	carried := map[propagation.Format]int{propagation.W3C: 3, propagation.Uber: 2, propagation.SW8: 3, propagation.OT: 1, propagation.B3: 1, propagation.B3Multi: 1}
	for _, f := range propagation.AllFormats() {
		c := sent()
		p := propagation.New(propagation.Write(f))
		if _, err := healthpb.NewHealthClient(conn).Check(Inject(ctx, p, &c, propagation.Caller{Service: "s"}), &healthpb.HealthCheckRequest{}); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		back := <-got
		if back.Trace != c.Trace || back.Span != c.Span || len(back.Baggage) != carried[f] {
			t.Errorf("%s: %+v", f, back)
		}
		for _, it := range back.Baggage {
			if v, _ := c.Baggage.Get(it.Key); v != it.Value {
				t.Errorf("%s: %q is %q", f, it.Key, it.Value)
			}
		}
	}
	// A call without any.
	if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
	if back := <-got; !back.IsEmpty() {
		t.Errorf("%+v", back)
	}
}

// What was there of the formats is replaced, and the caller's own context stays
// as it is.
func TestInjectReplaces(t *testing.T) {
	p := propagation.New(propagation.Write(propagation.B3, propagation.SW8))
	before := metadata.AppendToOutgoingContext(t.Context(), "B3", "old", "b3", "older", "sw8", "old", "authorization", "x")
	c := sent()
	c.Baggage, c.Sampling = nil, propagation.Deny
	after, _ := metadata.FromOutgoingContext(Inject(before, p, &c, propagation.Caller{}))
	want := metadata.MD{"authorization": {"x"}, "b3": {"463ac35c9f6413ad48485a3953bb6124-0000000000000007-0"}}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Error(diff)
	}
	if md, _ := metadata.FromOutgoingContext(before); len(md["b3"]) != 2 || md["sw8"][0] != "old" {
		t.Errorf("%v", md)
	}
	if c := Extract(t.Context(), p); !c.IsEmpty() {
		t.Errorf("%+v", c)
	}
}
