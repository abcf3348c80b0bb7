// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package queue

import (
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
