// SPDX-License-Identifier: Apache-2.0

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package queue

import (
	"errors"
	"os"
	"syscall"
)

// Without a lock and without a way to make names durable: the package works, the
// promises of a power cut do not hold.

func syncDir(string) error { return nil }

func lockFile(path string) (f *os.File, taken bool, err error) {
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	return f, false, err
}

func diskFull(err error) bool { return errors.Is(err, syscall.ENOSPC) }

func remove(path string) error { return os.Remove(path) }

func keepWhole(*os.File) error { return nil }
