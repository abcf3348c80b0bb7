// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
)

// TestRetentionByBytes: the oldest files go, and what readers lose is counted for
// each.
func TestRetentionByBytes(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, queue.Options{SegmentBytes: 4 << 10, MaxBytes: 16 << 10})
	fast := b.reader("fast", queue.CursorOptions{MaxBytes: 1 << 30})
	b.append(0, 20, 100)
	drain(t, fast)
	fast.Commit(1 << 60)
	b.append(20, 200, 100)
	b.dropped = make(map[queue.Why]int)
	drain(t, fast)
	fast.Commit(1 << 60)
	b.log.Keep()
	if s := b.log.Stats(); s.Bytes > 20<<10 || s.Records < 60 {
		t.Errorf("%+v are left of 200 records, want about 16 KiB", s)
	}
	got := drain(t, b.cursor)
	if last := got[len(got)-1]; last != 199 || int64(got[0]) != 200-int64(len(got)) {
		t.Errorf("records %d to %d are left", got[0], last)
	}
	if lost := itemsOf(upTo(200)) - itemsOf(got); int64(b.dropped[queue.Retention]) != lost || len(b.dropped) != 1 {
		t.Errorf("dropped %v, want %d items: those of c, none of fast", b.dropped, lost)
	}
	b.cursor.Commit(1 << 60)
	if items, size := b.cursor.Held(); items != 0 || size != 0 {
		t.Errorf("%d items and %d bytes are held", items, size)
	}
	if !strings.Contains(b.written.String(), "records were dropped") {
		t.Error("it is not logged")
	}
}

// TestRetentionByAge: old records go, also where no new ones come.
func TestRetentionByAge(t *testing.T) {
	b := open(t, &queuetest.Disk{}, queue.Options{SegmentBytes: 4 << 10, MaxAge: time.Hour})
	b.append(0, 50, 100)
	b.clock = b.clock.Add(40 * time.Minute)
	b.log.Keep()
	b.append(50, 60, 100)
	if items, _ := b.cursor.Held(); items != itemsOf(upTo(60)) {
		t.Fatalf("%d items are held before their time", items)
	}
	b.clock = b.clock.Add(40 * time.Minute)
	b.log.Keep()
	if items, _ := b.cursor.Held(); items >= itemsOf(upTo(60)) || items < itemsOf(upTo(60)[50:]) {
		t.Errorf("%d items are held", items)
	}
	b.clock = b.clock.Add(2 * time.Hour)
	b.log.Keep()
	b.log.Keep()
	if items, _ := b.cursor.Held(); items != 0 || int64(b.dropped[queue.Retention]) != itemsOf(upTo(60)) {
		t.Errorf("%d items are held, dropped %v of %d", items, b.dropped, itemsOf(upTo(60)))
	}
	b.append(60, 61, 100)
	equal(t, "what comes then", drain(t, b.cursor), []uint64{60})
}

// TestForgottenCursor: a reader that is no longer asked for holds its records for
// a time, inside its bound, and goes on if it comes back before.
func TestForgottenCursor(t *testing.T) {
	opts := queue.Options{SegmentBytes: 4 << 10, ForgetAfter: time.Hour}
	disk := &queuetest.Disk{}
	b := open(t, disk, opts)
	gone := b.reader("gone/a b", queue.CursorOptions{MaxBytes: 20 << 10, WhenFull: queue.Refuse})
	b.append(0, 50, 100)
	drain(t, gone)
	gone.Commit(10)
	b.log.Close()

	b = open(t, disk, opts)
	if text := b.written.String(); !strings.Contains(text, "no longer there") || !strings.Contains(text, "gone/a b") {
		t.Errorf("it is not logged:\n%s", text)
	}
	equal(t, "c", drain(t, b.cursor), upTo(50))
	b.cursor.Commit(1 << 60)
	b.append(50, 60, 100)
	b.log.Keep()
	b.log.Close()

	b = open(t, disk, opts)
	back := b.reader("gone/a b", queue.CursorOptions{MaxBytes: 20 << 10, WhenFull: queue.Refuse})
	equal(t, "the reader that came back", drain(t, back), upTo(60)[10:])
	b.log.Close()

	// Now it stays away, and its bound holds on: nobody is refused for its sake.
	b = open(t, disk, opts)
	drain(t, b.cursor)
	b.cursor.Commit(1 << 60)
	b.append(60, 400, 100)
	drain(t, b.cursor)
	b.cursor.Commit(1 << 60)
	b.log.Keep()
	s := b.log.Stats()
	if s.Bytes > 32<<10 || s.Forgotten == 0 {
		t.Errorf("%+v", s)
	}
	b.clock = b.clock.Add(2 * time.Hour)
	b.log.Keep()
	if s = b.log.Stats(); s.Segments != 1 || s.Forgotten != itemsOf(upTo(400)[10:]) {
		t.Errorf("%+v, want one segment and %d items forgotten", s, itemsOf(upTo(400)[10:]))
	}
	if _, ok := disk.Files()["gone%2Fa%20b.cursor"]; ok {
		t.Error("its file is still there")
	}
	if !strings.Contains(b.written.String(), "is forgotten") {
		t.Error("it is not logged")
	}
}

// TestInspect: a look at a log, in use or not, changes nothing and shows what is
// there.
func TestInspect(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	b.append(0, 60, 100)
	for range 10 {
		if _, _, err := b.cursor.TryTake(); err != nil {
			t.Fatal(err)
		}
	}
	b.cursor.Commit(10)
	b.log.Keep()
	_, segments := filledFiles(disk)
	disk.Alter(segments[0], func(p []byte) { p[64+11*frame+90] ^= 1 })
	for _, state := range []string{"in use", "closed"} {
		before := disk.Files()
		in, err := queue.Inspect(disk)
		if err != nil {
			t.Fatal(err)
		}
		if len(in.Segments) != len(segments) || in.Found.Records != 60 || in.Found.Items != itemsOf(upTo(60)) || in.Found.DamagedRecords != 1 {
			t.Errorf("%s: %+v", state, in)
		}
		c := in.Cursors[0]
		if c.Name != "c" || c.Next != 11 || c.HeldRecords != 50 || c.HeldItems != itemsOf(upTo(60)[10:]) || c.Fault != "" || !c.Left.IsZero() {
			t.Errorf("%s: %+v", state, c)
		}
		n, bad := 0, 0
		err = in.Each(11, func(s queue.Stored) bool {
			if s.Err != nil {
				bad++
				if s.Seq != 12 || s.Items != record(11, 0).Items {
					t.Errorf("%s: %+v", state, s)
				}
			} else if want := record(s.Seq-1, 100); !bytes.Equal(s.Body, want.Body) || s.Items != want.Items || !s.At.Equal(b.clock) {
				t.Errorf("%s: %+v", state, s)
			}
			n++
			return true
		})
		if err != nil || n != 50 || bad != 1 {
			t.Errorf("%s: %d records, %d damaged, %v", state, n, bad, err)
		}
		if after := disk.Files(); !maps.EqualFunc(before, after, bytes.Equal) {
			t.Errorf("%s: the look has changed something", state)
		}
		b.log.Close()
		disk.Put("x.cursor", []byte("rubbish"))
		in, err = queue.Inspect(disk)
		if i := slices.IndexFunc(in.Cursors, func(c queue.CursorInfo) bool { return c.Name == "x" }); err != nil || i < 0 || in.Cursors[i].Fault == "" {
			t.Errorf("%+v, %v", in.Cursors, err)
		}
		if err := disk.Remove("x.cursor"); err != nil {
			t.Fatal(err)
		}
	}
}
