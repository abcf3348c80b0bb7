// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"sync/atomic"
	"time"
)

// clock reads the time. The system has two clocks, one of the wall and one that
// never jumps, and time.Now asks both, which is a fifth of what a span costs.
// Here the wall is asked ten times a second and the other one in between, so
// what the wall's clock is set by is seen with that delay. Spans of one process
// are in order among each other meanwhile.
type clock struct {
	set    func() time.Time // nil for the system's
	anchor atomic.Pointer[time.Time]
}

const anchorHolds = 100 * time.Millisecond

func (c *clock) now() time.Time {
	if c.set != nil {
		return c.set()
	}
	if a := c.anchor.Load(); a != nil {
		if d := time.Since(*a); d < anchorHolds {
			return a.Add(d)
		}
	}
	n := time.Now()
	c.anchor.Store(&n)
	return n
}

// since is the time from a moment until now. Of two readings of the clock the
// monotonic parts count; a start that was given has none.
func (c *clock) since(start time.Time) time.Duration {
	if c.set == nil {
		return time.Since(start)
	}
	return c.set().Sub(start)
}
