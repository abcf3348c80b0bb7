// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/span"
)

// spot is a span in OAP.
type spot struct {
	segment string
	number  int32
}

func (s spot) String() string { return fmt.Sprintf("%s/%d", s.segment, s.number) }

// joined is a trace as OAP's query and the rules of booster-ui put it together
// (TraceQueryService.sortSpans; D3Graph/Index.vue).
type joined struct {
	spans  map[spot]*agentv3.SpanObject
	parent map[spot]spot // of spans that have one among the spans
	roots  int           // spans that have none
	// What a person sees wrong.
	vnodes   int // roots of segments whose references lead nowhere
	problems []string
}

// join puts segments together. A segment id that comes twice, a hole in the
// numbers, a second root, a reference beside the root or into another trace,
// and a circle are problems; a reference to a span that is not there is one only
// for who wants all parents to be there: it is counted.
func join(segments []*agentv3.SegmentObject) *joined {
	j := &joined{spans: make(map[spot]*agentv3.SpanObject), parent: make(map[spot]spot)}
	wrong := func(format string, args ...any) { j.problems = append(j.problems, fmt.Sprintf(format, args...)) }
	seen := make(map[string]bool)
	for _, g := range segments {
		if seen[g.TraceSegmentId] {
			wrong("segment %s comes twice", g.TraceSegmentId)
		}
		seen[g.TraceSegmentId] = true
		if len(g.Spans) > maxPacked+1 {
			wrong("segment %s has %d spans", g.TraceSegmentId, len(g.Spans))
		}
		for _, s := range g.Spans {
			at := spot{g.TraceSegmentId, s.SpanId}
			if j.spans[at] != nil {
				wrong("number %v comes twice", at)
			}
			j.spans[at] = s
		}
	}
	for _, g := range segments {
		roots := 0
		for _, s := range g.Spans {
			at := spot{g.TraceSegmentId, s.SpanId}
			up := spot{g.TraceSegmentId, s.ParentSpanId}
			if s.ParentSpanId == rootParent {
				roots++
			} else {
				if len(s.Refs) > 0 {
					wrong("%v has references and a parent", at)
				}
				if j.spans[spot{at.segment, at.number - 1}] == nil {
					wrong("a hole before %v", at)
				}
				if j.spans[up] == nil {
					wrong("%v has no parent %v", at, up)
				}
			}
			for _, r := range s.Refs {
				if r.TraceId != g.TraceId {
					wrong("%v refers into trace %s", at, r.TraceId)
				}
				up = spot{r.ParentTraceSegmentId, r.ParentSpanId}
			}
			if j.spans[up] != nil {
				j.parent[at] = up
				continue
			}
			j.roots++
			if len(s.Refs) > 0 {
				j.vnodes++
			}
		}
		if roots != 1 {
			wrong("segment %s has %d roots", g.TraceSegmentId, roots)
		}
	}
	for at := range j.spans {
		steps := 0
		for up, ok := j.parent[at]; ok && steps <= len(j.spans); up, ok = j.parent[up] {
			steps++
		}
		if steps > len(j.spans) {
			wrong("%v is in a circle", at)
		}
	}
	slices.Sort(j.problems)
	return j
}

// idAt is the canonical id of a span: what its tag or its segment's name says.
func (j *joined) idAt(t testing.TB, at spot) span.ID {
	t.Helper()
	for _, kv := range j.spans[at].Tags {
		if kv.Key == tagSpanID {
			id, err := span.ParseID(kv.Value)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
	}
	id, err := span.ParseID(at.segment[16:])
	if err != nil || at.number != 0 {
		t.Fatalf("%v has no id", at)
	}
	return id
}

// tree is the parent of each canonical span in OAP's tree, 0 for none. The span
// around an exit is the exit.
func (j *joined) tree(t testing.TB) map[span.ID]span.ID {
	t.Helper()
	tree := make(map[span.ID]span.ID)
	for _, at := range slices.SortedFunc(maps.Keys(j.spans), func(a, b spot) int { return int(a.number - b.number) }) {
		id := j.idAt(t, at)
		up, ok := j.parent[at]
		switch {
		case !ok:
			tree[id] = 0
		case j.idAt(t, up) != id:
			tree[id] = j.idAt(t, up)
		}
	}
	return tree
}

// joins checks that segments make trees without a fault.
func joins(t testing.TB, segments []*agentv3.SegmentObject) *joined {
	t.Helper()
	j := join(segments)
	for _, p := range j.problems {
		t.Error(p)
	}
	return j
}

// The checker finds what it is there to find.
func TestJoin(t *testing.T) {
	t.Parallel()
	f := func(want string, vnodes int, texts ...string) {
		t.Helper()
		var all []*agentv3.SegmentObject
		for _, text := range texts {
			all = append(all, segment(t, text))
		}
		j := join(all)
		if len(j.problems) == 0 != (want == "") || want != "" && j.problems[0] != want || j.vnodes != vnodes {
			t.Errorf("%q and %d vnodes, want %q and %d", j.problems, j.vnodes, want, vnodes)
		}
	}
	const root = `traceId: "t" traceSegmentId: "a" spans { parentSpanId: -1 }`
	const ref = `refs { traceId: "t" parentTraceSegmentId: "a" parentSpanId: `
	f("", 0, root)
	f("", 0, root, `traceId: "t" traceSegmentId: "b" spans { parentSpanId: -1 `+ref+`0 } }`)
	f("", 1, root, `traceId: "t" traceSegmentId: "b" spans { parentSpanId: -1 `+ref+`1 } }`)
	f("number a/0 comes twice", 0, root, root)
	f("b/0 refers into trace u", 1, root, `traceId: "t" traceSegmentId: "b" spans { parentSpanId: -1 refs { traceId: "u" parentTraceSegmentId: "x" } }`)
	f("a hole before a/2", 0, `traceId: "t" traceSegmentId: "a" spans { parentSpanId: -1 } spans { spanId: 2 }`)
	f("segment a has 2 roots", 0, `traceId: "t" traceSegmentId: "a" spans { parentSpanId: -1 } spans { spanId: 1 parentSpanId: -1 }`)
	f("a/1 has references and a parent", 0, `traceId: "t" traceSegmentId: "a" spans { parentSpanId: -1 } spans { spanId: 1 `+ref+`0 } }`)
	f("a/0 is in a circle", 0, `traceId: "t" traceSegmentId: "a" spans { parentSpanId: -1 `+ref+`0 } }`)
}
