// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"errors"
	"os"
	"syscall"
)

// reserve is fallocate. Not every file system has it.
func reserve(f *os.File, size int64) error {
	for {
		switch err := syscall.Fallocate(int(f.Fd()), 0, 0, size); {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS):
			return ErrNoReserve
		case err != nil:
			return &os.PathError{Op: "fallocate", Path: f.Name(), Err: err}
		default:
			return nil
		}
	}
}

// syncData is fdatasync: it leaves out times and what else is not needed to read
// the data again.
func syncData(f *os.File) error {
	for {
		switch err := syscall.Fdatasync(int(f.Fd())); {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		default:
			return nil
		}
	}
}
