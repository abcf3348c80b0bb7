// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// outline shows segments, one line for each span: place, parent, type, name.
func outline(segments []*agentv3.SegmentObject) string {
	var w strings.Builder
	for _, g := range segments {
		fmt.Fprintf(&w, "%s %s@%s\n", strings.TrimLeft(g.TraceSegmentId[16:], "0"), g.Service, g.ServiceInstance)
		for _, s := range g.Spans {
			fmt.Fprintf(&w, "  %d below %d %v %s", s.SpanId, s.ParentSpanId, s.SpanType, s.OperationName)
			if s.SkipAnalysis {
				w.WriteString(" skip")
			}
			for _, r := range s.Refs {
				fmt.Fprintf(&w, " ref %v %s/%d %s@%s %s", r.RefType, strings.TrimLeft(r.ParentTraceSegmentId[16:], "0"), r.ParentSpanId, r.ParentService, r.ParentServiceInstance, r.ParentEndpoint)
			}
			w.WriteByte('\n')
		}
	}
	return w.String()
}

// home is a request to a frontend: it renders, calls the order service, a
// database and a cache. The spans come as a client reports them, children first.
func home() []made {
	of := func(id, parent span.ID, kind span.Kind, name, remote string, ms int64, attrs ...any) made {
		return made{
			id: id, parent: parent, kind: kind, name: name, remote: remote, service: "frontend", ip: "10.0.0.5",
			start: at + ms*1_000_000, duration: 1_000_000, attrs: attrs,
		}
	}
	return []made{
		of(2, 1, span.KindUnset, "render", "", 2),
		of(3, 1, span.KindClient, "get", "order", 5, "http.method", "GET"),
		of(4, 1, span.KindClient, "select users", "mysql", 44, "db.system", "mysql"),
		of(6, 5, span.KindClient, "get k", "redis", 50, "cache.type", "redis"),
		of(5, 1, span.KindInternal, "work", "", 49),
		of(1, 0, span.KindServer, "get /home", "", 0, "http.method", "GET"),
	}
}

const homeD = `3 frontend@10.0.0.5
  0 below -1 Exit GET ref CrossThread 1/0 frontend@10.0.0.5 GET:/home
1 frontend@10.0.0.5
  0 below -1 Entry GET:/home
  1 below 0 Local render
  2 below 0 Exit select users
  3 below 0 Local work
  4 below 3 Exit get k
`

// segmentsFrom writes batches in one call each and reads all that is written.
func segmentsFrom(t testing.TB, e translate.Encoder, batches ...*span.Batch) []*agentv3.SegmentObject {
	t.Helper()
	got, _ := written(t, e, batches...)
	return got
}

