// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A build of Jaeger from nothing on two busy cores takes a quarter of an hour.
const fetchLimit = 45 * time.Minute

// Dir is where downloads and builds live between runs: $BRIDGE_LAB_DIR, or
// spanbridge-lab in the user's cache directory.
func Dir() (string, error) {
	dir := os.Getenv("BRIDGE_LAB_DIR")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no cache directory, set BRIDGE_LAB_DIR: %w", err)
		}
		dir = filepath.Join(cache, "spanbridge-lab")
	}
	return filepath.Abs(dir)
}

// Fetch returns the folder of the cache with this name. If it is not complete,
// fill makes its content first. Processes that want the same folder wait for
// the one that fills it. The name must change whenever the content would.
func Fetch(t testing.TB, name string, fill func(ctx context.Context, dir string) error) string {
	t.Helper()
	dir, err := fetch(t.Context(), name, fill)
	if err != nil {
		t.Fatalf("lab: %s: %v", name, err)
	}
	return dir
}

func fetch(ctx context.Context, name string, fill func(ctx context.Context, dir string) error) (string, error) {
	root, err := Dir()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	unlock, err := lockFile(ctx, filepath.Join(root, "locks", strings.ReplaceAll(name, "/", "_")))
	if err != nil {
		return "", err
	}
	defer unlock()

	dir := filepath.Join(root, filepath.FromSlash(name))
	complete := filepath.Join(dir, ".complete")
	if _, err := os.Stat(complete); err == nil {
		return dir, nil
	}
	// What an interrupted run left behind cannot be trusted.
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := fill(ctx, dir); err != nil {
		return "", err
	}
	return dir, os.WriteFile(complete, nil, 0o644)
}

// retry is for steps that ask a package registry: one that hiccups must not
// fail a run of tests.
func retry(ctx context.Context, what string, step func(ctx context.Context) error) error {
	const tries = 5
	pause := 2 * time.Second
	var errs []error
	for n := 1; ; n++ {
		err := step(ctx)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
		if n == tries || ctx.Err() != nil {
			return fmt.Errorf("%s: %d tries: %w", what, n, errors.Join(errs...))
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// lockFile waits until no other process holds the file. The lock ends with the
// process, so a killed run blocks nobody.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("lock %s: held by another process: %w", path, ctx.Err())
		case <-tick.C:
		}
	}
}

// contentKey is a short name for some texts, to be part of a folder's name.
func contentKey(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}
