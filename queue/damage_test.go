// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
)

// The damage that nine other stores were measured with. filled is the files of a
// log of n records, closed or killed, and the name of the segment at hand.
func filled(t *testing.T, n uint64, closed bool, opts queue.Options) (files map[string][]byte, segments []string) {
	t.Helper()
	disk := &queuetest.Disk{}
	b := open(t, disk, opts)
	b.append(0, n, 100)
	if closed {
		if err := b.log.Close(); err != nil {
			t.Fatal(err)
		}
	} else {
		b.log.Keep()
		disk = disk.After(queuetest.Everything, 1)
	}
	files = disk.Files()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".seg") {
			segments = append(segments, name)
		}
	}
	return files, segments
}

// with opens a log of files, one of which has another content.
func with(t *testing.T, files map[string][]byte, name string, content []byte, opts queue.Options) *bench {
	t.Helper()
	disk := &queuetest.Disk{}
	for n, content := range files {
		disk.Put(n, content)
	}
	disk.Put(name, content)
	return open(t, disk, opts)
}

// told is true when the log has said that something is wrong, or has counted it.
func (b *bench) told() bool {
	return b.found.DamagedRecords > 0 || len(b.found.Torn) > 0 || b.found.TornBytes > 0 || b.found.Short != "" || b.dropped[queue.Damaged] > 0
}

const frame = 48 + 4 + 108 // of a record of the test, which is a multiple of 8

// TestCutAtEveryByte cuts the file at every byte of the last two frames.
func TestCutAtEveryByte(t *testing.T) {
	const n = 20
	for _, closed := range []bool{true, false} {
		files, segments := filled(t, n, closed, ordinary)
		name := segments[0]
		for cut := 64 + (n-2)*frame; cut <= 64+n*frame; cut++ {
			b := with(t, files, name, files[name][:cut], ordinary)
			whole := uint64(cut-64) / frame
			equal(t, fmt.Sprintf("closed %v, cut at %d", closed, cut), drain(t, b.cursor), upTo(whole))
			if !b.told() {
				t.Errorf("closed %v, cut at %d: nobody was told", closed, cut)
			}
			if in := (cut - 64) % frame; in >= 48 {
				want := fmt.Sprintf("record %d with %d items", whole+1, record(whole, 0).Items)
				if !strings.Contains(b.written.String(), want) {
					t.Errorf("closed %v, cut at %d: the log does not name the %s:\n%s", closed, cut, want, b.written.String())
				}
			}
			// What is appended now is not lost either, nor taken for what was.
			b.append(n, n+2, 100)
			b.log.Keep()
			b = open(t, b.disk.After(queuetest.Nothing, 1), ordinary)
			equal(t, "after it", drain(t, b.cursor), append(upTo(whole), n, n+1))
			b.log.Close()
		}
	}
}

// TestFlips flips a bit at random places: nothing but the record that it hit is
// lost, no altered record is given out, and who is responsible is told.
func TestFlips(t *testing.T) {
	const n = 100
	rng := rand.New(rand.NewPCG(7, 7))
	for _, closed := range []bool{true, false} {
		files, segments := filled(t, n, closed, ordinary)
		for range 700 {
			name := segments[rng.IntN(len(segments))]
			// Where the records are: what is reserved after them holds nothing.
			content := bytes.Clone(files[name])
			place := rng.IntN(len(bytes.TrimRight(content, "\x00")))
			content[place] ^= 1 << rng.IntN(8)
			b := with(t, files, name, content, ordinary)
			got := drain(t, b.cursor)
			missing := slices.DeleteFunc(upTo(n), func(x uint64) bool { return slices.Contains(got, x) })
			if len(missing) > 1 || len(got)+len(missing) != n || !slices.IsSorted(got) {
				t.Fatalf("%s, byte %d: records %v are lost of %d", name, place, missing, n)
			}
			if len(missing) == 1 && !b.told() {
				t.Fatalf("%s, byte %d: nobody was told of record %v", name, place, missing)
			}
			if items, _ := b.cursor.Held(); items != itemsOf(got) {
				t.Fatalf("%s, byte %d: %d items are held, %d were taken", name, place, items, itemsOf(got))
			}
			b.log.Close()
		}
	}
}

// TestDamageOfABlock overwrites a whole block in the middle, with zeros or
// rubbish.
func TestDamageOfABlock(t *testing.T) {
	const n = 400
	opts := queue.Options{SegmentBytes: 1 << 20}
	rng := rand.New(rand.NewPCG(7, 8))
	for _, closed := range []bool{true, false} {
		files, segments := filled(t, n, closed, opts)
		name := segments[0]
		for i := range 100 {
			content := bytes.Clone(files[name])
			size := 1 + rng.IntN(4096)
			at := rng.IntN(64 + n*frame - size)
			for j := range content[at : at+size] {
				content[at+j] = byte(rng.Uint32()) * byte(i%2)
			}
			b := with(t, files, name, content, opts)
			got := drain(t, b.cursor)
			if most := size/frame + 2; len(got) < n-most || !slices.IsSorted(got) {
				t.Fatalf("%d bytes at %d: %d records are left of %d", size, at, len(got), n)
			}
			if len(got) < n && !b.told() {
				t.Fatalf("%d bytes at %d: nobody was told", size, at)
			}
			if lost := n - len(got); closed && b.found.DamagedRecords > lost {
				t.Fatalf("%d bytes at %d: %d records reported, %d lost", size, at, b.found.DamagedRecords, lost)
			}
			b.log.Close()
		}
	}
}

