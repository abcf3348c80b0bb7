// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// The bounds of the gateway's own log: a message is written quietAfter times in
// quietFor, then counted. quietKinds bounds how many messages are told apart:
// some hold words from the network.
const (
	quietAfter = 10
	quietFor   = time.Minute
	quietKinds = 200
)

// quiet is a handler that writes the first of many equal messages and counts the
// others, so that a dead target or bad clients cannot fill the disk. Messages
// are equal that differ in digits or in the attributes of the line; those of two
// loggers, such as of two targets, are not. How many were left out stands in
// "repeated" of a later line: of the next such message, or of a line of its own
// when there is none.
type quiet struct {
	to     slog.Handler
	logger string // what tells this logger from others
	kinds  *kinds
}

type kinds struct {
	mu    sync.Mutex
	seen  map[string]*kind
	sweep time.Time // when to look for counts that nobody has told
}

type kind struct {
	to      slog.Handler
	message string
	level   slog.Level
	since   time.Time
	written int
	left    int // not written
}

func newQuiet(to slog.Handler) *quiet {
	return &quiet{to: to, kinds: &kinds{seen: make(map[string]*kind)}}
}

// Enabled is that of the handler behind it.
func (q *quiet) Enabled(ctx context.Context, l slog.Level) bool { return q.to.Enabled(ctx, l) }

// WithAttrs makes a logger of its own.
func (q *quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &quiet{to: q.to.WithAttrs(attrs), logger: q.logger + fmt.Sprint(attrs), kinds: q.kinds}
}

// WithGroup makes a logger of its own.
func (q *quiet) WithGroup(group string) slog.Handler {
	return &quiet{to: q.to.WithGroup(group), logger: q.logger + " " + group, kinds: q.kinds}
}

// Handle writes the record or counts it.
func (q *quiet) Handle(ctx context.Context, r slog.Record) error {
	untold, write, left := q.kinds.admit(q, r)
	for _, u := range untold {
		line := slog.NewRecord(r.Time, u.level, u.message, 0)
		line.AddAttrs(slog.Int("repeated", u.left))
		if err := u.to.Handle(ctx, line); err != nil {
			return err
		}
	}
	if !write {
		return nil
	}
	if left > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("repeated", left))
	}
	return q.to.Handle(ctx, r)
}

// admit decides on a record. It gives the kinds that have become silent with
// messages left out, too.
func (k *kinds) admit(q *quiet, r slog.Record) (untold []kind, write bool, left int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := q.logger + "\n" + r.Level.String() + "\n" + strings.Map(noDigits, r.Message)
	e := k.seen[key]
	if e == nil && len(k.seen) >= quietKinds {
		untold = k.silent(r.Time, "")
		if len(k.seen) >= quietKinds {
			key = "" // all that is new shares one allowance
			e = k.seen[key]
		}
	}
	if !r.Time.Before(k.sweep) {
		untold = append(untold, k.silent(r.Time, key)...)
		k.sweep = r.Time.Add(quietFor / 4)
	}
	if e == nil {
		e = &kind{since: r.Time}
		k.seen[key] = e
	}
	e.to, e.message, e.level = q.to, r.Message, r.Level
	if r.Time.Sub(e.since) >= quietFor {
		left = e.left
		e.since, e.written, e.left = r.Time, 0, 0
	}
	if e.written == quietAfter {
		e.left++
		return untold, false, 0
	}
	e.written++
	return untold, true, left
}

// silent forgets the kinds whose time is over, but for one, and gives those of
// which something was left out.
func (k *kinds) silent(now time.Time, but string) (untold []kind) {
	for key, e := range k.seen {
		if key == but || now.Sub(e.since) < quietFor {
			continue
		}
		if e.left > 0 {
			untold = append(untold, *e)
		}
		delete(k.seen, key)
	}
	return untold
}

func noDigits(r rune) rune {
	if '0' <= r && r <= '9' {
		return -1
	}
	return r
}
