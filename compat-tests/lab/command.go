// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// BridgeCommand is another command of the program that is tested, such as
// bridge ingest. It is not started.
func BridgeCommand(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(bridgeBinary(t), args...)
	// See StartBridge.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BRIDGE_") })
	return cmd
}
