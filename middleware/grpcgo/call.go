// SPDX-License-Identifier: Apache-2.0

package grpcgo

import (
	"errors"
	"io"
	"sync"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/log"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/middleware"
)

// maxLogged bounds the messages that are logged.
const maxLogged = 1000

// call is a call with its span.
type call struct {
	*options
	span    opentracing.Span
	sampled bool
	target  string
	stream  bool
	stop    func() bool // watching the context

	mu             sync.Mutex
	sent, received int64
	receiving      int  // calls of RecvMsg that have not returned
	over           bool // the stream is, but the last message is still to be counted
	overBy         error
	done           bool
	// peer is written by grpc when the call is over. It must not be read before.
	peer     peer.Peer
	peerBusy bool // grpc may be writing it now
}

// end finishes the span, once.
func (c *call) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(err)
}

func (c *call) endLocked(err error) {
	if c.done {
		return
	}
	c.done = true
	if c.stop != nil {
		c.stop()
	}
	defer c.span.Finish()
	// Sampling.priority may have been set meanwhile.
	if !c.sampled && !middleware.IsSampled(c.span) {
		return
	}
	code := statusOf(err).Code()
	c.span.SetTag("grpc.status_code", code.String())
	if c.stream {
		c.span.SetTag("grpc.messages_sent", c.sent)
		c.span.SetTag("grpc.messages_received", c.received)
	}
	if !c.peerBusy && c.peer.Addr != nil {
		if a := c.peer.Addr.String(); a != c.target {
			c.span.SetTag("grpc.peer", a)
		}
	}
	if c.isError(code) {
		if err == nil {
			err = errAnyway
		}
		middleware.Fail(c.span, err)
	}
}

// errAnyway is for those who take OK for an error.
var errAnyway = errors.New("OK")

// statusOf is how grpc sees an error of a handler.
func statusOf(err error) *status.Status {
	if s, ok := status.FromError(err); ok {
		return s
	}
	return status.FromContextError(err)
}

// finished is told that the stream is over. If a message is being received, it
// is that call which ends the span, so that the message is counted.
func (c *call) finished(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.receiving == 0 {
		c.endLocked(err)
	} else if !c.over {
		c.over, c.overBy = true, err
	}
}

// cancelled is told that the context is over, by another way than grpc's.
func (c *call) cancelled(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peerBusy = true
	if c.receiving == 0 {
		c.endLocked(err)
	} else if !c.over {
		c.over, c.overBy = true, err
	}
}

func (c *call) beginReceive() {
	c.mu.Lock()
	c.receiving++
	c.mu.Unlock()
}

// endReceive is told of what RecvMsg gave; last is true if nothing follows a
// message.
func (c *call) endReceive(err error, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.receiving--
	switch {
	case errors.Is(err, io.EOF):
		c.endLocked(nil)
		return
	case err != nil:
		c.endLocked(err)
		return
	}
	c.received++
	c.message("received", c.received)
	switch {
	case last:
		c.endLocked(nil)
	case c.over:
		c.endLocked(c.overBy)
	}
}

func (c *call) countSent() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent++
	c.message("sent", c.sent)
}

func (c *call) countReceived() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received++
	c.message("received", c.received)
}

func (c *call) message(what string, number int64) {
	if c.messages && c.sampled && !c.done && number <= maxLogged {
		c.span.LogFields(log.Event("message"), log.String("message.type", what), log.Int64("message.id", number))
	}
}
