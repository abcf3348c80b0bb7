// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"fmt"
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// passesOn checks that each segment of a body leaves once, as its raw bytes.
func passesOn(t testing.TB, body []byte) {
	t.Helper()
	b, _ := tryDecode(formatSegments, body)
	var want []string
	seen := make(map[string]bool)
	spans := 0
	for i := range b.Spans() {
		s := &b.Spans()[i]
		g := b.Segment(s.Segment)
		if raw := b.Str(g.Raw); i == 0 || b.Spans()[i-1].Segment != s.Segment {
			if seen[raw] {
				continue
			}
			seen[raw] = true
			want = append(want, raw)
			spans += int(g.Spans)
		}
	}
	e := NewEncoder(plain)
	e.Reset()
	left := e.Add(spantest.Items(b))
	if left != b.Len()-spans {
		t.Fatalf("%d spans left out, want %d", left, b.Len()-spans)
	}
	sent := 0
	for i, m := range e.Messages() {
		if m.Method != methodCollect || i >= len(want) || string(m.Body) != want[i] {
			t.Fatalf("message %d is not the segment that came", i)
		}
		sent += m.Spans
	}
	if len(e.Messages()) != len(want) || sent != spans {
		t.Fatalf("%d segments with %d spans, want %d with %d", len(e.Messages()), sent, len(want), spans)
	}
}

// W6: unknown fields and newer enums pass unchanged; so does everything else.
func TestW6NativeSegments(t *testing.T) {
	t.Parallel()
	for _, name := range sampleNames {
		passesOn(t, collection(t, segmentsOf(t, name)...))
	}
	raw := marshal(t, segment(t, `traceId: "t" traceSegmentId: "s" service: "a" spans { parentSpanId: -1 startTime: 1 spanLayer: 7 } spans { spanId: 1 startTime: 1 }`))
	raw = append(raw, 0x98, 0x06, 0x01, 0xa2, 0x06, 0x02, 'h', 'i') // fields 99 and 100
	b := decode(t, formatSegments, wrap(raw))
	for name, each := range map[string][][]span.Item{
		"together":   {spantest.Items(b)},
		"one by one": {spantest.Items(b)[:1], spantest.Items(b)[1:]},
		"one alone":  {spantest.Items(b)[1:]},
	} {
		e := NewEncoder(plain)
		e.Reset()
		spans := 0
		for _, items := range each {
			spans += len(items)
			if n := e.Add(items); n != 0 {
				t.Errorf("%s: %d left out", name, n)
			}
		}
		m := e.Messages()
		if len(m) != 1 || string(m[0].Body) != string(raw) || m[0].Method != methodCollect || m[0].Spans != spans {
			t.Errorf("%s: %d messages %+v, want %q with %d spans", name, len(m), m, raw, spans)
		}
	}
}

