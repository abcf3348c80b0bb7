// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// TestPercentFor: a heap is collected after as much garbage as is said, and one full of
// pointers by the runtime's own rule.
func TestPercentFor(t *testing.T) {
	for _, c := range []struct {
		live, scanned, garbage int64
		want                   int
	}{
		{8 << 20, 1 << 20, 64 << 20, 800},
		{64 << 20, 1 << 20, 64 << 20, 100},
		{256 << 20, 1 << 20, 64 << 20, 25},
		{256 << 20, 128 << 20, 64 << 20, 50},
		{1 << 30, 1 << 30, 64 << 20, 100},
		{8 << 30, 1 << 20, 64 << 20, 10},
		{0, 0, 64 << 20, 1600},
	} {
		if got := percentFor(c.live, c.scanned, c.garbage); got != c.want {
			t.Errorf("%d bytes live, %d scanned, %d of garbage: %d, want %d", c.live, c.scanned, c.garbage, got, c.want)
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
	for percent() > usualPercent/4 {
		if time.Now().After(late) {
			t.Fatalf("GOGC is %d while 512 MiB live without a pointer", percent())
		}
		runtime.GC()
	}
	runtime.KeepAlive(kept)
	stop()
	if percent() != usualPercent {
		t.Errorf("GOGC is %d at the end", percent())
	}
}
