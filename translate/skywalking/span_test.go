// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	commonv3 "skywalking.apache.org/repo/goapi/collect/common/v3"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

func asMalformed(err error) (*translate.Malformed, bool) {
	var m *translate.Malformed
	ok := errors.As(err, &m)
	return m, ok
}

// oneSpan decodes a segment of one span, given in text form.
func oneSpan(t testing.TB, text string) (*span.Batch, *span.Span) {
	t.Helper()
	b := decode(t, formatSegments, collection(t, segment(t, `traceId: "t" traceSegmentId: "s" service: "order" serviceInstance: "a1b2@10.0.0.5" spans { parentSpanId: -1 `+text+` }`)))
	return b, &b.Spans()[0]
}

func TestKinds(t *testing.T) {
	t.Parallel()
	f := func(text string, want span.Kind) {
		t.Helper()
		if _, s := oneSpan(t, text); s.Kind != want {
			t.Errorf("%s: %v, want %v", text, s.Kind, want)
		}
	}
	f(`spanType: Entry`, span.KindServer)
	f(`spanType: Entry spanLayer: Http`, span.KindServer)
	f(`spanType: Entry spanLayer: MQ`, span.KindConsumer)
	f(`spanType: Exit spanLayer: Database`, span.KindClient)
	f(`spanType: Exit spanLayer: MQ`, span.KindProducer)
	f(`spanType: Local`, span.KindUnset)
	f(`spanType: Local spanLayer: MQ`, span.KindUnset)
	f(`spanType: 9`, span.KindUnset)
}

// S9 in this direction: milliseconds as they come.
func TestS9TimesIn(t *testing.T) {
	t.Parallel()
	f := func(start, end int64, want string) {
		t.Helper()
		g := segment(t, `spans { parentSpanId: -1 operationName: "x" }`)
		g.Spans[0].StartTime, g.Spans[0].EndTime = start, end
		s := &decode(t, formatSegments, collection(t, g)).Spans()[0]
		got := "none"
		if s.Has&span.HasStart != 0 {
			got = fmt.Sprint(s.Start)
		}
		if s.Has&span.HasDuration != 0 {
			got += fmt.Sprint(" for ", s.Duration)
		}
		if got != want {
			t.Errorf("%d to %d: %s, want %s", start, end, got, want)
		}
	}
	f(1_700_000_000_001, 1_700_000_000_003, "1700000000001000000 for 2000000")
	f(1_700_000_000_001, 1_700_000_000_001, "1700000000001000000 for 0")
	f(1_700_000_000_001, 1_700_000_000_000, "1700000000001000000 for 0")
	f(1_700_000_000_001, 0, "1700000000001000000")
	f(0, 1_700_000_000_001, "none")
	f(-1, 5, "none")
	f(1<<63-1, 1<<63-1, "none")
	f(maxMillis, 1<<63-1, fmt.Sprint(int64(maxMillis)*1_000_000))
	f(1, maxMillis, fmt.Sprint("1000000 for ", int64(maxMillis-1)*1_000_000))
}

func TestPeers(t *testing.T) {
	t.Parallel()
	f := func(peer, want string) {
		t.Helper()
		b, s := oneSpan(t, fmt.Sprintf("startTime: 1 spanType: Exit peer: %q", peer))
		got := b.Str(s.Remote.Service)
		if ip := s.Remote.IP(); ip.IsValid() {
			got += "@" + ip.String()
		}
		if s.Remote.Port != 0 {
			got += fmt.Sprint(" ", s.Remote.Port)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", peer, got, want)
		}
		if b.Str(b.Agent(s.Agent).Peer) != peer {
			t.Errorf("%q: the peer itself became %q", peer, b.Str(b.Agent(s.Agent).Peer))
		}
	}
	f("mysql:3306", "mysql 3306")
	f("10.1.2.3:3306", "@10.1.2.3 3306")
	f("10.1.2.3", "@10.1.2.3")
	f("order", "order")
	f("a:9092,b:9092", "a 9092")
	f("10.0.0.1:9300;10.0.0.2:9300;", "@10.0.0.1 9300")
	f(",a:1", "a 1")
	f("a:1, b:2", "a 1")
	f("[::1]:8080", "@::1 8080")
	f("[::1]", "@::1")
	f("::1", "@::1")
	f("2001:db8::1", "@2001:db8::1")
	f("http://user:pw@shop.example:8080/a/b?c", "shop.example 8080")
	f("jdbc:mysql://db:3306/shop", "db 3306")
	f("https://shop.example", "shop.example")
	f("/var/run/x.sock", "/var/run/x.sock")
	f("host:port", "host:port")
	f("host:70000", "host:70000")
	f("host:", "host:")
	f(":80", " 80")
	f("[", "[")
	f("::", "@::")
	f(";,", "")
	f("://", "")
	f("", "")
	f("cafe", "cafe")
	f("1.2.3", "1.2.3")
	f("größe.example:80", "größe.example 80")
}

