// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// TestPercentFor: little that lives is collected after as much garbage as is said,
// much by the runtime's own rule.
func TestPercentFor(t *testing.T) {
	for _, c := range []struct {
		live, garbage int64
		want          int
	}{
		{8 << 20, 64 << 20, 800},
		{64 << 20, 64 << 20, 100},
		{1 << 30, 64 << 20, 100},
		{0, 64 << 20, 1600},
		{1 << 20, 1 << 10, 100},
	} {
		if got := percentFor(c.live, c.garbage); got != c.want {
			t.Errorf("%d bytes live, %d of garbage: %d, want %d", c.live, c.garbage, got, c.want)
		}
	}
}

// TestSpareCollector: GOGC follows what lives, collection by collection.
func TestSpareCollector(t *testing.T) {
	t.Setenv("GOGC", "")
	former := debug.SetGCPercent(usualPercent)
	defer debug.SetGCPercent(former)
	runtime.GC()
	stop := spareCollector(8 << 30)
	percent := func() int {
		now := debug.SetGCPercent(usualPercent)
		debug.SetGCPercent(now)
		return now
	}
	if percent() <= usualPercent {
		t.Errorf("GOGC is %d while little lives", percent())
	}
	kept := make([][]byte, 512)
	for i := range kept {
		kept[i] = make([]byte, 1<<20)
	}
	// What the collection finalizes runs soon after it.
	late := time.Now().Add(time.Minute)
	for percent() != usualPercent {
		if time.Now().After(late) {
			t.Fatalf("GOGC is %d while 512 MiB live", percent())
		}
		runtime.GC()
	}
	runtime.KeepAlive(kept)
	stop()
	if percent() != usualPercent {
		t.Errorf("GOGC is %d at the end", percent())
	}
}
