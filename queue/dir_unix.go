// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package queue

import (
	"errors"
	"io/fs"
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
// segment. The name goes first, so that nobody finds a part of one, and one that
// somebody reads stays whole until it is closed; see keepWhole.
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
	if flock(f, syscall.LOCK_EX) != nil {
		return nil // somebody reads it
	}
	for size := i.Size() - removeStep; size > 0; size -= removeStep {
		if f.Truncate(size) != nil {
			break
		}
	}
	return nil
}

// keepWhole has remove leave a file as it is as long as f is open. The error is
// fs.ErrNotExist if the file is removed already: then f may be a part of it.
func keepWhole(f *os.File) error {
	gone := &os.PathError{Op: "open", Path: f.Name(), Err: fs.ErrNotExist}
	if errors.Is(flock(f, syscall.LOCK_SH), syscall.EWOULDBLOCK) {
		return gone
	}
	// Where there are no such locks, remove has none either and leaves files whole.
	i, err := f.Stat()
	if err != nil {
		return err
	}
	if s, ok := i.Sys().(*syscall.Stat_t); ok && s.Nlink == 0 {
		return gone
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
	if err := flock(f, syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, errors.Is(err, syscall.EWOULDBLOCK), &os.PathError{Op: "flock", Path: path, Err: err}
	}
	return f, false, nil
}

// flock takes a lock of an open file that goes with its descriptor; it does not wait.
func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// diskFull is true for the error of a write that found no room.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
