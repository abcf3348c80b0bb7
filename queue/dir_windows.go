// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"errors"
	"os"
	"syscall"
)

// syncDir does nothing: Windows keeps names in its own journal and has no way to
// ask for it.
func syncDir(string) error { return nil }

// lockFile opens a file in a way that nobody else can.
func lockFile(path string) (f *os.File, taken bool, err error) {
	const sharingViolation = syscall.Errno(32)
	p, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, false, err
	}
	h, err := syscall.CreateFile(p, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, errors.Is(err, sharingViolation), &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), false, nil
}

func remove(path string) error { return os.Remove(path) }

func keepWhole(*os.File) error { return nil }

// diskFull is true for the error of a write that found no room.
func diskFull(err error) bool {
	const handleDiskFull, full = syscall.Errno(39), syscall.Errno(112)
	return errors.Is(err, full) || errors.Is(err, handleDiskFull) || errors.Is(err, syscall.ENOSPC)
}
