// SPDX-License-Identifier: Apache-2.0

package queuetest

import (
	"errors"
	"io"
	"slices"
	"syscall"
)

type file struct {
	d     *Disk
	i     *inode
	name  string
	write bool
}

var errReadOnly = errors.New("queuetest: the file was opened to read")

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.crashed {
		return 0, ErrCrashed
	}
	if f.d.fault != nil {
		if err := f.d.fault(Read, f.name); err != nil {
			return 0, err
		}
	}
	if off < 0 {
		return 0, errors.New("queuetest: a negative offset")
	}
	if off >= int64(len(f.i.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.i.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if !f.write {
		return 0, errReadOnly
	}
	n, err := f.d.change(Write, f.name, len(p))
	if grow := off + int64(n) - int64(len(f.i.data)); grow > f.d.room() {
		n = max(0, n-int(grow-f.d.room()))
		err = errors.Join(err, syscall.ENOSPC)
	}
	f.change(change{off, slices.Clone(p[:n])})
	return n, err
}

func (f *file) change(c change) {
	if c.data != nil && len(c.data) == 0 {
		return
	}
	f.i.data = c.apply(f.i.data)
	f.i.pending = append(f.i.pending, c)
}

func (f *file) Truncate(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if !f.write {
		return errReadOnly
	}
	if _, err := f.d.change(Truncate, f.name, 0); err != nil {
		return err
	}
	f.change(change{off: size})
	return nil
}

func (f *file) Reserve(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if _, err := f.d.change(Reserve, f.name, 0); err != nil {
		return err
	}
	grow := size - int64(len(f.i.data))
	if grow <= 0 {
		return nil
	}
	if grow > f.d.room() {
		return syscall.ENOSPC
	}
	f.change(change{off: size})
	return nil
}

func (f *file) Size() (int64, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.crashed {
		return 0, ErrCrashed
	}
	return int64(len(f.i.data)), nil
}

func (f *file) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	_, err := f.d.change(SyncFile, f.name, 0)
	f.d.syncs++
	if err == nil && f.d.lies {
		return nil
	}
	if err != nil {
		// Like Linux: the changes are taken for written from now on, and are not.
		f.i.pending = nil
		return err
	}
	for _, c := range f.i.pending {
		f.i.durable = c.apply(f.i.durable)
	}
	f.i.pending = nil
	return nil
}

func (f *file) Close() error { return nil }