// TestAppended appends 5,000 bytes that are no records.
func TestAppended(t *testing.T) {
	const n = 192
	opts := queue.Options{SegmentBytes: 1 << 20}
	random := make([]byte, 5000)
	rng := rand.New(rand.NewPCG(7, 9))
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	for _, closed := range []bool{true, false} {
		files, segments := filled(t, n, closed, opts)
		name := segments[0]
		for what, more := range map[string][]byte{
			"random": random, "zeros": make([]byte, 5000),
			// Frames of the same file, from its beginning, and of another one.
			"frames": files[name][64 : 64+30*frame],
			"others": func() []byte { f, s := filled(t, 30, true, opts); return f[s[0]] }(),
		} {
			content := bytes.TrimRight(files[name], "\x00")
			content = append(slices.Clip(content), make([]byte, -len(content)&7)...)
			b := with(t, files, name, append(content, more...), opts)
			equal(t, what, drain(t, b.cursor), upTo(n))
			if b.found.DamagedRecords > 0 {
				t.Errorf("%s: damage reported: %v", what, b.found.Damages)
			}
			if what != "zeros" && b.found.TornBytes == 0 {
				t.Errorf("%s: nobody was told", what)
			}
			b.log.Close()
		}
	}
}

// TestLostFiles removes each file in turn.
func TestLostFiles(t *testing.T) {
	const n = 100
	files, segments := filled(t, n, true, ordinary)
	for i, name := range segments {
		disk := &queuetest.Disk{}
		for n, content := range files {
			if n != name {
				disk.Put(n, content)
			}
		}
		b := open(t, disk, ordinary)
		got := drain(t, b.cursor)
		if len(got) >= n || len(got) < n-30 {
			t.Errorf("file %d: %d records are left of %d", i, len(got), n)
		}
		// The last one is missed by nobody: no reader has been there.
		if last := i == len(segments)-1; b.found.DamagedRecords != n-len(got) && !last {
			t.Errorf("file %d: %d records reported, %d are lost", i, b.found.DamagedRecords, n-len(got))
		}
	}
}

// TestDamagedWhileItRuns: a bit that flips in a file that is read later costs the
// record, which is counted with its items and for each reader once.
func TestDamagedWhileItRuns(t *testing.T) {
	disk := &queuetest.Disk{}
	b := open(t, disk, ordinary)
	other := b.reader("other", queue.CursorOptions{MaxBytes: 1 << 30})
	b.append(0, 100, 100)
	_, segments := filledFiles(disk)
	disk.Alter(segments[1], func(p []byte) { p[64+3*frame+100] ^= 4 })
	got := drain(t, b.cursor)
	if len(got) != 99 {
		t.Fatalf("%d records, want 99", len(got))
	}
	lost := slices.DeleteFunc(upTo(100), func(x uint64) bool { return slices.Contains(got, x) })
	items := record(lost[0], 0).Items
	if b.dropped[queue.Damaged] != items || b.log.Stats().Damaged != 1 {
		t.Errorf("dropped %v, want %d; %+v", b.dropped, items, b.log.Stats())
	}
	equal(t, "other", drain(t, other), got)
	if b.dropped[queue.Damaged] != 2*items || b.log.Stats().Damaged != 1 {
		t.Errorf("dropped %v, want %d; %+v", b.dropped, 2*items, b.log.Stats())
	}
	if want := fmt.Sprintf("record %d with %d items", lost[0]+1, items); !strings.Contains(b.written.String(), want) {
		t.Errorf("the log does not name the %s:\n%s", want, b.written.String())
	}
	b.cursor.Commit(1 << 60)
	if items, size := b.cursor.Held(); items != 0 || size != 0 {
		t.Errorf("%d items and %d bytes are held", items, size)
	}
}

func filledFiles(disk *queuetest.Disk) (files map[string][]byte, segments []string) {
	files = disk.Files()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".seg") {
			segments = append(segments, name)
		}
	}
	return files, segments
}

// TestOtherVersion: a log of a later version is not touched.
func TestOtherVersion(t *testing.T) {
	files, segments := filled(t, 3, true, ordinary)
	content := bytes.Clone(files[segments[0]])
	queue.SetVersion(content, 2)
	disk := &queuetest.Disk{}
	disk.Put(segments[0], content)
	if _, _, err := queue.Open(disk, queue.Options{Now: time.Now}); err == nil || !strings.Contains(err.Error(), "format 2, want 1") {
		t.Errorf("got %v", err)
	}
}
