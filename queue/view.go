// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"errors"
	"io"
)

// viewSize is how much of a file is read at once.
const viewSize = 256 << 10

// glance is how much is read after a jump.
const glance = 8 << 10

// view looks at any place of a file, through a buffer.
type view struct {
	f    File
	size int64
	buf  []byte
	from int64 // where in the file the buffer begins
	sick bool  // parts of the file could not be read
}

func newView(f File) (*view, error) {
	size, err := f.Size()
	return &view{f: f, size: size}, err
}

// at gives up to n bytes from off on, and at least one byte unless the file ends
// there. They are good until the next call.
func (v *view) at(off int64, n int) []byte {
	if off >= v.size {
		return nil
	}
	n = int(min(int64(n), v.size-off))
	if from := off - v.from; from >= 0 && from+int64(n) <= int64(len(v.buf)) {
		return v.buf[from : from+int64(n)]
	}
	want := int64(max(n, viewSize))
	if jump := off - v.from - int64(len(v.buf)); jump > glance || jump < -int64(len(v.buf)) {
		want = int64(max(n, glance)) // the head of a frame, after a long record
	}
	want = min(want, v.size-off)
	if int64(cap(v.buf)) < want {
		v.buf = make([]byte, want)
	}
	v.buf, v.from = v.buf[:want], off
	got, err := v.f.ReadAt(v.buf, off)
	// What cannot be read is zeros, which are no frame: a bad sector costs the
	// records in it.
	clear(v.buf[got:])
	if err != nil && !errors.Is(err, io.EOF) {
		v.sick = true
	}
	return v.buf[:n]
}

// sum is the checksum of n bytes.
func (v *view) sum(off int64, n int, update func([]byte)) bool {
	for n > 0 {
		p := v.at(off, min(n, viewSize))
		if len(p) == 0 {
			return false
		}
		update(p)
		off += int64(len(p))
		n -= len(p)
	}
	return true
}
