// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
)

// ten appends n records of ten items each.
func (b *bench) ten(n int) {
	b.t.Helper()
	for i := range n {
		if err := b.log.Append(queue.Record{Head: []byte{byte(i)}, Body: make([]byte, 100), Items: 10}); err != nil {
			b.t.Fatal(err)
		}
	}
}

// take takes n records.
func (b *bench) take(n int) (all []queue.Taken) {
	b.t.Helper()
	for range n {
		r, ok, err := b.cursor.TryTake()
		if err != nil || !ok {
			b.t.Fatal(ok, err)
		}
		all = append(all, r)
	}
	return all
}

// remembers takes n records and compares what is said to be done of them.
func (b *bench) remembers(what string, n int, want map[uint64][]queue.Run) {
	b.t.Helper()
	got := make(map[uint64][]queue.Run)
	for _, r := range b.take(n) {
		if len(r.Done) > 0 {
			got[r.Seq] = r.Done
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// journals are the files of what readers are done with.
func journals(disk *queuetest.Disk) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(disk.Files())) {
		if strings.HasSuffix(name, ".done") {
			names = append(names, name)
		}
	}
	return names
}

// TestAcknowledge: what a reader is done with is known after a kill at once, and
// after a power cut from the next round of the keeper on.
func TestAcknowledge(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	b.ten(8)
	b.take(6)
	b.cursor.Acknowledge([]queue.Done{{2, 3, 4}, {5, 0, 10}, {2, 4, 6}, {2, 8, 9}, {3, 0, 1}})
	b.log.Keep()
	b.cursor.Commit(1)
	b.cursor.Acknowledge([]queue.Done{{2, 0, 1}, {1, 0, 10}})
	want := map[uint64][]queue.Run{2: {{0, 1, 2}, {3, 6, 1}, {8, 9, 1}}, 3: {{0, 1, 1}}, 5: {{0, 10, 1}}}
	disk.Crash()
	killed := disk.After(queuetest.Everything, 1)
	b = open(t, killed, ordinary)
	b.remembers("after a kill", 7, want)
	in, err := queue.Inspect(disk.After(queuetest.Everything, 1))
	if err != nil || in.Cursors[0].Next != 2 {
		t.Fatalf("%+v %v", in.Cursors, err)
	}
	seen := make(map[uint64][]queue.Run)
	if err := in.Each(2, func(s queue.Stored) bool {
		if done := in.Cursors[0].Done(&s); len(done) > 0 {
			seen[s.Seq] = done
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("looked at after a kill (-want +got):\n%s", diff)
	}
	power := open(t, disk.After(queuetest.Nothing, 1), ordinary)
	power.remembers("after a power cut", 8, map[uint64][]queue.Run{2: {{3, 6, 1}, {8, 9, 1}}, 3: {{0, 1, 1}}, 5: {{0, 10, 1}}})

	// The next process goes on with that, under another number.
	b.cursor.Acknowledge([]queue.Done{{3, 5, 6}})
	killed.Crash()
	disk = killed.After(queuetest.Everything, 1)
	b = open(t, disk, ordinary)
	want[3] = append(want[3], queue.Run{From: 5, To: 6, With: 3})
	b.remembers("after two kills", 3, map[uint64][]queue.Run{2: want[2], 3: want[3]})
	// What was not taken in this life is still known in the next one.
	b.cursor.Acknowledge([]queue.Done{{4, 0, 2}})
	if err := b.log.Close(); err != nil {
		t.Fatal(err)
	}
	want[4] = []queue.Run{{0, 2, 4}}
	b = open(t, disk, ordinary)
	b.remembers("after a close", 7, want)
	b.cursor.Commit(100)
	if err := b.log.Close(); err != nil {
		t.Fatal(err)
	}
	if left := journals(disk); len(left) > 0 {
		t.Errorf("%v are left, though there is nothing to say", left)
	}
}

// TestCommittedWithoutSync: the place of a cursor is known after a kill though no
// group and no second has written it.
func TestCommittedWithoutSync(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	b.ten(8)
	b.take(6)
	b.cursor.Commit(6)
	b.cursor.Acknowledge(nil)
	disk.Crash()
	b = open(t, disk.After(queuetest.Everything, 1), ordinary)
	if r := b.take(1)[0]; r.Seq != 7 {
		t.Errorf("it goes on with record %d, want 7", r.Seq)
	}
}

// TestJournalIsReplaced: the file does not grow for ever, and no moment of its
// replacement forgets anything.
func TestJournalIsReplaced(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, queue.Options{SegmentBytes: 1 << 20})
	b.ten(3000)
	b.take(3000)
	done := make(map[uint64]bool)
	for round := range 20 {
		for i := range 100 {
			seq := uint64(2 + i*20 + round)
			b.cursor.Acknowledge([]queue.Done{{seq, 1, 2}, {seq, 3, 4}, {seq, 5, 6}, {seq, 7, 10}})
			done[seq] = true
		}
		if round == 10 {
			b.cursor.Commit(1000)
		}
		b.log.Keep()
		if n := len(journals(disk)); n > 1 {
			t.Errorf("%d files of one reader", n)
		}
	}
	for range 4000 {
		b.cursor.Acknowledge([]queue.Done{{2900, 0, 1}, {2901, 2, 3}, {2902, 2, 3}, {2903, 2, 3}, {2904, 2, 3}})
	}
	name := journals(disk)[0]
	b.log.Keep()
	after := journals(disk)
	if len(after) != 1 || after[0] == name {
		t.Errorf("%v, want another file than %s", after, name)
	}
	size := len(disk.Files()[after[0]])
	if size > 512<<10 {
		t.Errorf("the file takes %d bytes", size)
	}
	disk.Crash()
	b = open(t, disk.After(queuetest.Nothing, 1), queue.Options{SegmentBytes: 1 << 20})
	for _, r := range b.take(1899) {
		if got := len(r.Done) == 4; got != done[r.Seq] {
			t.Fatalf("record %d: %v", r.Seq, r.Done)
		}
	}
}

// TestJournalCannotBeWritten: nothing else suffers, and all is said as soon as it
// can be.
func TestJournalCannotBeWritten(t *testing.T) {
	for _, bad := range []queuetest.Op{queuetest.Create, queuetest.Write, queuetest.SyncFile} {
		disk := &queuetest.Disk{}
		b := open(t, disk, ordinary)
		b.ten(8)
		b.take(6)
		b.cursor.Acknowledge([]queue.Done{{2, 0, 1}})
		fails := bad
		disk.FailWith(func(op queuetest.Op, name string) error {
			if op == fails && strings.HasSuffix(name, ".done") {
				return syscall.EIO
			}
			return nil
		})
		b.cursor.Acknowledge([]queue.Done{{3, 0, 1}})
		b.log.Keep()
		b.cursor.Acknowledge([]queue.Done{{4, 0, 1}})
		if complaint := bad == queuetest.Write; strings.Contains(b.written.String(), "is done with cannot be written") != complaint {
			t.Errorf("%s: the log says\n%s", bad, b.written.String())
		}
		fails = ""
		b.log.Keep()
		b.cursor.Acknowledge([]queue.Done{{5, 0, 1}})
		b.log.Keep()
		disk.Crash()
		b = open(t, disk.After(queuetest.Nothing, 1), ordinary)
		b.remembers(string(bad), 8, map[uint64][]queue.Run{2: {{0, 1, 1}}, 3: {{0, 1, 2}}, 4: {{0, 1, 3}}, 5: {{0, 1, 4}}})
	}
}

// TestJournalOfAnotherLog: what is said of a record does not count for another one
// of its number, and not for another reader.
func TestJournalOfAnotherLog(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	b.ten(4)
	b.take(4)
	b.cursor.Acknowledge([]queue.Done{{2, 0, 10}, {3, 0, 10}})
	said := disk.Files()["c.1.done"]

	other := &queuetest.Disk{}
	b = open(t, other, ordinary)
	b.ten(2)
	b.append(2, 3, 100) // the third one is of other bytes
	b.ten(1)
	if err := b.log.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"c.1.done", "gone.1.done", "c.2.done"} {
		content := said
		if name == "c.2.done" {
			content = []byte("SBQDONE\nno journal, though it begins like one")
		}
		other.Put(name, content)
	}
	b = open(t, other, ordinary)
	b.remembers("of another log", 4, map[uint64][]queue.Run{2: {{0, 10, 1}}})
	if left := journals(other); !slices.Equal(left, []string{"c.1.done", "c.2.done"}) {
		t.Errorf("%v are left", left)
	}
}

// TestAcknowledgeWhileKept: a reader, a writer and the keeper at the same time, with
// files that are replaced all the time.
func TestAcknowledgeWhileKept(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, queue.Options{SegmentBytes: 64 << 10})
	const records = 1500
	var all sync.WaitGroup
	stop := make(chan struct{})
	all.Go(func() {
		for range records {
			if err := b.log.Append(queue.Record{Head: []byte{1}, Body: make([]byte, 20), Items: 40}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	all.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				b.log.Keep()
			}
		}
	})
	for n := uint64(1); n <= records; n++ {
		r, err := b.cursor.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var parts []queue.Done
		for i := 0; i < 40; i += 2 {
			parts = append(parts, queue.Done{Seq: r.Seq, From: i, To: i + 1})
		}
		b.cursor.Acknowledge(parts)
		if n > 700 && n%100 == 0 {
			b.cursor.Commit(n - 700)
			b.cursor.Acknowledge(nil)
		}
	}
	close(stop)
	all.Wait()
	disk.Crash()
	b = open(t, disk.After(queuetest.Everything, 1), queue.Options{SegmentBytes: 64 << 10})
	for seq := uint64(801); seq <= records; seq++ {
		if r := b.take(1)[0]; r.Seq != seq || len(r.Done) != 20 {
			t.Fatalf("record %d with %d runs, want %d with 20", r.Seq, len(r.Done), seq)
		}
	}
}

