// SPDX-License-Identifier: Apache-2.0

package python

import (
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// Headers runs headers_app.py over what package headers gives it.
func Headers(t testing.TB, samples string) string {
	t.Helper()
	cmd, err := command(t, "headers_app.py", "requirements-3.txt", "3.11", "3")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = strings.NewReader(samples)
	return lab.Run(t, "headers", cmd, limit)
}
