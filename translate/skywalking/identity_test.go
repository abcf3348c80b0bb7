// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// I1: values that every node, header and report must agree on.
func TestI1Values(t *testing.T) {
	t.Parallel()
	trace := func(name, want string) {
		t.Helper()
		var hex [32]byte
		if got := string(span.TraceOf(name).AppendHex32(hex[:0])); got != want {
			t.Errorf("trace %s: %s, want %s", name, got, want)
		}
	}
	trace(javaTrace, "5741ef14a11c13bf5919387eb2d5b5f7")
	trace("463ac35c9f6413ad48485a3953bb6124", "463ac35c9f6413ad48485a3953bb6124")
	trace("de5980b8-fce3-4a37-aab9-b4ac3af7eedd", "de5980b8fce34a37aab9b4ac3af7eedd")
	trace("463ac35c9f6413ad", "0000000000000000463ac35c9f6413ad")
	java := span.TraceOf(javaTrace)
	id := func(t0 span.TraceID, segment string, number int32, want string) {
		t.Helper()
		if got := span.SpanOf(t0, segment, number).String(); got != want {
			t.Errorf("span %s/%d: %s, want %s", segment, number, got, want)
		}
	}
	id(java, javaSegment, 2, "dd13ca1c79f8e987")
	id(java, "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430003", 3, "ded8b8fbbca3f592")
	id(z, "0b1d2c3e4f5a4b6c8d7e9f0a1b2c3d4e.31.16563474296510000", 1, "d5aa5482aa1294c6")
	segment := func(t0 span.TraceID, id span.ID, want string) {
		t.Helper()
		if got := span.SegmentName(t0, id); got != want {
			t.Errorf("segment of %s: %s, want %s", id, got, want)
		}
	}
	segment(z, 0x48485a3953bb6124, "838055281761a3e848485a3953bb6124")
	segment(z, 0x00f067aa0ba902b7, "838055281761a3e800f067aa0ba902b7")
	segment(java, 0x0a1b2c3d4e5f6071, "ef6822bb66f40f180a1b2c3d4e5f6071")
	segment(java, 0x1122334455667788, "ef6822bb66f40f181122334455667788")
}

// I2: the name of a segment gives its span back, for any ids; no id is zero.
func TestI2Inverse(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 1_000_000 {
		trace, id := span.TraceID{Hi: r.Uint64() >> (r.UintN(2) * 63), Lo: r.Uint64() | 1}, span.ID(r.Uint64()>>r.UintN(60)|1)
		name := span.SegmentName(trace, id)
		if got := span.SpanOf(trace, name, 0); got != id || own(trace, name) != id {
			t.Fatalf("%s/%s: %s", trace, id, got)
		}
		if other := span.SpanOf(trace, name, 1); other == 0 || other == id {
			t.Fatalf("%s/%s number 1: %s", trace, id, other)
		}
	}
}

// I4: segments of one thread in one millisecond have no ids in common.
func TestI4JavaNeighbours(t *testing.T) {
	t.Parallel()
	seen := make(map[span.ID]struct{}, 1_000_000)
	trace := span.TraceOf(javaTrace)
	for segment := range 3334 {
		name := fmt.Sprintf("56a5e1c519ae4c76a2b8b11d92cead7f.12.1656347429643%04d", segment)
		for number := range int32(300) {
			seen[span.SpanOf(trace, name, number)] = struct{}{}
		}
	}
	if len(seen) != 3334*300 {
		t.Errorf("%d ids of %d spans", len(seen), 3334*300)
	}
}

