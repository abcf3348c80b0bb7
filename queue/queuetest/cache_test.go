// SPDX-License-Identifier: Apache-2.0

package queuetest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
)

// twin is a file of a cache, and the same of a disk in memory.
type twin struct{ got, want queue.File }

// play does random things to a directory and to a disk in memory alike, and
// compares what can be seen of them.
func play(t *testing.T, rng *rand.Rand, got queue.FS, want *queuetest.Disk, steps int) {
	t.Helper()
	names := []string{"a", "b", "c", "d"}
	open := make(map[string]twin)
	same := func(what string, err, err2 error) bool {
		t.Helper()
		if (err == nil) != (err2 == nil) || errors.Is(err, fs.ErrNotExist) != errors.Is(err2, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) != errors.Is(err2, fs.ErrExist) {
			t.Fatalf("%s: %v, want %v", what, err, err2)
		}
		return err == nil
	}
	// A name that means another file now keeps its old handle for reads and writes
	// nowhere in the queue: it is let go.
	drop := func(name string) {
		if f, ok := open[name]; ok {
			f.got.Close()
			delete(open, name)
		}
	}
	for range steps {
		name := names[rng.IntN(len(names))]
		f, isOpen := open[name]
		at, size := rng.Int64N(3000), rng.Int64N(4000)
		switch op := rng.IntN(20); {
		case op < 2:
			g, err := got.Create(name)
			w, err2 := want.Create(name)
			if same("create", err, err2) {
				drop(name)
				open[name] = twin{g, w}
			}
		case op < 3:
			g, err := got.Open(name, true)
			w, err2 := want.Open(name, true)
			if same("open", err, err2) {
				drop(name)
				open[name] = twin{g, w}
			}
		case op < 4:
			to := names[rng.IntN(len(names))]
			if to == name {
				continue
			}
			if same("rename", got.Rename(name, to), want.Rename(name, to)) {
				drop(to)
				if isOpen {
					delete(open, name)
					open[to] = f
				}
			}
		case op < 5:
			if same("remove", got.Remove(name), want.Remove(name)) {
				drop(name)
			}
		case op < 7:
			same("sync of the directory", got.Sync(), want.Sync())
		case !isOpen:
		case op < 10:
			p := make([]byte, 1+rng.IntN(1500))
			for i := range p {
				p[i] = byte(rng.Uint32()) | 1
			}
			n, err := f.got.WriteAt(p, at)
			n2, err2 := f.want.WriteAt(p, at)
			if same("write", err, err2); n != n2 {
				t.Fatalf("%d bytes are written, want %d", n, n2)
			}
		case op < 11:
			same("truncate", f.got.Truncate(size), f.want.Truncate(size))
		case op < 12:
			same("reserve", f.got.Reserve(size), f.want.Reserve(size))
		case op < 14:
			same("sync", f.got.Sync(), f.want.Sync())
		default:
			p, p2 := make([]byte, 1+size), make([]byte, 1+size)
			n, err := f.got.ReadAt(p, at)
			n2, err2 := f.want.ReadAt(p2, at)
			if n != n2 || !errors.Is(err, err2) || !bytes.Equal(p, p2) {
				t.Fatalf("%d bytes are read, %v, want %d, %v; the same bytes: %v", n, err, n2, err2, bytes.Equal(p, p2))
			}
			length, err := f.got.Size()
			length2, err2 := f.want.Size()
			if same("size", err, err2); length != length2 {
				t.Fatalf("the size is %d, want %d", length, length2)
			}
		}
		list, err := got.Names()
		list2, err2 := want.Names()
		if same("names", err, err2); !slices.Equal(list, list2) {
			t.Fatalf("%q, want %q", list, list2)
		}
	}
	for name := range open {
		drop(name)
	}
}

// contents are the files of a directory, as a process finds them that starts now.
func contents(t *testing.T, dir queue.FS) map[string][]byte {
	t.Helper()
	c := queuetest.NewCache(dir)
	names, err := c.Names()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]byte)
	for _, name := range names {
		f, err := c.Open(name, false)
		if err != nil {
			t.Fatal(err)
		}
		if all[name], err = io.ReadAll(io.NewSectionReader(f, 0, 1<<30)); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return all
}

