// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
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

// bench is a log on a disk with one cursor, and what it was given.
type bench struct {
	t       testing.TB
	disk    *queuetest.Disk
	log     *queue.Log
	found   *queue.Found
	cursor  *queue.Cursor
	clock   time.Time
	written strings.Builder // the log's own log
	dropped map[queue.Why]int
}

var ordinary = queue.Options{SegmentBytes: 4 << 10}

func open(t testing.TB, disk *queuetest.Disk, opts queue.Options) *bench {
	t.Helper()
	b := &bench{t: t, disk: disk, clock: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), dropped: make(map[queue.Why]int)}
	opts.Now = func() time.Time { return b.clock }
	opts.Log = slog.New(slog.NewTextHandler(&b.written, nil))
	var err error
	if b.log, b.found, err = queue.Open(disk, opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.log.Close() })
	b.cursor = b.reader("c", queue.CursorOptions{MaxBytes: 1 << 40, WhenFull: queue.Refuse})
	if err := b.log.Settle(); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) reader(name string, opts queue.CursorOptions) *queue.Cursor {
	b.t.Helper()
	opts.Dropped = func(items int, _ uint8, why queue.Why) { b.dropped[why] += items }
	c, err := b.log.Cursor(name, opts)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// append appends records with the numbers from and so on to before to.
func (b *bench) append(from, to uint64, size int) {
	b.t.Helper()
	for n := from; n < to; n++ {
		if err := b.log.Append(record(n, size)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// drain takes everything there is, and checks that it is what was appended.
func drain(t testing.TB, c *queue.Cursor) (numbers []uint64) {
	t.Helper()
	for {
		r, ok, err := c.TryTake()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return numbers
		}
		n := binary.BigEndian.Uint64(r.Body)
		if want := record(n, len(r.Body)-8); !bytes.Equal(r.Head, want.Head) || !bytes.Equal(r.Body, want.Body) || r.Items != want.Items {
			t.Fatalf("record %d is not what was appended: %d items, %x", n, r.Items, r.Body)
		}
		numbers = append(numbers, n)
	}
}

func upTo(n uint64) (all []uint64) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func equal(t testing.TB, what string, got, want []uint64) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %d records, want %d (-want +got)\n%s", what, len(got), len(want), diff)
	}
}

// TestReopen: what was acknowledged is there after a close, a kill and a power
// cut, and a reader goes on where it was.
func TestReopen(t *testing.T) {
	for _, left := range []queuetest.Left{-1, queuetest.Everything, queuetest.Nothing, queuetest.Some} {
		for seed := range uint64(5) {
			disk := &queuetest.Disk{}
			b := open(t, disk, ordinary)
			b.append(0, 100, 100)
			for range 30 {
				r, _, err := b.cursor.TryTake()
				if err != nil {
					t.Fatal(err)
				}
				if r.Seq <= 20 {
					b.cursor.Commit(r.Seq)
				}
			}
			if left < 0 {
				if err := b.log.Close(); err != nil {
					t.Fatal(err)
				}
			} else {
				b.log.Keep()
			}
			b = open(t, disk.After(max(left, 0), seed), ordinary)
			if b.found.DamagedRecords != 0 || len(b.found.Torn) != 0 || b.found.Short != "" {
				t.Errorf("left %d: %+v", left, b.found)
			}
			want := upTo(100)[20:]
			if items, size := b.cursor.Held(); items != itemsOf(want) || size == 0 {
				t.Errorf("left %d: held %d items, want %d", left, items, itemsOf(want))
			}
			equal(t, fmt.Sprint("left ", left), drain(t, b.cursor), want)
			// And it goes on.
			b.append(100, 120, 100)
			equal(t, "after it", drain(t, b.cursor), upTo(120)[100:])
		}
	}
}

func itemsOf(numbers []uint64) (n int64) {
	for _, x := range numbers {
		n += int64(record(x, 0).Items)
	}
	return n
}

// TestCrashBeforeTheFirstMark: a reader that has just been made is not new after
// a crash, and gets what was acknowledged meanwhile.
func TestCrashBeforeTheFirstMark(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	b.append(0, 3, 10)
	b = open(t, disk.After(queuetest.Nothing, 1), ordinary)
	equal(t, "after the crash", drain(t, b.cursor), upTo(3))
}

// TestPlacesGoWithGroups: what a reader committed before the last group does not
// come again, though its file has not been written since.
func TestPlacesGoWithGroups(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	other := b.reader("other", queue.CursorOptions{MaxBytes: 1 << 30})
	for n := range uint64(100) {
		b.append(n, n+1, 100)
		if _, ok, err := b.cursor.TryTake(); !ok || err != nil {
			t.Fatal(ok, err)
		}
		b.cursor.Commit(n + 1)
		if n < 50 {
			if _, ok, err := other.TryTake(); !ok || err != nil {
				t.Fatal(ok, err)
			}
			other.Commit(n + 1)
		}
	}
	b = open(t, disk.After(queuetest.Nothing, 1), ordinary)
	equal(t, "c", drain(t, b.cursor), []uint64{99})
	equal(t, "other", drain(t, b.reader("other", queue.CursorOptions{MaxBytes: 1 << 30})), upTo(100)[50:])
	if b.found.DamagedRecords > 0 || b.found.TornBytes > 0 {
		t.Errorf("%+v", b.found)
	}
	// A file that was written later counts.
	b.cursor.Commit(1 << 60)
	b.log.Keep()
	b = open(t, b.disk.After(queuetest.Nothing, 1), ordinary)
	equal(t, "c again", drain(t, b.cursor), nil)
}

// TestNewCursor: a reader that is added later gets what comes from then on.
func TestNewCursor(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	b.append(0, 10, 10)
	b.log.Close()
	b = open(t, disk, ordinary)
	late := b.reader("late", queue.CursorOptions{MaxBytes: 1 << 30})
	b.append(10, 12, 10)
	equal(t, "late", drain(t, late), []uint64{10, 11})
	equal(t, "c", drain(t, b.cursor), upTo(12))
}

// TestLostCursors: records of a log whose cursors somebody deleted, or whose
// file is damaged, come again.
func TestLostCursors(t *testing.T) {
	for _, how := range []string{"deleted", "damaged"} {
		disk := &queuetest.Disk{}
		b := open(t, disk, ordinary)
		b.append(0, 10, 10)
		b.log.Close()
		if how == "deleted" {
			if err := disk.Remove("c.cursor"); err != nil {
				t.Fatal(err)
			}
		} else {
			disk.Put("c.cursor", []byte("queue cursor 1\nnext 9\nat 0\nmax 1\nleft -\ncrc32c 00000000\n"))
		}
		b = open(t, disk, ordinary)
		equal(t, how, drain(t, b.cursor), upTo(10))
	}
}

// TestGroupCommit: those who wait while another one writes share a write and a
// sync.
func TestGroupCommit(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, queue.Options{SegmentBytes: 1 << 20})
	gate := make(chan struct{})
	writes := 0
	disk.FailWith(func(op queuetest.Op, _ string) error {
		switch op {
		case queuetest.Write:
			writes++
		case queuetest.SyncFile:
			<-gate
		}
		return nil
	})
	before := disk.Syncs()
	var all sync.WaitGroup
	for n := range uint64(100) {
		all.Go(func() {
			if err := b.log.Append(record(n, 100)); err != nil {
				t.Error(err)
			}
		})
	}
	for b.log.Waiting() < 99 {
		runtime.Gosched()
	}
	close(gate)
	all.Wait()
	got := drain(t, b.cursor)
	slices.Sort(got)
	equal(t, "all", got, upTo(100))
	if syncs := disk.Syncs() - before; syncs != 2 || writes != 2 {
		t.Errorf("%d syncs and %d writes for one record and 99, want 2", syncs, writes)
	}
}

