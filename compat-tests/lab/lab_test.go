// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestPort(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port := Port(t)
		if seen[port] || port < firstPort || port > lastPort {
			t.Errorf("port %d, want a new one from %d to %d", port, firstPort, lastPort)
		}
		seen[port] = true
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}

func TestFetchFillsOnce(t *testing.T) {
	t.Setenv("BRIDGE_LAB_DIR", t.TempDir())
	var fills atomic.Int32
	fill := func(_ context.Context, dir string) error {
		fills.Add(1)
		return os.WriteFile(filepath.Join(dir, "f"), nil, 0o644)
	}
	errs := make(chan error)
	for range 4 {
		go func() {
			dir, err := fetch(t.Context(), "a/b", fill)
			if err == nil {
				_, err = os.Stat(filepath.Join(dir, "f"))
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if fills.Load() != 1 {
		t.Errorf("filled %d times, want once", fills.Load())
	}
}

func TestFetchForgetsWhatWasNotFinished(t *testing.T) {
	t.Setenv("BRIDGE_LAB_DIR", t.TempDir())
	broken := errors.New("broken")
	_, err := fetch(t.Context(), "a", func(_ context.Context, dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "half"), nil, 0o644), broken)
	})
	if !errors.Is(err, broken) {
		t.Fatalf("%v, want %v", err, broken)
	}
	dir, err := fetch(t.Context(), "a", func(context.Context, string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "half")); !os.IsNotExist(err) {
		t.Errorf("the half made file is still there: %v", err)
	}
}

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		if err := retry(t.Context(), "step", func(context.Context) error {
			if n++; n < 4 {
				return errors.New("hiccup")
			}
			return nil
		}); err != nil || n != 4 {
			t.Errorf("%v after %d tries, want success at the fourth", err, n)
		}
		n = 0
		if err := retry(t.Context(), "step", func(context.Context) error { n++; return errors.New("down") }); err == nil || n != 5 {
			t.Errorf("%v after %d tries, want an error after five", err, n)
		}
	})
}

func TestStopEndsChildren(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	p := Start(t, "parent", exec.Command("sh", "-c", "sleep 1000 & echo $! > "+file+".part; mv "+file+".part "+file+"; wait"))
	var child int
	p.Await(t, time.Minute, "having a child", func(context.Context) error {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		_, err = fmt.Sscan(string(b), &child)
		return err
	})
	p.Stop()
	if p.Running() {
		t.Error("the process still runs")
	}
	Eventually(t, time.Minute, "end of the child", func(context.Context) error {
		if err := syscall.Kill(child, 0); !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("signal to pid %d: %v, want none such", child, err)
		}
		return nil
	})
}

func TestRun(t *testing.T) {
	if out := Run(t, "echo", exec.Command("sh", "-c", "echo out; echo err >&2"), time.Minute); out != "out\n" {
		t.Errorf("output %q, want only what goes to standard output", out)
	}
}

// A version switcher puts a name on the path that runs nothing.
func TestInterpreterThatDoesNotRun(t *testing.T) {
	dir := t.TempDir()
	shim := filepath.Join(dir, "python0.9")
	if err := os.WriteFile(shim, []byte("#!/bin/sh\necho not installed >&2\nexit 127\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	_, _, err := interpreter(t.Context(), []string{"0.9"})
	if !errors.Is(err, ErrNoPython) || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("%v, want %v and the reason", err, ErrNoPython)
	}
	if _, full, err := interpreter(t.Context(), []string{"0.9", "3"}); err != nil || !strings.HasPrefix(full, "3.") {
		t.Errorf("%q, %v, want Python 3", full, err)
	}
}
