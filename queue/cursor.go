// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// WhenFull is what happens when the records held for a cursor reach its bound.
type WhenFull string

// Policies.
const (
	// Refuse makes Append fail: the writer's client is told to come again.
	Refuse WhenFull = "refuse"
	// Wait makes Append wait for room, and fail when there is none in time.
	Wait WhenFull = "wait"
	// DropOldest skips the oldest records that were not taken yet.
	DropOldest WhenFull = "drop_oldest"
)

// Why a cursor never gives out records that were appended.
type Why string

// Reasons.
const (
	QueueFull Why = "queue_full" // its bound was reached, and its policy is DropOldest
	Memory    Why = "memory"     // there was no memory left, and its policy is DropOldest
	Retention Why = "retention"  // the log's own bound was reached, in bytes or age
	Damaged   Why = "damaged"    // the record cannot be read any more
	Removed   Why = "removed"    // its cursor was given up
)

// CursorOptions are the bound of a cursor and what to do when it is reached.
type CursorOptions struct {
	// MaxBytes bounds the records held for the cursor. One record is always
	// taken, however long it is.
	MaxBytes int64
	WhenFull WhenFull
	// Wait is how long Append waits by the policy of that name; 0: as long as
	// the writer of the record has patience.
	Wait time.Duration
	// Dropped is told the items of records that were skipped. It is called with
	// the log locked and must not call back.
	Dropped func(items int, class uint8, why Why)
}

// Classes is how many classes of items there are.
const Classes = 8

// Count is items by class.
type Count [Classes]int64

// Total is the items of all classes.
func (c *Count) Total() (n int64) {
	for _, v := range c {
		n += v
	}
	return n
}

func checkClass(class uint8) error {
	if class >= Classes {
		return fmt.Errorf("queue: a record of class %d, want less than %d", class, Classes)
	}
	return nil
}

// Cursor is the place of one reader in a log. Take and Commit are for one
// goroutine at a time each; Held may be called from any.
type Cursor struct {
	log  *Log
	name string
	opts CursorOptions

	read      uint64  // the next record to take
	again     []place // before read: taken, and to be given out again
	taken     []place // taken and not committed, in order
	heldBytes int64
	heldItems Count
	waiting   chan struct{} // of size 1: something may be there to take

	pace     pace
	reader   reader
	failures int // of reading the record at hand

	claimed bool      // it has an owner
	known   bool      // it has had one since the log was made
	done    uint64    // acknowledgements, of one in memory
	resumed Count     // items that it held before it had
	left    time.Time // when it was first seen without one
	former  former
	saved   mark     // what its file says, on disk
	journal *journal // of one on disk
	// remembered is what an earlier process was done with of records that are not
	// taken yet, or a reader before this one, in their order.
	remembered []remembered
}

type place struct {
	seq   uint64
	items int
	class uint8
	sum   uint32 // of the record
	size  int64
	done  []Run // of the items, those that the reader is done with
}

func (at *place) entry() entry {
	return entry{seq: at.seq, items: at.items, class: at.class, size: at.size}
}

// Taken is a record that a cursor gave out.
type Taken struct {
	Seq uint64
	Record
	// Done are the items that the reader was done with in an earlier process, in
	// their order; see Cursor.Acknowledge.
	Done []Run
}

// Cursor adds a reader, or gives one back that a log on disk has kept: then it
// goes on after what it had committed, or shortly before. A new one starts with
// the next record; in a log that has records and has lost its cursors it starts
// with the oldest one. Names are unique.
func (l *Log) Cursor(name string, opts CursorOptions) (*Cursor, error) {
	l.mu.Lock()
	for _, c := range l.cursors {
		if c.name != name {
			continue
		}
		if c.claimed {
			l.mu.Unlock()
			return nil, fmt.Errorf("queue: there is a cursor %q already", name)
		}
		c.former = former{true, c.left, c.opts.MaxBytes}
		c.opts = opts
		c.claim()
		l.mu.Unlock()
		return c, nil
	}
	c := l.newCursor(name, l.next)
	c.opts = opts
	if l.disk != nil && l.disk.lostCursors {
		c.read = l.disk.oldest()
		l.count(c)
	}
	c.claim()
	l.mu.Unlock()
	if l.keeper != nil {
		// What is acknowledged from now on must be there for it after a crash.
		if err := l.keeper.saveNew(); err != nil {
			c.Return()
			return nil, err
		}
	}
	return c, nil
}

