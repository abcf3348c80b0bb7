// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

// Budget is the memory that the process may take. A third of it is for what is
// on its way in: bodies and messages that are being read, and what was made of
// them, until the sink has them. The live heap, in which the queue, the windows
// and the view are too, may take two thirds. Beyond either nothing is taken:
// clients are told to come again.
type Budget struct {
	most  int64
	onWay atomic.Int64
	stays atomic.Int64 // of onWay, what may wait for a queue
	door  door
	live  func() int64
	fresh func() int64 // live, asked for again
	// relieve makes room in the heap, and says how much; nil: nobody can.
	relieve   func(bytes int64) int64
	relieving sync.Mutex
	lastGC    atomic.Int64 // when a collection was last asked for, ns since 1970
}

// NewBudget makes a budget of so many bytes.
func NewBudget(most int64) *Budget {
	return &Budget{most: most, live: recentLiveHeap(), fresh: LiveHeap}
}

// LiveHeap is what the last garbage collection has left, in bytes.
func LiveHeap() int64 {
	sample := [1]metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample[:])
	return int64(sample[0].Value.Uint64())
}

// recentLiveHeap is LiveHeap of some milliseconds ago: a message of a stream asks
// three times. A finalizer could tell of each collection, but on a machine that is
// busy the runtime comes to it much later, and meanwhile all would be refused for
// memory that is free again.
func recentLiveHeap() func() int64 {
	var asked, last atomic.Int64
	last.Store(LiveHeap()) // for those who ask while the first asks again
	began := time.Now()
	return func() int64 {
		now, before := int64(time.Since(began)), asked.Load()
		if (before == 0 || now-before > int64(10*time.Millisecond)) && asked.CompareAndSwap(before, now) {
			last.Store(LiveHeap())
		}
		return last.Load()
	}
}

// Relieve has a function asked for memory when the heap is full, before anybody is
// refused: it gives up what is the least worth, and says how many bytes that was.
func (b *Budget) Relieve(f func(bytes int64) int64) { b.relieve = f }

// relieved is true when there is room now that something was given up for it. One
// does it while others wait, for a moment: they profit by it.
func (b *Budget) relieved() bool {
	if b.relieve == nil {
		return false
	}
	b.relieving.Lock()
	defer b.relieving.Unlock()
	most := b.most / 3 * 2
	live := b.fresh()
	if live > most {
		// A sixteenth more, or it would be full again at once.
		if b.relieve(live-most+b.most/16) == 0 {
			return false
		}
		live = b.collect()
	}
	return live <= most
}

// collect collects garbage, and says what lives then. Memory that is kept to be used
// again (span.Buffer), as that of messages which were given up is, takes two collections
// to go.
func (b *Budget) collect() (live int64) {
	for range 2 {
		runtime.GC()
		if live = b.fresh(); live <= b.most/3*2 {
			break
		}
	}
	return live
}

// onWayMost is the most for what is on its way in.
func (b *Budget) onWayMost() int64 { return b.most / 3 }

// OnWay is what is on its way in, in bytes.
func (b *Budget) OnWay() int64 { return b.onWay.Load() }

// Waiting is how many messages wait for memory.
func (b *Budget) Waiting() int { return int(b.door.waiting.Load()) }

// take takes n bytes for a message that has taken some already, or nothing. The
// first bytes of a message are refused earlier: else many that begin would leave
// no room for any to come to its end.
func (b *Budget) take(n, already int64) bool {
	most := b.onWayMost()
	if already <= doorBytes {
		most = most / 4 * 3
	}
	if b.onWay.Add(n) > most || b.full() {
		b.onWay.Add(-n)
		return false
	}
	return true
}

func (b *Budget) give(n int64) { b.onWay.Add(-n) }

// mayStay says whether a message of n bytes may wait for room in a queue: all that
// wait have half of what is for messages on their way. leave is for the end.
func (b *Budget) mayStay(n int64) bool {
	if b.stays.Add(n) > b.onWayMost()/2 {
		b.stays.Add(-n)
		return false
	}
	return true
}

func (b *Budget) leave(n int64) { b.stays.Add(-n) }

// collectEvery is how often a full heap is collected to see whether it still is.
const collectEvery = 2 * time.Second

// full is true while the live heap leaves no room. What is known of it is as old
// as the last collection, and where nothing is taken there might be none.
func (b *Budget) full() bool {
	if b.live() <= b.most/3*2 || b.relieved() {
		return false
	}
	now, last := time.Now().UnixNano(), b.lastGC.Load()
	if now-last > int64(collectEvery) && b.lastGC.CompareAndSwap(last, now) {
		b.collect()
	}
	return true
}

// busyError says that nothing is taken for a while.
type busyError struct{ why string }

func (b *busyError) Error() string { return b.why }

// RetryAfter marks an error that is for a while.
func (*busyError) RetryAfter() time.Duration { return 5 * time.Second }

var errNoMemory = &busyError{"the gateway is busy: the memory of limits.memory is taken"}

// hold is the share of one message in a budget.
type hold struct {
	budget *Budget // nil: there is no bound
	bytes  int64
}

// set makes the share n bytes.
func (h *hold) set(n int64) error {
	switch more := n - h.bytes; {
	case h.budget == nil, more == 0:
		return nil
	case more < 0:
		h.budget.give(-more)
	case !h.budget.take(more, h.bytes):
		return errNoMemory
	}
	h.bytes = n
	return nil
}

// buffer makes the share what a buffer has. The share has room for the body already;
// if there is none for what the buffer has besides, it loses that.
func (h *hold) buffer(f *span.Buffer) {
	if h.budget != nil && h.set(int64(f.Memory())) != nil {
		f.Bare()
		_ = h.set(int64(cap(f.Body)))
	}
}

// must makes the share n bytes for memory that is taken already.
func (h *hold) must(n int64) {
	if h.budget != nil {
		h.budget.onWay.Add(n - h.bytes)
		h.bytes = n
	}
}

func (h *hold) end() { _ = h.set(0) }
