// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"fmt"
)

// WhenFull is what happens when the records held for a cursor reach its bound.
type WhenFull string

// Policies.
const (
	// Refuse makes Append fail: the writer's client is told to come again.
	Refuse WhenFull = "refuse"
	// DropOldest skips the oldest records that were not taken yet.
	DropOldest WhenFull = "drop_oldest"
)

// CursorOptions are the bound of a cursor and what to do when it is reached.
type CursorOptions struct {
	// MaxBytes bounds the records held for the cursor. One record is always
	// taken, however long it is.
	MaxBytes int64
	WhenFull WhenFull
	// Dropped is told the items of records that were skipped. It is called with
	// the log locked and must not call back.
	Dropped func(items int)
}

// Cursor is the place of one reader in a log. Take and Commit are for one
// goroutine at a time each; Held may be called from any.
type Cursor struct {
	log  *Log
	name string
	opts CursorOptions

	read      uint64  // the next record to take
	taken     []place // taken and not committed, in order
	heldBytes int64
	heldItems int64
	waiting   chan struct{} // of size 1: something may be there to take
}

type place struct {
	seq   uint64
	items int
	size  int64
}

// Taken is a record that a cursor gave out.
type Taken struct {
	Seq uint64
	Record
}

// Cursor adds a reader that starts with the next record. Names are unique.
func (l *Log) Cursor(name string, opts CursorOptions) (*Cursor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.cursors {
		if c.name == name {
			return nil, fmt.Errorf("queue: there is a cursor %q already", name)
		}
	}
	c := &Cursor{log: l, name: name, opts: opts, read: l.next, waiting: make(chan struct{}, 1)}
	l.cursors = append(l.cursors, c)
	return c, nil
}

func (c *Cursor) hold(items int, size int64) {
	c.heldItems += int64(items)
	c.heldBytes += size
	c.wake()
}

func (c *Cursor) release(items int, size int64) {
	c.heldItems -= int64(items)
	c.heldBytes -= size
}

func (c *Cursor) wake() {
	select {
	case c.waiting <- struct{}{}:
	default:
	}
}

// needs is the number of the oldest record that the cursor has not committed.
func (c *Cursor) needs() uint64 {
	if len(c.taken) > 0 {
		return c.taken[0].seq
	}
	return c.read
}

// dropOldest skips records until the cursor is inside its bound. Records that
// were taken are on their way and stay; so does the newest one.
func (c *Cursor) dropOldest() {
	for c.heldBytes > c.opts.MaxBytes && c.read < c.log.next-1 {
		r, err := c.log.engine.read(c.read)
		if err != nil {
			return
		}
		c.read++
		c.release(r.Items, int64(r.size()))
		if c.opts.Dropped != nil {
			c.opts.Dropped(r.Items)
		}
	}
}

// Take gives the next record and moves on. It waits for one until the context
// ends.
func (c *Cursor) Take(ctx context.Context) (Taken, error) {
	for {
		t, ok, err := c.TryTake()
		if ok || err != nil {
			return t, err
		}
		select {
		case <-c.waiting:
		case <-ctx.Done():
			return Taken{}, ctx.Err()
		}
	}
}

// TryTake is Take without waiting; ok is false when there is no record.
func (c *Cursor) TryTake() (t Taken, ok bool, err error) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return Taken{}, false, ErrClosed
	}
	if c.read == l.next {
		return Taken{}, false, nil
	}
	r, err := l.engine.read(c.read)
	if err != nil {
		return Taken{}, false, err
	}
	t = Taken{Seq: c.read, Record: r}
	c.taken = append(c.taken, place{c.read, r.Items, int64(r.size())})
	c.read++
	return t, true, nil
}

// Ready is told when there may be a record to take.
func (c *Cursor) Ready() <-chan struct{} { return c.waiting }

// Commit says that the reader is done with every record up to seq that it took.
func (c *Cursor) Commit(seq uint64) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for n < len(c.taken) && c.taken[n].seq <= seq {
		c.release(c.taken[n].items, c.taken[n].size)
		n++
	}
	if 2*n < len(c.taken) { // a copy for each commit would be quadratic
		c.taken = c.taken[n:]
	} else {
		c.taken = append(c.taken[:0], c.taken[n:]...)
	}
	l.trim()
}

// Held is what waits for the cursor or is on its way: items and bytes of
// records that it has not committed.
func (c *Cursor) Held() (items, bytes int64) {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return c.heldItems, c.heldBytes
}
