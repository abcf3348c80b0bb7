// SPDX-License-Identifier: Apache-2.0

//go:build fence && linux

package span

import (
	"runtime/debug"
	"testing"
)

// TestFence: in this build, reading what was released is a fault; else the tests that
// run in it would find nothing.
func TestFence(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	b := filled(10)
	body, name, s := b.Body(), b.Str(b.Spans()[3].Name), &b.Spans()[3]
	b.Release()
	for what, read := range map[string]func() int{
		"the body": func() int { return int(body[0]) },
		"a text":   func() int { return int(name[0]) },
		"a span":   func() int { return int(s.ID) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s could be read", what)
				}
			}()
			t.Log(read())
		}()
	}
}
