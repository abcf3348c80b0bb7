// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// streamBytes is how much of a stream is joined into one body, and streamWait
// how long its messages may wait for more. mostUsual is how much is set aside for a
// body before it is there.
const (
	streamBytes = 256 << 10
	mostUsual   = 64 << 10
	streamWait  = 50 * time.Millisecond
)

// joiner joins the messages of a stream.
type joiner struct {
	handler *grpcHandler
	method  grpcMethod
	ctx     context.Context

	mu    sync.Mutex
	body  *span.Buffer // nil: nothing came since the last one
	share hold         // of body
	timer *time.Timer
	total translate.Outcome // of the stream so far
	ended bool
}

// busyStream ends a stream because the gateway takes nothing now.
type busyStream struct{ outcome translate.Outcome }

func (b *busyStream) Error() string { return b.outcome.Err.Error() }

// read adds the messages of a stream until it ends.
func (j *joiner) read(ss grpc.ServerStream) error {
	var msg rawgrpc.Message
	for {
		j.door()
		if err := ss.RecvMsg(&msg); err != nil {
			return err
		}
		err := j.add(&msg)
		msg.Free()
		if err != nil {
			return err
		}
	}
}

// door waits for memory before a message is read. What comes of it is for add.
func (j *joiner) door() {
	share := j.handler.intake.hold()
	_ = j.handler.intake.enter(j.ctx, j.method.Wait, &share, callBytes)
	share.end()
}

func (j *joiner) add(msg *rawgrpc.Message) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended {
		return io.EOF
	}
	if j.total.Verdict == translate.Busy {
		return &busyStream{j.total}
	}
	if j.body == nil {
		j.body = span.NewBuffer(int(min(j.handler.usual.Load(), mostUsual)))
	}
	if msg.Is(noRoom) || !j.grow(msg.Len()+joinedHead) {
		j.flush()
		j.sum(j.handler.intake.refuse(j.handler.body(j.method), translate.Busy, errNoMemory))
		return &busyStream{j.total}
	}
	p := binary.AppendUvarint(j.body.Body, uint64(j.method.Wrap)<<3|2)
	p = binary.AppendUvarint(p, uint64(msg.Len()))
	j.body.Body = msg.AppendTo(p)
	if len(j.body.Body) >= streamBytes {
		j.flush()
		if j.total.Verdict == translate.Busy {
			return &busyStream{j.total}
		}
		return nil
	}
	if j.timer == nil {
		j.timer = time.AfterFunc(streamWait, j.late)
	}
	return nil
}

// joinedHead is the most that stands before a message in a body.
const joinedHead = 2 * binary.MaxVarintLen32

// grow makes room for n bytes more; false: there is no memory for them.
func (j *joiner) grow(n int) bool {
	p := j.body.Body
	switch {
	case n > cap(p)-len(p):
		n = max(n, len(p)/2)
		if j.share.set(int64(j.body.Memory()+span.BufferSize(len(p)+n))) != nil {
			return false
		}
		j.body = j.body.Grow(n)
	case j.share.bytes >= int64(cap(p)):
		return true // it counts already, with what it has besides
	case j.share.set(int64(cap(p))) != nil:
		return false
	}
	j.share.buffer(j.body)
	return true
}

func (j *joiner) late() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.flush()
}

// flush takes what was joined so far.
func (j *joiner) flush() {
	if j.timer != nil {
		j.timer.Stop()
		j.timer = nil
	}
	if j.body == nil || len(j.body.Body) == 0 {
		return
	}
	j.handler.expect(len(j.body.Body))
	o := j.handler.intake.take(j.ctx, j.handler.body(j.method), j.body, &j.share)
	j.share.end()
	j.body = nil
	j.sum(o)
}

// expect learns how long bodies are, so that the next one seldom has to grow: a
// little more than what was usual of late.
func (h *grpcHandler) expect(n int) {
	last := h.usual.Load()
	h.usual.Store((7*last + int64(n+n/8)) / 8)
}

// sum adds what became of a part of the stream.
func (j *joiner) sum(o translate.Outcome) {
	j.total.Taken += o.Taken
	j.total.Refused += o.Refused
	if o.Verdict > j.total.Verdict {
		j.total.Verdict, j.total.Err = o.Verdict, o.Err
	}
}

// end takes the rest and says what became of the stream.
func (j *joiner) end() translate.Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = true
	j.flush()
	return j.total
}

func (j *joiner) stop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = true
	if j.timer != nil {
		j.timer.Stop()
	}
}
