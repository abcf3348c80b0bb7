// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// keepEvery is how often the places of the cursors are written. After a crash
// a reader gets again what it had committed since.
var keepEvery = time.Second

// keeper does what may wait: it writes where the cursors are, removes files that
// nobody needs, and holds the log to its bounds.
type keeper struct {
	log  *Log
	stop chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex // one at a time
	rounds  sync.Mutex
	failing bool
}

func newKeeper(l *Log) *keeper {
	k := &keeper{log: l, stop: make(chan struct{})}
	k.done.Go(func() {
		tick := time.NewTicker(keepEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				k.round()
			case <-k.stop:
				return
			}
		}
	})
	return k
}

func (k *keeper) end() error {
	close(k.stop)
	k.done.Wait()
	k.log.endJournals()
	dead := k.dead()
	err := k.save()
	placed := err == nil
	if placed {
		k.tidy(dead)
	}
	for _, j := range k.journals() {
		err = errors.Join(err, j.close(placed))
	}
	return err
}

func (k *keeper) journals() (all []*journal) {
	k.log.mu.Lock()
	defer k.log.mu.Unlock()
	for _, c := range k.log.cursors {
		all = append(all, c.journal)
	}
	return all
}

// round is what is done each time.
func (k *keeper) round() {
	k.rounds.Lock()
	defer k.rounds.Unlock()
	k.log.probe()
	k.retain()
	k.log.endJournals()
	dead := k.dead()
	err := k.save()
	placed := err == nil
	if placed {
		for _, j := range k.journals() {
			err = errors.Join(err, j.keep())
		}
	}
	d := k.log.disk
	switch {
	case err != nil && !k.failing:
		d.opts.Log.Error("the places of the queue's readers cannot be written: a crash now would repeat what they got", "dir", d.fs.Path(), "err", err)
	case err == nil && k.failing:
		d.opts.Log.Info("the places of the queue's readers are written again", "dir", d.fs.Path())
	}
	k.failing = err != nil
	if placed { // what makes room on a disk that is full must not wait for the journals
		k.tidy(dead)
	}
}

// save writes the places of the cursors that have moved.
func (k *keeper) save() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.log
	type moved struct {
		c *Cursor
		m mark
	}
	var all []moved
	l.mu.Lock()
	for _, c := range l.cursors {
		if m := (mark{next: c.needs(), at: c.saved.at, max: c.opts.MaxBytes, left: c.left}); m != c.saved {
			m.at = l.next
			all = append(all, moved{c, m})
		}
	}
	l.mu.Unlock()
	var errs []error
	for _, x := range all {
		err := replace(l.disk.fs, markName(x.c.name), x.m.append(nil))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		l.mu.Lock()
		x.c.saved = x.m
		l.mu.Unlock()
	}
	return errors.Join(errs...)
}

// saveNew writes the places before anything is appended. On a full disk the log
// opens all the same, for what is to be read; the places are tried again.
func (k *keeper) saveNew() error {
	err := k.save()
	if err != nil && diskFull(err) {
		k.log.disk.opts.Log.Error("the places of the queue's readers cannot be written: the disk is full", "dir", k.log.disk.fs.Path(), "err", err)
		return nil
	}
	return err
}

// dead are the segments whose files may go once the places are written.
func (k *keeper) dead() []*segment {
	k.log.mu.Lock()
	defer k.log.mu.Unlock()
	return slices.Clone(k.log.disk.dead)
}

// tidy removes files that nobody needs. On Windows one that a reader still has
// open stays until the next time.
func (k *keeper) tidy(dead []*segment) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.log
	l.mu.Lock()
	cursors := slices.Clone(l.cursors)
	l.mu.Unlock()
	removed := 0
	for _, s := range dead {
		for _, c := range cursors {
			c.reader.leave(s)
		}
		if err := l.disk.fs.Remove(s.name); err != nil {
			if removed == 0 {
				l.disk.opts.Log.Debug("a segment cannot be removed yet", "segment", s.name, "err", err)
			}
			break
		}
		removed++
	}
	l.mu.Lock()
	l.disk.dead = append(l.disk.dead[:0], l.disk.dead[removed:]...)
	l.mu.Unlock()
}

