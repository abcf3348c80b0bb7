// SPDX-License-Identifier: Apache-2.0

//go:build !fence

package receivers_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/spanbridge/spanbridge/receivers"
	"github.com/spanbridge/spanbridge/span"
)

// TestReliefOfBuffers: memory that is given up makes room at once though it is kept to
// be used again; else more and more would be given up. In a build with the tag "fence"
// it is none of the heap.
func TestReliefOfBuffers(t *testing.T) {
	var mu sync.Mutex
	var taken []*span.Buffer
	for range 100 {
		taken = append(taken, span.NewBuffer(1<<20))
	}
	runtime.GC()
	budget := receivers.NewBudget(120 << 20)
	asked := 0
	budget.Relieve(func(int64) (freed int64) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		for _, f := range taken {
			freed += int64(cap(f.Body))
			f.Release()
		}
		taken = nil
		return freed
	})
	b := start(t, func(o *receivers.Options) {
		o.Budget = budget
		o.Limits.Refuse = true
	})
	if err := b.patient(t.Context(), t, "http"); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if asked != 1 {
		t.Errorf("asked %d times to give something up, want once", asked)
	}
}
