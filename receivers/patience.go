// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// patience is a context for waiting: it ends with the client, and when the gateway
// stops. Few have to wait, so it is made when somebody asks for its end.
type patience struct {
	context.Context
	stopping context.Context
	once     sync.Once
	merged   context.Context
	cancel   context.CancelFunc
}

var patiences = sync.Pool{New: func() any { return new(patience) }}

func (in *intake) patience(ctx context.Context) (_ context.Context, p *patience) {
	p = patiences.Get().(*patience)
	p.Context, p.stopping = ctx, in.stopping
	return p, p
}

func (p *patience) merge() context.Context {
	p.once.Do(func() {
		merged, cancel := context.WithCancel(p.Context)
		stop := context.AfterFunc(p.stopping, cancel)
		p.merged, p.cancel = merged, func() {
			stop()
			cancel()
		}
	})
	return p.merged
}

// Done is closed when the waiting is over.
func (p *patience) Done() <-chan struct{} { return p.merge().Done() }

// Err says why.
func (p *patience) Err() error { return p.merge().Err() }

// end frees what the context took. If nobody has asked for its end, it is used again:
// a context made of it would have asked.
func (p *patience) end() {
	asked := true
	p.once.Do(func() { asked = false })
	if asked {
		p.cancel()
		return
	}
	*p = patience{}
	patiences.Put(p)
}

// memoryWait is how long a client may wait for memory of the patience that it has
// by its route.
func (in *intake) memoryWait(route time.Duration) time.Duration {
	limits := in.limits()
	switch {
	case limits.Refuse || route <= 0:
		return 0
	case limits.Wait > 0:
		return limits.Wait
	}
	return route
}

// enter waits until there is memory for the first bytes of a message, before any of
// it is read. Who waits here holds nothing but a connection or a call, so that
// a thousand who wait take none of the memory that those ahead need to come to
// their end.
func (in *intake) enter(ctx context.Context, wait time.Duration, h *hold, bytes int64) error {
	wait = in.memoryWait(wait)
	if wait <= 0 || h.budget == nil {
		return nil // what is read finds out
	}
	try := func() error {
		if err := h.set(doorBytes + bytes); err != nil {
			return err
		}
		return h.set(doorBytes) // nothing has come yet
	}
	return h.budget.door.enter(ctx, in.stopping.Done(), wait, try)
}

// longestWait is the most that a setting says of how long clients wait, for memory
// and for a queue.
const longestWait = time.Minute

// afresh gives a request its time again, and more, when it was kept waiting or may be:
// net/http counts from its head on, would not read what it waited to send, and would
// not send the answer to what was taken.
func (in *intake) afresh(w http.ResponseWriter, more time.Duration) {
	if read := in.limits().Read; read > 0 {
		c, until := http.NewResponseController(w), time.Now().Add(read+more)
		_ = c.SetReadDeadline(until) // a connection has both
		_ = c.SetWriteDeadline(until.Add(read))
	}
}

// doorBytes is what a message has of the budget before any of it is read, and
// callBytes what there must be room for, for one by gRPC, whose length nobody knows.
const (
	doorBytes = 512
	callBytes = 64 << 10
)

// door is where messages wait for memory: in a row, of which the first looks.
type door struct {
	once sync.Once
	turn chan struct{} // of size 1: full while somebody waits

	waiting atomic.Int64
}

// lookAgain is how often the first in the row looks whether there is room: a
// garbage collection makes some without telling.
const lookAgain = 20 * time.Millisecond

// enter tries until it works, for a while. Nobody passes those who wait.
func (d *door) enter(ctx context.Context, stopping <-chan struct{}, wait time.Duration, try func() error) error {
	d.once.Do(func() { d.turn = make(chan struct{}, 1) })
	if len(d.turn) == 0 {
		if err := try(); err == nil {
			return nil
		}
	}
	d.waiting.Add(1)
	defer d.waiting.Add(-1)
	late := time.NewTimer(wait)
	defer late.Stop()
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-late.C:
		return errNoMemory
	case <-ctx.Done():
		return errNoMemory
	case <-stopping:
		return errNoMemory
	}
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		if err := try(); err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-late.C:
			return errNoMemory
		case <-ctx.Done():
			return errNoMemory
		case <-stopping:
			return errNoMemory
		}
	}
}
