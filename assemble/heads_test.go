// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

// Whatever waits for whatever, and is asked again in whatever order: each id has those
// that wait for it, the one first that began to first.
func TestWaiters(t *testing.T) {
	t.Parallel()
	for _, ids := range []int{3, 100_000} { // long lists, and many
		rng := rand.New(rand.NewPCG(1, uint64(ids)))
		draw := func() (on wait) {
			on = waitFor(key{1, span.ID(rng.IntN(ids))})
			if rng.IntN(4) == 0 {
				on = waitFor(on.keys[0], key{1, on.keys[0].id + span.ID(ids)})
			}
			return on
		}
		var w waiters
		w.init()
		want := make(map[key][]int32)
		of := make(map[int32]wait)
		link := func(slot int32, on wait) {
			of[slot] = on
			for _, k := range on.keys[:on.n] {
				want[k] = append(want[k], slot)
			}
		}
		unlink := func(slot int32) {
			on := of[slot]
			delete(of, slot)
			for _, k := range on.keys[:on.n] {
				if want[k] = slices.DeleteFunc(want[k], func(s int32) bool { return s == slot }); len(want[k]) == 0 {
					delete(want, k)
				}
			}
		}
		check := func() {
			t.Helper()
			for k, slots := range want {
				if got := w.on(k); !slices.Equal(got, slots) {
					t.Fatalf("%v wait for %v, want %v", got, k, slots)
				}
			}
			if w.count != len(of) || len(w.on(key{2, 1})) > 0 {
				t.Fatalf("%d wait, want %d", w.count, len(of))
			}
		}
		for n := range 5000 {
			on := draw()
			w.add(uint32(n), n, &span.Span{}, began.Add(time.Duration(n)), on)
			link(w.last, on)
			switch rng.IntN(4) {
			case 0:
				unlink(w.first)
				w.remove(w.first)
			case 1:
				slot, on := w.first, draw()
				unlink(slot)
				w.change(slot, on)
				link(slot, on)
			}
			if n%500 == 0 {
				check()
			}
		}
		check()
		for _, slot := range slices.Collect(maps.Keys(of)) {
			unlink(slot)
			w.remove(slot)
			if len(of)%500 == 0 {
				check()
			}
		}
		if w.heads.count != 0 || w.first != 0 || w.last != 0 {
			t.Errorf("%d lists, %d is first and %d last", w.heads.count, w.first, w.last)
		}
	}
}

// A collection of the garbage has nothing to look for in what waits.
func TestWithoutPointers(t *testing.T) {
	t.Parallel()
	var free func(reflect.Type) bool
	free = func(a reflect.Type) bool {
		switch a.Kind() {
		case reflect.Struct:
			for f := range a.Fields() {
				if !free(f.Type) {
					return false
				}
			}
			return true
		case reflect.Array:
			return free(a.Elem())
		default:
			return a.Kind() < reflect.Array
		}
	}
	for _, a := range []reflect.Type{reflect.TypeFor[waiter](), reflect.TypeFor[member](), reflect.TypeFor[group](), reflect.TypeFor[user]()} {
		if !free(a) {
			t.Errorf("%v has pointers", a)
		}
	}
	if n := reflect.TypeFor[waiter]().Size(); n != 64 {
		t.Errorf("a waiter takes %d bytes, want 64", n)
	}
}
