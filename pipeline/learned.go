// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"sync"
	"time"
)

// learned is how many spans a target took of a parcel of which it had refused more
// for their length: 413, or RESOURCE_EXHAUSTED for a long message. Without it every
// parcel would be refused once before its parts are taken.
type learned struct {
	mu    sync.Mutex
	most  int // 0: nothing is known
	until time.Time
}

// learnedFor is how long it is remembered: spans get shorter, and settings of
// targets change. Then a whole parcel is tried again.
const learnedFor = 10 * time.Minute

// limit is the most spans of a parcel, which the setting bounds.
func (l *learned) limit(setting int, now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.most == 0 || !now.Before(l.until) {
		return setting
	}
	return min(l.most, setting)
}

// forget starts anew: the settings of the target are others.
func (l *learned) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most = 0
}

// note remembers what a delivery has found. Where a span was too long by itself it
// has found nothing: the others may have gone together.
func (l *learned) note(d *delivery, now time.Time) {
	if !d.large || d.giant || d.most == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most, l.until = d.most, now.Add(learnedFor)
}
