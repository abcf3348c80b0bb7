// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/openzipkin/zipkin-go/model"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// draw shows the rows of trace 1: indented names with what is odd about them.
func draw(t *testing.T, v *View) string {
	t.Helper()
	var b strings.Builder
	rows := getJSON[traceRows](t, v, "/view/trace/1").Rows
	for i, r := range rows {
		fmt.Fprintf(&b, "%s%s", strings.Repeat(" ", int(r.Depth)), r.Name)
		if len(r.Marks) > 0 {
			fmt.Fprintf(&b, " (%s)", strings.Join(r.Marks, " "))
		}
		if r.Up >= int32(i) || r.Up >= 0 && rows[r.Up].Depth != r.Depth-1 || i+int(r.Below) >= len(rows) {
			t.Errorf("row %d: %+v", i, r)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// sp is a span of trace 1 by its important fields: "id parent kind service
// name start duration", "-" for none; a kind of shared is a shared server.
func sp(s string) string {
	f := strings.Fields(s)
	out := `{"traceId":"1","id":"` + f[0] + `"`
	add := func(i int, format string) {
		if len(f) > i && f[i] != "-" {
			out += fmt.Sprintf(format, f[i])
		}
	}
	add(1, `,"parentId":"%s"`)
	if len(f) > 2 && f[2] == "shared" {
		out += `,"shared":true`
		f[2] = "SERVER"
	}
	add(2, `,"kind":"%s"`)
	add(3, `,"localEndpoint":{"serviceName":"%s"}`)
	add(4, `,"name":"%s"`)
	add(5, `,"timestamp":START+%s`)
	add(6, `,"duration":%s`)
	return out + "}"
}

func TestTree(t *testing.T) {
	t.Parallel()
	f := func(want string, spans ...string) {
		t.Helper()
		v := newView(Options{})
		for _, s := range spans {
			consume(t, v, batch(t, sp(s)))
		}
		want = strings.ReplaceAll(want, "|", "\n") + "\n"
		if d := cmp.Diff(want, draw(t, v)); d != "" {
			t.Errorf("%q: %s", spans, d)
		}
	}
	f("a", "1 - - s a 0 1")
	f("a| b|  c| d", "4 1 - s d 9 1", "3 2 - s c 6 1", "1 - - s a 0 9", "2 1 - s b 5 1")
	// A client and a server share an id, flagged or not; the server's child
	// follows it, the client's does not.
	f("a| b (shared)|  c (split)|   d (moved)|  e", "1 - - s a 0 9", "2 1 CLIENT s b 1 5", "2 1 shared t c 2 3", "3 2 - t d 3 1", "4 2 - s e 4 1")
	f("b (shared)| c (split)|  d (moved)", "3 2 - t d 3 1", "2 1 SERVER t c 2 3", "2 - CLIENT s b 1 5")
	// The client half never came: the server half hangs below its parent.
	f("a| c (split lifted)|  d (moved)", "1 - - s a 0 9", "2 1 shared t c 2 3", "3 2 - t d 3 1")
	f("c (split orphan)", "2 1 shared t c 2 3")
	f("a|b (orphan)| c", "3 2 - s c 3 1", "2 7 - s b 2 1", "1 - - s a 5 1")
	f("a|b", "1 - - s a 0 1", "2 - - s b 1 1")
	// Circles are opened at the earliest span.
	f("b (loop)| c|  a", "1 3 - s a 3 1", "2 1 - s b 1 1", "3 2 - s c 2 1")
	f("x|b (loop)| a|  c", "9 - - s x 0 1", "1 2 - s a 3 1", "2 1 - s b 1 1", "3 1 - s c 2 1")
	// Reports of one span.
	f("a (repeat)", "1 - - s a 0 1", "1 - - s a 0 1")
	f("a (parts)", "1 - CLIENT s a 0", "1 - CLIENT s - - 5")
	f("a (parts)", "1 - - - - 0 3", "1 - CLIENT s a")
	f("a (parts)| b", "1 - - s - 0 3", "1 - - s a", "2 1 - s b 1 1")
	f("a (twin)|b (twin)", "1 - - s a 0 1", "1 - - s b 1 1")
	f("a (twin)|b (twin repeat)", "1 - - s a 0 1", "1 - - t b 1 1", "1 - - t b 1 1")
	f("a (twin)| c|b (twin)", "1 - CLIENT s a 0 9", "1 - PRODUCER s b 1 1", "2 1 - s c 3 1")
	// Clocks differ; spans without a time come last.
	f("a| b (early)|  c", "1 - CLIENT s a 5 9", "2 1 SERVER t b 2 1", "3 2 - t c 1 1")
	f("a| c| b (untimed)", "1 - - s a 5 9", "2 1 - s b", "3 1 - s c 8 1")
	f("a (untimed)", "1 - - s a")
}

// A trace of which every part came by another protocol.
func mixed(t testing.TB) []*span.Batch {
	t.Helper()
	trace := span.TraceID{Hi: 0xabc, Lo: 1}
	jaeger := span.NewBuilder(nil, span.Origin{Format: "jaeger.thrift.agent", Transport: "udp", Received: start * 1000})
	text := func(w *span.Builder, s string) span.Text { return w.Copy(s) }
	w := jaeger
	tags := w.AttrMark()
	w.Attr(span.StringAttr(text(w, "hostname"), text(w, "cart-7f")))
	resource := w.Resource(span.Resource{Attrs: w.AttrsFrom(tags)})
	tags = w.AttrMark()
	w.Attr(span.IntAttr(text(w, "http.status_code"), 1<<60))
	w.Attr(span.BoolAttr(text(w, "error"), true))
	events, fields := w.EventMark(), w.AttrMark()
	w.Attr(span.FloatAttr(text(w, "waited"), 2))
	w.Event(span.Event{Time: start*1000 + 7, Name: text(w, "retry"), Attrs: w.AttrsFrom(fields), Dropped: 1})
	refs := w.RefMark()
	w.Ref(span.Ref{Trace: trace, Span: 2, Kind: span.ChildOf, Parent: true})
	w.Ref(span.Ref{Trace: span.TraceID{Lo: 99}, Span: 98, Kind: span.FollowsFrom})
	s := span.Span{
		Trace: trace, ID: 3, Parent: 2, Start: start*1000 + 1_000_123, Duration: 999, Kind: span.KindServer, Name: text(w, "Add Item"),
		Has: span.HasStart | span.HasDuration, Status: span.StatusError, Resource: resource, Sampling: span.Sampled | span.Debug,
		Refs: w.RefsFrom(refs), Events: w.EventsFrom(events), State: text(w, "a=1"), Dropped: span.Dropped{Attrs: 3},
	}
	s.Attrs = span.Range{First: uint32(tags), N: 2}
	s.Local.Service = text(w, "Cart")
	w.Span(s)

	sky := span.NewBuilder(nil, span.Origin{Format: "skywalking.segments", Transport: "grpc", Received: start * 1000})
	w = sky
	segment := w.Segment(span.Segment{TraceName: text(w, "abc.1.2"), Name: text(w, "seg"), Service: text(w, "Stock"), Instance: text(w, "stock@1"), Spans: 1})
	agent := w.Agent(span.Agent{Number: 0, Parent: -1, Type: 0, Layer: 3, Component: 14, Peer: text(w, "10.0.0.1:80")})
	refs = w.RefMark()
	caller := w.AgentRef(span.AgentRef{TraceName: text(w, "abc.1.2"), Segment: text(w, "up"), Number: 2, Service: text(w, "Cart"), Endpoint: text(w, "/add")})
	w.Ref(span.Ref{Trace: trace, Span: 3, Kind: span.CrossProcess, Parent: true, Agent: caller})
	s = span.Span{
		Trace: trace, ID: 4, Parent: 3, Start: start*1000 + 2_000_000, Duration: 0, Kind: span.KindServer, Name: text(w, "/reserve"),
		Has: span.HasStart | span.HasDuration, Segment: segment, Agent: agent, Refs: w.RefsFrom(refs),
	}
	s.Local.Service = text(w, "Stock")
	s.Local.SetIP(netip.MustParseAddr("10.0.0.9"))
	s.Remote.Service = text(w, "Cart")
	w.Span(s)
	return []*span.Batch{
		batch(t, `{"traceId":"1","id":"1","kind":"SERVER","name":"get /","timestamp":START,"duration":9000,"localEndpoint":{"serviceName":"shop"}}`,
			`{"traceId":"1","parentId":"1","id":"2","kind":"CLIENT","name":"add","timestamp":START+500,"duration":8000,"localEndpoint":{"serviceName":"shop"}}`),
		jaeger.Batch(), sky.Batch(),
	}
}

func TestMixed(t *testing.T) {
	t.Parallel()
	v := newView(Options{})
	consume(t, v, mixed(t)...)
	const trace = "0000000000000abc0000000000000001"
	want := "get / (width)\n add (width)\n  Add Item\n   /reserve\n"
	if d := cmp.Diff(want, draw(t, v)); d != "" {
		t.Error(d)
	}
	got := getJSON[struct{ Traces []summary }](t, v, "/view/traces?serviceName=STOCK").Traces
	if d := cmp.Diff([]summary{{
		Trace: trace, Service: "shop", Name: "get /", Start: "1767225600000000000", Duration: "9000000", Spans: 4, Errors: 1,
		Services:  []share{{"shop", 2, 0}, {"Cart", 1, 1}, {"Stock", 1, 0}},
		Protocols: []share{{"zipkin", 2, 0}, {"jaeger", 1, 0}, {"skywalking", 1, 0}},
	}}, got); d != "" {
		t.Error(d)
	}
	rows := getJSON[traceRows](t, v, "/view/trace/"+trace)
	if rows.TraceName != "abc.1.2" || rows.Rows[2].Instance != "cart-7f" || rows.Rows[3].Instance != "stock@1" || rows.Rows[3].Remote != "Cart" {
		t.Errorf("%+v", rows)
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	v := newView(Options{})
	consume(t, v, mixed(t)...)
	f := func(id, want string) {
		t.Helper()
		status, body := get(t, v, "/view/trace/1/span/"+id)
		if want = strings.ReplaceAll(want, "\n", ""); status != 200 || body != want {
			t.Errorf("%d\n%s\nwant\n%s", status, body, want)
		}
	}
	f("3", `{"more":0,"reports":[{"twin":0,"trace":"0000000000000abc0000000000000001","id":"0000000000000003","parent":"0000000000000002",
"wire":{"id":"0000000000000003","parent":"0000000000000002"},"name":"Add Item","kind":"server","start":"1767225600001000123","duration":"999",
"status":{"code":"error"},"local":{"service":"Cart"},
"tags":[{"key":"http.status_code","value":"1152921504606846976","type":"int"},{"key":"error","value":"true","type":"bool"}],
"events":[{"time":"1767225600000000007","name":"retry","fields":[{"key":"waited","value":"2.0","type":"float"}],"dropped":1}],
"refs":[{"kind":"child of","trace":"0000000000000abc0000000000000001","span":"0000000000000002","parent":true},
{"kind":"follows from","trace":"0000000000000063","span":"0000000000000062"}],
"resource":{"tags":[{"key":"hostname","value":"cart-7f","type":"string"}]},"sampling":["sampled","debug"],"tracestate":"a=1","dropped":{"tags":3},
"format":"jaeger.thrift.agent","transport":"udp","received":"1767225600000000000"}]}`)
	f("4", `{"more":0,"reports":[{"twin":0,"trace":"0000000000000abc0000000000000001","id":"0000000000000004","parent":"0000000000000003",
"wire":{"id":"0000000000000004","parent":"0000000000000003"},"name":"/reserve","kind":"server","start":"1767225600002000000","duration":"0",
"status":{"code":"unset"},"local":{"service":"Stock","ipv4":"10.0.0.9"},"remote":{"service":"Cart"},
"refs":[{"kind":"cross process","trace":"0000000000000abc0000000000000001","span":"0000000000000003","parent":true,
"agent":{"trace":"abc.1.2","segment":"up","number":2,"service":"Cart","endpoint":"/add"}}],
"agent":{"trace":"abc.1.2","segment":"seg","service":"Stock","instance":"stock@1","number":0,"parent":-1,"type":"entry","layer":"Http","component":14,"peer":"10.0.0.1:80"},
"format":"skywalking.segments","transport":"grpc","received":"1767225600000000000"}]}`)
	if status, body := get(t, v, "/view/trace/1/span/77"); status != 404 || body != "span not found" {
		t.Error(status, body)
	}
	if status, body := get(t, v, "/view/trace/1/span/x"); status != 400 || body != `span id: 'x' at digit 1, want 0-9 or a-f` {
		t.Error(status, body)
	}
	if status, _ := get(t, v, "/view/trace/2"); status != 404 {
		t.Error(status)
	}
}

// Zipkin's own Go model reads every span, and what it reads is what came.
func TestModel(t *testing.T) {
	t.Parallel()
	v := newView(Options{})
	consume(t, v, mixed(t)...)
	for _, target := range []string{"/api/v2/trace/1", "/api/v2/trace/1?ids=unique"} {
		spans := getJSON[[]model.SpanModel](t, v, target)
		if len(spans) != 4 {
			t.Fatalf("%d spans", len(spans))
		}
		cart := spans[2]
		if cart.Name != "add item" || cart.LocalEndpoint.ServiceName != "cart" || cart.Duration != time.Microsecond || cart.Tags["http.status_code"] != "1152921504606846976" || cart.Tags["error"] != "true" {
			t.Errorf("%+v", cart)
		}
	}
	if traces := getJSON[[][]model.SpanModel](t, v, "/api/v2/traces?annotationQuery=http.status_code%3D1152921504606846976%20and%20retry%20and%20sw8.segment_id%3Dseg"); len(traces) != 1 {
		t.Errorf("%d traces", len(traces))
	}
}

// What the tags of a span are is written in translate/zipkin and, for searches,
// here: both must agree.
func TestTagsAgree(t *testing.T) {
	t.Parallel()
	v := newView(Options{})
	consume(t, v, mixed(t)...)
	consume(t, v, batch(t, `{"traceId":"1","id":"7","tags":{"error":"false","otel.status_code":"OK","x":"y"}}`))
	m := matcher{}
	items, _ := v.store.collect(nil, 1)
	spans := getJSON[[]model.SpanModel](t, v, "/api/v2/trace/1")
	for i := range items {
		got := make(map[string]string)
		zipkin.CollectTags(&m.tags, items[i].Batch, items[i].Span())
		for _, tag := range m.tags.List {
			got[tag.Key] = string(tag.AppendValue(nil, items[i].Batch))
		}
		want := spans[i].Tags
		if want == nil {
			want = map[string]string{}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
}

func TestUniqueIDs(t *testing.T) {
	t.Parallel()
	v := newView(Options{})
	consume(t, v, batch(t, sp("1 - - s a 0 9"), sp("2 1 CLIENT s b 1 5"), sp("2 1 shared T C 2 3"), sp("3 2 - T d 3 1")))
	server := span.ServerHalf(2, "T", netip.Addr{}).String()
	_, body := get(t, v, "/api/v2/trace/1?ids=unique")
	want := times(`[{"traceId":"0000000000000001","id":"0000000000000001","name":"a","timestamp":START,"duration":9,"localEndpoint":{"serviceName":"s"}},` +
		`{"traceId":"0000000000000001","parentId":"0000000000000001","id":"0000000000000002","kind":"CLIENT","name":"b","timestamp":START+1,"duration":5,"localEndpoint":{"serviceName":"s"}},` +
		`{"traceId":"0000000000000001","parentId":"0000000000000002","id":"` + server + `","kind":"SERVER","name":"c","timestamp":START+2,"duration":3,"localEndpoint":{"serviceName":"t"}},` +
		`{"traceId":"0000000000000001","parentId":"` + server + `","id":"0000000000000003","name":"d","timestamp":START+3,"duration":1,"localEndpoint":{"serviceName":"t"}}]`)
	if body != want {
		t.Errorf("%s\nwant %s", body, want)
	}
	if list := getJSON[[][]model.SpanModel](t, v, "/api/v2/traces?ids=unique"); len(list) != 1 || list[0][2].Shared || list[0][2].ParentID.String() != "0000000000000002" {
		t.Errorf("%+v", list)
	}
}

// Traces made to hurt must end, and in a time that grows with their size.
func TestHostile(t *testing.T) {
	t.Parallel()
	const many, n = 100_000, 20_000
	f := func(name string, n int, make func(i int) span.Span) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := span.NewBuilder(nil, span.Origin{Format: "otlp.proto", Transport: "grpc"})
			w.Grow(n, 0)
			for i := range n {
				s := make(i)
				s.Trace = span.TraceID{Lo: 1}
				w.Span(s)
			}
			v := newView(Options{})
			v.store.add(spantest.Items(w.Batch()))
			began := time.Now()
			for _, target := range []string{"/view/trace/1", "/view/trace/1/span/1", "/view/traces", "/api/v2/trace/1?ids=unique", "/api/v2/dependencies?endTs=1"} {
				get(t, v, target)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	timed := func(i int, s span.Span) span.Span {
		s.Start, s.Duration, s.Has = start*1000+int64(i)*1000, 5, span.HasStart|span.HasDuration
		return s
	}
	f("one id", many, func(i int) span.Span { return timed(i, span.Span{ID: 1, Kind: span.Kind(i % 6)}) })
	f("one id, one time", many, func(int) span.Span { return timed(1, span.Span{ID: 1}) })
	f("one id, shared", many, func(i int) span.Span {
		s := timed(i, span.Span{ID: 1, Kind: span.KindServer, Has: span.Shared | span.HasWire, Wire: span.Wire{ID: 1}})
		s.Has |= span.Shared | span.HasWire
		s.Local.SetIP4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		return s
	})
	f("one chain", n, func(i int) span.Span { return timed(i, span.Span{ID: span.ID(i + 1), Parent: span.ID(i)}) })
	f("one circle", n, func(i int) span.Span { return timed(i, span.Span{ID: span.ID(i + 1), Parent: span.ID((i+1)%n + 1)}) })
	f("chain into a circle", n, func(i int) span.Span {
		return timed(n-i, span.Span{ID: span.ID(i + 1), Parent: span.ID(max(i, n/2) + 1)})
	})
	f("own parents", n, func(i int) span.Span { return timed(i, span.Span{ID: span.ID(i + 1), Parent: span.ID(i + 1)}) })
	f("orphans", n, func(i int) span.Span { return timed(i, span.Span{ID: span.ID(i + 1), Parent: 1 << 60}) })
	f("times at the ends", n, func(i int) span.Span {
		s := timed(0, span.Span{ID: span.ID(i + 1), Parent: 1})
		s.Start = []int64{-1 << 63, 1<<63 - 1, 0, 5}[i%4]
		s.Duration = []int64{1<<63 - 1, -5}[i%2]
		return s
	})
}
