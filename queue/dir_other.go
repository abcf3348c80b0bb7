// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package queue

import "os"

// reserve needs a system call of its own on each platform, if there is one: files
// grow with every write here, and each sync writes their length too.
func reserve(*os.File, int64) error { return ErrNoReserve }

// syncData is fsync: F_FULLFSYNC on macOS, FlushFileBuffers on Windows.
func syncData(f *os.File) error { return f.Sync() }
