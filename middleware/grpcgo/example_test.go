// SPDX-License-Identifier: Apache-2.0

package grpcgo_test

import (
	"context"
	"fmt"
	"net"

	"github.com/opentracing/opentracing-go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/spanbridge/spanbridge/middleware/grpcgo"
	"github.com/spanbridge/spanbridge/tracer"
)

// A server and a client, both traced.
func Example() {
	t := tracer.New("stock")
	defer t.Close()

	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(grpcgo.UnaryServer(t)),
		grpc.ChainStreamInterceptor(grpcgo.StreamServer(t)))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go server.Serve(l)
	defer server.Stop()

	cc, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(grpcgo.UnaryClient(t)),
		grpc.WithChainStreamInterceptor(grpcgo.StreamClient(t)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cc.Close()
	span := t.StartSpan("look")
	defer span.Finish()
	ctx := opentracing.ContextWithSpan(context.Background(), span)
	reply, err := grpc_health_v1.NewHealthClient(cc).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	fmt.Println(reply.GetStatus(), err)
	// Output: SERVING <nil>
}

func ExampleUnaryServer() {
	grpc.NewServer(grpc.ChainUnaryInterceptor(grpcgo.UnaryServer(tracer.New("stock"))))
}

func ExampleStreamServer() {
	grpc.NewServer(grpc.ChainStreamInterceptor(grpcgo.StreamServer(tracer.New("stock"))))
}

func ExampleUnaryClient() {
	_ = grpc.WithChainUnaryInterceptor(grpcgo.UnaryClient(tracer.New("shop")))
}

func ExampleStreamClient() {
	_ = grpc.WithChainStreamInterceptor(grpcgo.StreamClient(tracer.New("shop")))
}

func ExampleOption() {
	grpcgo.UnaryServer(tracer.New("stock"), grpcgo.Component("stock-rpc"), grpcgo.Skip("/grpc.health.v1.Health/Check"))
}

func ExampleFilter() {
	grpcgo.UnaryServer(tracer.New("stock"), grpcgo.Filter(func(ctx context.Context, _ string) bool {
		return opentracing.SpanFromContext(ctx) == nil
	}))
}

func ExampleSkip() {
	grpcgo.UnaryServer(tracer.New("stock"), grpcgo.Skip("/grpc.health.v1.Health/Check"))
}

func ExampleObserve() {
	grpcgo.UnaryServer(tracer.New("stock"), grpcgo.Observe(func(s opentracing.Span, method string) {
		s.SetTag("rpc.method", method)
	}))
}

func ExampleErrors() {
	grpcgo.UnaryClient(tracer.New("shop"), grpcgo.Errors(func(c codes.Code) bool {
		return c != codes.OK && c != codes.NotFound
	}))
}

func ExampleComponent() {
	grpcgo.UnaryClient(tracer.New("shop"), grpcgo.Component("connect"))
}

func ExampleStartOptions() {
	grpcgo.UnaryClient(tracer.New("shop"), grpcgo.StartOptions(opentracing.Tag{Key: "zone", Value: "eu-1"}))
}

func ExampleMessages() {
	grpcgo.StreamClient(tracer.New("shop"), grpcgo.Messages())
}
