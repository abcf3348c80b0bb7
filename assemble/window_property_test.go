// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
)

var formats = []string{"zipkin.v2.json", "jaeger.thrift", "otlp.proto", "skywalking.segment"}

// drawItems makes the spans of one message: few ids, so that they meet.
func drawItems(t *rapid.T) []span.Item {
	w := span.NewBuilder(nil, span.Origin{Format: rapid.SampledFrom(formats).Draw(t, "format")})
	n := rapid.IntRange(1, 6).Draw(t, "spans")
	for range n {
		s := span.Span{
			Trace: span.TraceID{Lo: uint64(rapid.IntRange(1, 2).Draw(t, "trace"))},
			ID:    span.ID(rapid.IntRange(1, 6).Draw(t, "id")), Parent: span.ID(rapid.IntRange(0, 6).Draw(t, "parent")),
			Kind:  span.Kind(rapid.IntRange(0, 5).Draw(t, "kind")),
			Start: rapid.Int64Range(0, 100).Draw(t, "start"), Duration: rapid.Int64Range(0, 100).Draw(t, "duration"),
			Has: span.HasStart | span.HasDuration,
		}
		if rapid.Bool().Draw(t, "shared") {
			s.Has |= span.Shared
		}
		if service := rapid.SampledFrom([]string{"", "a", "A", "b"}).Draw(t, "service"); service != "" {
			s.Local.Service = w.Copy(service)
		}
		if ip := rapid.IntRange(0, 2).Draw(t, "ip"); ip > 0 {
			s.Local.SetIP(netip.AddrFrom4([4]byte{10, 0, 0, byte(ip)}))
		}
		w.Span(s)
	}
	b := w.Batch()
	its := make([]span.Item, b.Len())
	for i := range its {
		s := &b.Spans()[i]
		its[i] = span.Item{Batch: b, Index: i, Identity: span.Identity{ID: s.ID, Parent: s.Parent}}
	}
	return its
}

func drawOptions(t *rapid.T) Options {
	return Options{
		Hold:          time.Duration(rapid.IntRange(0, 3).Draw(t, "hold")) * time.Second,
		Remember:      time.Duration(rapid.IntRange(1, 10).Draw(t, "remember")) * time.Second,
		MaxRemembered: rapid.SampledFrom([]int{1, 10, 1000}).Draw(t, "remembered"),
		MaxSpans:      rapid.SampledFrom([]int{1, 5, 1000}).Draw(t, "most"),
		MaxBytes:      rapid.SampledFrom([]int64{0, 100, 100_000}).Draw(t, "bytes"),
		Together:      rapid.Bool().Draw(t, "together"),
		Settle:        settle, Longest: longest,
		GroupSpans: rapid.SampledFrom([]int{1, 3, 300}).Draw(t, "group"),
	}
}

// Whatever comes in whatever order, split, repeated and late: every span leaves
// once, with an id, under bounds that hold, and nothing is left in the end.
func TestWindowLosesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		opts := drawOptions(t)
		observed := 0
		opts.Observe = func(its []span.Item) { observed += len(its) }
		w := New(opts)
		w.habits.proof = rapid.SampledFrom([]int32{1, usualProof}).Draw(t, "proof")
		w.messages.first = rapid.SampledFrom([]uint32{0, 1<<32 - 3}).Draw(t, "place")
		in := make(map[span.Item]int)
		now, total := began, 0
		out := make(map[span.Item]int)
		drain := func() {
			for _, r := range w.Ready() {
				if r.ID == 0 {
					t.Fatalf("span %+v left without an id", r.Span())
				}
				it := r.Item
				it.Identity = span.Identity{}
				out[it]++
				total--
			}
			w.Take(len(w.Ready()))
			if c := w.Counts(); c.Waiting != total {
				t.Fatalf("%d spans wait, want %d", c.Waiting, total)
			}
		}
		var sent [][]span.Item
		for n := range rapid.IntRange(1, 20).Draw(t, "messages") {
			its := drawItems(t)
			if len(sent) > 0 && rapid.IntRange(0, 4).Draw(t, "repeat") == 0 {
				its = slices.Clone(rapid.SampledFrom(sent).Draw(t, "which"))
			}
			sent = append(sent, slices.Clone(its))
			for _, it := range its {
				it.Identity = span.Identity{}
				in[it]++
				total++
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			if at, ok := w.Next(); ok && !at.After(now) {
				w.Due(now)
			}
			w.Put(uint64(n), its, 50, now)
			if c := w.Counts(); c.Waiting > opts.MaxSpans {
				t.Fatalf("%d spans wait, at most %d may", c.Waiting, opts.MaxSpans)
			}
			if c := w.Counts(); c.Remembered > opts.MaxRemembered+1 {
				t.Fatalf("%d ids are remembered, at most %d may be", c.Remembered, opts.MaxRemembered)
			}
			drain()
		}
		if rapid.Bool().Draw(t, "shutdown") {
			w.Flush(now)
		}
		for at, ok := w.Next(); ok; at, ok = w.Next() {
			if at.After(now.Add(time.Minute)) {
				t.Fatalf("something waits until %v", at)
			}
			w.Due(at)
		}
		drain()
		sum := 0
		for it, n := range in {
			if out[it] != n {
				t.Errorf("a span left %d times, want %d: %+v", out[it], n, it.Span())
			}
			sum += n
		}
		if observed != sum || len(out) != len(in) {
			t.Errorf("%d spans observed, want %d", observed, sum)
		}
		for _, m := range w.messages.list {
			if m.batch != nil {
				t.Errorf("message %d keeps its batch", m.number)
			}
		}
		if w.messages.bytes != 0 || w.waiters.heads.count != 0 {
			t.Errorf("%d bytes and %d ids are left", w.messages.bytes, w.waiters.heads.count)
		}
	})
}

