// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/spanbridge/spanbridge/tracer"
)

// Sender writes records in a protocol and sends them. A Reporter calls it from
// one goroutine; Close comes last. One that is a tracer.Starter too is told of
// the process before, by any goroutine.
type Sender interface {
	// Write makes messages of records, from the first one on, for as many as
	// fit.
	Write(records []*tracer.Record) Written
	// Send sends what was written last. It is called again after an error that
	// is a *TryAgain, and then goes on with what was not sent.
	Send(context.Context) error
	Close() error
}

// Written is what a Sender made of records.
type Written struct {
	Records  int // so many of them were looked at; at least one
	TooLarge int // so many of those are too large for the protocol
	Bytes    int // of the messages
}

// Reporter is a tracer.Reporter that sends batches off the request path. All its
// methods may be called from several goroutines.
type Reporter struct {
	sender   Sender
	settings *Settings
	queue    queue
	wake     chan struct{}
	flushes  chan chan struct{}
	closing  chan struct{}
	ended    chan struct{} // the goroutine has ended
	ctx      context.Context
	cancel   context.CancelFunc
	counters counters
	warner   warner
	last     lastError
	before   int64 // spans that had been dropped when the reporter was closed
}

var _ tracer.Reporter = (*Reporter)(nil)

// New starts a reporter. It runs until Close.
func New(sender Sender, s *Settings) *Reporter {
	r := &Reporter{
		sender: sender, settings: s,
		queue:   queue{limit: s.Queue, enough: s.BatchSpans},
		wake:    make(chan struct{}, 1),
		flushes: make(chan chan struct{}),
		closing: make(chan struct{}),
		ended:   make(chan struct{}),
		warner:  warner{log: s.Logger},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	go r.run()
	return r
}

// Report hands over a span. It never blocks.
func (r *Reporter) Report(record *tracer.Record) {
	if r.queue.put(record) {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// Start tells a backend that keeps lists of processes of this one, before its
// first span.
func (r *Reporter) Start(p *tracer.Process) {
	if s, ok := r.sender.(tracer.Starter); ok {
		s.Start(p)
	}
}

// Counts are the numbers so far.
func (r *Reporter) Counts() Counts {
	q := &r.queue
	c := &r.counters
	n := Counts{
		Sent: c.sent.Load(), TooLarge: c.dropped[tooLarge].Load(), Refused: c.dropped[refused].Load(),
		Failed: c.dropped[failed].Load(), Closed: c.dropped[closed].Load(),
		Requests: c.requests.Load(), FailedRequests: c.failedRequests.Load(), Bytes: c.bytes.Load(),
	}
	q.mu.Lock()
	n.Reported = q.reported
	n.QueueFull = q.full
	n.Closed += q.late
	q.mu.Unlock()
	n.Waiting = n.Reported - n.Sent - n.Dropped()
	return n
}

// Flush sends what was reported before it, and returns when that was sent or
// dropped, or the context ends.
func (r *Reporter) Flush(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case r.flushes <- done:
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close sends what is left until it is sent, the backend takes nothing any
// more, or the context ends; the rest is dropped and counted. The error says
// how many spans were not sent, and why.
func (r *Reporter) Close(ctx context.Context) error {
	before := r.Counts().Dropped() // the run drops as soon as the queue is closed
	if r.queue.close() {
		r.before = before
		close(r.closing)
	}
	select {
	case <-r.ended:
	case <-ctx.Done():
		r.cancel()
		<-r.ended
	}
	return r.last.get()
}

// run sends batches until the reporter is closed.
func (r *Reporter) run() {
	defer close(r.ended)
	defer r.cancel()
	tick := time.NewTicker(r.settings.Interval)
	defer tick.Stop()
	batch := make([]*tracer.Record, 0, r.settings.BatchSpans)
	for {
		done, last := r.next(tick)
		for left := r.queue.len(); left > 0; { // what comes meanwhile waits for the next time
			batch = r.queue.take(batch[:0], r.settings.BatchSpans)
			left -= len(batch)
			taken := r.deliver(batch)
			clear(batch)
			r.warner.dropped(r.Counts(), time.Now())
			if !taken && r.queue.isClosed() {
				last = true // to wait for each of the others would take too long
				break
			}
		}
		if done != nil {
			close(done)
		}
		if last {
			r.end()
			return
		}
	}
}

// next waits until there is something to do, and says who wants to know when it
// is done and whether it is the last time.
func (r *Reporter) next(tick *time.Ticker) (done chan struct{}, last bool) {
	if r.queue.len() >= r.settings.BatchSpans { // it does not wait, but looks
		select {
		case done = <-r.flushes:
		case <-r.closing:
			last = true
		default:
		}
		return done, last
	}
	select {
	case <-r.wake:
	case <-tick.C:
	case done = <-r.flushes:
	case <-r.closing:
		last = true
	}
	return done, last
}

// end drops what is left.
func (r *Reporter) end() {
	<-r.closing // Close is at work, but may be a step behind
	left := r.queue.take(nil, r.settings.Queue)
	r.counters.dropped[closed].Add(int64(len(left)))
	counts := r.Counts()
	if n := counts.Dropped() - r.before; n > 0 {
		r.last.set(fmt.Errorf("%d spans were not sent before the reporter was closed: %w", n, r.last.cause()))
	}
	r.warner.dropped(counts, time.Time{})
	if err := r.sender.Close(); err != nil {
		r.last.set(err)
	}
}

// lastError is the error that Close gives, and why requests failed.
type lastError struct {
	mu           sync.Mutex
	result, from error
}

func (l *lastError) set(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.result == nil {
		l.result = err
	}
}

func (l *lastError) get() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.result
}

func (l *lastError) because(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.from = err
}

// cause is why the last request failed, or that there was no time for one.
func (l *lastError) cause() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.from == nil {
		return context.Canceled
	}
	return l.from
}