// retain drops what the bounds of the log do not allow.
func (k *keeper) retain() {
	l := k.log
	d := l.disk
	now := d.opts.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.settled {
		return
	}
	k.forget(now)
	l.trim()
	dropped := int64(0)
	for len(d.segments) > 0 && d.segments[0] != d.active {
		s := d.segments[0]
		tooOld := d.opts.MaxAge > 0 && now.Sub(fromUnix(s.newest)) > d.opts.MaxAge
		tooLong := d.opts.MaxBytes > 0 && d.bytes() > d.opts.MaxBytes
		if !tooOld && !tooLong {
			break
		}
		for _, c := range l.cursors {
			before := c.heldItems.Total()
			c.dropBelow(s.next, Retention)
			dropped += before - c.heldItems.Total()
		}
		d.dropFirst()
	}
	if dropped > 0 {
		d.opts.Log.Error("records were dropped that readers had not got: the bound of the queue was reached", "items", dropped)
	}
	k.sealOld(now)
}

// sealOld ends the last segment when nothing was written to it for longer than
// records are kept. Else its records would stay as long as no new ones come.
func (k *keeper) sealOld(now time.Time) {
	l := k.log
	d := l.disk
	if s := d.active; s != nil && !l.busy && !l.closed && d.opts.MaxAge > 0 && now.Sub(fromUnix(s.newest)) > d.opts.MaxAge {
		if d.writer != nil && d.writer.segment == s {
			d.seal(false)
		}
		s.size = s.end
		d.active = nil
	}
}

// forget lets go of cursors that nobody has asked for.
func (k *keeper) forget(now time.Time) {
	l := k.log
	for _, c := range slices.Clone(l.cursors) {
		if !c.claimed && (c.heldItems.Total() == 0 || now.Sub(c.left) >= l.disk.opts.ForgetAfter) {
			l.forget(c)
		}
	}
}

// forget lets go of a cursor on disk.
func (l *Log) forget(c *Cursor) {
	if c.heldItems.Total() > 0 {
		l.disk.opts.Log.Error("a reader that is no longer there is forgotten, with what it had not got",
			"cursor", c.name, "items", c.heldItems.Total(), "bytes", c.heldBytes, "since", c.left.Format(time.RFC3339))
	}
	l.forgotten(c)
	// With the log locked, so that nobody makes a cursor of that name meanwhile:
	// it happens once.
	if err := l.disk.fs.Remove(markName(c.name)); err != nil {
		l.disk.opts.Log.Warn("the file of a cursor cannot be removed", "cursor", c.name, "err", err)
	}
	l.disk.ended = append(l.disk.ended, c.journal)
	l.drop(c)
}

// endJournals ends those of cursors that were forgotten. The log is not locked, and
// not so by the caller.
func (l *Log) endJournals() {
	l.mu.Lock()
	ended := l.disk.ended
	l.disk.ended = nil
	l.mu.Unlock()
	for _, j := range ended {
		j.discard()
	}
}

// drop takes a cursor out of the log.
func (l *Log) drop(c *Cursor) {
	l.cursors = slices.DeleteFunc(l.cursors, func(x *Cursor) bool { return x == c })
	c.reader.close()
}

// Settle says that every cursor has been asked for: records that none needs may
// be deleted now. A cursor of an earlier process that nobody has asked for keeps
// what it holds, inside its bound, for Options.ForgetAfter. Until Settle nothing
// is deleted.
func (l *Log) Settle() error {
	if l.disk == nil {
		return nil
	}
	now := l.disk.opts.Now()
	l.mu.Lock()
	for _, c := range l.cursors {
		if c.claimed {
			continue
		}
		if c.left.IsZero() {
			c.left = now
		}
		if c.heldItems.Total() > 0 {
			l.disk.opts.Log.Warn("the queue holds records for a reader that is no longer there; they are dropped when it does not come back",
				"cursor", c.name, "items", c.heldItems.Total(), "bytes", c.heldBytes, "dropped_at", c.left.Add(l.disk.opts.ForgetAfter).Format(time.RFC3339))
		}
	}
	l.settled = true
	l.disk.lostCursors = false
	l.mu.Unlock()
	return l.keeper.saveNew()
}

// bytes is what the segments that are kept take on disk.
func (d *disk) bytes() (n int64) {
	for _, s := range d.segments {
		n += s.end
	}
	return n
}

// Stats are figures of a log on disk.
type Stats struct {
	Segments int
	Bytes    int64 // of the files, with what is reserved
	Records  int64 // kept
	// Damaged are records that were lost on disk, since Open and found by it.
	Damaged int64
	// Failures are groups of records that could not be written.
	Failures int64
	// Forgotten are the items dropped with cursors that nobody asked for.
	Forgotten int64
}

// Stats gives the figures; they are zero for a log in memory.
func (l *Log) Stats() Stats {
	if l.disk == nil {
		return Stats{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.disk.stats
	s.Failures = l.disk.failures.Load()
	s.Segments = len(l.disk.segments)
	for _, x := range l.disk.segments {
		s.Bytes += x.size
		s.Records += int64(x.records)
	}
	return s
}