func same(t testing.TB, got, want string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// O1, layout D: what other processes may refer to is number 0, the rest is
// packed.
func TestO1Packing(t *testing.T) {
	t.Parallel()
	got := segmentsFrom(t, NewEncoder(plain), batch("zipkin.v2.json", home()...))
	same(t, outline(got), homeD)
	j := joins(t, got)
	if j.roots != 1 || j.vnodes != 0 {
		t.Errorf("%d roots, %d vnodes", j.roots, j.vnodes)
	}
	for _, g := range got {
		if g.TraceId != "463ac35c9f6413ad48485a3953bb6124" {
			t.Errorf("trace %s", g.TraceId)
		}
	}
}

// Layout E: the exit of a remote call stands in a local span, and children of
// other processes refer to the exit.
func TestWrapExits(t *testing.T) {
	t.Parallel()
	order := made{id: 9, parent: 3, kind: span.KindServer, name: "get /orders", service: "order", ip: "10.0.0.7", start: at + 6_000_000, attrs: []any{"http.method", "GET"}}
	got := segmentsFrom(t, NewEncoder(translate.EncoderOptions{WrapExits: true, Residue: translate.Plain}), batch("zipkin.v2.json", append(home(), order)...))
	same(t, outline(got), strings.Replace(homeD, "  0 below -1 Exit GET ref CrossThread 1/0 frontend@10.0.0.5 GET:/home\n",
		"  0 below -1 Local GET skip ref CrossThread 1/0 frontend@10.0.0.5 GET:/home\n  1 below 0 Exit GET\n", 1)+
		"9 order@10.0.0.7\n  0 below -1 Entry GET:/orders ref CrossProcess 3/1 frontend@10.0.0.5 GET:/home\n")
	if j := joins(t, got); j.roots != 1 || j.vnodes != 0 {
		t.Errorf("%d roots, %d vnodes", j.roots, j.vnodes)
	}
	back := decode(t, formatSegments, collection(t, got...))
	if back.Len() != 7 {
		t.Errorf("%d spans, want 7 without the one around the exit", back.Len())
	}
	for i := range back.Spans() {
		if s := &back.Spans()[i]; s.ID == 3 && (s.Parent != 1 || s.Refs.Len() != 1 || !back.Refs(s.Refs)[0].Parent || back.Refs(s.Refs)[0].Span != 1) {
			t.Errorf("the exit came back as %+v", s)
		}
	}
}

// A local span with a child elsewhere is number 0 of its own segment: the child
// refers to it so, whoever told of it.
func TestLocalWithCaller(t *testing.T) {
	t.Parallel()
	entry := made{id: 1, kind: span.KindServer, name: "in", service: "a", ip: "10.0.0.1", start: at}
	local := made{id: 2, parent: 1, name: "local", service: "a", ip: "10.0.0.1", start: at + 1}
	child := made{id: 3, parent: 2, kind: span.KindServer, name: "far", service: "b", ip: "10.0.0.2", remote: "a", start: at + 2}
	const want = "1 a@10.0.0.1\n  0 below -1 Entry in\n" +
		"2 a@10.0.0.1\n  0 below -1 Local local skip ref CrossThread 1/0 a@10.0.0.1 in\n"
	const far = "3 b@10.0.0.2\n  0 below -1 Entry far ref CrossProcess 2/0 a@10.0.0.1 in\n"
	f := func(observed *span.Batch, want string, calls ...*span.Batch) {
		t.Helper()
		e := NewEncoder(plain)
		if observed != nil {
			e.(translate.Observer).Observe(spantest.Items(observed))
		}
		var all []*agentv3.SegmentObject
		for _, b := range calls {
			all = append(all, segmentsFrom(t, e.Fork(), b)...)
		}
		same(t, outline(all), want)
		joins(t, all)
	}
	zipkin := func(spans ...made) *span.Batch { return batch("zipkin.v2.json", spans...) }
	f(nil, want+far, zipkin(entry, local, child))
	f(zipkin(child), want, zipkin(entry, local))
	f(zipkin(child, local), want+far, zipkin(entry, local), zipkin(child))
	// Of the caller only its service is known; the promise is kept all the same.
	f(nil, "3 b@10.0.0.2\n  0 below -1 Entry far ref CrossProcess 2/0 a@unknown unknown\n"+want, zipkin(child), zipkin(entry, local))
	// A local child of another process.
	child.kind, child.remote = span.KindUnset, ""
	f(zipkin(child), want, zipkin(entry, local))
	f(zipkin(local, child), want, zipkin(entry, local))
	// An agent's entry says so as well.
	native := segment(t, `traceId: "463ac35c9f6413ad48485a3953bb6124" traceSegmentId: "j" service: "b" serviceInstance: "i" spans { parentSpanId: -1 startTime: 1 operationName: "far"
		refs { traceId: "463ac35c9f6413ad48485a3953bb6124" parentTraceSegmentId: "`+span.SegmentName(z, 2)+`" parentService: "a" } }`)
	f(decode(t, formatSegments, collection(t, native)), want, zipkin(entry, local))
}

// S6: what comes late gets a segment of its own, below the place where its
// parent was sent, or will be.
func TestS6Late(t *testing.T) {
	t.Parallel()
	f := func(want string, calls ...[]made) {
		t.Helper()
		e := NewEncoder(plain)
		var all []*agentv3.SegmentObject
		for _, spans := range calls {
			all = append(all, segmentsFrom(t, e, batch("zipkin.v2.json", spans...))...)
		}
		same(t, outline(all), want)
		if j := joins(t, all); j.vnodes != 0 {
			t.Errorf("%d vnodes", j.vnodes)
		}
	}
	of := func(id, parent span.ID, kind span.Kind, name string) made {
		return made{id: id, parent: parent, kind: kind, name: name, service: "a", ip: "10.0.0.1", start: at + int64(id)}
	}
	entry, local, inner := of(1, 0, span.KindServer, "in"), of(2, 1, span.KindUnset, "local"), of(3, 2, span.KindUnset, "inner")
	f("1 a@10.0.0.1\n  0 below -1 Entry in\n  1 below 0 Local local\n  2 below 1 Local inner\n", []made{inner, local, entry})
	f("1 a@10.0.0.1\n  0 below -1 Entry in\n  1 below 0 Local local\n"+
		"3 a@10.0.0.1\n  0 below -1 Local inner skip ref CrossThread 1/1 a@10.0.0.1 in\n", []made{local, entry}, []made{inner})
	f("1 a@10.0.0.1\n  0 below -1 Entry in\n"+
		"2 a@10.0.0.1\n  0 below -1 Local local skip ref CrossThread 1/0 a@10.0.0.1 in\n  1 below 0 Local inner\n", []made{entry}, []made{inner, local})
	// The root last of all: no one knows its name yet.
	f("2 a@10.0.0.1\n  0 below -1 Local local skip ref CrossThread 1/0 a@10.0.0.1 unknown\n  1 below 0 Local inner\n"+
		"1 a@10.0.0.1\n  0 below -1 Entry in\n", []made{local, inner}, []made{entry})
	// A local parent last: what was promised of it holds.
	f("3 a@10.0.0.1\n  0 below -1 Local inner skip ref CrossThread 2/0 a@10.0.0.1 unknown\n"+
		"1 a@10.0.0.1\n  0 below -1 Entry in\n"+
		"2 a@10.0.0.1\n  0 below -1 Local local skip ref CrossThread 1/0 a@10.0.0.1 in\n", []made{inner}, []made{entry, local})
	// Another instance of the service is another process.
	local.ip = "10.0.0.2"
	f("1 a@10.0.0.1\n  0 below -1 Entry in\n"+
		"2 a@10.0.0.2\n  0 below -1 Local local skip ref CrossProcess 1/0 a@10.0.0.1 in\n", []made{entry, local})
}

// S6: a span that is reported again is left out and counted, in this payload
// and in later ones; a parcel that is tried again gives the same bytes, whatever
// became known in between.
func TestS6RepeatedSpan(t *testing.T) {
	t.Parallel()
	e := NewEncoder(plain)
	first, second := batch("zipkin.v2.json", home()...), batch("zipkin.v2.json", home()...)
	add := func(e translate.Encoder, b *span.Batch, want int) string {
		t.Helper()
		e.Reset()
		if n := e.Add(spantest.Items(b)); n != want {
			t.Errorf("%d left out, want %d", n, want)
		}
		var out strings.Builder
		for _, m := range e.Messages() {
			if m.Method == methodCollect {
				fmt.Fprintf(&out, "%d %q\n", m.Spans, m.Body)
			}
		}
		return out.String()
	}
	bytes := add(e, first, 0)
	if n := e.Add(spantest.Items(first)); n != first.Len() {
		t.Errorf("%d left out of what the payload has, want all", n)
	}
	add(e, second, second.Len())
	// A child elsewhere of the span "work" would make it a segment of its own.
	far := made{id: 77, parent: 5, kind: span.KindServer, service: "far", start: at}
	e.(translate.Observer).Observe(spantest.Items(batch("zipkin.v2.json", far)))
	fork := e.Fork()
	same(t, add(fork, first, 0), bytes)
	same(t, add(fork, first, 0), bytes)
	add(fork, second, second.Len())
}

// S6: the pieces of a span that are in one call become one span.
func TestS6PartialReports(t *testing.T) {
	t.Parallel()
	begin := made{id: 1, kind: span.KindServer, name: "in", service: "a", ip: "10.0.0.1", start: at, duration: -1, attrs: []any{"k", "first", "http.method", "GET"}, events: []string{"began"}}
	end := made{id: 1, service: "a", duration: -1, attrs: []any{"k", "second", "l", "2"}, events: []string{"ended"}, failed: true}
	long := made{id: 1, service: "a", start: at, duration: 7_000_000, attrs: []any{"m", "3"}}
	const want = `463ac35c9f6413ad48485a3953bb6124 8380552817` + `61a3e80000000000000001 a@10.0.0.1 Entry Http 49 in error
		k=first
		http.method=GET
		%s
		bridge.span_id=0000000000000001
		log 1700000000001 event=%s
		log 1700000000001 event=%s`
	f := func(want string, spans ...made) {
		t.Helper()
		b := batch("zipkin.v2.json", spans...)
		e := NewEncoder(plain)
		got := segmentsFrom(t, e, b)
		shows(t, show(got[0]), want)
		if s := got[0].Spans[0]; len(spans) == 3 && s.EndTime-s.StartTime != 7 {
			t.Errorf("from %d to %d", s.StartTime, s.EndTime)
		}
		if m := e.Messages(); m[len(m)-1].Spans != len(spans) || len(got) != 1 {
			t.Errorf("%d segments, the last with %d spans", len(got), m[len(m)-1].Spans)
		}
	}
	f(fmt.Sprintf(want, "l=2", "began", "ended"), begin, end)
	f(fmt.Sprintf(want, "l=2", "began", "ended"), end, begin)
	f(fmt.Sprintf(want, "m=3\n\t\tl=2", "began", "ended"), begin, end, long)
	// Spans of two services are not one span.
	end.service = "b"
	e := NewEncoder(plain)
	e.Reset()
	if n := e.Add(spantest.Items(batch("zipkin.v2.json", begin, end))); n != 1 {
		t.Errorf("%d left out, want 1", n)
	}
}

// S7: a segment has at most 300 spans; the others keep their links.
func TestS7LongSegment(t *testing.T) {
	t.Parallel()
	spans := []made{{id: 1, kind: span.KindServer, name: "in", service: "a", start: at}}
	for i := range span.ID(320) {
		spans = append(spans, made{id: 2 + i, parent: 1, name: "local", service: "a", start: at + int64(i)})
	}
	// One below a span that has no room in the segment of the root.
	spans = append(spans, made{id: 999, parent: 321, name: "inner", service: "a", start: at + 1000})
	got := segmentsFrom(t, NewEncoder(plain), batch("zipkin.v2.json", spans...))
	j := joins(t, got)
	if len(got) != 22 || len(got[0].Spans) != maxPacked || j.roots != 1 || len(j.spans) != len(spans) {
		t.Errorf("%d segments, %d spans in the first, %d roots", len(got), len(got[0].Spans), j.roots)
	}
	tree := j.tree(t)
	for _, s := range spans {
		if tree[s.id] != s.parent {
			t.Errorf("span %v below %v, want %v", s.id, tree[s.id], s.parent)
		}
	}
}

// O3: an entry of whose caller nothing is known has no reference; the parent is
// kept for who reads the segment.
func TestO3UnknownParent(t *testing.T) {
	t.Parallel()
	entry := made{id: 2, parent: 1, kind: span.KindServer, name: "in", service: "a", start: at}
	got := segmentsFrom(t, NewEncoder(plain), batch("zipkin.v2.json", entry))
	j := joins(t, got)
	if j.roots != 1 || j.vnodes != 0 || len(got[0].Spans[0].Refs) != 0 {
		t.Errorf("%d roots, %d vnodes: %v", j.roots, j.vnodes, got)
	}
	if back := decode(t, formatSegments, collection(t, got...)); back.Spans()[0].Parent != 1 {
		t.Errorf("parent %v", back.Spans()[0].Parent)
	}
	named := plain
	named.UnknownCaller = "elsewhere"
	for _, kind := range []span.Kind{span.KindServer, span.KindConsumer} {
		entry.kind = kind
		r := segmentsFrom(t, NewEncoder(named), batch("zipkin.v2.json", entry))[0].Spans[0].Refs
		if len(r) != 1 || r[0].ParentService != "elsewhere" || r[0].ParentTraceSegmentId != span.SegmentName(span.TraceOf("463ac35c9f6413ad48485a3953bb6124"), 1) || r[0].ParentSpanId != 0 {
			t.Errorf("%s with a name for the unknown: references %v", kind, r)
		}
	}
	entry.kind = span.KindServer
	entry.remote, entry.remoteIP = "front", "10.0.0.9"
	r := segmentsFrom(t, NewEncoder(plain), batch("zipkin.v2.json", entry))[0].Spans[0].Refs
	if len(r) != 1 || r[0].ParentService != "front" || r[0].ParentServiceInstance != "10.0.0.9" || r[0].NetworkAddressUsedAtPeer != "a" {
		t.Errorf("references %v", r)
	}
}

// O5: a chain of 50 services has no more segments than OAP loads for a trace.
func TestO5Chain(t *testing.T) {
	t.Parallel()
	var spans []made
	for i := range span.ID(50) {
		service := fmt.Sprintf("s%d", i)
		spans = append(spans,
			made{id: 10*i + 1, parent: max(10*i, 3) - 3, kind: span.KindServer, name: "in", service: service, start: at + int64(10*i)},
			made{id: 10*i + 2, parent: 10*i + 1, name: "work", service: service, start: at + int64(10*i+1)},
			made{id: 10*i + 3, parent: 10*i + 2, kind: span.KindClient, name: "select", service: service, remote: "db", start: at + int64(10*i+2), attrs: []any{"db.system", "mysql"}},
			made{id: 10*i + 7, parent: 10*i + 2, kind: span.KindClient, name: "get", service: service, remote: fmt.Sprintf("s%d", i+1), start: at + int64(10*i+3)})
	}
	got := segmentsFrom(t, NewEncoder(plain), batch("otlp.proto", spans...))
	if j := joins(t, got); len(got) > 100 || j.roots != 1 || j.vnodes != 0 {
		t.Errorf("%d segments, %d roots, %d vnodes", len(got), j.roots, j.vnodes)
	}
}

// anyTrace is a tree over a few processes, in any order, with some parents that
// nobody reports.
func anyTrace(t *rapid.T) []made {
	var spans []made
	for i := range rapid.IntRange(1, 25).Draw(t, "spans") {
		m := made{id: span.ID(100 + i), start: at + rapid.Int64Range(0, 50).Draw(t, "start")*500_000, duration: 1_000_000, name: fmt.Sprintf("op%d", i)}
		m.kind = rapid.SampledFrom([]span.Kind{span.KindUnset, span.KindUnset, span.KindInternal, span.KindServer, span.KindClient, span.KindProducer, span.KindConsumer}).Draw(t, "kind")
		m.service = rapid.SampledFrom([]string{"a", "a", "b"}).Draw(t, "service")
		m.ip = rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.1", "10.0.0.2"}).Draw(t, "ip")
		if rapid.Bool().Draw(t, "remote") {
			m.remote = "r"
		}
		if rapid.Bool().Draw(t, "database") {
			m.attrs = []any{"db.system", rapid.SampledFrom([]string{"mysql", "redis"}).Draw(t, "system")}
		}
		if i > 0 {
			m.parent = rapid.OneOf(rapid.Map(rapid.IntRange(0, i-1), func(n int) span.ID { return span.ID(100 + n) }), rapid.Just(span.ID(7))).Draw(t, "parent")
		}
		spans = append(spans, m)
	}
	return rapid.Permutation(spans).Draw(t, "order")
}

// S1 and I8: whatever the order and the split, with spans reported again and
// parcels tried again, every span is written once under its own id, the
// numbering holds, and each span has its parent. What is not known in time may
// only cost an entry its reference; once observed, nothing.
func TestS1AnySplit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		spans := anyTrace(rt)
		observed := rapid.Bool().Draw(rt, "observed")
		opts := translate.EncoderOptions{
			WrapExits: rapid.Bool().Draw(rt, "wrap"),
			Residue:   rapid.SampledFrom([]translate.Residue{translate.Exact, translate.Plain}).Draw(rt, "mode"),
		}
		first := NewEncoder(opts)
		whole := batch("zipkin.v2.json", spans...)
		if observed {
			first.(translate.Observer).Observe(spantest.Items(whole))
		}
		var all []*agentv3.SegmentObject
		items := spantest.Items(whole)
		for len(items) > 0 {
			n := rapid.IntRange(1, len(items)).Draw(rt, "parcel")
			e := first.Fork()
			var bytes [2]string
			for try := range bytes {
				e.Reset()
				for at := 0; at < n; {
					to := rapid.IntRange(at+1, n).Draw(rt, "call")
					if try == 1 {
						to = n
					}
					if left := e.Add(items[at:to]); left != 0 {
						rt.Fatalf("%d left out", left)
					}
					at = to
				}
				var messages []string
				for _, m := range e.Messages() {
					if m.Method == methodCollect {
						messages = append(messages, string(m.Body[34:68]))
					}
				}
				slices.Sort(messages)
				bytes[try] = strings.Join(messages, " ")
				if try == 0 {
					got, _ := read(t, e.Messages())
					all = append(all, got...)
				}
				if rapid.Bool().Draw(rt, "no second try") {
					break
				}
			}
			if bytes[1] != "" && bytes[0] != bytes[1] {
				rt.Fatalf("tried again: %q, at first %q", bytes[1], bytes[0])
			}
			items = items[n:]
		}
		if n := first.Add(spantest.Items(batch("zipkin.v2.json", spans...))); n != len(spans) {
			rt.Fatalf("%d of %d left out the second time", n, len(spans))
		}
		j := join(all)
		if len(j.problems) > 0 {
			rt.Fatalf("%q\n%s", j.problems, outline(all))
		}
		tree := j.tree(t)
		entries := make(map[span.ID]bool)
		for at, s := range j.spans {
			entries[j.idAt(t, at)] = s.SpanType == agentv3.SpanType_Entry && len(s.Refs) == 0
		}
		back := decode(t, formatSegments, collection(t, all...))
		if back.Len() != len(spans) {
			rt.Fatalf("%d spans came back, want %d", back.Len(), len(spans))
		}
		read := make(map[span.ID]span.ID)
		for i := range back.Spans() {
			read[back.Spans()[i].ID] = back.Spans()[i].Parent
		}
		for _, m := range spans {
			if parent, ok := read[m.id]; !ok || parent != m.parent {
				rt.Fatalf("%v came back below %v, want %v", m.id, parent, m.parent)
			}
			want := m.parent
			if want == 7 {
				want = 0
			}
			if got, ok := tree[m.id]; !ok || got != want && (observed || !entries[m.id]) {
				rt.Fatalf("%v is below %v, want %v\n%s", m.id, got, want, outline(all))
			}
		}
	})
}
