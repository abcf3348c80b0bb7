// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
)

// crashModel is a log that crashes again and again, and what was promised.
type crashModel struct {
	disk    *queuetest.Disk
	log     *queue.Log
	readers map[string]*crashReader
	next    uint64
	tried   map[uint64]bool
	acked   map[uint64]bool
	crashes int
	lies    bool
}

type crashReader struct {
	cursor    *queue.Cursor
	committed map[uint64]bool     // in any life
	taken     map[uint64]bool     // in this one
	done      map[queue.Done]bool // items by themselves, under the number in the record
	inFlight  []queue.Taken
}

// open is false when the process came to its end again meanwhile.
func (m *crashModel) open(t *rapid.T) bool {
	log, found, err := queue.Open(m.disk, queue.Options{Now: time.Now, SegmentBytes: 4 << 10, RecentBytes: 1000})
	if m.disk.Crashed() {
		if err == nil {
			log.Close()
		}
		return false
	}
	if err != nil {
		t.Fatalf("after %d crashes: %v", m.crashes, err)
	}
	if found.DamagedRecords > 0 && !m.lies {
		t.Fatalf("after %d crashes: damage: %v", m.crashes, found.Damages)
	}
	m.log = log
	for name, r := range m.readers {
		if r.cursor, err = log.Cursor(name, queue.CursorOptions{MaxBytes: 1 << 40, WhenFull: queue.Refuse}); err != nil && !m.disk.Crashed() {
			t.Fatal(err)
		}
		r.taken = make(map[uint64]bool)
		r.inFlight = nil
	}
	if err := log.Settle(); err != nil && !m.disk.Crashed() {
		t.Fatal(err)
	}
	return !m.disk.Crashed()
}

func (m *crashModel) crash(t *rapid.T) {
	left := rapid.SampledFrom([]queuetest.Left{queuetest.Everything, queuetest.Nothing, queuetest.Some}).Draw(t, "left")
	seed := rapid.Uint64().Draw(t, "seed")
	m.disk.Crash()
	m.log.Close()
	m.disk = m.disk.After(left, seed)
	m.crashes++
	m.open(t)
	m.check(t)
}

// take gives the number of the record that was taken.
func (m *crashModel) take(t *rapid.T, r *crashReader) bool {
	got, ok, err := r.cursor.TryTake()
	if m.disk.Crashed() {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return false
	}
	n := binary.BigEndian.Uint64(got.Body)
	want := record(n, len(got.Body)-8)
	if string(got.Body) != string(want.Body) || got.Items != want.Items || string(got.Head) != string(want.Head) || !m.tried[n] {
		t.Fatalf("record %d was never appended so", n)
	}
	if r.taken[n] {
		t.Fatalf("record %d came twice in a life", n)
	}
	r.taken[n] = true
	for _, run := range got.Done {
		for i := run.From; i < run.To; i++ {
			if !r.done[queue.Done{Seq: n, From: int(i)}] {
				t.Fatalf("item %d of record %d was never acknowledged", i, n)
			}
		}
	}
	r.inFlight = append(r.inFlight, got)
	return true
}

// check drains every reader: each record that was acknowledged comes, unless the
// reader is done with it.
func (m *crashModel) check(t *rapid.T) {
	for name, r := range m.readers {
		for m.take(t, r) {
		}
		for _, n := range slices.Sorted(maps.Keys(m.acked)) {
			if !r.taken[n] && !r.committed[n] && !m.lies {
				t.Fatalf("after %d crashes: %s has not got record %d", m.crashes, name, n)
			}
		}
	}
}

func (m *crashModel) append(sizes []int) {
	var group []queue.Record
	from := m.next
	for _, size := range sizes {
		group = append(group, record(m.next, size))
		m.tried[m.next] = true
		m.next++
	}
	if err := m.log.AppendGroup(group...); err == nil {
		for n := from; n < m.next; n++ {
			m.acked[n] = true
		}
	}
}

// TestCrashes does random things to a log on a disk that fails, tears, fills up
// and loses its power, at any operation: what was acknowledged is there after it,
// for every reader that is not done with it, and nothing is there that nobody
// appended.
func TestCrashes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { crashes(t, false) })
}

// TestCrashesOfALyingDisk: nothing can be promised then; but the log opens, and
// gives out nothing that is not what was appended.
func TestCrashesOfALyingDisk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { crashes(t, true) })
}

