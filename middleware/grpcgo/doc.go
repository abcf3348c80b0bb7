// SPDX-License-Identifier: Apache-2.0

// Package grpcgo traces servers and clients of google.golang.org/grpc by
// interceptors.
//
//	grpc.NewServer(
//		grpc.ChainUnaryInterceptor(grpcgo.UnaryServer(t)),
//		grpc.ChainStreamInterceptor(grpcgo.StreamServer(t)))
//	grpc.NewClient(target,
//		grpc.WithChainUnaryInterceptor(grpcgo.UnaryClient(t)),
//		grpc.WithChainStreamInterceptor(grpcgo.StreamClient(t)))
//
// In come calls with the trace in their metadata, out go spans named by the full
// method ("/shop.Stock/Reserve") and, for clients, metadata with the headers of
// the trace. The span of a stream ends with the stream: at the end of messages
// or an error, when the context ends, or when the connection is closed; one that
// a client neither reads to its end nor cancels leaks in grpc as well. Retries
// and hedging within grpc are one span. Headers that gRPC does not allow, such
// as baggage with odd keys, are left out: they would fail the call.
//
// Tags: component, span.kind, grpc.status_code ("NotFound"), peer.address (the
// target for clients), grpc.peer (the server's address, where that is another),
// and for streams grpc.messages_sent and grpc.messages_received. Clients
// set error for every status but OK, servers for those that are their fault:
// Unknown, DeadlineExceeded, Unimplemented, Internal, Unavailable, DataLoss.
// Panics of handlers are recorded and go on. Sizes of messages, and what happens
// on the connection, are not recorded.
package grpcgo
