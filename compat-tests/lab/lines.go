// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Lines starts a program that does something for each line of its input, and ends
// with it.
func Lines(t testing.TB, name string, cmd *exec.Cmd) (line func(string), end func()) {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	t.Cleanup(func() { out.Close() })
	cmd.Stdin = in
	p := Start(t, name, cmd)
	in.Close()
	line = func(s string) {
		t.Helper()
		if _, err := out.WriteString(s + "\n"); err != nil {
			t.Fatalf("%s has ended: %v\n%s", name, err, p.Tail())
		}
	}
	end = func() {
		t.Helper()
		out.Close()
		EventuallyAfter(t, 2*time.Minute, name+" ends", func(context.Context) error {
			if p.Running() {
				return errors.New("it runs")
			}
			return nil
		})
	}
	return line, end
}
