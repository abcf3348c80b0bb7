// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// foreign builds a batch of another protocol by hand.
type foreign struct {
	*span.Builder
}

func newForeign(format string) foreign {
	return foreign{span.NewBuilder(nil, span.Origin{Format: format})}
}

func (w foreign) str(key, value string, mirrored bool) span.Attr {
	a := span.StringAttr(w.Copy(key), w.Copy(value))
	a.Mirrored = mirrored
	return a
}

func (w foreign) attrs(list ...span.Attr) span.Range {
	mark := w.AttrMark()
	for _, a := range list {
		w.Attr(a)
	}
	return w.AttrsFrom(mark)
}

func (w foreign) refs(list ...span.Ref) span.Range {
	mark := w.RefMark()
	for _, r := range list {
		w.Ref(r)
	}
	return w.RefsFrom(mark)
}

// wantRequest compares the request that is made of a batch with a golden file.
func wantRequest(t *testing.T, b *span.Batch, file string) {
	t.Helper()
	file = filepath.Join("testdata", "foreign", file)
	got := requestText(t, encode(b, false))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Error(d)
	}
}

func TestJaegerSpans(t *testing.T) {
	t.Parallel()
	w := newForeign("jaeger.thrift")
	integer := func(key string, v int64) span.Attr { return span.IntAttr(w.Copy(key), v) }
	mirroredBool := span.BoolAttr(w.Copy("error"), true)
	mirroredBool.Mirrored = true
	process := w.Resource(span.Resource{Attrs: w.attrs(
		w.str("hostname", "box", false), w.str("ip", "10.0.0.5", true), integer("pid", 7),
		w.str("service.name", "another", false))})
	local := span.Endpoint{Service: w.Copy("Cart")}
	local.SetIP(netip.MustParseAddr("10.0.0.5"))
	remote := span.Endpoint{Service: w.Copy("db"), Port: 5432}

	mark := w.EventMark()
	w.Event(span.Event{Time: 1_700_000_000_000_002_000, Attrs: w.attrs(integer("event", 5), integer("x", 1), integer("x", 2))})
	w.Event(span.Event{Time: 1_700_000_000_000_003_000, Name: w.Copy("retry"), Attrs: w.attrs(w.str("event", "retry", true), w.str("k", "v", false))})
	w.Event(span.Event{Time: -1})
	events := w.EventsFrom(mark)
	w.Span(span.Span{
		Trace: span.TraceID{Lo: 0xa1}, ID: 2, Parent: 1,
		Start: 1_700_000_000_000_001_000, Duration: 0, Has: span.HasStart | span.HasDuration | span.HasStatus,
		Name: w.Copy("SELECT"), Kind: span.KindClient, Local: local, Remote: remote, Resource: process,
		Status: span.StatusError, StatusMessage: w.Copy("gone"), Sampling: span.Sampled | span.Debug | span.Firehose,
		State: w.Copy("a=b"),
		Attrs: w.attrs(
			w.str("span.kind", "client", true), mirroredBool, integer("a", 1), integer("a", 2),
			span.TextAttr(w.Copy("blob"), span.Bytes, w.Copy("\x00\xff")), span.FloatAttr(w.Copy("f"), 2),
			span.BoolAttr(w.Copy("b"), false), span.TextAttr(w.Copy("j"), span.JSON, w.Copy(`{"a":[1,2.0]}`)),
			span.TextAttr(w.Copy("not json"), span.JSON, w.Copy(`{"a":`)), span.TextAttr(w.Copy("n"), span.Null, span.Text{}),
			w.str("peer.service", "db", true)),
		Events: events,
		Refs: w.refs(
			span.Ref{Trace: span.TraceID{Lo: 0xa1}, Span: 9, Kind: span.FollowsFrom},
			span.Ref{Trace: span.TraceID{Lo: 0xa1}, Span: 1, Kind: span.ChildOf, Parent: true},
			span.Ref{Trace: span.TraceID{Hi: 1, Lo: 0xa1}, Span: 1, Kind: span.ChildOf},
			span.Ref{Trace: span.TraceID{}, Span: 0, Kind: span.ChildOf}),
	})
	w.Span(span.Span{
		Trace: span.TraceID{Lo: 0xa1}, ID: 3, Parent: 2, Start: -5, Duration: -7, Has: span.HasStart | span.HasDuration,
		Name: w.Copy("async"), Local: local, Resource: process,
		Refs: w.refs(span.Ref{Trace: span.TraceID{Lo: 0xa1}, Span: 2, Kind: span.FollowsFrom, Parent: true}),
	})
	wantRequest(t, w.Batch(), "jaeger.txt")
}

