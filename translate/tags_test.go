// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/span"
)

// collect shows the tags of the only span that build makes.
func collect(t *testing.T, tags *Tags, own bool, build func(w *span.Builder) span.Span) string {
	t.Helper()
	w := span.NewBuilder(nil, span.Origin{})
	w.Span(build(w))
	b := w.Batch()
	tags.Collect(b, &b.Spans()[0], own)
	var out []string
	for i := range tags.List {
		out = append(out, tags.List[i].Key+"="+string(tags.List[i].AppendValue(nil, b)))
	}
	return strings.Join(out, " ")
}

func attrs(w *span.Builder, pairs ...string) span.Range {
	mark := w.AttrMark()
	for i := 0; i < len(pairs); i += 2 {
		name, mirrored := strings.CutPrefix(pairs[i], "~")
		a := span.StringAttr(w.Copy(name), w.Copy(pairs[i+1]))
		a.Mirrored = mirrored
		w.Attr(a)
	}
	return w.AttrsFrom(mark)
}

func TestCollect(t *testing.T) {
	t.Parallel()
	var tags Tags // the same for all: nothing of one span may stay for the next
	f := func(own bool, want string, build func(w *span.Builder) span.Span) {
		t.Helper()
		if got := collect(t, &tags, own, build); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	f(false, "", func(*span.Builder) span.Span { return span.Span{} })
	f(false, "a=3 b=2", func(w *span.Builder) span.Span { return span.Span{Attrs: attrs(w, "a", "1", "b", "2", "a", "3")} })
	f(false, "b=2", func(w *span.Builder) span.Span { return span.Span{Attrs: attrs(w, "~a", "1", "b", "2")} })
	f(true, "a=1 b=2", func(w *span.Builder) span.Span { return span.Span{Attrs: attrs(w, "~a", "1", "b", "2")} })
	all := func(w *span.Builder) span.Span {
		return span.Span{
			Attrs:    attrs(w, "a", "span"),
			Resource: w.Resource(span.Resource{Attrs: attrs(w, "a", "resource", "~service.name", "s", "r", "1")}),
			Scope:    w.Scope(span.Scope{Name: w.Copy("lib")}),
			State:    w.Copy("k=v"),
		}
	}
	f(false, "a=span r=1 otel.scope.name=lib w3c.tracestate=k=v", all)
	f(true, "a=span service.name=s r=1", all)
	f(false, "sw8.span_id=2", func(w *span.Builder) span.Span { return span.Span{Agent: w.Agent(span.Agent{Number: 2})} })
	f(false, "sw8.span_id=mine service.instance.id=i sw8.trace_id=t sw8.segment_id=g sw8.parent_segment_id=p sw8.parent_span_id=4 "+
		"sw.layer=Http sw.component=7 sw.peer=h:1", func(w *span.Builder) span.Span {
		mark := w.RefMark()
		w.Ref(span.Ref{Agent: w.AgentRef(span.AgentRef{Segment: w.Copy("other"), Number: 9})})
		w.Ref(span.Ref{Agent: w.AgentRef(span.AgentRef{Segment: w.Copy("p"), Number: 4}), Parent: true})
		return span.Span{
			Attrs:   attrs(w, "sw8.span_id", "mine"),
			Refs:    w.RefsFrom(mark),
			Segment: w.Segment(span.Segment{TraceName: w.Copy("t"), Name: w.Copy("g"), Instance: w.Copy("i")}),
			Agent:   w.Agent(span.Agent{Number: 2, Layer: 3, Component: 7, Peer: w.Copy("h:1")}),
		}
	})
}

func TestLayerName(t *testing.T) {
	t.Parallel()
	f := func(layer int32, want string) {
		t.Helper()
		if got := LayerName(layer); got != want {
			t.Errorf("%d: %s, want %s", layer, got, want)
		}
	}
	f(0, "Unknown")
	f(3, "Http")
	f(7, "GenAI")
	f(8, "8")
	f(-1, "-1")
}

// With many tags a map finds them; it must say the same as the search.
func TestManyTags(t *testing.T) {
	t.Parallel()
	var tags Tags
	for _, n := range []int{0, 1, fewTags, fewTags + 1, 1000, 3} {
		tags.Reset()
		var want []string
		for i := range n {
			key := fmt.Sprint("k", i)
			tags.Set(Tag{Key: key, Text: "old"})
			tags.Set(Tag{Key: key, Text: key})
			tags.Add(key, "not this")
			want = append(want, key)
		}
		if tags.Find("other") >= 0 {
			t.Error("found what is not there")
		}
		for round := range 3 {
			for i, key := range want {
				if at := tags.Find(key); at != i || tags.List[at].Text != key {
					t.Fatalf("%d tags, round %d: %s at %d, want %d", n, round, key, at, i)
				}
			}
			if len(want) != len(tags.List) {
				t.Fatalf("%d tags, want %d", len(tags.List), len(want))
			}
			if i := len(want) / 2; n > 0 && round < 2 && len(want) > 0 {
				tags.Remove(i)
				if tags.Find(want[i]) >= 0 {
					t.Fatalf("%s is still there", want[i])
				}
				want = slices.Delete(want, i, i+1)
			}
		}
	}
}

func TestTagsAllocate(t *testing.T) {
	w := span.NewBuilder(nil, span.Origin{})
	w.Span(span.Span{Attrs: attrs(w, "a", "1", "b", "2", "a", "3")})
	b := w.Batch()
	var tags Tags
	if n := testing.AllocsPerRun(20, func() { tags.Collect(b, &b.Spans()[0], false) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// One span with very many tags must not slow down all that follow.
func BenchmarkTagsAfterMany(b *testing.B) {
	w := span.NewBuilder(nil, span.Origin{})
	w.Span(span.Span{Attrs: attrs(w, "a", "1", "b", "2", "c", "3", "d", "4")})
	batch := w.Batch()
	for _, n := range []int{0, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var tags Tags
			for i := range n {
				tags.Set(Tag{Key: fmt.Sprint(i)})
			}
			b.ReportAllocs()
			for b.Loop() {
				tags.Collect(batch, &batch.Spans()[0], false)
			}
		})
	}
}
