// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os/exec"
	"syscall"
)

// apart makes cmd the leader of a process group, so that its children can be
// stopped with it. The kernel ends it when the test process dies: `go test`
// runs no cleanup when its time is over.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
