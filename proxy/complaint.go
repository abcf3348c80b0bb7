// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// complaints logs what goes wrong with requests, a line in a second at most, so
// that a service that is down does not fill a disk. The metrics have all.
type complaints struct {
	log  *slog.Logger
	next atomic.Int64 // ns since 1970
	kept atomic.Int64
}

func (c *complaints) say(text string, args ...any) {
	now := time.Now().UnixNano()
	next := c.next.Load()
	if now < next || !c.next.CompareAndSwap(next, now+int64(time.Second)) {
		c.kept.Add(1)
		return
	}
	if n := c.kept.Swap(0); n > 0 {
		args = append(args, "not logged since the last line", n)
	}
	c.log.Warn(text, args...)
}
