// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/spanbridge/spanbridge/compat-tests/bench/traffic"
)

// grpcWay calls a method with bytes: a stream for each request, or one message.
type grpcWay struct {
	conn   *grpc.ClientConn
	method string
	stream bool
}

func dialGRPC(address, method string, stream bool) (*grpcWay, error) {
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawgrpc.Codec{})))
	if err != nil {
		return nil, err
	}
	return &grpcWay{conn, method, stream}, nil
}

// Messages are copied: their bodies are made fresh again while the transport may
// still hold them.
func (w *grpcWay) send(ctx context.Context, r *traffic.Request) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	var answer rawgrpc.Message
	if !w.stream {
		if err := w.conn.Invoke(ctx, w.method, rawgrpc.NewCopy(r.Messages[0].Body), &answer); err != nil {
			return err
		}
		answer.Free()
		return nil
	}
	stream, err := w.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, w.method)
	if err != nil {
		return err
	}
	for _, m := range r.Messages {
		if err := stream.SendMsg(rawgrpc.NewCopy(m.Body)); err != nil {
			break // RecvMsg says why
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if err := stream.RecvMsg(&answer); err != nil {
		return err
	}
	answer.Free()
	return nil
}

func (w *grpcWay) close() { w.conn.Close() }
