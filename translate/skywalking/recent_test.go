// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
)

// A table answers as a map would, from which the oldest key goes when there are too
// many.
func TestRecent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{1, 3, 40, 600}).Draw(t, "limit")
		few := rapid.Uint64Range(1, 8).Draw(t, "hashes") // so that keys meet
		r := newRecent[uint64, string](limit, func(k uint64) uint64 { return k % few })
		r.count = rapid.SampledFrom([]uint32{0, math.MaxUint32 - 700, math.MaxUint32}).Draw(t, "count")
		want := make(map[uint64]string)
		var order []uint64
		for range rapid.IntRange(1, 1500).Draw(t, "puts") {
			k := rapid.Uint64Range(0, uint64(2*limit)).Draw(t, "key")
			if v, ok := want[k]; ok {
				i := r.find(k)
				if i == noSlot || *r.at(i) != v || r.again(i, k) != i || r.again(0, k) != i {
					t.Fatalf("%d is not kept", k)
				}
				continue
			}
			if r.find(k) != noSlot || r.get(k) != nil || r.again(noSlot, k) != noSlot {
				t.Fatalf("%d is kept", k)
			}
			v := rapid.StringN(0, 3, -1).Draw(t, "value")
			*r.put(k) = v
			want[k] = v
			if order = append(order, k); len(order) > limit {
				delete(want, order[0])
				order = order[1:]
			}
		}
		for k, v := range want {
			if got := r.get(k); got == nil || *got != v {
				t.Fatalf("%d is not kept", k)
			}
		}
		if r.n != len(want) {
			t.Fatalf("%d keys, want %d", r.n, len(want))
		}
	})
}

// A text keeps its number as long as somebody has it, and no other has that.
func TestNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := names{seed: maphash.MakeSeed()}
		type holder struct {
			n     int32
			text  string
			loose bool
		}
		var holders []holder
		texts := rapid.Map(rapid.IntRange(0, 300), func(n int) string {
			return strings.Repeat("n", n/60*30) + strings.Repeat("é", n%60) // some do not fit
		})
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			s := texts.Draw(t, "text")
			at := rapid.IntRange(0, max(len(holders)-1, 0)).Draw(t, "at")
			switch what := rapid.IntRange(0, 5).Draw(t, "what"); {
			case what < 2 || len(holders) == 0:
				holders = append(holders, holder{g.hold(s), s, false})
			case what == 2:
				holders = append(holders, holder{g.holdLoose(s), s, true})
			case what == 3:
				h := holders[at]
				holders = append(holders, holder{g.share(h.n), h.text, h.loose})
			case what == 4:
				g.release(holders[at].n)
				holders = slices.Delete(holders, at, at+1)
			default:
				h := &holders[at]
				same := h.text == s
				n := g.swap(h.n, s)
				*h = holder{n, s, h.loose && same}
			}
			for i, h := range holders {
				if g.text(h.n) != h.text {
					t.Fatalf("%q, want %q", g.text(h.n), h.text)
				}
				for _, other := range holders[:i] {
					if same := other.n == h.n; same && other.text != h.text || !same && other.text == h.text && !h.loose && !other.loose {
						t.Fatalf("%d and %d for %q and %q", other.n, h.n, other.text, h.text)
					}
				}
			}
		}
		for _, h := range holders {
			g.release(h.n)
		}
		used := 0
		for n := int32(1); n < g.n; n++ {
			used += int(g.at(n).users)
		}
		if used != 0 || len(g.long) != 0 {
			t.Fatalf("%d users and %d long texts are left", used, len(g.long))
		}
	})
}

func TestIndex(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var x index
		for range rapid.IntRange(1, 5).Draw(t, "calls") {
			n := rapid.IntRange(0, 60).Draw(t, "spans")
			x.reset(n)
			want := make(map[spanKey]int32)
			for i := range int32(n) {
				k := spanKey{span.TraceID{Lo: rapid.Uint64Range(0, 1).Draw(t, "trace")}, span.ID(rapid.IntRange(0, 40).Draw(t, "id"))}
				if at, ok := x.get(k); ok != (want[k] != 0) || ok && at != want[k] {
					t.Fatalf("%d, %v, want %d", at, ok, want[k])
				}
				x.put(k, i+1)
				want[k] = i + 1
			}
		}
	})
}
