// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
)

// mostIdleReaders is how many goroutines wait for the next stream to read, and
// idleReader for how long.
const (
	mostIdleReaders = 32
	idleReader      = time.Second
)

// readers are goroutines that read streams, used again: the stack of a new one
// grows, and is copied, several times on the way down into grpc-go.
type readers struct {
	work chan func()
	idle atomic.Int32
	done <-chan struct{} // closed: those that are idle end
}

func newReaders(done <-chan struct{}) *readers {
	return &readers{work: make(chan func()), done: done}
}

// run has a function done by a goroutine of its own.
func (r *readers) run(f func()) {
	select {
	case r.work <- f:
	default:
		go r.serve(f)
	}
}

func (r *readers) serve(f func()) {
	late := time.NewTimer(idleReader)
	defer late.Stop()
	for {
		f()
		if r.idle.Add(1) > mostIdleReaders {
			r.idle.Add(-1)
			return
		}
		late.Reset(idleReader)
		f = nil
		select {
		case f = <-r.work:
		case <-late.C:
		case <-r.done:
		}
		r.idle.Add(-1)
		if f == nil {
			return
		}
	}
}

// single is the reading of the only message of a call, which is used again.
type single struct {
	stream grpc.ServerStream
	msg    rawgrpc.Message
	err    error
	came   chan struct{} // of size 1
	late   *time.Timer
	run    func()
}

var singles = sync.Pool{New: func() any {
	c := &single{came: make(chan struct{}, 1), late: time.NewTimer(time.Hour)}
	c.late.Stop()
	c.run = c.read
	return c
}}

func (c *single) read() {
	c.err = c.stream.RecvMsg(&c.msg)
	c.came <- struct{}{}
}

func (c *single) giveBack() {
	c.stream, c.msg, c.err = nil, rawgrpc.Message{}, nil
	singles.Put(c)
}
