// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package queue

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes durable which files are in a directory.
func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return f.Sync()
}

// removeStep is how much of a long file is given back at once.
const removeStep = 4 << 20

// remove removes a file. Of a long one the space is given back bit by bit: file
// systems do that with their journal held, or tell the disk of it before they let the
// next sync of another file come to its end, which takes tens of milliseconds for a
// segment. The name goes first, so that nobody finds a part of one.
func remove(path string) error {
	if i, err := os.Lstat(path); err != nil || !i.Mode().IsRegular() || i.Size() <= removeStep {
		return os.Remove(path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return os.Remove(path)
	}
	defer func() { _ = f.Close() }()
	if err := os.Remove(path); err != nil {
		return err
	}
	i, err := f.Stat()
	if err != nil {
		return nil // it is removed
	}
	if s, ok := i.Sys().(*syscall.Stat_t); !ok || s.Nlink > 0 {
		return nil // somebody keeps it by another name
	}
	for size := i.Size() - removeStep; size > 0; size -= removeStep {
		if f.Truncate(size) != nil {
			break
		}
	}
	return nil
}

// lockFile takes the lock of a file. The system takes it back when the process
// ends, however it ends.
func lockFile(path string) (f *os.File, taken bool, err error) {
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	for {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			_ = f.Close()
			return nil, errors.Is(err, syscall.EWOULDBLOCK), &os.PathError{Op: "flock", Path: path, Err: err}
		default:
			return f, false, nil
		}
	}
}

// diskFull is true for the error of a write that found no room.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