// I6, case 3: a trace that Zipkin began, continued by an agent and then by
// Zipkin again: its name needs no memory, its caller does.
func TestI6AgentBetween(t *testing.T) {
	t.Parallel()
	const order = "0b1d2c3e4f5a4b6c8d7e9f0a1b2c3d4e.31.16563474296510000"
	native := decode(t, formatSegments, collection(t, segment(t, `traceId: "463ac35c9f6413ad48485a3953bb6124" traceSegmentId: "`+order+`" service: "order" serviceInstance: "o1"
		spans { spanId: 1 startTime: 1 operationName: "/bills" spanType: Exit spanLayer: Http peer: "billing:8080" }
		spans { spanId: 0 parentSpanId: -1 startTime: 1 operationName: "GET:/orders/{id}" spanLayer: Http
			refs { traceId: "463ac35c9f6413ad48485a3953bb6124" parentTraceSegmentId: "838055281761a3e800f067aa0ba902b7" parentService: "frontend" } }`)))
	billing := made{id: 5, parent: 0xd5aa5482aa1294c6, kind: span.KindServer, name: "bill", service: "billing", start: at}
	e := NewEncoder(plain)
	e.(translate.Observer).Observe(spantest.Items(native))
	got := segmentsFrom(t, e, batch("zipkin.v2.json", billing, frontExit, frontEntry))
	same(t, outline(got), `5 billing@unknown
  0 below -1 Entry bill ref CrossProcess 8d7e9f0a1b2c3d4e.31.16563474296510000/1 order@o1 GET:/orders/{id}
f067aa0ba902b7 frontend@10.0.0.5
  0 below -1 Exit GET ref CrossThread 48485a3953bb6124/0 frontend@10.0.0.5 GET:/home
48485a3953bb6124 frontend@10.0.0.5
  0 below -1 Entry GET:/home
`)
	if r := got[0].Spans[0].Refs[0]; r.ParentTraceSegmentId != order || r.NetworkAddressUsedAtPeer != "billing:8080" {
		t.Errorf("ref %v", r)
	}
	all := append(got, reparse(t, native))
	if j := joins(t, all); j.roots != 1 || j.vnodes != 0 {
		t.Errorf("%d roots, %d vnodes", j.roots, j.vnodes)
	}
}