func TestAgentSpans(t *testing.T) {
	t.Parallel()
	w := newForeign("skywalking.segment")
	segment := w.Segment(span.Segment{
		TraceName: w.Copy("1.2.3"), Name: w.Copy("seg-1"), Service: w.Copy("shop"), Instance: w.Copy("shop@box"), Spans: 2,
	})
	parent := w.AgentRef(span.AgentRef{TraceName: w.Copy("1.2.3"), Segment: w.Copy("seg-0"), Number: 4, Service: w.Copy("front")})
	other := w.AgentRef(span.AgentRef{
		TraceName: w.Copy("9.9.9"), Segment: w.Copy("seg-9"), Number: 0, Service: w.Copy("batch"), Instance: w.Copy("batch@b"),
		Endpoint: w.Copy("/run"), Address: w.Copy("shop:80"),
	})
	local := span.Endpoint{Service: w.Copy("shop")}
	w.Span(span.Span{
		Trace: span.TraceID{Hi: 1, Lo: 2}, ID: 3, Parent: 4, Name: w.Copy("/buy"), Kind: span.KindServer, Local: local,
		Segment: segment, Status: span.StatusError,
		Agent: w.Agent(span.Agent{Number: 0, Parent: -1, Layer: 3, Component: 14}),
		Refs: w.refs(
			span.Ref{Trace: span.TraceID{Hi: 1, Lo: 2}, Span: 4, Kind: span.CrossProcess, Agent: parent, Parent: true},
			span.Ref{Trace: span.TraceID{Hi: 8, Lo: 9}, Span: 5, Kind: span.CrossThread, Agent: other}),
		Attrs: w.attrs(w.str("http.method", "GET", false), w.str("sw.component", "mine", false)),
	})
	w.Span(span.Span{
		Trace: span.TraceID{Hi: 1, Lo: 2}, ID: 6, Parent: 3, Name: w.Copy("redis"), Kind: span.KindClient, Local: local,
		Segment: segment, Agent: w.Agent(span.Agent{Number: 1, Type: 1, Layer: 99, Peer: w.Copy("r1:6379,r2:6379")}),
	})
	wantRequest(t, w.Batch(), "skywalking.txt")
}

// Neighbours share groups, and a span of another batch, service or scope opens
// a new one.
func TestGroups(t *testing.T) {
	t.Parallel()
	build := func(services ...string) *span.Batch {
		w := newForeign("zipkin.v2.json")
		for i, s := range services {
			local := span.Endpoint{}
			if s != "" {
				local.Service = w.Copy(s)
			}
			w.Span(span.Span{Trace: span.TraceID{Lo: 1}, ID: span.ID(i + 1), Local: local})
		}
		return w.Batch()
	}
	f := func(want string, batches ...*span.Batch) {
		t.Helper()
		e := NewEncoder(translate.EncoderOptions{})
		e.Reset()
		spans := 0
		for _, b := range batches {
			spans += b.Len()
			if n := e.Add(spantest.Items(b)); n != 0 {
				t.Errorf("%d spans were not written", n)
			}
		}
		messages := e.Messages()
		if len(messages) != 1 || messages[0].Spans != spans || messages[0].Method != exportMethod {
			t.Fatalf("%+v", messages)
		}
		var got []string
		for _, rs := range mustUnmarshal(t, messages[0].Body).ResourceSpans {
			name := "-"
			if rs.Resource != nil {
				name = rs.Resource.Attributes[0].Value.GetStringValue()
			}
			for _, ss := range rs.ScopeSpans {
				name += " " + strings.Repeat("s", len(ss.Spans))
			}
			got = append(got, name)
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%s, want %s", s, want)
		}
		if again := e.Messages(); string(again[0].Body) != string(messages[0].Body) {
			t.Error("asked again, the message differs")
		}
	}
	f("a ss, b s, a s", build("a", "a", "b", "a"))
	f("- s, a s, - s", build("", "a", ""))
	f("a s, a s", build("a"), build("a"))

	e := NewEncoder(translate.EncoderOptions{})
	e.Reset()
	if m := e.Messages(); len(m) != 0 {
		t.Errorf("a request without spans: %v", m)
	}
}

// A span whose identity was changed is written anew under the new one.
func TestChangedIdentity(t *testing.T) {
	t.Parallel()
	b, err := decodeJSON([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[
		{"traceId":"000000000000000000000000000000a1","spanId":"0000000000000001","parentSpanId":"0000000000000002","name":"a"},
		{"traceId":"000000000000000000000000000000a1","spanId":"0000000000000002","parentSpanId":"0000000000000003","name":"b"}]}]}]}`),
		origin(formatJSON))
	if err != nil {
		t.Fatal(err)
	}
	items := spantest.Items(b)
	items[0].Parent, items[1].ID, items[1].Parent = 7, 8, 0
	e := NewEncoder(translate.EncoderOptions{})
	e.Reset()
	e.Add(items)
	spans := mustUnmarshal(t, e.Messages()[0].Body).ResourceSpans[0].ScopeSpans[0].Spans
	if spans[0].ParentSpanId[7] != 7 || spans[1].SpanId[7] != 8 || len(spans[1].ParentSpanId) != 0 {
		t.Errorf("%v", spans)
	}
}