// TestAllAtOnce has writers, readers and the keeper work on real files at the same
// time.
func TestAllAtOnce(t *testing.T) {
	const writers, each = 8, 200
	log, _, err := queue.Open(queue.Dir(t.TempDir()), queue.Options{Now: time.Now, SegmentBytes: 64 << 10, RecentBytes: 20 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	readers := make([]*queue.Cursor, 3)
	for i := range readers {
		if readers[i], err = log.Cursor(fmt.Sprint("r", i), queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Settle(); err != nil {
		t.Fatal(err)
	}
	var all, keeping sync.WaitGroup
	stop := make(chan struct{})
	keeping.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				log.Keep()
				_ = log.Stats()
			}
		}
	})
	for w := range uint64(writers) {
		all.Go(func() {
			for i := range uint64(each) {
				if err := log.Append(record(w*each+i, int(i)*7)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i, c := range readers {
		all.Go(func() {
			seen := make(map[uint64]bool)
			for len(seen) < writers*each {
				r, err := c.Take(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				n := binary.BigEndian.Uint64(r.Body)
				if want := record(n, len(r.Body)-8); seen[n] || !bytes.Equal(r.Body, want.Body) {
					t.Errorf("reader %d: record %d again, or altered", i, n)
				}
				seen[n] = true
				if n%uint64(i+2) == 0 {
					c.Commit(r.Seq)
				}
			}
			c.Commit(1 << 60)
		})
	}
	all.Wait()
	close(stop)
	keeping.Wait()
	log.Keep()
	if s := log.Stats(); s.Segments > 2 || s.Damaged > 0 || s.Failures > 0 {
		t.Errorf("%+v", s)
	}
}

// TestSegmentsGo: files that no reader needs are removed; one reader that lags
// keeps them.
func TestSegmentsGo(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	slow := b.reader("slow", queue.CursorOptions{MaxBytes: 1 << 30})
	b.append(0, 200, 100)
	drain(t, b.cursor)
	b.cursor.Commit(1 << 60)
	b.log.Keep()
	if n := len(disk.Files()); n < 8 {
		t.Errorf("%d files while a reader needs them", n)
	}
	equal(t, "slow", drain(t, slow), upTo(200))
	slow.Commit(1 << 60)
	b.log.Keep()
	if s := b.log.Stats(); s.Segments != 1 {
		t.Errorf("%d segments are left, want the one that is written", s.Segments)
	}
	if names := slices.Sorted(maps.Keys(disk.Files())); len(names) != 3 {
		t.Errorf("files %q, want a segment and two cursors", names)
	}
}

// TestFailedSync: what waits for a sync that fails is not acknowledged; the file
// is never synced again; the next one goes to a new file.
func TestFailedSync(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	b.append(0, 5, 100)
	failed := make(map[string]int)
	fails := true
	disk.FailWith(func(op queuetest.Op, name string) error {
		if op != queuetest.SyncFile || !strings.HasSuffix(name, ".seg") {
			return nil
		}
		if fails || failed[name] > 0 {
			failed[name]++
			return syscall.EIO
		}
		return nil
	})
	if err := b.log.Append(record(1000, 100)); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	if err := b.log.Append(record(1001, 100)); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	fails = false
	b.append(5, 10, 100)
	if len(failed) != 2 {
		t.Errorf("failed syncs by file: %v, want two files", failed)
	}
	for name, n := range failed {
		if n != 1 {
			t.Errorf("%s was synced %d times after the first one failed", name, n-1)
		}
	}
	if s := b.log.Stats(); s.Failures != 2 {
		t.Errorf("%d failures counted, want 2", s.Failures)
	}
	if text := b.written.String(); strings.Count(text, "takes no records") != 1 || strings.Count(text, "takes records again") != 1 {
		t.Errorf("the trouble and its end are logged once each:\n%s", text)
	}
	equal(t, "in the process", drain(t, b.cursor), upTo(10))
	for _, left := range []queuetest.Left{queuetest.Nothing, queuetest.Everything} {
		after := open(t, disk.After(left, 1), ordinary)
		equal(t, "after a power cut", drain(t, after.cursor), upTo(10))
		if after.found.DamagedRecords > 0 {
			t.Errorf("damage reported: %v", after.found.Damages)
		}
	}
}

// TestDiskFull: no room for a segment, none in the middle of a record, and room
// again.
func TestDiskFull(t *testing.T) {
	for _, reserve := range []bool{true, false} {
		disk := &queuetest.Disk{}
		if !reserve {
			disk.FailWith(func(op queuetest.Op, _ string) error {
				if op == queuetest.Reserve {
					return queue.ErrNoReserve
				}
				return nil
			})
		}
		disk.SetSpace(32 << 10)
		b := open(t, disk, queue.Options{SegmentBytes: 8 << 10})
		n := uint64(0)
		var err error
		for err == nil {
			if err = b.log.Append(record(n, 300)); err == nil {
				n++
			}
		}
		if !errors.Is(err, syscall.ENOSPC) || n < 60 {
			t.Fatalf("reserve %v: after %d records: %v", reserve, n, err)
		}
		for range 5 {
			if err := b.log.Append(record(n, 300)); !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
		}
		before := len(disk.Files())
		disk.SetSpace(64 << 10)
		b.append(n, n+20, 300)
		if reserve && len(disk.Files()) > before+2 {
			t.Errorf("%d files, %d before: appends that failed leave some", len(disk.Files()), before)
		}
		equal(t, "in the process", drain(t, b.cursor), upTo(n+20))
		b = open(t, disk.After(queuetest.Nothing, 1), queue.Options{SegmentBytes: 8 << 10})
		equal(t, "after a power cut", drain(t, b.cursor), upTo(n+20))
	}
}

// TestOpenOnAFullDisk: the log opens, is read, takes nothing, and goes on when
// there is room.
func TestOpenOnAFullDisk(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	b.append(0, 50, 100)
	disk = disk.After(queuetest.Everything, 1)
	disk.SetSpace(1)
	b = open(t, disk, ordinary)
	if err := b.log.Append(record(50, 10)); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	equal(t, "read", drain(t, b.cursor), upTo(50))
	disk.SetSpace(0)
	b.append(50, 52, 100)
	equal(t, "after", drain(t, b.cursor), []uint64{50, 51})
}

// TestFailedWrite: a write that ends in the middle harms nothing.
func TestFailedWrite(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	for n := range uint64(40) {
		if n%3 == 1 {
			disk.FailWith(func(op queuetest.Op, name string) error {
				if op == queuetest.Write && strings.HasSuffix(name, ".seg") {
					return syscall.EIO
				}
				if n%2 == 0 && op == queuetest.Truncate {
					return syscall.EIO
				}
				return nil
			})
			if err := b.log.Append(record(1000+n, 100)); !errors.Is(err, syscall.EIO) {
				t.Fatal(err)
			}
			disk.FailWith(nil)
		}
		b.append(n, n+1, 100)
	}
	equal(t, "in the process", drain(t, b.cursor), upTo(40))
	b = open(t, disk.After(queuetest.Everything, 1), ordinary)
	if b.found.DamagedRecords > 0 {
		t.Errorf("damage reported: %v", b.found.Damages)
	}
	got := slices.DeleteFunc(drain(t, b.cursor), func(n uint64) bool { return n >= 1000 })
	equal(t, "after it", got, upTo(40))
}

// TestReadFails: a record that the disk does not give is tried again, and counts
// as damaged in the end.
func TestReadFails(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	b.append(0, 4, 100)
	fails := 3
	disk.FailWith(func(op queuetest.Op, _ string) error {
		if (op == queuetest.Open || op == queuetest.Read) && fails > 0 {
			fails--
			return syscall.EMFILE
		}
		return nil
	})
	for range 3 {
		if _, _, err := b.cursor.TryTake(); !errors.Is(err, syscall.EMFILE) {
			t.Fatal(err)
		}
	}
	if r, ok, err := b.cursor.TryTake(); !ok || err != nil || binary.BigEndian.Uint64(r.Body) != 0 {
		t.Fatal(r, ok, err)
	}
	equal(t, "the rest", drain(t, b.cursor), []uint64{1, 2, 3})
	if len(b.dropped) > 0 {
		t.Errorf("dropped %v", b.dropped)
	}

	// And one that never comes.
	b.append(4, 6, 70<<10)
	disk.FailWith(func(op queuetest.Op, _ string) error {
		if op == queuetest.Read {
			return syscall.EIO
		}
		return nil
	})
	for range 10 {
		if _, _, err := b.cursor.TryTake(); !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
	}
	disk.FailWith(nil)
	equal(t, "the rest", drain(t, b.cursor), []uint64{5})
	if want := map[queue.Why]int{queue.Damaged: record(4, 0).Items}; !maps.Equal(b.dropped, want) || b.log.Stats().Damaged != 1 {
		t.Errorf("dropped %v, want %v", b.dropped, want)
	}
	if items, size := b.cursor.Held(); items != itemsOf(upTo(6))-int64(record(4, 0).Items) || size == 0 {
		t.Errorf("held %d items", items)
	}
}

// TestLock: one process for a directory.
func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "queue")
	opts := queue.Options{Now: time.Now, SegmentBytes: 1 << 16}
	log, _, err := queue.Open(queue.Dir(dir), opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := queue.Open(queue.Dir(dir), opts); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%s is in use by process %d", dir, os.Getpid())) {
		t.Errorf("a second one: %v", err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if log, _, err = queue.Open(queue.Dir(dir), opts); err != nil {
		t.Fatal(err)
	}
	log.Close()
}