// reparse is the one segment of a batch.
func reparse(t *testing.T, b *span.Batch) *agentv3.SegmentObject {
	t.Helper()
	e := NewEncoder(plain)
	e.Reset()
	e.Add(spantest.Items(b))
	g, err := unmarshal(e.Messages()[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// I6, case 4, and I7: within an agent's trace a Zipkin service calls another
// agent. The header that its middleware wrote names the very segment that is
// written; with the name of the trace lost on the way, the two parts are still
// one trace for all who have numbers.
func TestI6ZipkinBetween(t *testing.T) {
	t.Parallel()
	java := span.TraceOf(javaTrace)
	client := made{trace: java, id: 0x1122334455667788, parent: 9, kind: span.KindClient, name: "get", service: "order", remote: "billing", start: at}
	client.attrs = []any{"sw8.trace_id", javaTrace}
	got := segmentsFrom(t, NewEncoder(plain), batch("zipkin.v2.json", client))
	if g := got[0]; g.TraceId != javaTrace || g.TraceSegmentId != "ef6822bb66f40f181122334455667788" {
		t.Errorf("got %v", g)
	}
	billing := func(trace string) *span.Batch {
		return decode(t, formatSegments, collection(t, segment(t, `traceId: "`+trace+`" traceSegmentId: "b" service: "billing" spans { parentSpanId: -1 startTime: 1 operationName: "in"
			refs { traceId: "`+trace+`" parentTraceSegmentId: "ef6822bb66f40f181122334455667788" parentService: "order" } }`)))
	}
	for _, name := range []string{javaTrace, "5741ef14a11c13bf5919387eb2d5b5f7"} {
		if s := billing(name).Spans()[0]; s.Trace != java || s.Parent != 0x1122334455667788 {
			t.Errorf("in trace %s: %s below %s", name, s.Trace, s.Parent)
		}
	}
}

// S5: the trees that Zipkin's shared ids stand for.
func TestS5SharedSpans(t *testing.T) {
	t.Parallel()
	client := made{id: 1, kind: span.KindClient, name: "call", service: "a", ip: "10.0.0.1", remote: "b", start: at}
	server := made{id: 1, kind: span.KindServer, name: "in", service: "b", ip: "10.0.0.2", start: at + 1}
	child := made{id: 3, parent: 1, name: "work", service: "b", ip: "10.0.0.2", start: at + 2}
	onward := made{id: 4, parent: 1, kind: span.KindClient, name: "onward", service: "b", ip: "10.0.0.2", remote: "c", start: at + 3}
	far := made{id: 5, parent: 4, kind: span.KindServer, name: "far", service: "c", ip: "10.0.0.3", start: at + 4}
	kindless := made{id: 6, parent: 1, name: "kindless", service: "b", ip: "10.0.0.2", remote: "d", start: at + 5}
	below := made{id: 7, parent: 6, kind: span.KindServer, name: "below", service: "d", ip: "10.0.0.4", start: at + 6}
	forwarded := made{id: 8, parent: 1, kind: span.KindServer, name: "forwarded", service: "e", ip: "10.0.0.5", start: at + 7}
	half := span.ServerHalf(1, "b", netip.MustParseAddr("10.0.0.2"))
	f := func(want map[span.ID]span.ID, spans ...made) {
		t.Helper()
		items := spantest.Items(batch("zipkin.v2.json", spans...))
		assemble.Join(items)
		e := NewEncoder(plain)
		e.(translate.Observer).Observe(items)
		e.Reset()
		if n := e.Add(items); n != 0 {
			t.Errorf("%d left out", n)
		}
		got, _ := read(t, e.Messages())
		j := joins(t, got)
		tree := j.tree(t)
		if fmt.Sprint(tree) != fmt.Sprint(want) {
			t.Errorf("%v, want %v\n%s", tree, want, outline(got))
		}
	}
	f(map[span.ID]span.ID{1: 0, half: 1}, client, server)
	f(map[span.ID]span.ID{1: 0, half: 1}, server, client)
	f(map[span.ID]span.ID{1: 0, half: 1, 3: half, 4: half, 5: 4}, far, onward, child, server, client)
	f(map[span.ID]span.ID{1: 0, half: 1, 6: half, 7: 6}, below, kindless, server, client)
	// A context that the server handed on without a span of its own.
	f(map[span.ID]span.ID{1: 0, half: 1, 8: half}, forwarded, server, client)
	// Without a client the id is the server's own.
	f(map[span.ID]span.ID{1: 0, 3: 1, 4: 1, 5: 4}, far, onward, child, server)
}

// An agent's spans that took a detour leave as the agent's segment: once, and
// what comes later below it.
func TestAgentsSegments(t *testing.T) {
	t.Parallel()
	text := `traceId: "463ac35c9f6413ad48485a3953bb6124" traceSegmentId: "agent's" service: "order" serviceInstance: "o1"
		spans { spanId: 1 startTime: 2 operationName: "local" spanType: Local }
		spans { spanId: 2 parentSpanId: 1 startTime: 3 operationName: "call" spanType: Exit spanLayer: Http peer: "b" }
		spans { parentSpanId: -1 startTime: 1 operationName: "in" }`
	detour := func() []span.Item {
		b := decode(t, formatSegments, collection(t, segment(t, text)))
		for i := range b.Len() {
			b.Segment(b.Spans()[i].Segment).Raw = span.Text{}
		}
		return spantest.Items(b)
	}
	e := NewEncoder(plain)
	f := func(items []span.Item, left int, want string) {
		t.Helper()
		e.Reset()
		if n := e.Add(items); n != left {
			t.Errorf("%d left out, want %d", n, left)
		}
		got := ""
		for _, m := range e.Messages() {
			if m.Method != methodCollect {
				continue
			}
			g, err := unmarshal(m.Body)
			if err != nil {
				t.Fatal(err)
			}
			got += fmt.Sprintf("%s(%d)", g.TraceSegmentId, m.Spans)
			for _, s := range g.Spans {
				got += fmt.Sprintf(" %d<%d", s.SpanId, s.ParentSpanId)
				for _, r := range s.Refs {
					got += fmt.Sprintf("=%s/%d", r.ParentTraceSegmentId, r.ParentSpanId)
				}
			}
			got += "\n"
		}
		same(t, got, want)
	}
	first := detour()
	f(first[1:], 0, "agent's(2) 2<1 0<-1\n")
	late := detour()
	f(late[:1], 0, span.SegmentName(z, late[0].ID)+"(1) 0<-1=agent's/0\n")
	f(first[1:], 0, "agent's(2) 2<1 0<-1\n") // tried again
	f(late[:1], 0, span.SegmentName(z, late[0].ID)+"(1) 0<-1=agent's/0\n")
	f(detour(), 3, "")
}

// own is the id of number 0 of a segment that SegmentName named, 0 for others.
func own(t span.TraceID, segment string) span.ID {
	if len(segment) != 32 {
		return 0
	}
	id := span.SpanOf(t, segment, 0)
	if span.SegmentName(t, id) != segment {
		return 0
	}
	return id
}
