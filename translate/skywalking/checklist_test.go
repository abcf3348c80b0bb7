// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"maps"
	"testing"

	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

// What OAP would lose a segment for is left out of converted spans, and is
// nobody's to change in an agent's.
func TestS8ValuesThatLoseASegment(t *testing.T) {
	t.Parallel()
	f := func(layer agentv3.SpanLayer, native string, m made, want string) {
		t.Helper()
		passesOn(t, collection(t, segment(t, `traceId: "t" traceSegmentId: "s" service: "a" spans { parentSpanId: -1 startTime: 1 `+native+` }`)))
		m.start = at
		s := converted(t, m).Spans[0]
		got := ""
		for _, kv := range s.Tags {
			if kv.Key == "x-le" || kv.Key == "transmission.latency" || kv.Key == "k" {
				got += " " + kv.Key + "=" + kv.Value
			}
		}
		if got != want || s.SpanLayer != layer {
			t.Errorf("%+v: %v with%s, want %v with%s", m.attrs, s.SpanLayer, got, layer, want)
		}
	}
	const cache, queue, local = agentv3.SpanLayer_Cache, agentv3.SpanLayer_MQ, agentv3.SpanLayer_Unknown
	twice := `spanLayer: Cache tags { key: "k" value: "1" } tags { key: "k" value: "2" } spanType: `
	f(cache, twice+"Exit", made{kind: span.KindClient, remote: "redis", attrs: []any{"cache.type", "redis", "k", "1", "k", "2"}}, " k=1")
	for _, value := range []string{"abc", "", "12.5", " 5"} {
		f(queue, `spanType: Entry spanLayer: MQ peer: "kafka" tags { key: "transmission.latency" value: "`+value+`" }`,
			made{kind: span.KindConsumer, remote: "kafka", attrs: []any{"transmission.latency", value}}, "")
		f(queue, `spanType: Exit spanLayer: MQ peer: "kafka" tags { key: "transmission.latency" value: "`+value+`" }`,
			made{kind: span.KindProducer, remote: "kafka", attrs: []any{"messaging.system", "kafka", "transmission.latency", value}}, "")
	}
	f(queue, `spanType: Entry spanLayer: MQ tags { key: "transmission.latency" value: "-5" }`,
		made{kind: span.KindConsumer, remote: "kafka", attrs: []any{"transmission.latency", "-5"}}, " transmission.latency=-5")
	for _, value := range []string{"1", "", "{}"} {
		f(local, `spanType: Local tags { key: "x-le" value: "`+value+`" }`, made{attrs: []any{"x-le", value}}, "")
	}
}

// The order in which an agent writes the spans of a segment is none of the
// trace's: go2sky has the root last, as Java has.
func TestS2RootFirstAndLast(t *testing.T) {
	t.Parallel()
	const head = `traceId: "463ac35c9f6413ad48485a3953bb6124" traceSegmentId: "s" service: "a" `
	const root, child, grandchild = `spans { spanId: 0 parentSpanId: -1 startTime: 1 operationName: "in" } `,
		`spans { spanId: 1 parentSpanId: 0 startTime: 2 operationName: "work" spanType: Local } `,
		`spans { spanId: 2 parentSpanId: 1 startTime: 3 operationName: "out" spanType: Exit peer: "b:80" } `
	first, middle, last := span.SpanOf(z, "s", 0), span.SpanOf(z, "s", 1), span.SpanOf(z, "s", 2)
	for _, text := range []string{root + child + grandchild, grandchild + child + root, child + root + grandchild} {
		b := decode(t, formatSegments, collection(t, segment(t, head+text)))
		got := byID(b)
		if len(got) != 3 || got[first] != 0 || got[middle] != first || got[last] != middle {
			t.Errorf("%s:\n%s", text, spantest.Dump(b))
		}
	}
}

// I7: an agent's trace goes over a client of Zipkin to another agent, and its
// name is lost there: the second agent is told the number, as 32 digits. All the
// parts are one trace with whole parents.
func TestI7LostName(t *testing.T) {
	t.Parallel()
	java := span.TraceOf(javaTrace)
	lost := string(java.AppendHex32(nil))
	first := decode(t, formatSegments, collection(t, segment(t, `traceId: "`+javaTrace+`" traceSegmentId: "`+javaSegment+`" service: "frontend"
		spans { spanId: 1 parentSpanId: 0 startTime: 1 operationName: "out" spanType: Exit peer: "order:80" }
		spans { parentSpanId: -1 startTime: 1 operationName: "in" }`)))
	exit := span.SpanOf(java, javaSegment, 1)
	server := made{trace: java, id: 8, parent: exit, kind: span.KindServer, name: "in", service: "order", start: at}
	client := made{trace: java, id: 9, parent: 8, kind: span.KindClient, name: "out", service: "order", remote: "billing", start: at}
	written := span.SegmentName(java, 9) // what the header of order's middleware said
	last := decode(t, formatSegments, collection(t, segment(t, `traceId: "`+lost+`" traceSegmentId: "b" service: "billing" spans { parentSpanId: -1 startTime: 1 operationName: "in"
		refs { traceId: "`+lost+`" parentTraceSegmentId: "`+written+`" parentService: "order" } }`)))
	parents := make(map[span.ID]span.ID)
	for _, b := range []*span.Batch{last, batch("zipkin.v2.json", client, server), first} {
		for i := range b.Spans() {
			s := &b.Spans()[i]
			if s.Trace != java {
				t.Errorf("%s of trace %s, want %s", s.ID, s.Trace, java)
			}
			parents[s.ID] = s.Parent
		}
	}
	entry, end := span.SpanOf(java, javaSegment, 0), span.SpanOf(java, "b", 0)
	want := map[span.ID]span.ID{entry: 0, exit: entry, 8: exit, 9: 8, end: 9}
	if !maps.Equal(parents, want) {
		t.Errorf("parents %v, want %v", parents, want)
	}
	// And the client's span is written under the name that the header said.
	if got := segmentsFrom(t, NewEncoder(plain), batch("zipkin.v2.json", client))[0]; got.TraceSegmentId != written {
		t.Errorf("segment %s, want %s", got.TraceSegmentId, written)
	}
}