// A cache reads like a disk, and leaves on the directory beneath what is left of a
// disk whose power went.
func TestCacheLosesWhatIsNotSynced(t *testing.T) {
	for seed := range uint64(300) {
		dir, disk := queue.Dir(t.TempDir()), &queuetest.Disk{}
		rng := rand.New(rand.NewPCG(seed, 0))
		for life := range uint64(3) {
			play(t, rng, queuetest.NewCache(dir), disk, 60+rng.IntN(60))
			disk = disk.After(queuetest.Nothing, life)
			got, want := contents(t, dir), disk.Files()
			if !maps.EqualFunc(got, want, bytes.Equal) {
				t.Fatalf("seed %d, life %d: %s, want %s", seed, life, sizes(got), sizes(want))
			}
		}
	}
}

func sizes(files map[string][]byte) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "%s: %d bytes; ", name, len(files[name]))
	}
	return b.String()
}

// What leaks is seen by nobody while the process lives, and is some of what was not
// synced when it ends.
func TestCacheLeaks(t *testing.T) {
	more, all := 0, 0
	for seed := range uint64(300) {
		dir, disk := queue.Dir(t.TempDir()), &queuetest.Disk{}
		rng := rand.New(rand.NewPCG(seed, 0))
		c := queuetest.NewCache(dir)
		c.Leak(seed)
		play(t, rng, c, disk, 100)
		if !maps.EqualFunc(contents(t, dir), disk.After(queuetest.Nothing, 0).Files(), bytes.Equal) {
			more++
		}
		if maps.EqualFunc(contents(t, dir), disk.After(queuetest.Everything, 0).Files(), bytes.Equal) {
			all++
		}
	}
	if more < 200 || all > 100 {
		t.Errorf("of 300 runs %d left more than was synced, %d all of it", more, all)
	}
}

// Sectors of one write reach the disk each by itself.
func TestCacheTearsWrites(t *testing.T) {
	const sectors = 64
	dir := queue.Dir(t.TempDir())
	c := queuetest.NewCache(dir)
	c.Leak(1)
	f, err := c.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before, after := bytes.Repeat([]byte("a"), sectors*512), bytes.Repeat([]byte("b"), sectors*512)
	for _, p := range [][]byte{before, after} {
		if _, err := f.WriteAt(p, 0); err != nil {
			t.Fatal(err)
		}
		if p[0] == 'a' {
			if err := errors.Join(f.Sync(), c.Sync()); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := contents(t, dir)["a"]
	if len(got) != len(before) {
		t.Fatalf("%d bytes, want %d", len(got), len(before))
	}
	written := 0
	for i := 0; i < len(got); i += 512 {
		s := got[i : i+512]
		if !bytes.Equal(s, before[:512]) && !bytes.Equal(s, after[:512]) {
			t.Fatalf("sector %d is torn", i/512)
		}
		written += int(s[0] - 'a')
	}
	if written == 0 || written == sectors {
		t.Errorf("%d of %d sectors were written", written, sectors)
	}
}

// As on Linux: what a sync could not write is not written by the next one, though
// the process reads it.
func TestCacheSyncFailsOnce(t *testing.T) {
	disk := &queuetest.Disk{}
	c := queuetest.NewCache(disk)
	f, err := c.Create("a")
	if err == nil {
		err = c.Sync()
	}
	if err != nil {
		t.Fatal(err)
	}
	write := func(p string, at int64) {
		t.Helper()
		if _, err := f.WriteAt([]byte(p), at); err != nil {
			t.Fatal(err)
		}
	}
	write("first", 0)
	disk.FailWith(func(op queuetest.Op, _ string) error {
		if op == queuetest.Write {
			return syscall.EIO
		}
		return nil
	})
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("%v", err)
	}
	disk.FailWith(nil)
	write("second", 5)
	if err := f.Sync(); err != nil {
		t.Errorf("%v", err)
	}
	p := make([]byte, 11)
	if _, err := f.ReadAt(p, 0); err != nil || string(p) != "firstsecond" {
		t.Errorf("%q, %v", p, err)
	}
	if got := string(disk.Files()["a"]); got == "firstsecond" || !strings.HasSuffix(got, "second") {
		t.Errorf("%q is on the disk", got)
	}
}
