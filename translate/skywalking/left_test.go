// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

// What OAP does not get by itself is told apart: pieces that became one span, what
// was written before, what cannot be written beside another service's span.
func TestLeft(t *testing.T) {
	t.Parallel()
	report := func(format string, id span.ID, service string, kind span.Kind) []span.Item {
		w := span.NewBuilder(nil, span.Origin{Format: format})
		s := span.Span{ID: id, Kind: kind}
		s.Trace.Lo = 1
		s.Local.Service = w.Copy(service)
		w.Span(s)
		return spantest.Items(w.Batch())
	}
	e := newEncoder(newMemory(), plain)
	add := func(want span.LeftOut, reports ...[]span.Item) {
		t.Helper()
		var items []span.Item
		for _, r := range reports {
			items = append(items, r...)
		}
		e.Reset()
		if n, all := e.Add(items), want.NoForm.Total()+want.Repeated.Total(); n != all {
			t.Errorf("%d were not written, want %d", n, all)
		}
		got := *e.Left()
		got.Why = ""
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	whole, piece := report("zipkin.v2.json", 1, "a", span.KindServer), report("jaeger.proto", 1, "a", span.KindUnset)
	add(span.LeftOut{Merged: span.Tally{span.Jaeger: 1}}, whole, piece)
	add(span.LeftOut{Repeated: span.Tally{span.OTLP: 1}}, report("otlp.proto", 1, "a", span.KindServer))
	add(span.LeftOut{NoForm: span.Tally{span.Zipkin: 1}}, report("otlp.proto", 2, "a", span.KindServer), report("zipkin.v2.json", 2, "b", span.KindServer))
	native := decode(t, formatSegments, collection(t, segmentsOf(t, "java")...))
	again := decode(t, formatSegments, collection(t, segmentsOf(t, "java")...))
	add(span.LeftOut{Repeated: span.Tally{span.SkyWalking: again.Len()}}, spantest.Items(native), spantest.Items(again))
}

// A late child refers to where its parent went, also when another process has sent
// that: it is enough to write it again and to send nothing.
func TestLateChildOfAnotherProcess(t *testing.T) {
	t.Parallel()
	spans := func(ids ...span.ID) []span.Item {
		w := span.NewBuilder(nil, span.Origin{Format: "otlp.proto"})
		for _, id := range ids {
			s := span.Span{ID: id, Parent: id - 1, Kind: span.KindInternal, Has: span.HasStart | span.HasDuration, Start: int64(id) * 1e9, Duration: 1e9}
			if id == 1 {
				s.Kind = span.KindServer
			}
			s.Trace.Lo = 1
			s.Local.Service = w.Copy("a")
			w.Span(s)
		}
		return spantest.Items(w.Batch())
	}
	late := func(e *Encoder) string {
		e.Reset()
		e.Observe(spans(3))
		e.Add(spans(3))
		m := e.Messages()
		return string(m[len(m)-1].Body)
	}
	first, second, ignorant := newEncoder(newMemory(), plain), newEncoder(newMemory(), plain), newEncoder(newMemory(), plain)
	for _, e := range []*Encoder{first, second} {
		e.Reset()
		e.Observe(spans(1, 2))
		e.Add(spans(1, 2))
	}
	want := late(first)
	if got := late(second); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := late(ignorant); got == want {
		t.Error("it makes no difference whether the parent is known")
	}
}
