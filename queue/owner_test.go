// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
)

// bothEngines runs a test with a log in memory and one on disk.
func bothEngines(t *testing.T, opts queue.Options, test func(*testing.T, *bench)) {
	t.Run("memory", func(t *testing.T) {
		b := &bench{t: t, log: queue.NewMemory(1 << 20), dropped: make(map[queue.Why]int)}
		b.cursor = b.reader("c", queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse})
		test(t, b)
	})
	t.Run("disk", func(t *testing.T) { test(t, open(t, &queuetest.Disk{}, opts)) })
}

func (b *bench) absent(name string) int64 {
	n := b.log.Absent(name)
	return n.Total()
}

func (b *bench) resumed(c *queue.Cursor) int64 {
	n := c.Resumed()
	return n.Total()
}

// What was taken and not committed is given out again after Rewind.
func TestRewind(t *testing.T) {
	bothEngines(t, queue.Options{}, func(t *testing.T, b *bench) {
		b.append(0, 10, 100)
		first := b.first()
		equal(t, "at first", drain(t, b.cursor), upTo(10))
		b.cursor.Commit(first + 3)
		b.cursor.Acknowledge([]queue.Done{{Seq: first + 6, From: 0, To: 1}})
		b.cursor.Rewind()
		for n := first + 4; n < first+10; n++ {
			r, ok, err := b.cursor.TryTake()
			if err != nil || !ok || r.Seq != n || (len(r.Done) == 1) != (n == first+6) {
				t.Errorf("record %d is given again as %d, done %v: %v, %v", n, r.Seq, r.Done, ok, err)
			}
		}
		b.cursor.Commit(1 << 60)
		if n, bytes := b.cursor.Held(); n != 0 || bytes != 0 {
			t.Errorf("%d items and %d bytes are held", n, bytes)
		}
	})
}

// first is the number that the log gave the first record.
func (b *bench) first() uint64 {
	for n := range uint64(20) {
		if _, err := b.log.Read(n); err == nil {
			return n
		}
	}
	b.t.Fatal("no record is there")
	return 0
}

// A reader that is given up refuses nobody, and what it held is counted: in
// memory at once, on disk when its time is over. Items that came while it was not
// there are told apart.
func TestRelease(t *testing.T) {
	opts := queue.Options{ForgetAfter: time.Hour}
	bothEngines(t, opts, func(t *testing.T, b *bench) {
		b.append(0, 5, 100)
		own := queue.CursorOptions{MaxBytes: 2000, WhenFull: queue.Refuse}
		c := b.reader("leaves", own)
		if got, want := b.absent("leaves"), itemsOf(upTo(5)); got != want || b.absent("c") != 0 {
			t.Errorf("%d items came before it, want %d", got, want)
		}
		b.append(5, 12, 100)
		if _, ok, err := c.TryTake(); !ok || err != nil {
			t.Fatal(err)
		}
		held, _ := c.Held()
		c.Release()
		onDisk := b.log.Stats().Segments > 0
		if onDisk {
			// It holds on, inside its bound, and comes back.
			b.append(12, 40, 100)
			back := b.reader("leaves", own)
			if n, bytes := back.Held(); n+int64(b.dropped[queue.QueueFull]) != itemsOf(upTo(40)[5:]) || bytes > 2000 {
				t.Errorf("%d items and %d bytes are held, %v were dropped", n, bytes, b.dropped)
			}
			held, _ = back.Held()
			back.Release()
			b.clock = b.clock.Add(2 * time.Hour)
			b.log.Keep()
		}
		if got := b.dropped[queue.Removed]; int64(got) != held {
			t.Errorf("%d items dropped as removed, want %d", got, held)
		}
		before := b.absent("leaves")
		b.append(40, 45, 100)
		if got := b.absent("leaves") - before; got != itemsOf(upTo(45)[40:]) {
			t.Errorf("%d items came after it, want %d", got, itemsOf(upTo(45)[40:]))
		}
		again := b.reader("leaves", own)
		if n, _ := again.Held(); n != 0 || b.resumed(again) != 0 {
			t.Errorf("a new reader holds %d items", n)
		}
		b.append(45, 46, 100)
		equal(t, "the new reader", drain(t, again), []uint64{45})
	})
}

