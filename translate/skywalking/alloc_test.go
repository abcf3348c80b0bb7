// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// What is allocated is for the batch and its segments' slabs, not for its spans.
func TestAllocations(t *testing.T) {
	most := func(what string, spans int, n float64, do func()) {
		t.Helper()
		if got := testing.AllocsPerRun(10, do); got > n {
			t.Errorf("%s: %v allocations for %d spans, want at most %v", what, got, spans, n)
		}
	}
	var native *span.Batch
	for format, n := range map[string]float64{formatSegments: 50, formatSegmentsJSON: 200} {
		body, spans := manySegments(t, format)
		most("decode "+format, spans, n, func() { native, _ = tryDecode(format, body) })
	}
	encode := func(what string, batch *span.Batch, o translate.EncoderOptions) {
		t.Helper()
		e, items := NewEncoder(o), spantest.Items(batch)
		most(what, len(items), 1, func() {
			e.Reset()
			e.Add(items)
			e.Messages()
		})
	}
	body, _ := manySegments(t, formatSegments)
	if native, _ = tryDecode(formatSegments, body); native.Len() < 500 {
		t.Fatal(native.Len())
	}
	encode("native segments", native, translate.EncoderOptions{})
	var spans []made
	for i := range 150 {
		for _, m := range home() {
			m.trace = span.TraceID{Hi: 1, Lo: uint64(i + 1)}
			spans = append(spans, m)
		}
	}
	encode("packed", batch("zipkin.v2.json", spans...), plain)
	encode("with residues", batch("zipkin.v2.json", spans...), translate.EncoderOptions{})
}
