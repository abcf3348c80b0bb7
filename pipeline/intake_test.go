// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// TestWaitThenRefuse: with a full queue a client that has patience is taken when
// the target comes back in time, and refused when it does not.
func TestWaitThenRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		var back atomic.Bool
		x := b.target(named("a", func(o *Options) {
			o.Queue = queue.CursorOptions{MaxBytes: 1000, WhenFull: queue.Wait}
			o.Retry = Retry{Initial: time.Second, Max: time.Second}
		}), &sink{answer: func(int, span.Parcel) (int, error) {
			if back.Load() {
				return 0, nil
			}
			return 0, later(0)
		}})
		if err := b.put(100); err != nil {
			t.Fatal(err)
		}
		put := func(patience time.Duration) error {
			batch, _ := decodeIDs(body(1000, 50), span.Origin{Format: "test.ids", Transport: "http", Received: time.Now().UnixNano(), Patience: patience})
			return b.intake.Put(b.ctx, batch)
		}
		began := time.Now()
		var busy *Busy
		if err := put(0); !errors.As(err, &busy) || busy.RetryAfter() != busyFor || time.Since(began) > 0 {
			t.Errorf("without patience: %v after %v", err, time.Since(began))
		}
		if err := put(8 * time.Second); !errors.As(err, &busy) || busy.RetryAfter() != afterWaiting || time.Since(began) != 8*time.Second {
			t.Errorf("with too little patience: %v after %v", err, time.Since(began))
		}
		time.AfterFunc(5*time.Second, func() { back.Store(true) })
		if err := put(20 * time.Second); err != nil {
			t.Errorf("when the target comes back: %v", err)
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		if n := b.exported(x, delivered); n != 150 {
			t.Errorf("%d delivered, want 150", n)
		}
		b.sums(x)
		b.end()
	})
}

// TestShedSums: what is dropped for want of memory is in the sum.
func TestShedSums(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		x := b.target(named("a", func(o *Options) {
			o.Queue = queue.CursorOptions{MaxBytes: 1 << 20, WhenFull: queue.DropOldest}
			o.MaxSpans, o.Workers = 10, 1
		}), &sink{answer: func(int, span.Parcel) (int, error) { return 0, later(time.Second) }})
		for range 50 {
			if err := b.put(10); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		b.log.Shed(1 << 40)
		dropped := b.sum("bridge_spans_dropped_total", "target=a", "reason="+string(queue.Memory))
		if held := x.Held(); dropped+int(held) != 500 {
			t.Errorf("%d dropped and %d held of 500", dropped, held)
		}
		b.sums(x)
		b.end()
	})
}
