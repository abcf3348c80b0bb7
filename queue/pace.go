// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"slices"
	"time"
)

// mostPace is the longest that a writer is held up to keep pace with a reader.
const mostPace = 50 * time.Millisecond

// pace is how far a reader has come, and who keeps to it.
type pace struct {
	unread  int64 // bytes that wait to be taken
	gone    int64 // bytes that were taken, or dropped, since the log was made
	promise int64 // what will be gone when all who wait may go on
	stalled bool  // it took nothing while somebody waited: nobody does, until it takes
	writers []*writer
}

// writer is one whose record was appended and who waits until as much has gone.
type writer struct {
	until int64 // what must be gone
	turn  chan struct{}
}

// KeepPace has those who append with patience wait for a moment, with their records
// taken, while more than so many bytes have not been given out to a cursor with the
// policy Wait: until as much was given out as they have added, and 50 ms at most. A
// backlog that is not there takes no memory, and what is read soon after it was
// written is read from the processor's caches. A reader that takes nothing holds up
// nobody, so that a target that is away, or slow beyond measure, has the whole queue
// to fill.
func (l *Log) KeepPace(beyond int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.beyond = beyond
}

// keepPace waits after a record was appended. The log is locked, but for the time of
// the waiting.
func (l *Log) keepPace(ctx context.Context, size int64) {
	c := l.slowest()
	if c == nil {
		return
	}
	p := &c.pace
	p.promise = max(p.promise, p.gone) + size
	w := &writer{until: p.promise, turn: make(chan struct{})}
	p.writers = append(p.writers, w)
	before := p.gone
	l.mu.Unlock()
	timer := time.NewTimer(mostPace)
	select {
	case <-w.turn:
	case <-timer.C:
	case <-ctx.Done():
	}
	timer.Stop()
	l.mu.Lock()
	i := slices.Index(p.writers, w)
	if i < 0 {
		return
	}
	p.writers = slices.Delete(p.writers, i, i+1)
	p.stalled = p.stalled || ctx.Err() == nil && p.gone == before
	c.letGo()
}

// slowest is the cursor to keep pace with; nil: there is none.
func (l *Log) slowest() (slowest *Cursor) {
	for _, c := range l.cursors {
		if c.opts.WhenFull == Wait && !c.pace.stalled && c.pace.unread > l.beyond && (slowest == nil || c.pace.unread > slowest.pace.unread) {
			slowest = c
		}
	}
	return slowest
}

// got notes that a record was given out, or will not be.
func (c *Cursor) got(size int64) {
	c.pace.unread -= size
	c.pace.gone += size
	c.pace.stalled = false
	c.letGo()
}

// letGo lets those go on who have waited for it long enough.
func (c *Cursor) letGo() {
	p := &c.pace
	n := 0
	for n < len(p.writers) && (p.stalled || p.unread <= c.log.beyond || p.writers[n].until <= p.gone) {
		close(p.writers[n].turn)
		n++
	}
	p.writers = slices.Delete(p.writers, 0, n)
	if len(p.writers) == 0 {
		p.promise = p.gone
	}
}
