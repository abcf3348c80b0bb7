// SPDX-License-Identifier: Apache-2.0

package span_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
)

func TestTally(t *testing.T) {
	t.Parallel()
	var items []span.Item
	for _, of := range []struct {
		format string
		spans  int
	}{{"zipkin.v2.json", 3}, {"otlp.proto", 2}, {"zipkin.proto3", 1}, {"odd.form", 4}} {
		w := span.NewBuilder(nil, span.Origin{Format: of.format})
		for range of.spans {
			w.Span(span.Span{})
		}
		b := w.Batch()
		for i := range of.spans {
			items = append(items, span.Item{Batch: b, Index: i})
		}
	}
	var n span.Tally
	n.Count(items)
	if want := (span.Tally{span.Zipkin: 4, span.OTLP: 2, span.Unknown: 4}); n != want {
		t.Errorf("%v, want %v", n, want)
	}
	other := span.Tally{span.Jaeger: 1}
	n.Add(&other)
	n.Sub(&span.Tally{span.Zipkin: 4})
	if want := (span.Tally{span.Jaeger: 1, span.OTLP: 2, span.Unknown: 4}); n != want || n.Total() != 7 {
		t.Errorf("%v, want %v", n, want)
	}
}

// Shares add up, and no protocol has more of them than spans.
func TestTallyShare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var all span.Tally
		for p := range all {
			all[p] = rapid.IntRange(0, 20).Draw(t, "spans")
		}
		n := rapid.IntRange(-5, 120).Draw(t, "n")
		part := all.Share(n)
		if want := min(max(n, 0), all.Total()); part.Total() != want {
			t.Fatalf("%v of %v are %d, want %d", part, all, part.Total(), want)
		}
		for p := range all {
			if part[p] < 0 || part[p] > all[p] {
				t.Fatalf("%v of %v", part, all)
			}
		}
	})
}
