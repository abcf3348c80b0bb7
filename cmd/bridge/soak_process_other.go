// SPDX-License-Identifier: Apache-2.0

//go:build !(linux && (amd64 || arm64))

package main

import (
	"errors"
	"os"
	"syscall"
)

// limitFiles is there on Linux only.
func limitFiles(*os.Process, bool) error {
	return errors.New("a running process can be limited on Linux only: give --small-disk a directory on a small file system")
}

func apart() *syscall.SysProcAttr { return nil }
