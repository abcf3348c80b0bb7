// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"math"
	"sync"
	"time"
)

// clock is the time of a fleet, in ns since it began. It follows the real time,
// but never by more than slack beyond the report that is due next: while a
// report is under way, the time of the others waits for it.
type clock struct {
	scale float64

	mu   sync.Mutex
	tick *sync.Cond
	now  int64
	due  []int64 // of each instance, that of the report it waits to send or sends

	end  chan struct{}
	over sync.WaitGroup
}

// slack is what a report may be late before the time stops.
const slack = 50 * time.Millisecond

func newClock(schedule [][]report, scale float64) *clock {
	c := &clock{scale: scale, due: make([]int64, len(schedule)), end: make(chan struct{})}
	c.tick = sync.NewCond(&c.mu)
	for i, reports := range schedule {
		c.due[i] = math.MaxInt64
		if len(reports) > 0 {
			c.due[i] = reports[0].at
		}
	}
	c.over.Go(c.run)
	return c
}

func (c *clock) stop() {
	close(c.end)
	c.over.Wait()
}

func (c *clock) run() {
	t := time.NewTicker(2 * time.Millisecond)
	defer t.Stop()
	last := time.Now()
	for {
		select {
		case <-c.end:
			return
		case at := <-t.C:
			c.pass(at.Sub(last))
			last = at
		}
	}
}

// pass lets real time pass.
func (c *clock) pass(real time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := int64(math.MaxInt64)
	for _, d := range c.due {
		next = min(next, d)
	}
	passed := c.now + int64(float64(real)/c.scale)
	if next != math.MaxInt64 {
		passed = min(passed, next+int64(float64(slack)/c.scale))
	}
	c.now = max(c.now, passed)
	c.tick.Broadcast()
}

// await waits until a report of an instance is due, and returns how late it is.
// The report is under way until the instance awaits the next one.
func (c *clock) await(instance int, at int64) (late int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due[instance] = at
	for c.now < at {
		c.tick.Wait()
	}
	return c.now - at
}

// done is for an instance without another report.
func (c *clock) done(instance int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due[instance] = math.MaxInt64
}
