// SPDX-License-Identifier: Apache-2.0

package faultnet

import (
	"context"
	"errors"
	"io"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // clients may compress
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
)

// GRPCTarget is a server that takes every method of gRPC, with one message or a
// stream of them.
type GRPCTarget struct {
	*mood
	take     Take
	listener net.Listener
	server   *grpc.Server
}

// NewGRPCTarget opens a port on loopback.
func NewGRPCTarget(take Take) (*GRPCTarget, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &GRPCTarget{mood: newMood(), take: take, listener: l}
	t.server = grpc.NewServer(
		grpc.ForceServerCodecV2(rawgrpc.Codec{}),
		grpc.MaxRecvMsgSize(mostBody),
		grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error { return t.answer(s) }),
	)
	go func() { _ = t.server.Serve(l) }() // ends with Close
	return t, nil
}

// Addr is where it listens, as host:port.
func (t *GRPCTarget) Addr() string { return t.listener.Addr().String() }

// Close ends it at once.
func (t *GRPCTarget) Close() error {
	t.server.Stop()
	return nil
}

func (t *GRPCTarget) answer(s grpc.ServerStream) error {
	m, changed := t.now()
	method, _ := grpc.MethodFromServerStream(s)
	md, _ := metadata.FromIncomingContext(s.Context())
	header := func(key string) string {
		if v := md.Get(key); len(v) > 0 {
			return v[0]
		}
		return ""
	}
	var answer []byte
	for {
		var in rawgrpc.Message
		err := s.RecvMsg(&in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		body := in.Copy()
		in.Free()
		if !m.takes() {
			continue
		}
		answer, err = t.take(Request{method, header, body})
		var refused *Refusal
		switch {
		case errors.As(err, &refused):
			return status.Error(codes.InvalidArgument, refused.Why)
		case err != nil:
			return status.Error(codes.Internal, err.Error())
		}
	}
	if !wait(s.Context(), m, changed) {
		if err := s.Context().Err(); err != nil {
			return status.FromContextError(err).Err()
		}
		return status.Error(codes.Unavailable, "there was to be no answer")
	}
	switch m.Answer {
	case Wrong:
		code := m.Code
		if code == codes.OK {
			code = codes.Unavailable
		}
		return status.Error(code, "the answer is wrong, as it was asked to be")
	case Half:
		return status.Error(codes.Unavailable, "the answer ended before its message")
	case Twice:
		if err := s.SendMsg(rawgrpc.New(answer)); err != nil {
			return err
		}
	}
	return s.SendMsg(rawgrpc.New(answer))
}
