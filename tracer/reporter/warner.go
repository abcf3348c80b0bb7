// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"log/slog"
	"time"
)

// warner tells what is lost, seldom enough that a log bears it. It is used by
// the goroutine of a reporter alone.
type warner struct {
	log   *slog.Logger
	lost  [reasons]quiet
	fails map[string]*quiet
}

// quiet is what was told of one thing.
type quiet struct {
	at    time.Time
	count int64
}

// between is the time between two warnings of one kind.
const between = time.Minute

// due is true for the first time, and then once in a while.
func (q *quiet) due(now time.Time) bool {
	if !q.at.IsZero() && now.Sub(q.at) < between {
		return false
	}
	q.at = now
	return true
}

// dropped warns of spans that were dropped since the last warning. The zero
// time stands for the last moment, at which all is told.
func (w *warner) dropped(c Counts, now time.Time) {
	for why, n := range [reasons]int64{queueFull: c.QueueFull, tooLarge: c.TooLarge, refused: c.Refused, failed: c.Failed, closed: c.Closed} {
		told := &w.lost[why]
		if n == told.count || !now.IsZero() && !told.due(now) {
			continue
		}
		w.log.Warn("spans were dropped", "reason", reason(why).String(), "spans", n-told.count, "all", n)
		told.count = n
	}
}

// failure warns of a request that failed.
func (w *warner) failure(what string, err error) {
	if w.fails == nil {
		w.fails = make(map[string]*quiet)
	}
	q := w.fails[what]
	if q == nil {
		q = new(quiet)
		w.fails[what] = q
	}
	q.count++
	if q.due(time.Now()) {
		w.log.Warn("spans: "+what, "error", err, "since the last warning", q.count)
		q.count = 0
	}
}
