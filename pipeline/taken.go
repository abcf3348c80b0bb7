// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// record is a record of the log that was taken.
type record struct {
	seq   uint64
	class uint8
	spans int
	left  int // spans, and one for its notices, that are still to be done

	held *span.Batch // has the memory of the message, until all is done; nil: nobody counts

	exact bool // its spans are those that were taken
	// done are those that an earlier process was done with; known is how many.
	done  []queue.Run
	known int
}

// recordsAtOnce is how many records are made with one allocation. All of them stay
// while one is in use, which is no more than a small message takes.
const recordsAtOnce = 16

func (t *Target) newRecord() *record {
	if len(t.unused) == 0 {
		t.unused = make([]record, recordsAtOnce)
	}
	rec := &t.unused[0]
	t.unused = t.unused[1:]
	return rec
}

// release gives the memory of the message back when nothing of it is left to be done.
func (r *record) release() {
	if r.left == 0 && r.held != nil {
		r.held.Release()
		r.held = nil
	}
}
