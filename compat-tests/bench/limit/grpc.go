// SPDX-License-Identifier: Apache-2.0

//go:build linux

package limit

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// message is one on its way, in the memory that it came in.
type message struct {
	method string
	raw    *rawgrpc.Message
}

// A stream to the backend takes so many messages, or what comes until it had
// nothing to do for so long.
const (
	streamMessages = 200
	streamIdle     = 5 * time.Millisecond
)

// streams are the methods whose clients send many messages.
var streams = map[string]bool{"/skywalking.v3.TraceSegmentReportService/collect": true}

func (l *Limit) passGRPC(listener net.Listener, to string, j *journal) error {
	conn, err := grpc.NewClient("passthrough:///"+to,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawgrpc.Codec{})))
	if err != nil {
		return err
	}
	queue := make(chan message, waiting)
	for range workers {
		go func() {
			for m := range queue {
				if err := forward(conn, m, queue); err != nil {
					l.lost.Add(1)
				}
			}
		}()
	}
	take := func(_ any, stream grpc.ServerStream) error { return receive(stream, j, queue) }
	server := grpc.NewServer(grpc.ForceServerCodecV2(rawgrpc.Codec{}), grpc.UnknownServiceHandler(take), grpc.MaxRecvMsgSize(64<<20))
	l.stop = append(l.stop, func() { conn.Close() }, server.Stop)
	go func() { _ = server.Serve(listener) }()
	return nil
}

// receive takes the messages of a call, which is answered when they wait to be
// sent on, and with a journal when all of them are on disk.
func receive(stream grpc.ServerStream, j *journal, queue chan message) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var held []message
	var bytes []byte
	for {
		m := message{method, new(rawgrpc.Message)}
		err := stream.RecvMsg(m.raw)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if j == nil {
			queue <- m
			continue
		}
		bytes = m.raw.AppendTo(bytes)
		held = append(held, m)
	}
	if j != nil {
		if err := j.write(bytes); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
		for _, m := range held {
			queue <- m
		}
	}
	return stream.SendMsg(rawgrpc.New(nil))
}

// forward sends a message, or a stream of those that wait.
func forward(conn *grpc.ClientConn, m message, queue chan message) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var answer rawgrpc.Message
	if !streams[m.method] {
		if err := conn.Invoke(ctx, m.method, m.raw, &answer); err != nil {
			return err
		}
		answer.Free()
		return nil
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, m.method)
	if err != nil {
		return err
	}
	idle := time.NewTimer(streamIdle)
	defer idle.Stop()
	if err := stream.SendMsg(m.raw); err != nil {
		return err
	}
more:
	for range streamMessages - 1 {
		select {
		case next := <-queue:
			if err := stream.SendMsg(next.raw); err != nil {
				return err
			}
		case <-idle.C:
			break more
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