func (l *Log) newCursor(name string, read uint64) *Cursor {
	c := &Cursor{log: l, name: name, read: read, waiting: make(chan struct{}, 1)}
	if l.disk != nil {
		c.journal = &journal{cursor: c, disk: l.disk}
		if l.settled { // the files of one of that name may not be gone yet
			c.journal.number = uint64(l.disk.opts.Now().UnixNano())
		}
	}
	l.cursors = append(l.cursors, c)
	return c
}

// count finds what a cursor holds.
func (l *Log) count(c *Cursor) {
	c.heldItems, c.heldBytes, c.pace.unread = Count{}, 0, 0
	for e, ok := l.engine.find(c.read); ok; e, ok = l.engine.find(e.seq + 1) {
		c.hold(e.items, e.class, e.size)
	}
}

func (c *Cursor) hold(items int, class uint8, size int64) {
	c.heldItems[class] += int64(items)
	c.heldBytes += size
	c.pace.unread += size
	c.wake()
}

func (c *Cursor) release(items int, class uint8, size int64) {
	c.heldItems[class] -= int64(items)
	c.heldBytes -= size
	c.log.admitNext()
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
	return c.upcoming()
}

// upcoming is the number from which on records are given out.
func (c *Cursor) upcoming() uint64 {
	if len(c.again) > 0 {
		return c.again[0].seq
	}
	return c.read
}

// skip passes over a record that the cursor will not give out.
func (c *Cursor) skip(e entry, why Why) {
	if len(c.again) > 0 && c.again[0].seq == e.seq {
		c.again = c.again[1:]
	} else {
		c.read = e.seq + 1
		c.got(e.size)
	}
	c.failures = 0
	if !c.log.needed(e.seq) {
		c.log.engine.forget(e.seq)
	}
	c.release(e.items, e.class, e.size)
	if c.opts.Dropped != nil {
		c.opts.Dropped(e.items, e.class, why)
	}
}

// dropOldest skips records until the cursor is inside its bound. Records that
// were taken are on their way and stay; so does the newest one.
func (c *Cursor) dropOldest() {
	for c.heldBytes > c.opts.MaxBytes {
		e, ok := c.log.engine.find(c.read)
		if !ok || e.seq >= c.log.last {
			return
		}
		c.skip(e, QueueFull)
	}
}

// dropBelow skips the records below seq.
func (c *Cursor) dropBelow(seq uint64, why Why) {
	for len(c.again) > 0 && c.again[0].seq < seq {
		c.skip(c.again[0].entry(), why)
	}
	for c.read < seq {
		e, ok := c.log.engine.find(c.read)
		if !ok || e.seq >= seq {
			c.read = seq
			return
		}
		c.skip(e, why)
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

// mostFailures is how often a record is tried that the disk does not give. A disk
// behind a network may come back; a bad sector never does, and must not stop the
// reader for good.
const mostFailures = 10

// TryTake is Take without waiting; ok is false when there is no record. An error
// other than ErrClosed is one of the disk: the same record is tried again by the
// next call, and after ten of them it counts as damaged. Damaged records are
// passed over.
func (c *Cursor) TryTake() (t Taken, ok bool, err error) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if l.closed {
			return Taken{}, false, ErrClosed
		}
		at := c.upcoming()
		e, ok := l.engine.find(at)
		if len(c.again) > 0 && (!ok || e.seq != at) { // its file has gone while it was on its way
			c.skip(c.again[0].entry(), Retention)
			continue
		}
		if !ok {
			return Taken{}, false, nil
		}
		if e.bad {
			c.skip(e, Damaged)
			continue
		}
		r, ok := l.engine.recall(e.seq)
		if !ok {
			l.mu.Unlock()
			r, err = l.engine.load(e, &c.reader)
			l.mu.Lock()
			switch {
			case c.upcoming() != at: // dropped meanwhile
				continue
			case errors.Is(err, errDamaged) || err != nil && c.failures+1 >= mostFailures:
				l.engine.damaged(e, err)
				c.skip(e, Damaged)
				continue
			case err != nil:
				c.failures++
				return Taken{}, false, err
			}
		}
		c.failures = 0
		hold(&r)
		r.Class = e.class
		done := c.recall(e.seq, &r)
		c.taken = append(c.taken, place{e.seq, r.Items, e.class, r.sum, e.size, done})
		if len(c.again) > 0 {
			c.again = c.again[1:]
		} else {
			c.read = e.seq + 1
			c.got(e.size)
		}
		return Taken{Seq: e.seq, Record: r, Done: done}, true, nil
	}
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
		c.release(c.taken[n].items, c.taken[n].class, c.taken[n].size)
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
	return c.heldItems.Total(), c.heldBytes
}

// HeldByClass is Held, with the items by class.
func (c *Cursor) HeldByClass() (items Count, bytes int64) {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return c.heldItems, c.heldBytes
}