// Two nodes that see different halves of a flagged join agree on every id, and
// ids are unique where they are in the input.
func TestNodesAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		opts := options()
		nodes := []*Window{New(opts), New(opts), New(opts)}
		// On the third node all comes together.
		specs := []string{
			"b - client front/10.0.0.1", "b - server back/10.0.0.2 shared", "b - server back/10.0.0.3 shared",
			"c b client back/10.0.0.2", "d b - back/10.0.0.3", "c b server db/10.0.0.4 shared",
		}
		ids := make(map[string]span.ID)
		collect := func(w *Window) {
			w.Flush(began)
			for _, r := range w.Ready() {
				s := r.Span()
				key := fmt.Sprint(s.ID, s.Kind, r.Place())
				if id, ok := ids[key]; ok && id != r.ID {
					t.Fatalf("%s has id %s at one node and %s at another", key, id, r.ID)
				}
				ids[key] = r.ID
			}
		}
		for n, i := range rapid.Permutation([]int{0, 1, 2, 3, 4, 5}).Draw(t, "order") {
			nodes[rapid.IntRange(0, 1).Draw(t, "node")].Put(uint64(n), items(t, specs[i:i+1]), 10, began)
		}
		nodes[2].Put(0, items(t, specs), 10, began)
		for _, w := range nodes {
			collect(w)
		}
		seen := make(map[span.ID]string)
		for key, id := range ids {
			if other, ok := seen[id]; ok {
				t.Fatalf("%s and %s have id %s", key, other, id)
			}
			seen[id] = key
		}
	})
}

// When groups leave decides nothing about the ids of spans.
func TestHabitsDecideNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		opts := drawOptions(t)
		opts.Together, opts.MaxSpans, opts.MaxBytes = true, 1000, 0
		windows := [2]*Window{New(opts), New(opts)}
		windows[0].habits.proof = 1
		var out [2]map[span.Item]span.Identity // by items without one
		for i := range out {
			out[i] = make(map[span.Item]span.Identity)
		}
		drain := func() {
			for i, w := range windows {
				for _, r := range w.Ready() {
					out[i][span.Item{Batch: r.Batch, Index: r.Index}] = r.Identity
				}
				w.Take(len(w.Ready()))
			}
		}
		now := began
		for n := range rapid.IntRange(1, 30).Draw(t, "messages") {
			its := drawItems(t)
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			for _, w := range windows {
				w.Due(now)
				w.Put(uint64(n), slices.Clone(its), 50, now)
			}
			drain()
		}
		for _, w := range windows {
			for at, ok := w.Next(); ok; at, ok = w.Next() {
				w.Due(at)
			}
		}
		drain()
		if !maps.Equal(out[0], out[1]) {
			t.Fatalf("%v\nwithout habits\n%v", out[0], out[1])
		}
	})
}