// What an earlier process has left is told apart from what came in this one.
func TestResumed(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, queue.Options{ForgetAfter: time.Hour})
	b.append(0, 5, 100)
	b.log.Close()
	b = open(t, disk, queue.Options{ForgetAfter: time.Hour})
	if got := b.resumed(b.cursor); got != itemsOf(upTo(5)) {
		t.Errorf("%d items are resumed, want %d", got, itemsOf(upTo(5)))
	}
	b.append(5, 7, 100)
	if got := b.resumed(b.cursor); got != itemsOf(upTo(5)) || b.absent("c") != 0 {
		t.Errorf("%d items are resumed and %d absent", got, b.absent("c"))
	}
	b.log.Close()
}

// A bound that is made smaller drops what is beyond it, or refuses.
func TestBound(t *testing.T) {
	bothEngines(t, queue.Options{}, func(t *testing.T, b *bench) {
		b.append(0, 20, 100)
		b.cursor.Bound(queue.CursorOptions{MaxBytes: 1000, WhenFull: queue.Refuse})
		var full *queue.Full
		if err := b.log.Append(record(20, 100)); !errors.As(err, &full) {
			t.Errorf("%v, want the log to be full", err)
		}
		b.cursor.Bound(queue.CursorOptions{MaxBytes: 1000, WhenFull: queue.DropOldest})
		if _, bytes := b.cursor.Held(); bytes > 1000 || b.dropped[queue.QueueFull] == 0 {
			t.Errorf("%d bytes are held, %v", bytes, b.dropped)
		}
		b.cursor.Bound(queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse})
		b.append(20, 40, 100)
		got := drain(t, b.cursor)
		if got[len(got)-1] != 39 {
			t.Errorf("the last is %d", got[len(got)-1])
		}
	})
}

// While the disk does not take records the log says why, and finds by itself that
// the disk is back, since nobody may append meanwhile.
func TestFault(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, queue.Options{})
	b.append(0, 3, 100)
	if err := b.log.Fault(); err != nil {
		t.Fatal(err)
	}
	for op, text := range map[queuetest.Op]string{queuetest.SyncFile: "broken", queuetest.Write: "no space"} {
		disk.FailWith(func(o queuetest.Op, name string) error {
			if o == op && strings.HasSuffix(name, ".seg") {
				return errors.New(text)
			}
			return nil
		})
		if err := b.log.Append(record(3, 100)); err == nil {
			t.Fatal("it was appended")
		}
		b.log.Keep()
		if err := b.log.Fault(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %q", err, text)
		}
		disk.FailWith(nil)
		for deadline := time.Now().Add(time.Minute); b.log.Fault() != nil; b.log.Keep() {
			if time.Now().After(deadline) {
				t.Fatalf("%v, though the disk works", b.log.Fault())
			}
		}
	}
	b.append(3, 6, 100)
	equal(t, "c", drain(t, b.cursor), upTo(6))
	b.log.Close()
}

// What was dropped between records that are given out again is not given out.
func TestRewindAfterDrop(t *testing.T) {
	bothEngines(t, queue.Options{}, func(t *testing.T, b *bench) {
		c := b.reader("drops", queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse})
		b.append(0, 3, 100)
		drain(t, c)
		drain(t, b.cursor)
		b.cursor.Commit(1 << 60)
		b.append(3, 8, 100)
		c.Bound(queue.CursorOptions{MaxBytes: 1, WhenFull: queue.DropOldest})
		b.append(8, 10, 100)
		c.Bound(queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse})
		c.Rewind()
		equal(t, "again", drain(t, c), []uint64{0, 1, 2, 9})
		c.Rewind()
		if _, ok, err := c.TryTake(); !ok || err != nil {
			t.Fatal(err)
		}
		c.Rewind()
		b.append(10, 11, 100)
		equal(t, "a third time", drain(t, c), []uint64{0, 1, 2, 9, 10})
		c.Commit(1 << 60)
		if n, bytes := c.Held(); n != 0 || bytes != 0 || int64(b.dropped[queue.QueueFull]) != itemsOf(upTo(9)[3:]) {
			t.Errorf("%d items and %d bytes are held, %v", n, bytes, b.dropped)
		}
	})
}

