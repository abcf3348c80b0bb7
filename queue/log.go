// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"errors"
	"fmt"
	"sync"
)

// Record is what a log keeps.
type Record struct {
	// Head and Body are kept as they are: they must not change afterwards.
	Head, Body []byte
	// Items is what the writer counts: the spans in the record.
	Items int
	// Companion is something the writer made of the record, which readers may
	// use instead of the bytes. It lives in memory only and only for the newest
	// records.
	Companion any
	// CompanionSize is the memory that the companion keeps alive besides Head
	// and Body, in bytes.
	CompanionSize int
}

func (r *Record) size() int { return len(r.Head) + len(r.Body) + recordOverhead }

// recordOverhead is what a record costs besides its bytes, roughly.
const recordOverhead = 128

// engine keeps records by their number. Its methods are called one at a time.
type engine interface {
	// append keeps a record under the next number; it returns when the record
	// is as durable as the engine makes it.
	append(Record) error
	// read gives a record between the last trim and the last append.
	read(seq uint64) (Record, error)
	// trim forgets the records below seq.
	trim(seq uint64)
	close() error
}

// Log is a log of records. Its methods may be called from several goroutines.
type Log struct {
	mu      sync.Mutex
	engine  engine
	first   uint64 // number of the oldest record kept
	next    uint64 // number of the next record
	cursors []*Cursor
	closed  bool
}

// ErrClosed is what a closed log answers.
var ErrClosed = errors.New("queue: the log is closed")

// Full says that a cursor's bound was reached, so that a record was not taken.
type Full struct {
	Cursor string
	Bytes  int64 // held for the cursor
}

func (f *Full) Error() string {
	return fmt.Sprintf("queue: full: %d bytes wait for %s", f.Bytes, f.Cursor)
}

func newLog(e engine) *Log { return &Log{engine: e} }

// Append adds a record and returns when every cursor can rely on it. With a
// *Full error the record was not taken.
func (l *Log) Append(r Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	size := int64(r.size())
	for _, c := range l.cursors {
		if c.heldBytes+size > c.opts.MaxBytes && c.heldBytes > 0 && c.opts.WhenFull == Refuse {
			return &Full{c.name, c.heldBytes}
		}
	}
	if err := l.engine.append(r); err != nil {
		return err
	}
	l.next++
	for _, c := range l.cursors {
		c.hold(r.Items, size)
		if c.opts.WhenFull == DropOldest {
			c.dropOldest()
		}
	}
	l.trim()
	return nil
}

// trim forgets what no cursor needs.
func (l *Log) trim() {
	low := l.next
	for _, c := range l.cursors {
		low = min(low, c.needs())
	}
	if low > l.first {
		l.first = low
		l.engine.trim(low)
	}
}

// Close ends the log: cursors that wait return ErrClosed.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	for _, c := range l.cursors {
		c.wake()
	}
	return l.engine.close()
}
