// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package lab

import (
	"os/exec"
	"syscall"
)

// apart makes cmd the leader of a process group, so that its children can be
// stopped with it.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