// TestRewindAfterRetention: records on their way whose file has gone meanwhile, by the
// bound of the log, are not given out again, and count as dropped.
func TestRewindAfterRetention(t *testing.T) {
	opts := queue.Options{SegmentBytes: 4 << 10, MaxBytes: 8 << 10}
	b := open(t, &queuetest.Disk{}, opts)
	b.append(0, 200, 100)
	for range 150 {
		if _, ok, err := b.cursor.TryTake(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	b.log.Keep()
	b.cursor.Rewind()
	got := drain(t, b.cursor)
	if want := upTo(200)[200-len(got):]; len(got) == 0 || len(got) == 200 {
		t.Fatalf("%d records, want the newest ones alone", len(got))
	} else {
		equal(t, "again", got, want)
	}
	if lost := itemsOf(upTo(200)) - itemsOf(got); int64(b.dropped[queue.Retention]) != lost {
		t.Errorf("%v dropped, want %d", b.dropped, lost)
	}
	b.cursor.Commit(1 << 60)
	if n, bytes := b.cursor.Held(); n != 0 || bytes != 0 {
		t.Errorf("%d items and %d bytes are held", n, bytes)
	}
	b.append(200, 203, 100)
	equal(t, "after it", drain(t, b.cursor), []uint64{200, 201, 202})
}

// TestReturn: a cursor that was asked for in vain is as it was: what is kept stays no
// longer for it, and a new one holds nobody back.
func TestReturn(t *testing.T) {
	opts := queue.Options{ForgetAfter: time.Hour}
	b := open(t, &queuetest.Disk{}, opts)
	own := queue.CursorOptions{MaxBytes: 1 << 20, WhenFull: queue.Refuse}
	c := b.reader("kept", own)
	b.append(0, 5, 100)
	c.Release()
	b.clock = b.clock.Add(40 * time.Minute)
	c = b.reader("kept", queue.CursorOptions{MaxBytes: 1, WhenFull: queue.Refuse})
	fresh := b.reader("fresh", queue.CursorOptions{MaxBytes: 1, WhenFull: queue.Refuse})
	c.Return()
	fresh.Return()
	b.append(5, 10, 100)
	if n, _ := c.Held(); n != itemsOf(upTo(10)) || len(b.dropped) != 0 {
		t.Errorf("%d items are kept and %v dropped", n, b.dropped)
	}
	again := b.reader("fresh", own)
	if n, _ := again.Held(); n != 0 {
		t.Errorf("%d items are kept for one that was returned", n)
	}
	b.clock = b.clock.Add(30 * time.Minute)
	b.log.Keep()
	if got := b.dropped[queue.Removed]; int64(got) != itemsOf(upTo(10)) {
		t.Errorf("%d items dropped after an hour, want %d", got, itemsOf(upTo(10)))
	}
}

// TestCursorThatCannotBeSaved: nobody has a new cursor whose place the disk does not
// take, so that nothing is held for it, and it may be asked for again.
func TestCursorThatCannotBeSaved(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, queue.Options{})
	disk.FailWith(func(_ queuetest.Op, name string) error {
		if strings.HasPrefix(name, "new.") {
			return errors.New("broken")
		}
		return nil
	})
	own := queue.CursorOptions{MaxBytes: 1, WhenFull: queue.Refuse}
	if _, err := b.log.Cursor("new", own); err == nil {
		t.Fatal("its place was written")
	}
	b.append(0, 5, 100)
	disk.FailWith(nil)
	own.MaxBytes = 1 << 20
	c := b.reader("new", own)
	b.append(5, 7, 100)
	equal(t, "new", drain(t, c), []uint64{5, 6})
}
