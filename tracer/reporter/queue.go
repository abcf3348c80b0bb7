// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"sync"

	"github.com/spanbridge/spanbridge/tracer"
)

// queue is a ring of records. What does not fit is dropped.
type queue struct {
	mu       sync.Mutex
	ring     []*tracer.Record
	first, n int
	limit    int
	closed   bool
	reported int64
	full     int64 // dropped because the ring was full
	late     int64 // dropped because it was closed
	enough   int   // from so many on somebody is to be woken
	woken    bool
}

// firstRing is the length of a ring at its start: most never need more.
const firstRing = 256

// put adds a record. It is true when the reader is to be woken.
func (q *queue) put(r *tracer.Record) (wake bool) {
	q.mu.Lock()
	q.reported++
	switch {
	case q.closed:
		q.late++
	case q.n == q.limit:
		q.full++
	default:
		if q.n == len(q.ring) {
			q.grow()
		}
		at := q.first + q.n
		if at >= len(q.ring) {
			at -= len(q.ring)
		}
		q.ring[at] = r
		q.n++
		if q.n >= q.enough && !q.woken {
			q.woken, wake = true, true
		}
	}
	q.mu.Unlock()
	return wake
}

func (q *queue) grow() {
	ring := make([]*tracer.Record, min(max(2*len(q.ring), firstRing), q.limit))
	n := copy(ring, q.ring[q.first:])
	copy(ring[n:], q.ring[:q.first])
	q.ring, q.first = ring, 0
}

// take moves up to most records from the front of the queue to dst.
func (q *queue) take(dst []*tracer.Record, most int) []*tracer.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	for k := min(q.n, most); k > 0; {
		run := q.ring[q.first:min(q.first+k, len(q.ring))]
		dst = append(dst, run...)
		clear(run)
		q.n -= len(run)
		k -= len(run)
		if q.first += len(run); q.first == len(q.ring) {
			q.first = 0
		}
	}
	q.woken = false
	return dst
}

// len is the number of records that wait.
func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n
}

// close takes no more records. It is false if the queue was closed before.
func (q *queue) close() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := !q.closed
	q.closed = true
	return first
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}
