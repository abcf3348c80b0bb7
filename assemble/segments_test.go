// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/skywalking"
)

// segments are those of an OAP behind a window.
type segments struct {
	window  *Window
	encoder translate.Encoder
	of      map[string]int
}

func newSegments(proof int32) *segments {
	first := skywalking.NewEncoder(translate.EncoderOptions{})
	opts := options()
	opts.Together, opts.Settle, opts.Longest, opts.GroupSpans = true, settle, longest, 300
	opts.Observe = first.Fork().(translate.Observer).Observe
	w := New(opts)
	w.habits.proof = proof
	return &segments{w, first.Fork(), make(map[string]int)}
}

// put sends a message at a time, after what is due until then.
func (g *segments) put(n uint64, its []span.Item, now time.Time) {
	for at, ok := g.window.Next(); ok && !at.After(now); at, ok = g.window.Next() {
		g.window.Due(at)
		g.write()
	}
	if len(its) > 0 {
		g.window.Put(n, its, 10, now)
		g.write()
	}
}

func (g *segments) write() {
	var its []span.Item
	for _, r := range g.window.Ready() {
		its = append(its, r.Item)
	}
	g.window.Take(len(its))
	g.encoder.Reset()
	g.encoder.Add(its)
	for _, m := range g.encoder.Messages() {
		g.of[string(m.Body)]++
	}
}

// Of services that add nothing to whole groups the same segments leave, whether they
// are waited for or not, in whatever messages the spans of a trace come.
func TestSegmentsOfHabits(t *testing.T) {
	t.Parallel()
	const front, cart, stock = 0, 1, 2
	trace := [][]string{
		front: {"1 - server front/10.0.0.1 0+900", "2 1 - front/10.0.0.1 10+20", "3 1 client front/10.0.0.1 100+500"},
		cart:  {"8 3 server cart/10.0.0.2 120+400", "4 8 - cart/10.0.0.2 130+20", "5 4 client cart/10.0.0.2 200+100"},
		stock: {"6 5 server stock/10.0.0.3 210+80", "7 6 - stock/10.0.0.3 220+10"},
	}
	for name, order := range map[string][][]string{
		"at once":           {append(append(trace[front][:3:3], trace[cart]...), trace[stock]...)},
		"callees first":     {trace[stock], trace[cart], trace[front]},
		"callers first":     {trace[front], trace[cart], trace[stock]},
		"clients first":     {trace[front][2:], trace[cart][2:], trace[stock], trace[cart][:2], trace[front][:2]},
		"children at first": {trace[stock][1:], trace[stock][:1], trace[cart][1:], trace[cart][:1], trace[front][1:], trace[front][:1]},
	} {
		for _, format := range formats[:3] {
			t.Run(format+" "+name, func(t *testing.T) {
				t.Parallel()
				waiting, quick := newSegments(math.MaxInt32), newSegments(5)
				now, n := began, uint64(0)
				for i := range uint64(40) {
					for _, specs := range order {
						now = now.Add(50 * time.Millisecond)
						n++
						its := itemsOf(t, format, specs)
						for k := range its {
							its[k].Batch.Spans()[its[k].Index].Trace.Lo = i + 1
						}
						for _, g := range []*segments{waiting, quick} {
							g.put(n, slices.Clone(its), now)
						}
					}
				}
				if in, than := quick.window.Counts().Waiting, waiting.window.Counts().Waiting; in > than/2 {
					t.Errorf("%d spans wait, and without habits %d", in, than)
				}
				for _, g := range []*segments{waiting, quick} {
					g.put(0, nil, now.Add(time.Minute))
				}
				for body, times := range waiting.of {
					if quick.of[body] != times {
						t.Errorf("%d times, without habits %d: %q", quick.of[body], times, body)
					}
				}
				if n := len(waiting.of); n == 0 || len(quick.of) != n {
					t.Errorf("%d segments, without habits %d", len(quick.of), n)
				}
			})
		}
	}
}