func crashes(t *rapid.T, lies bool) {
	m := &crashModel{
		disk: &queuetest.Disk{}, tried: make(map[uint64]bool), acked: make(map[uint64]bool), lies: lies,
		readers: map[string]*crashReader{
			"a": {committed: make(map[uint64]bool), done: make(map[queue.Done]bool)},
			"b": {committed: make(map[uint64]bool), done: make(map[queue.Done]bool)},
		},
	}
	m.open(t)
	defer func() { m.log.Close() }()
	reader := func(t *rapid.T) *crashReader {
		return m.readers[rapid.SampledFrom([]string{"a", "b"}).Draw(t, "reader")]
	}
	t.Repeat(map[string]func(*rapid.T){
		"append": func(t *rapid.T) {
			m.append(rapid.SliceOfN(rapid.IntRange(0, 1500), 1, 6).Draw(t, "sizes"))
		},
		"take": func(t *rapid.T) { m.take(t, reader(t)) },
		"commit": func(t *rapid.T) {
			r := reader(t)
			if len(r.inFlight) == 0 {
				return
			}
			k := rapid.IntRange(1, len(r.inFlight)).Draw(t, "upto")
			r.cursor.Commit(r.inFlight[k-1].Seq)
			for _, x := range r.inFlight[:k] {
				r.committed[binary.BigEndian.Uint64(x.Body)] = true
			}
			r.inFlight = r.inFlight[k:]
		},
		"acknowledge": func(t *rapid.T) {
			r := reader(t)
			var parts []queue.Done
			for range rapid.IntRange(0, 5).Draw(t, "parts") {
				if len(r.inFlight) == 0 {
					break
				}
				x := r.inFlight[rapid.IntRange(0, len(r.inFlight)-1).Draw(t, "record")]
				if x.Items == 0 {
					continue
				}
				from := rapid.IntRange(0, x.Items-1).Draw(t, "from")
				to := rapid.IntRange(from+1, x.Items).Draw(t, "to")
				parts = append(parts, queue.Done{Seq: x.Seq, From: from, To: to})
				for i := from; i < to; i++ {
					r.done[queue.Done{Seq: binary.BigEndian.Uint64(x.Body), From: i}] = true
				}
			}
			r.cursor.Acknowledge(parts)
		},
		"keep": func(*rapid.T) { m.log.Keep() },
		"fail": func(t *rapid.T) {
			ops := []queuetest.Op{queuetest.Create, queuetest.Write, queuetest.Truncate, queuetest.Reserve, queuetest.SyncFile, queuetest.SyncDir, queuetest.Rename, queuetest.Remove}
			bad, after := rapid.SampledFrom(ops).Draw(t, "op"), rapid.IntRange(0, 3).Draw(t, "after")
			var mu sync.Mutex
			m.disk.FailWith(func(op queuetest.Op, _ string) error {
				mu.Lock()
				defer mu.Unlock()
				if op != bad {
					return nil
				}
				after--
				if after < 0 {
					return fmt.Errorf("%s: %w", op, syscall.EIO)
				}
				return nil
			})
		},
		"works": func(*rapid.T) { m.disk.FailWith(nil) },
		"full":  func(t *rapid.T) { m.disk.SetSpace(int64(rapid.IntRange(1, 30).Draw(t, "KiB")) << 10) },
		"space": func(*rapid.T) { m.disk.SetSpace(0) },
		"liar":  func(*rapid.T) { m.disk.Lie(lies) },
		"crash after": func(t *rapid.T) {
			m.disk.CrashAfter(rapid.IntRange(0, 30).Draw(t, "changes"), rapid.Uint64().Draw(t, "part"))
		},
		"crash": m.crash,
		"close": func(t *rapid.T) {
			m.disk.FailWith(nil)
			m.disk.SetSpace(0)
			err := m.log.Close()
			if m.disk.Crashed() {
				m.crash(t)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !m.open(t) {
				m.crash(t)
				return
			}
			m.check(t)
		},
		"": func(t *rapid.T) {
			if m.disk.Crashed() {
				m.crash(t)
			}
		},
	})
	m.crash(t)
	if !lies {
		m.append([]int{10, 20})
		if errs := m.log.Close(); errs != nil && !errors.Is(errs, queuetest.ErrCrashed) {
			t.Fatal(errs)
		}
	}
}
