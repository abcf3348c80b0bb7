// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"errors"
	"slices"
	"time"
)

// waiter is somebody who waits for room.
type waiter struct{ turn chan struct{} } // of size 1

func (w *waiter) tell() {
	select {
	case w.turn <- struct{}{}:
	default:
	}
}

// enter returns without an error when every cursor has room for a record. Where
// the policy of those that have none is Wait it waits, in a row with others, so
// that a long record is not passed by short ones for ever. The log is locked, but
// for the time of the waiting.
func (l *Log) enter(ctx context.Context, p *pending, patience time.Duration) error {
	full, err := l.admit(p)
	switch {
	case err != nil:
		return err
	case full == nil && (len(l.waiters) == 0 || patience <= 0):
		return nil
	case full != nil && (full.opts.WhenFull != Wait || patience <= 0):
		return &Full{Cursor: full.name, Bytes: full.heldBytes}
	}
	return l.wait(ctx, p, patience, full)
}

// wait waits for room in the row.
func (l *Log) wait(ctx context.Context, p *pending, patience time.Duration, full *Cursor) (err error) {
	w := &waiter{turn: make(chan struct{}, 1)}
	l.waiters = append(l.waiters, w)
	defer func() {
		l.leave(w)
		l.waits.count(err)
	}()
	began := time.Now() //nolint:forbidigo // it is compared with a timer, which goes by that clock
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		if full != nil {
			most := patience
			if full.opts.Wait > 0 {
				most = full.opts.Wait
			}
			left := most - time.Since(began)
			if left <= 0 {
				return &Full{Cursor: full.name, Bytes: full.heldBytes, Waited: time.Since(began)}
			}
			timer.Reset(left)
		}
		l.mu.Unlock()
		late := false
		select {
		case <-w.turn:
		case <-timer.C:
			late = true
		case <-ctx.Done():
		}
		l.mu.Lock()
		if err := ctx.Err(); err != nil {
			return err
		}
		full, err = l.admit(p)
		switch {
		case err != nil:
			return err
		case full == nil && (late || l.waiters[0] == w):
			return nil
		case full != nil && full.opts.WhenFull != Wait:
			return &Full{Cursor: full.name, Bytes: full.heldBytes, Waited: time.Since(began)}
		}
	}
}

// leave goes out of the row.
func (l *Log) leave(w *waiter) {
	i := slices.Index(l.waiters, w)
	l.waiters = slices.Delete(l.waiters, i, i+1)
	l.admitNext()
}

// admitNext has the first in the row look whether there is room now. The next one
// is told when that one has left.
func (l *Log) admitNext() {
	if len(l.waiters) > 0 {
		l.waiters[0].tell()
	}
}

// admit looks whether every cursor has room for a record, and gives one that has
// not; if there is one that will not wait, that one.
func (l *Log) admit(p *pending) (full *Cursor, err error) {
	if l.closed {
		return nil, ErrClosed
	}
	for _, c := range l.cursors {
		held := c.heldBytes + l.rowBytes
		if held == 0 || held+p.size <= c.opts.MaxBytes {
			continue
		}
		switch c.opts.WhenFull {
		case Refuse:
			return c, nil
		case Wait:
			full = c
		}
	}
	return full, nil
}

// Waits are the appends that wait for room, and what became of those that did.
type Waits struct {
	Now                  int
	Taken, Refused, Left uint64
}

func (w *Waits) count(err error) {
	switch _, full := errors.AsType[*Full](err); {
	case err == nil:
		w.Taken++
	case full:
		w.Refused++
	default:
		w.Left++ // the client has gone, or the log is closed
	}
}

// Waits says who waits for room.
func (l *Log) Waits() Waits {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.waits
	w.Now = len(l.waiters)
	return w
}
