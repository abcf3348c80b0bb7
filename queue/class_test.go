// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"testing"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
)

// TestClasses: what is held and what is dropped is known by class, also after a
// start that reads no more than the frames.
func TestClasses(t *testing.T) {
	disk := &queuetest.Disk{}
	opts := queue.Options{SegmentBytes: 4 << 10, ClassOf: func(head []byte) uint8 { return head[0] }}
	b := open(t, disk, opts)
	put := func(n int, class uint8) {
		t.Helper()
		if err := b.log.Append(queue.Record{Head: []byte{class}, Body: make([]byte, 100), Items: n, Class: class}); err != nil {
			t.Fatal(err)
		}
	}
	want := queue.Count{}
	for i := range 100 {
		class := uint8(i % 3)
		put(i, class)
		want[class] += int64(i)
	}
	held := func(what string, want queue.Count) {
		t.Helper()
		if got, _ := b.cursor.HeldByClass(); got != want {
			t.Errorf("%s: %v are held, want %v", what, got, want)
		}
	}
	held("at first", want)
	for i := range 10 {
		r, _, err := b.cursor.TryTake()
		if err != nil || r.Class != uint8(i%3) {
			t.Fatal(r, err)
		}
		b.cursor.Commit(r.Seq)
		want[r.Class] -= int64(r.Items)
	}
	held("after ten", want)
	if err := b.log.Close(); err != nil {
		t.Fatal(err)
	}
	b = open(t, disk, opts)
	held("after a start", want)
	dropped := queue.Count{}
	few, err := b.log.Cursor("few", queue.CursorOptions{
		MaxBytes: 1, WhenFull: queue.DropOldest, Dropped: func(items int, class uint8, _ queue.Why) { dropped[class] += int64(items) },
	})
	if err != nil {
		t.Fatal(err)
	}
	put(7, 4)
	put(8, 5)
	put(9, 6)
	if got, _ := few.HeldByClass(); got != (queue.Count{6: 9}) || dropped != (queue.Count{4: 7, 5: 8}) {
		t.Errorf("%v are held and %v dropped", got, dropped)
	}
	if err := b.log.Append(queue.Record{Items: 1, Class: queue.Classes}); err == nil {
		t.Error("there is no class of that number")
	}
}
