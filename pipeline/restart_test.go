// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
	"github.com/spanbridge/spanbridge/span"
)

// onDisk is a pipeline over a log on disk.
func onDisk(t *testing.T, disk *queuetest.Disk, recent int64) *bench {
	t.Helper()
	log, found, err := queue.Open(disk, queue.Options{Now: time.Now, SegmentBytes: 8 << 10, RecentBytes: recent, ClassOf: ClassOf})
	if err != nil || found.DamagedRecords > 0 {
		t.Fatal(found, err)
	}
	reg := prometheus.NewRegistry()
	b := &bench{t: t, log: log, reg: reg, set: metrics.New(reg), next: 1}
	b.intake = NewIntake(b.log, b.set)
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

// TestRestart stops a pipeline by a crash while targets are behind: all that was
// taken arrives in the end, and the sums agree before and after.
func TestRestart(t *testing.T) {
	for _, recent := range []int64{0, 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			disk := &queuetest.Disk{}
			b := onDisk(t, disk, recent)
			good, dead := &sink{}, &sink{answer: func(int, span.Parcel) (int, error) { return 0, later(0) }}
			targets := []*Target{b.target(ordinary, good), b.target(named("b", nil), dead)}
			if err := b.log.Settle(); err != nil {
				t.Fatal(err)
			}
			spans := 0
			for i := range 200 {
				if err := b.put(1 + i%9); err != nil {
					t.Fatal(err)
				}
				spans += 1 + i%9
			}
			time.Sleep(3 * time.Second)
			synctest.Wait()
			for _, x := range targets {
				b.sums(x)
			}
			if got := good.got(); !slices.Equal(got, upTo(spans)) {
				t.Errorf("%d spans came, want %d", len(got), spans)
			}
			disk.Crash()
			b.end()
			_ = b.log.Close()

			b = onDisk(t, disk.After(queuetest.Nothing, 1), recent)
			again, late := &sink{}, &sink{}
			targets = []*Target{b.target(ordinary, again), b.target(named("b", nil), late)}
			if err := b.log.Settle(); err != nil {
				t.Fatal(err)
			}
			if n := b.sum("bridge_spans_resumed_total", "target=b"); n != spans {
				t.Errorf("%v spans resumed, want %d", n, spans)
			}
			time.Sleep(3 * time.Second)
			synctest.Wait()
			if got := late.got(); !slices.Equal(got, upTo(spans)) {
				t.Errorf("%d spans came after the crash, want %d", len(got), spans)
			}
			if n := len(again.got()); n != 0 {
				t.Errorf("%d spans came again, which were committed seconds before", n)
			}
			for _, x := range targets {
				b.sums(x)
			}
			b.end()
			if err := b.log.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestRestartWithOtherRules: what is read again has fewer spans than it had, or
// more, and the sums agree.
func TestRestartWithOtherRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &queuetest.Disk{}
		b := onDisk(t, disk, 0)
		b.target(ordinary, &sink{answer: func(int, span.Parcel) (int, error) { return 0, later(0) }})
		for _, n := range []int{4, 1, 3} {
			if err := b.put(n); err != nil {
				t.Fatal(err)
			}
		}
		b.end()
		if err := b.log.Close(); err != nil {
			t.Fatal(err)
		}
		b = onDisk(t, disk, 0)
		defer b.log.Close()
		defer b.end()
		// Three spans of each message, whatever was in it.
		decode := func(p []byte, origin span.Origin) (*span.Batch, error) {
			first := int(binary.BigEndian.Uint64(p))
			return decodeIDs(body(first, 3), origin)
		}
		s := &sink{}
		opts := ordinary
		opts.Queue = queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse}
		target, err := NewTarget(b.log, opts, decode, s, b.set, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		b.done.Go(func() { target.Run(b.ctx) })
		time.Sleep(time.Second)
		synctest.Wait()
		if len(s.got()) != 9 || target.Held() != 0 {
			t.Errorf("%d spans came and %d are held", len(s.got()), target.Held())
		}
		b.sums(target)
		if n := b.sum("bridge_spans_dropped_total", "reason=reread"); n != 1 {
			t.Errorf("%v spans are gone, want 1", n)
		}
	})
}

// TestUnreadableDisk: a target waits while the disk does not give what it holds,
// and goes on; what a bit flip has hit is counted.
func TestUnreadableDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &queuetest.Disk{}
		b := onDisk(t, disk, 0)
		defer b.log.Close()
		defer b.end()
		var mu sync.Mutex
		fails := true
		disk.FailWith(func(op queuetest.Op, _ string) error {
			mu.Lock()
			defer mu.Unlock()
			if op == queuetest.Open && fails {
				return syscall.EMFILE
			}
			return nil
		})
		s := &sink{}
		target := b.target(ordinary, s)
		for range 300 {
			if err := b.put(5); err != nil {
				t.Fatal(err)
			}
		}
		files := slices.Sorted(maps.Keys(disk.Files()))
		disk.Alter(files[0], func(p []byte) { p[64+48+30] ^= 1 })
		time.Sleep(4500 * time.Millisecond)
		synctest.Wait()
		if len(s.got()) != 0 || target.Held() != 1500 {
			t.Errorf("%d spans came and %d are held", len(s.got()), target.Held())
		}
		mu.Lock()
		fails = false
		mu.Unlock()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := s.got(); !slices.Equal(got, upTo(1500)[5:]) {
			t.Errorf("%d spans came, want all but the five of the first message", len(got))
		}
		if n := b.sum("bridge_spans_dropped_total", "reason=damaged"); n != 5 {
			t.Errorf("%v spans counted as damaged, want 5", n)
		}
		b.sums(target)
	})
}

// TestDiskFull: clients are told to come again, and taken when there is room.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &queuetest.Disk{}
		b := onDisk(t, disk, 0)
		defer b.log.Close()
		defer b.end()
		s := &sink{}
		target := b.target(ordinary, s)
		disk.SetSpace(9 << 10)
		taken := 0
		for range 5000 {
			err := b.put(5)
			if busy, ok := errors.AsType[*Busy](err); ok && errors.Is(err, syscall.ENOSPC) && busy.RetryAfter() > 0 {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			taken += 5
		}
		disk.SetSpace(0)
		if err := b.put(5); err != nil {
			t.Fatal(err)
		}
		taken += 5
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.got(); !slices.Equal(got, upTo(taken)) {
			t.Errorf("%d spans came, want %d", len(got), taken)
		}
		b.sums(target)
	})
}
