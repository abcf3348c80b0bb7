// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import "testing"

// TestSoakLong is the form for CI: two minutes under more load.
func TestSoakLong(t *testing.T) {
	nothingLost(t, "--duration", "100s", "--rate", "4000", "--kills", "40")
}
