// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"cmp"
	"time"
)

// absence is how many items a name has not been given because it had no cursor.
type absence struct {
	items Count
	since Count // of Log.items, where the name has none
	there bool  // it has one
}

// Absent is how many items were appended since the log was made while there was
// no cursor of that name, or none that anybody had asked for.
func (l *Log) Absent(name string) Count {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.missed(name)
}

func (l *Log) missed(name string) Count {
	a := l.absent[name]
	if !a.there {
		for class := range a.items {
			a.items[class] += l.items[class] - a.since[class]
		}
	}
	return a.items
}

// former is how the log kept a cursor before somebody asked for it.
type former struct {
	kept bool
	left time.Time
	max  int64
}

// claim gives a cursor to an owner. The log is locked.
func (c *Cursor) claim() {
	c.claimed, c.left = true, time.Time{}
	if c.known {
		c.resumed = Count{}
		return
	}
	c.known, c.resumed = true, c.heldItems
	c.log.absent[c.name] = absence{items: c.log.missed(c.name), there: true}
}

// forgotten notes that a cursor is gone.
func (l *Log) forgotten(c *Cursor) {
	if !c.known {
		l.disk.stats.Forgotten += c.heldItems.Total()
		return
	}
	for class, n := range c.heldItems {
		if n > 0 && c.opts.Dropped != nil {
			c.opts.Dropped(int(n), uint8(class), Removed)
		}
	}
	c.heldItems, c.heldBytes = Count{}, 0
	l.absent[c.name] = absence{items: l.absent[c.name].items, since: l.items}
}

// Resumed is how many items the cursor held when it was asked for, if that was the
// first time since the log was made: those that an earlier process has left.
func (c *Cursor) Resumed() Count {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return c.resumed
}

// Bound changes the bound of a cursor, and what to do when it is reached; whoever
// waits for room looks again.
func (c *Cursor) Bound(opts CursorOptions) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	dropped := c.opts.Dropped
	c.opts = opts
	c.opts.Dropped = dropped
	if opts.WhenFull == DropOldest {
		c.dropOldest()
		l.trim()
	}
	l.admitAll()
}

// Rewind goes back to the oldest record that was not committed: what was taken
// since is given out again, with what the reader is done with of it.
func (c *Cursor) Rewind() {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	c.rewind()
}

func (c *Cursor) rewind() {
	var done []remembered
	for i := range c.taken {
		if at := &c.taken[i]; len(at.done) > 0 {
			done = append(done, remembered{at.seq, at.sum, unite(at.done)})
		}
	}
	c.remembered = append(done, c.remembered...)
	c.again = append(c.taken, c.again...)
	for i := range c.again {
		c.again[i].done = nil
	}
	c.taken, c.failures = nil, 0
	c.wake()
}

// Release gives the cursor back: nobody reads it any more, and it keeps nobody
// from writing. A log on disk holds what it has not committed, and what comes,
// inside its bound for Options.ForgetAfter, for whoever asks for it again. One in
// memory forgets it at once.
func (c *Cursor) Release() { c.giveUp(false) }

// Return takes back that the cursor was asked for, by somebody who has read nothing:
// one that the log has kept is kept on, for no longer than it would have been, and a
// new one is forgotten at once.
func (c *Cursor) Return() { c.giveUp(true) }

func (c *Cursor) giveUp(undo bool) {
	l := c.log
	if l.keeper != nil { // which may be about to write the cursor's file
		l.keeper.mu.Lock()
		defer l.keeper.mu.Unlock()
	}
	if l.disk != nil {
		defer l.endJournals()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	defer l.admitAll()
	c.rewind()
	c.claimed = false
	c.opts.WhenFull = DropOldest
	if l.disk == nil {
		l.forgotten(c)
		l.drop(c)
		l.trim()
		return
	}
	c.left = l.disk.opts.Now()
	if undo && c.former.kept {
		c.left, c.opts.MaxBytes = cmp.Or(c.former.left, c.left), c.former.max
	}
	if dropped := c.opts.Dropped; dropped != nil {
		c.opts.Dropped = func(items int, class uint8, why Why) {
			l.disk.stats.Forgotten += int64(items)
			dropped(items, class, why)
		}
	}
	if undo && !c.former.kept || l.disk.opts.ForgetAfter <= 0 {
		l.forget(c)
		l.trim()
	}
}

// admitAll has everybody in the row look whether there is room: a bound that kept
// them is another one, or gone.
func (l *Log) admitAll() {
	for _, w := range l.waiters {
		w.tell()
	}
}

// Retain changes what of Options may change while the log is open: its bounds,
// and the memory for the newest records.
func (l *Log) Retain(maxBytes int64, maxAge, forgetAfter time.Duration, recentBytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m, ok := l.engine.(*memory); ok {
		m.companionMax = recentBytes
		return
	}
	d := l.disk
	d.opts.MaxBytes, d.opts.MaxAge, d.opts.ForgetAfter = maxBytes, maxAge, forgetAfter
	d.recent.max = recentBytes
}
