// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/skywalking"
)

// What an encoder did for a span it does for others of the same keys and types,
// whatever their values are.
func TestPlanIsDraft(t *testing.T) {
	t.Parallel()
	segments := decoder(skywalking.Protocol, "skywalking.segments")
	rapid.Check(t, func(t *rapid.T) {
		var b *span.Batch
		var err error
		if n := rapid.IntRange(0, len(sources)).Draw(t, "source"); n < len(sources) {
			b, err = sources[n].decode(sources[n].body(t))
		} else {
			b, err = segments(segmentsBody(t))
		}
		if err == nil && rapid.Bool().Draw(t, "detour") {
			b, err = detour(t, b)
		}
		if err != nil {
			t.Fatal(err)
		}
		list := items(b)
		for n := range span.ID(3) {
			more := items(otherValues(t, b))
			for i := range more {
				// SkyWalking writes no span twice.
				it := &more[i]
				it.ID += (n + 1) << 32
				if it.Parent != 0 {
					it.Parent += (n + 1) << 32
				}
			}
			list = append(list, more...)
		}
		mode := rapid.SampledFrom([]translate.Residue{translate.Exact, translate.Exact, translate.Plain}).Draw(t, "mode")
		for _, to := range sightTargets {
			sameByDraft(t, to, list, mode)
		}
		sameSegments(t, list, mode)
	})
}

// otherValues is a batch whose attributes have other values, and whose spans may
// have other ends and outcomes.
func otherValues(t *rapid.T, b *span.Batch) *span.Batch {
	d := b.Draft()
	spans := d.Spans()
	for i := range spans {
		s := &spans[i]
		s.Has &^= span.Exact
		ranges := []span.Range{s.Attrs}
		if r := b.Resource(s.Resource); r != nil {
			ranges = append(ranges, r.Attrs)
		}
		for _, r := range ranges {
			attrs := d.Attrs(r)
			for n := range attrs {
				a := &attrs[n]
				mirrored := a.Mirrored
				switch a.Type {
				case span.String:
					text := rapid.SampledFrom([]string{
						"", "true", "false", "a", "a longer text than a word", "with \"quotes\"", "ümlaut", "10.1.2.3", "::1", "7",
						"client", b.Str(s.Remote.Service), b.Str(s.Local.Service), b.Str(s.StatusMessage), "yAnnotations",
					}).Draw(t, "text")
					*a = span.StringAttr(a.Key, d.Copy(text))
				case span.Int:
					*a = span.IntAttr(a.Key, rapid.SampledFrom([]int64{0, 1, -1, 7, int64(s.Remote.Port), 1 << 40}).Draw(t, "int"))
				case span.Bool:
					*a = span.BoolAttr(a.Key, rapid.Bool().Draw(t, "bool"))
				}
				a.Mirrored = mirrored
			}
		}
		if rapid.Bool().Draw(t, "swap") {
			s.Remote, s.StatusMessage = s.Local, span.Text{}
		}
	}
	return d.Batch()
}
