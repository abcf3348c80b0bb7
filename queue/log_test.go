// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
)

func record(n uint64, size int) queue.Record {
	body := make([]byte, 8+size)
	binary.BigEndian.PutUint64(body, n)
	for i := range size {
		body[8+i] = byte(int(n)*31+i) | 1
	}
	return queue.Record{Head: []byte("head"), Body: body, Items: int(n%7) + 1, Companion: n, CompanionSize: size}
}

// engines are the logs that must behave alike.
var engines = map[string]func(recent int64) *queue.Log{
	"memory": queue.NewMemory,
	"disk": func(recent int64) *queue.Log {
		log, _, err := queue.Open(&queuetest.Disk{}, queue.Options{Now: time.Now, SegmentBytes: 4 << 10, RecentBytes: recent})
		if err != nil {
			panic(err)
		}
		if err := log.Settle(); err != nil {
			panic(err)
		}
		return log
	},
}

// TestAgainstModel does random things to a log and to a model of it: every
// cursor sees every record in order, or is told that it was dropped, and what
// it holds is what was appended less what was committed and dropped.
func TestAgainstModel(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) { againstModel(t, open) })
		})
	}
}

// modelReader is a cursor with what is to be known of it.
type modelReader struct {
	cursor    *queue.Cursor
	appended  int64
	committed int64
	dropped   int64
	inFlight  []queue.Taken
	last      uint64
	seen      bool
	opts      queue.CursorOptions
}

func againstModel(t *rapid.T, open func(recent int64) *queue.Log) {
	log := open(int64(rapid.IntRange(0, 2000).Draw(t, "companions")))
	defer log.Close()
	var readers []*modelReader
	written := uint64(0)
	addReader := func(t *rapid.T) {
		r := &modelReader{opts: queue.CursorOptions{
			MaxBytes: int64(rapid.IntRange(1, 3000).Draw(t, "max")),
			WhenFull: rapid.SampledFrom([]queue.WhenFull{queue.Refuse, queue.DropOldest}).Draw(t, "policy"),
		}}
		r.opts.Dropped = func(items int, _ uint8, _ queue.Why) { r.dropped += int64(items) }
		var err error
		if r.cursor, err = log.Cursor(string(rune('a'+len(readers))), r.opts); err != nil {
			t.Fatal(err)
		}
		readers = append(readers, r)
	}
	addReader(t)
	pick := func(t *rapid.T) *modelReader { return rapid.SampledFrom(readers).Draw(t, "reader") }
	t.Repeat(map[string]func(*rapid.T){
		"cursor": func(t *rapid.T) {
			if len(readers) < 4 {
				addReader(t)
			}
		},
		"append": func(t *rapid.T) {
			r := record(written+1, rapid.IntRange(0, 900).Draw(t, "size"))
			err := log.Append(r)
			if _, full := errors.AsType[*queue.Full](err); full {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			written++
			for _, x := range readers {
				x.appended += int64(r.Items)
			}
		},
		"take": func(t *rapid.T) {
			x := pick(t)
			got, ok, err := x.cursor.TryTake()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return
			}
			n := binary.BigEndian.Uint64(got.Body)
			if x.seen && n <= x.last {
				t.Fatalf("record %d after %d", n, x.last)
			}
			if x.seen && n != x.last+1 && x.opts.WhenFull == queue.Refuse {
				t.Fatalf("record %d after %d: one is missing", n, x.last)
			}
			if got.Companion != nil && got.Companion.(uint64) != n {
				t.Fatalf("record %d has the companion of %v", n, got.Companion)
			}
			x.seen, x.last = true, n
			x.inFlight = append(x.inFlight, got)
		},
		"commit": func(t *rapid.T) {
			x := pick(t)
			if len(x.inFlight) == 0 {
				return
			}
			k := rapid.IntRange(1, len(x.inFlight)).Draw(t, "upto")
			x.cursor.Commit(x.inFlight[k-1].Seq)
			for _, r := range x.inFlight[:k] {
				x.committed += int64(r.Items)
			}
			x.inFlight = x.inFlight[k:]
		},
		"keep": func(*rapid.T) { log.Keep() },
		"": func(t *rapid.T) {
			for _, x := range readers {
				items, bytes := x.cursor.Held()
				if want := x.appended - x.committed - x.dropped; items != want {
					t.Fatalf("held %d, want %d = %d - %d - %d", items, want, x.appended, x.committed, x.dropped)
				}
				if bytes < 0 || items == 0 && bytes != 0 {
					t.Fatalf("held %d items and %d bytes", items, bytes)
				}
			}
		},
	})
}

func TestTakeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := queue.NewMemory(0)
		c, err := log.Cursor("a", queue.CursorOptions{MaxBytes: 1 << 20, WhenFull: queue.Refuse})
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan queue.Taken)
		go func() {
			r, err := c.Take(context.Background())
			if err != nil {
				t.Error(err)
			}
			got <- r
		}()
		time.Sleep(time.Hour)
		if err := log.Append(record(5, 1)); err != nil {
			t.Fatal(err)
		}
		if r := <-got; binary.BigEndian.Uint64(r.Body) != 5 {
			t.Errorf("got %v", r)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := c.Take(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Take of an empty log: %v", err)
		}
		go func() {
			time.Sleep(time.Minute)
			log.Close()
		}()
		if _, err := c.Take(t.Context()); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("Take of a closed log: %v", err)
		}
		if err := log.Append(record(6, 1)); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("Append to a closed log: %v", err)
		}
	})
}

// A cursor at its bound stops the writer but not the other readers.
func TestFullRefuses(t *testing.T) {
	log := queue.NewMemory(1 << 20)
	slow, _ := log.Cursor("slow", queue.CursorOptions{MaxBytes: 1000, WhenFull: queue.Refuse})
	fast, _ := log.Cursor("fast", queue.CursorOptions{MaxBytes: 1 << 20, WhenFull: queue.Refuse})
	n := uint64(0)
	var full *queue.Full
	for !errors.As(log.Append(record(n, 100)), &full) {
		n++
		r, ok, err := fast.TryTake()
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		fast.Commit(r.Seq)
	}
	if full.Cursor != "slow" || n == 0 {
		t.Fatalf("%v after %d", full, n)
	}
	r, _, _ := slow.TryTake()
	slow.Commit(r.Seq)
	if err := log.Append(record(n, 100)); err != nil {
		t.Errorf("after a commit: %v", err)
	}
}

func TestCursorNames(t *testing.T) {
	log := queue.NewMemory(0)
	if _, err := log.Cursor("a", queue.CursorOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Cursor("a", queue.CursorOptions{}); err == nil {
		t.Error("two cursors of one name")
	}
}

func BenchmarkAppendTakeCommit(b *testing.B) {
	log := queue.NewMemory(1 << 20)
	c, _ := log.Cursor("a", queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse})
	r := record(1, 64<<10)
	for b.Loop() {
		if err := log.Append(r); err != nil {
			b.Fatal(err)
		}
		t, _, _ := c.TryTake()
		c.Commit(t.Seq)
	}
}

// BenchmarkAppendOnDisk appends from several goroutines: the time is that of the
// disk, what is to be looked at are the allocations.
func BenchmarkAppendOnDisk(b *testing.B) {
	log, _, err := queue.Open(queue.Dir(b.TempDir()), queue.Options{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	if _, err := log.Cursor("a", queue.CursorOptions{MaxBytes: 1 << 20, WhenFull: queue.DropOldest}); err != nil {
		b.Fatal(err)
	}
	if err := log.Settle(); err != nil {
		b.Fatal(err)
	}
	r := record(1, 64<<10)
	b.SetBytes(int64(len(r.Body)))
	b.SetParallelism(8)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := log.Append(r); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