func TestEntryPeer(t *testing.T) {
	t.Parallel()
	const ref = `refs { traceId: "t" parentTraceSegmentId: "p" parentService: "front" parentServiceInstance: "f1" networkAddressUsedAtPeer: "order:80" } `
	f := func(text, want string) {
		t.Helper()
		b, s := oneSpan(t, text)
		got := fmt.Sprintf("%s %v %d", b.Str(s.Remote.Service), s.Remote.IP(), s.Remote.Port)
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	f(`peer: "127.0.0.1:39102"`, " 127.0.0.1 39102")
	f(ref+`peer: "127.0.0.1:39102"`, "front 127.0.0.1 39102")
	f(ref+`peer: "gateway:80"`, "front invalid IP 80")
	f(ref+`spanLayer: MQ peer: "kafka:9092"`, "kafka invalid IP 9092")
	f(ref+`spanLayer: MQ`, " invalid IP 0")
	f(strings.Replace(ref, "refs {", "refs { refType: CrossThread", 1)+`spanType: Local`, " invalid IP 0")
	f(`spanType: Local peer: "x:1"`, " invalid IP 0")
}

func TestInstanceIP(t *testing.T) {
	t.Parallel()
	f := func(instance, want string) {
		t.Helper()
		g := segment(t, `spans { parentSpanId: -1 startTime: 1 }`)
		g.ServiceInstance = instance
		s := &decode(t, formatSegments, collection(t, g)).Spans()[0]
		if got := s.Local.IP().String(); got != want {
			t.Errorf("%q: %s, want %s", instance, got, want)
		}
	}
	f("0d8b1f2a@10.0.0.5", "10.0.0.5")
	f("a@b@fe80::1", "fe80::1")
	f("10.0.0.5", "10.0.0.5")
	f("java-1", "invalid IP")
	f("x@host", "invalid IP")
	f("", "invalid IP")
}

func TestFailures(t *testing.T) {
	t.Parallel()
	f := func(text string, status span.Status, message string) {
		t.Helper()
		b, s := oneSpan(t, "startTime: 1 "+text)
		if s.Status != status || b.Str(s.StatusMessage) != message {
			t.Errorf("%s: %v %q, want %v %q", text, s.Status, b.Str(s.StatusMessage), status, message)
		}
	}
	pair := func(kv ...string) (text string) {
		for i := 0; i < len(kv); i += 2 {
			text += fmt.Sprintf(" data { key: %q value: %q }", kv[i], kv[i+1])
		}
		return " logs { time: 1" + text + " }"
	}
	java := pair("event", "error", "error.kind", "java.io.IOException", "message", "no route", "stack", "at …")
	f("isError: true"+java, span.StatusError, "no route")
	f(java, span.StatusUnset, "")
	f("isError: true", span.StatusError, "")
	f("isError: true"+pair("event", "error", "error.kind", "java.lang.NullPointerException", "message", ""), span.StatusError, "java.lang.NullPointerException")
	f("isError: true"+pair("event", "note", "message", "first")+java, span.StatusError, "no route")
	f("isError: true"+pair("event", "note", "message", "first"), span.StatusError, "first")
	f("isError: true"+java+pair("event", "error", "message", "second"), span.StatusError, "no route")
	f("isError: true"+pair("boom", ""), span.StatusError, "")
}

func TestLogs(t *testing.T) {
	t.Parallel()
	b, s := oneSpan(t, `tags { key: "a" } logs { time: 5 data { key: "k" value: "v" } data { key: "event" value: "e" } data { key: "event" value: "f" } } tags { key: "a" value: "2" } logs { }`)
	events := b.Events(s.Events)
	if len(events) != 2 || events[0].Time != 5_000_000 || b.Str(events[0].Name) != "e" || events[0].Attrs.Len() != 2 || events[1].Name.Present() {
		t.Errorf("events %+v", events)
	}
	if attrs := b.Attrs(s.Attrs); len(attrs) != 2 || b.Str(attrs[1].Text()) != "2" {
		t.Errorf("%d tags, want both of one key", len(attrs))
	}
}

func TestSegmentFlags(t *testing.T) {
	t.Parallel()
	b := decode(t, formatSegments, collection(t, segment(t, `isSizeLimited: true spans { parentSpanId: -1 startTime: 1 skipAnalysis: true }`)))
	if s := &b.Spans()[0]; !b.Segment(s.Segment).SizeLimited || !b.Agent(s.Agent).Skip || b.Segment(s.Segment).Spans != 1 {
		t.Error("a flag is lost")
	}
}

// A negative int32 takes ten bytes. That is how every root says that it has no
// parent.
func TestNegativeNumbers(t *testing.T) {
	t.Parallel()
	for _, n := range []int32{-1, math.MinInt32, math.MaxInt32, 0, 127, 128, -128} {
		body := marshal(t, &agentv3.SegmentCollection{Segments: []*agentv3.SegmentObject{{
			TraceId: "t", TraceSegmentId: "s", Service: "a", Spans: []*agentv3.SpanObject{{
				SpanId: 3, ParentSpanId: n, StartTime: 1, OperationName: "op", ComponentId: n,
				Refs: []*agentv3.SegmentReference{{TraceId: "t", ParentTraceSegmentId: "p", ParentSpanId: n}},
				Tags: []*commonv3.KeyStringValuePair{{Key: "k", Value: strings.Repeat("v", 200)}},
			}},
		}}})
		compareWithUpstream(t, body)
		b := decode(t, formatSegments, body)
		s := &b.Spans()[0]
		if a := b.Agent(s.Agent); a.Parent != n || a.Component != n || a.Number != 3 {
			t.Errorf("%d: %+v", n, a)
		}
		if r := b.AgentRef(b.Refs(s.Refs)[0].Agent); r.Number != n {
			t.Errorf("%d: %+v", n, r)
		}
		if n == -1 && s.Parent != span.SpanOf(span.TraceOf("t"), "p", -1) {
			t.Errorf("parent %s", s.Parent)
		}
	}
}
