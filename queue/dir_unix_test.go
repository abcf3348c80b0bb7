// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package queue

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestALongFileGoesBitByBit: the name of a long file goes at once, its space in steps,
// and what somebody keeps by another name stays as it is.
func TestALongFileGoesBitByBit(t *testing.T) {
	const size = 3*removeStep + 1
	for _, kept := range []bool{false, true} {
		folder := t.TempDir()
		path, other := filepath.Join(folder, "segment"), filepath.Join(folder, "backup")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		if kept {
			if err := os.Link(path, other); err != nil {
				t.Fatal(err)
			}
		}
		if err := Dir(folder).Remove("segment"); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Fatalf("the file is there: %v", err)
		}
		i, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int64{false: 1, true: size}[kept]; i.Size() != want {
			t.Errorf("kept by another name %v: %d bytes, want %d", kept, i.Size(), want)
		}
	}
	if err := Dir(t.TempDir()).Remove("none"); !os.IsNotExist(err) {
		t.Errorf("removing nothing: %v", err)
	}
}

// TestARemovedSegmentStaysWhole: whoever has opened a segment can read all of it, though
// it is removed meanwhile: bridge queue beside a gateway, a cursor whose records are
// dropped. Nobody opens a part of one.
func TestARemovedSegmentStaysWhole(t *testing.T) {
	const size = 2*removeStep + 1
	name := segmentName(1, 1)
	folder := t.TempDir()
	path := filepath.Join(folder, name)
	long := func() {
		t.Helper()
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, size)); err != nil {
			t.Fatal(err)
		}
	}
	long()
	f, err := Dir(folder).Open(name, false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Dir(folder).Remove(name); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Size(); n != size || err != nil {
		t.Errorf("%d bytes are left to its reader, want %d: %v", n, size, err)
	}

	// One that was opened and not yet kept when it was removed.
	long()
	late, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if err := Dir(folder).Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := keepWhole(late); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a part of a segment is kept: %v", err)
	}
}

// TestKeepWhole: what is just being made shorter is not there any more.
func TestKeepWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segment")
	f, taken, err := lockFile(path)
	if taken || err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := keepWhole(reader); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("kept beside whoever removes it: %v", err)
	}
	f.Close()
	for range 2 {
		if err := keepWhole(reader); err != nil {
			t.Error(err)
		}
	}
}

// TestLeave: a reader lets go of a segment that is to be removed, and of no other.
func TestLeave(t *testing.T) {
	folder := t.TempDir()
	s := &segment{name: segmentName(1, 1)}
	if err := os.WriteFile(filepath.Join(folder, s.name), make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	e := entry{segment: s, size: 100, limit: 1000}
	var r reader
	defer r.close()
	for range 2 {
		if _, err := r.frame(Dir(folder), e); err != nil {
			t.Fatal(err)
		}
		r.leave(&segment{name: s.name})
		if r.file == nil {
			t.Fatal("it has let go of another segment")
		}
		r.mu.Lock()
		r.leave(s) // which is just read
		r.mu.Unlock()
		if r.file == nil {
			t.Fatal("it has let go of what is read")
		}
		r.leave(s)
		if r.file != nil || r.segment != nil || len(r.buf) > 0 {
			t.Fatal("it has not let go")
		}
	}
}