// BenchmarkAcknowledge writes what becomes of a parcel of 500 items, on a real disk:
// of a reader that can commit all of them, and of one that waits for an item before
// them and got every other item of fifty records.
func BenchmarkAcknowledge(b *testing.B) {
	for name, held := range map[string]bool{"committed": false, "held back": true} {
		b.Run(name, func(b *testing.B) {
			log, _, err := queue.Open(queue.Dir(b.TempDir()), queue.Options{Now: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			defer log.Close()
			c, err := log.Cursor("c", queue.CursorOptions{MaxBytes: 1 << 40, WhenFull: queue.Refuse})
			if err != nil {
				b.Fatal(err)
			}
			var parts []queue.Done
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				parts = parts[:0]
				last := uint64(0)
				for range 50 {
					if err := log.Append(queue.Record{Body: make([]byte, 10), Items: 20}); err != nil {
						b.Fatal(err)
					}
					r, _, err := c.TryTake()
					if err != nil {
						b.Fatal(err)
					}
					last = r.Seq
					for i := range 10 {
						parts = append(parts, queue.Done{Seq: r.Seq, From: 2 * i, To: 2*i + 1})
					}
				}
				if held {
					last -= 50
				} else {
					parts = parts[:0]
				}
				c.Commit(last)
				b.StartTimer()
				c.Acknowledge(parts)
			}
		})
	}
}

// TestJournalThatCannotGoOn: files that nobody needs are removed though the disk has no
// room for the next journal: nothing else would make any.
func TestJournalThatCannotGoOn(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	b.append(0, 200, 100)
	before := b.log.Stats().Segments
	for range 200 {
		if _, ok, err := b.cursor.TryTake(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	var many []queue.Done
	for i := range 10_000 {
		many = append(many, queue.Done{Seq: 200, From: 2 * i, To: 2*i + 1})
	}
	for range 10 { // longer than a journal may become
		b.cursor.Acknowledge(many)
	}
	disk.FailWith(func(op queuetest.Op, name string) error {
		if op == queuetest.Create && strings.HasSuffix(name, ".done") {
			return syscall.ENOSPC
		}
		return nil
	})
	b.cursor.Commit(190)
	b.log.Keep()
	b.log.Keep()
	if got, files := b.log.Stats().Segments, segmentFiles(disk); got >= before || files > got+1 {
		t.Errorf("%d segments of %d are left, in %d files", got, before, files)
	}
	if !strings.Contains(b.written.String(), "cannot be written") {
		t.Error("it is not in the log")
	}
}

// segmentFiles is how many files of records there are.
func segmentFiles(disk *queuetest.Disk) (n int) {
	for name := range disk.Files() {
		if strings.HasSuffix(name, ".seg") {
			n++
		}
	}
	return n
}
