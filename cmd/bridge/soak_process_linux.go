// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"os"
	"syscall"
	"unsafe"
)

// limitFiles lets a process write no byte more to any file (RLIMIT_FSIZE), or as
// many as before. Its writes then fail with EFBIG, as they would with ENOSPC.
func limitFiles(p *os.Process, on bool) error {
	const rlimitFSIZE = 1
	var old syscall.Rlimit
	if err := prlimit(p.Pid, rlimitFSIZE, nil, &old); err != nil {
		return err
	}
	next := old
	next.Cur = old.Max
	if on {
		next.Cur = 0
	}
	return prlimit(p.Pid, rlimitFSIZE, &next, nil)
}

func prlimit(pid, resource int, next, old *syscall.Rlimit) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), uintptr(resource),
		uintptr(unsafe.Pointer(next)), uintptr(unsafe.Pointer(old)), 0, 0)
	if errno != 0 {
		return os.NewSyscallError("prlimit64", errno)
	}
	return nil
}

// apart keeps a Ctrl-C at the terminal from a process that soak ends itself.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
