// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"

	"github.com/spanbridge/spanbridge/receivers"
)

// leastGarbage is how much may be allocated at least between two collections.
// A gateway that keeps up has little that lives: with the runtime's rule, which
// collects when as much again was allocated, it would collect some tens of times a
// second (docs/performance.md, "The garbage collector").
const leastGarbage = 64 << 20

// usualPercent is the runtime's own rule, and leastHeap the heap below which it never
// collects by it, however little lives. leastPercent is for a heap of gigabytes, in
// which what has no pointers costs something in the end too.
const (
	usualPercent = 100
	leastPercent = 10
	leastHeap    = 4 << 20
)

// percentFor is the GOGC at which a heap of live bytes is collected after garbage more,
// or after as much as a collection has to look through, if that is more. The runtime's
// own rule goes by what lives, but bodies and batches, of which there is the most while
// traces wait, have no pointers: to collect them costs nothing, and to wait until there
// is as much again costs memory.
func percentFor(live, scanned, garbage int64) int {
	return int(max(leastPercent, max(garbage, scanned)*100/max(live, leastHeap)))
}

// scannedHeap is what a collection has to look through, in bytes.
func scannedHeap() int64 {
	sample := [1]metrics.Sample{{Name: "/gc/scan/total:bytes"}}
	metrics.Read(sample[:])
	return int64(sample[0].Value.Uint64())
}

// spareCollector has the collector run by what it costs, within a budget of memory;
// $GOGC overrules it. It returns what ends that.
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
	percent := percentFor(receivers.LiveHeap(), scannedHeap(), s.garbage)
	change := percent - s.percent
	if change > s.percent/8 || -change > s.percent/8 {
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
