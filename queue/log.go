// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Record is what a log keeps.
type Record struct {
	// Head and Body are kept as they are: they must not change afterwards.
	Head, Body []byte
	// Items is what the writer counts: the spans in the record. Class says under
	// what, below Classes.
	Items int
	Class uint8
	// Companion is something the writer made of the record, which readers may
	// use instead of the bytes. It lives in memory only and only for the newest
	// records. One that is Held is the log's when it has taken the record.
	Companion any
	// CompanionSize is the memory that the companion keeps alive besides Head
	// and Body, in bytes.
	CompanionSize int

	sum uint32 // of Head and Body, in a log on disk
}

func (r *Record) size() int { return len(r.Head) + len(r.Body) + recordOverhead }

// recordOverhead is what a record costs besides its bytes, roughly.
const recordOverhead = 128

// engine keeps records by their number. But for prepare, write and load its
// methods are called with the log locked.
type engine interface {
	// prepare measures a record, and does what it can of the work before the
	// record's turn comes. Several goroutines call it.
	prepare(*pending) error
	// write makes a group as durable as the engine can, under the numbers from
	// first on. It is called by one goroutine at a time. The numbers are used up
	// even if it fails.
	write(first uint64, group []*pending) error
	// keep makes a group that was written readable.
	keep(first uint64, group []*pending)
	// find gives the oldest record with a number of at least seq that is kept.
	find(seq uint64) (entry, bool)
	// recall gives a record that is in memory.
	recall(seq uint64) (Record, bool)
	// load reads one that is not. The error is errDamaged when it is lost.
	load(entry, *reader) (Record, error)
	// damaged is told of an entry that cannot be loaded, and why.
	damaged(entry, error)
	// forget lets go of the memory of a record that no cursor needs, though older
	// ones may be needed.
	forget(seq uint64)
	// trim forgets the records below seq.
	trim(seq uint64)
	close() error
}

// entry is what is known of a record without reading it.
type entry struct {
	seq   uint64
	items int
	class uint8
	size  int64
	bad   bool // known to be damaged

	segment *segment // where it is, on disk
	offset  int64
	limit   int64 // what follows may be read up to there
}

// Log is a log of records. Its methods may be called from several goroutines.
type Log struct {
	engine engine
	// disk is the engine, if it is one that keeps its cursors too.
	disk   *disk
	keeper *keeper

	mu      sync.Mutex
	next    uint64 // number of the next record
	last    uint64 // number of the newest record, if there is one
	cursors []*Cursor
	absent  map[string]absence
	items   Count // appended since the log was made
	settled bool  // records that no cursor needs may be forgotten
	closed  bool

	// Those who append wait in a row; see commit.
	row       []*pending
	group     []*pending
	rowBytes  int64 // in the row and in the group
	busy      bool  // somebody writes
	idle      sync.Cond
	waiters   []*waiter // for room, in the order of their coming
	waits     Waits
	beyond    int64 // see KeepPace; 0: nobody is held up
	immediate bool  // the engine has nothing to wait for
}

// ErrClosed is what a closed log answers.
var ErrClosed = errors.New("queue: the log is closed")

// Full says that a cursor's bound was reached, so that a record was not taken.
type Full struct {
	Cursor string
	Bytes  int64         // held for the cursor
	Waited time.Duration // how long it was waited for room
}

func (f *Full) Error() string {
	if f.Waited > 0 {
		return fmt.Sprintf("queue: full: %d bytes wait for %s, and there was no room within %v", f.Bytes, f.Cursor, f.Waited.Round(time.Millisecond))
	}
	return fmt.Sprintf("queue: full: %d bytes wait for %s", f.Bytes, f.Cursor)
}

func newLog(e engine) *Log {
	l := &Log{engine: e, absent: make(map[string]absence)}
	l.idle.L = &l.mu
	return l
}

// Append adds a record and returns when every cursor can rely on it. With a
// *Full error the record was not taken; with any other one it was not
// acknowledged and will not be read in this process (after a crash it may be
// there). It does not wait for room.
func (l *Log) Append(r Record) error { return l.AppendWait(context.Background(), r, 0) }

// AppendWait is Append for a writer with patience: where a cursor without room has
// the policy Wait, it waits for so long, or for as long as the cursor says. The
// context ends this waiting, with its error, and nothing else. See KeepPace for
// those that have their record taken.
func (l *Log) AppendWait(ctx context.Context, r Record, patience time.Duration) error {
	p := takePending()
	defer p.giveBack()
	p.record = r
	if err := l.engine.prepare(p); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.enter(ctx, p, patience); err != nil {
		return err
	}
	l.row = append(l.row, p)
	l.rowBytes += p.size
	if l.busy {
		l.mu.Unlock()
		writes := <-p.turn
		l.mu.Lock()
		if !writes {
			return p.err
		}
	}
	l.commit()
	if p.err == nil && l.beyond > 0 && patience > 0 {
		l.keepPace(ctx, p.size)
	}
	return p.err
}

// published makes a group known to the cursors.
func (l *Log) published(first uint64, group []*pending) {
	l.engine.keep(first, group)
	l.last = first + uint64(len(group)) - 1
	for _, p := range group {
		l.items[p.record.Class] += int64(p.record.Items)
	}
	for _, c := range l.cursors {
		for _, p := range group {
			c.hold(p.record.Items, p.record.Class, p.size)
		}
		if c.opts.WhenFull == DropOldest {
			c.dropOldest()
		}
	}
	l.trim()
}

// needed is true for a record that a cursor has still to give out, or has given out
// and may have to give out again.
func (l *Log) needed(seq uint64) bool {
	for _, c := range l.cursors {
		if c.read <= seq {
			return true
		}
		for _, places := range [][]place{c.taken, c.again} {
			if _, ok := slices.BinarySearchFunc(places, seq, func(p place, seq uint64) int { return cmp.Compare(p.seq, seq) }); ok {
				return true
			}
		}
	}
	return false
}

// trim forgets what no cursor needs.
func (l *Log) trim() {
	if !l.settled {
		return
	}
	low := l.next
	for _, c := range l.cursors {
		low = min(low, c.needs())
	}
	l.engine.trim(low)
}

// Close ends the log: appends that wait come to their end, cursors that wait
// return ErrClosed. On disk it says where the cursors are and that nothing is
// missing.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	for _, w := range l.waiters {
		w.tell()
	}
	for l.busy {
		l.idle.Wait()
	}
	for _, c := range l.cursors {
		c.wake()
	}
	l.mu.Unlock()
	var err error
	if l.keeper != nil {
		err = l.keeper.end()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.cursors {
		c.reader.close()
	}
	return errors.Join(err, l.engine.close())
}
