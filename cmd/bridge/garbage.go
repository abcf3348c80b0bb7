// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/spanbridge/spanbridge/receivers"
)

// leastGarbage is how much may be allocated at least between two collections.
// A gateway that keeps up has little that lives: with the runtime's rule, which
// collects when as much again was allocated, it would collect some tens of times a
// second (docs/performance.md, "The garbage collector").
const leastGarbage = 64 << 20

// usualPercent is the runtime's own rule, and leastHeap the heap below which it never
// collects by it, however little lives.
const (
	usualPercent = 100
	leastHeap    = 4 << 20
)

// percentFor is the GOGC at which a heap of live bytes is collected after at least
// garbage more, and never earlier than by the runtime's own rule.
func percentFor(live, garbage int64) int {
	return int(max(usualPercent, garbage*100/max(live, leastHeap)))
}

// spareCollector has the collector run less often while little lives, within a
// budget of memory; $GOGC overrules it. It returns what ends that.
func spareCollector(budget int64) (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	s := &sparing{garbage: min(leastGarbage, budget/8)}
	afterCollections(s.adjust)
	return s.stop
}

// sparing adjusts GOGC after each collection.
type sparing struct {
	garbage int64

	mu      sync.Mutex
	percent int
	ended   bool
}

// adjust sets GOGC for what lives now. To set it stops the world for a moment, so it
// is left alone where it would change little.
func (s *sparing) adjust() (again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	percent := percentFor(receivers.LiveHeap(), s.garbage)
	change := percent - s.percent
	if change > s.percent/8 || -change > s.percent/8 || percent == usualPercent && change != 0 {
		s.percent = percent
		debug.SetGCPercent(percent)
	}
	return true
}

func (s *sparing) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	debug.SetGCPercent(usualPercent)
}

// afterCollections calls a function now and after each garbage collection, from a
// goroutine of the runtime, until it returns false.
func afterCollections(f func() (again bool)) {
	if f() {
		// A collection is what finalizes an object that nobody has. The runtime
		// tells of it in no other way.
		runtime.SetFinalizer(new([16]byte), func(*[16]byte) { afterCollections(f) })
	}
}
