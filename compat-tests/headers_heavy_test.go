// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/java"
)

func TestHeadersOfJava(t *testing.T) {
	headersOf(t, java.Headers, 3)
}
