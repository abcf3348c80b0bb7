// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

// As many parcels are on their way to a target at once as it has workers, and no more:
// the next one is sent before the one before it was answered.
func TestSeveralOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<30)
		var now, most atomic.Int64
		x := b.target(named("a", func(o *Options) { o.MaxSpans, o.Workers = 10, 3 }), &sink{answer: func(int, span.Parcel) (int, error) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return 0, nil
		}})
		began := time.Now()
		for range 6 {
			if err := b.put(10); err != nil {
				t.Fatal(err)
			}
		}
		for b.exported(x, delivered) < 60 {
			time.Sleep(10 * time.Millisecond)
		}
		if most.Load() != 3 || time.Since(began) > 2500*time.Millisecond {
			t.Errorf("%d parcels at once, six in %v", most.Load(), time.Since(began))
		}
		b.end()
		b.sums(x)
	})
}
