// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"errors"
	"fmt"
	"slices"
)

// ErrNotKept is the answer to a number whose record is not, or no longer, kept.
var ErrNotKept = errors.New("queue: no such record")

// Read gives the record with a number, which some cursor has not committed yet.
// It moves no cursor.
func (l *Log) Read(seq uint64) (Record, error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return Record{}, ErrClosed
	}
	e, ok := l.engine.find(seq)
	if !ok || e.seq != seq {
		l.mu.Unlock()
		return Record{}, ErrNotKept
	}
	r, ok := l.engine.recall(seq)
	if ok {
		hold(&r) // for as long as anybody looks at it
	}
	l.mu.Unlock()
	if ok {
		return r, nil
	}
	var from reader
	defer from.close()
	r, err := l.engine.load(e, &from)
	if err != nil {
		return Record{}, fmt.Errorf("queue: record %d: %w", seq, err)
	}
	return r, nil
}

// Claim gives back a cursor that a log on disk has kept, with the bound that it had.
// The error names those that there are.
func (l *Log) Claim(name string) (*Cursor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for _, c := range l.cursors {
		if c.name == name && !c.claimed {
			c.claim()
			return c, nil
		}
		names = append(names, c.name)
	}
	slices.Sort(names)
	return nil, fmt.Errorf("queue: there is no reader %q, only %q", name, names)
}