// A segment that came as JSON leaves as protobuf.
func TestJSONLeavesAsProtobuf(t *testing.T) {
	t.Parallel()
	b := decode(t, formatSegmentJSON, []byte(pythonJSON))
	e := NewEncoder(plain)
	e.Reset()
	e.Add(spantest.Items(b))
	m := e.Messages()
	if len(m) != 1 || m[0].Spans != 2 {
		t.Fatalf("%d messages", len(m))
	}
	back := decode(t, formatSegments, wrap(m[0].Body))
	if got, want := spantest.Dump(back), spantest.Dump(b); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// S6: a repeated report is written once; a parcel that is tried again is
// written again.
func TestS6RepeatedSegment(t *testing.T) {
	t.Parallel()
	body := collection(t, segmentsOf(t, "java")...)
	e := NewEncoder(plain)
	first, second := decode(t, formatSegments, body), decode(t, formatSegments, body)
	for _, e := range []translate.Encoder{e, e, e.Fork()} {
		e.Reset()
		if n := e.Add(spantest.Items(first)); n != 0 {
			t.Errorf("%d left out of the first", n)
		}
		if n := e.Add(spantest.Items(second)); n != second.Len() {
			t.Errorf("%d left out of the second, want all %d", n, second.Len())
		}
		if n := len(e.Messages()); n != 3 {
			t.Errorf("%d segments, want 3", n)
		}
	}
	e.Reset()
	if n := e.Add(spantest.Items(second)); n != second.Len() || len(e.Messages()) != 0 {
		t.Errorf("%d left out of the second, want all %d", n, second.Len())
	}
}

// The spans of a segment that come in two parcels all count as sent, the segment
// leaves with the first; each parcel may be tried again.
func TestSegmentInTwoParcels(t *testing.T) {
	t.Parallel()
	b := decode(t, formatSegments, collection(t, segment(t, `traceId: "t" traceSegmentId: "s" service: "a" spans { parentSpanId: -1 startTime: 1 } spans { spanId: 1 startTime: 1 }`)))
	items := spantest.Items(b)
	e := NewEncoder(plain)
	f := func(items []span.Item, messages int) {
		t.Helper()
		e.Reset()
		if left := e.Add(items); left != 0 || len(e.Messages()) != messages {
			t.Errorf("%d left out, %d segments, want %d", left, len(e.Messages()), messages)
		}
	}
	f(items[:1], 1)
	f(items[1:], 0)
	f(items[:1], 1)
	f(items[1:], 0)
}

// What agents say of their processes leaves as it came, before the segments.
func TestNoticesPass(t *testing.T) {
	t.Parallel()
	e := NewEncoder(plain)
	e.Reset()
	e.Add(spantest.Items(decode(t, formatSegments, collection(t, segmentsOf(t, "go2sky")...))))
	messages := sample(t, "management")
	for i, m := range messages {
		e.Notices(decode(t, []string{formatProperties, formatPing}[i%2], marshal(t, m)))
	}
	got := e.Messages()
	if len(got) != len(messages)+1 || got[len(messages)].Method != methodCollect {
		t.Fatalf("%d messages", len(got))
	}
	for i, m := range messages {
		want := []string{methodProperties, methodKeepAlive}[i%2]
		if got[i].Method != want || string(got[i].Body) != string(marshal(t, m)) || got[i].Spans != 0 {
			t.Errorf("message %d: %s %q", i, got[i].Method, got[i].Body)
		}
	}
}

// endless is a segment of so many exits.
func endless(name string, spans int) []byte {
	d := appendText(nil, 1, "t")
	d = appendText(d, 2, name)
	for i := range spans {
		var mark int
		d, mark = wire.Open(d, 3)
		d = wire.AppendVarint(d, 1, uint64(i))
		d = wire.AppendVarint(d, 3, 1)
		d = wire.AppendVarint(d, 8, typeExit)
		d = wire.Close(d, mark)
	}
	return appendText(d, 4, "a")
}

// A segment of very many spans costs its length, not its square: here that would
// be minutes, when it is noted, sent, and seen again.
func TestEndlessSegment(t *testing.T) {
	t.Parallel()
	const many = 100_000
	var body []byte
	for i := range 20 {
		body = append(body, wrap(endless(fmt.Sprint("s", i), 1))...)
	}
	b := decode(t, formatSegments, append(body, wrap(endless("endless", many))...))
	items := spantest.Items(b)
	e := newEncoder(newMemory(), plain)
	e.Observe(items)
	e.Reset()
	if left := e.Add(items); left != 0 || len(e.Messages()) != 21 || e.Messages()[20].Spans != many {
		t.Errorf("%d left out, %d segments", left, len(e.Messages()))
	}
	e.Reset()
	if left := e.Add(items[21:]); left != 0 || len(e.Messages()) != 0 {
		t.Errorf("%d left out, %d segments", left, len(e.Messages()))
	}
}

// A segment that takes more memory than a batch may have makes one that is Over.
func TestSegmentOver(t *testing.T) {
	t.Parallel()
	b, _ := tryDecode(formatSegments, wrap(endless("endless", 300_000)))
	if b == nil || !b.Over() {
		t.Error("the batch is not over")
	}
}
