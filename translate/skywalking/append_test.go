// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"encoding/base64"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// shows compares one written segment with lines in the form of show; lines are
// trimmed.
func shows(t *testing.T, got, want string) {
	t.Helper()
	trim := func(s string) string {
		lines := strings.Split(strings.TrimSpace(s), "\n")
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		return strings.Join(lines, "\n")
	}
	if diff := cmp.Diff(trim(want), trim(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

var (
	frontEntry = made{
		id: 0x48485a3953bb6124, kind: span.KindServer, name: "get /home", service: "frontend", ip: "10.0.0.5",
		start: at, duration: 50_000_000, attrs: []any{"http.method", "GET"},
	}
	frontExit = made{
		id: 0x00f067aa0ba902b7, parent: 0x48485a3953bb6124, kind: span.KindClient, name: "get", service: "frontend", ip: "10.0.0.5", remote: "order",
		start: at + 5_000_000, duration: 37_999_999, attrs: []any{"http.method", "GET", "http.status_code", "200"},
	}
)

// I6, case 1: what a header named before any report is what is written. The
// parent is found whether it comes before or after its child.
func TestI6ZipkinTrace(t *testing.T) {
	t.Parallel()
	const entry = `463ac35c9f6413ad48485a3953bb6124 838055281761a3e848485a3953bb6124 frontend@10.0.0.5 Entry Http 49 GET:/home
		http.method=GET
		bridge.span_id=48485a3953bb6124`
	const exit = `463ac35c9f6413ad48485a3953bb6124 838055281761a3e800f067aa0ba902b7 frontend@10.0.0.5 Exit Http 49 GET peer order
		http.method=GET
		http.status_code=200
		bridge.span_id=00f067aa0ba902b7
		bridge.parent_id=48485a3953bb6124
		ref CrossThread 838055281761a3e848485a3953bb6124 0 frontend@10.0.0.5 GET:/home`
	got, _ := written(t, NewEncoder(plain), batch("zipkin.v2.json", frontEntry, frontExit))
	shows(t, show(got[0]), entry)
	shows(t, show(got[1]), exit)
	if s := got[1].Spans[0]; s.StartTime != 1_700_000_000_005 || s.EndTime != 1_700_000_000_042 {
		t.Errorf("from %d to %d", s.StartTime, s.EndTime)
	}
	got, _ = written(t, NewEncoder(plain), batch("zipkin.v2.json", frontExit, frontEntry))
	shows(t, show(got[0]), exit)
	// In messages of their own, the parent first.
	e := NewEncoder(plain)
	written(t, e, batch("zipkin.v2.json", frontEntry))
	got, _ = written(t, e.Fork(), batch("zipkin.v2.json", frontExit))
	shows(t, show(got[0]), exit)
}

// A server names its caller: the one that was seen, else the one its endpoint
// names, else none.
func TestCallers(t *testing.T) {
	t.Parallel()
	order := made{
		id: 0x0a1b2c3d4e5f6071, parent: 0x00f067aa0ba902b7, kind: span.KindServer, name: "get /orders/{id}", service: "order", ip: "10.0.0.7",
		start: at, duration: 1_000_000,
	}
	const head = "463ac35c9f6413ad48485a3953bb6124 838055281761a3e80a1b2c3d4e5f6071 order@10.0.0.7 Entry RPCFramework 0 get /orders/{id}\n" +
		"bridge.span_id=0a1b2c3d4e5f6071\nbridge.parent_id=00f067aa0ba902b7\n"
	const ref = "ref CrossProcess 838055281761a3e800f067aa0ba902b7 0 "
	f := func(m made, want string, before ...made) {
		t.Helper()
		e := NewEncoder(plain)
		if len(before) > 0 {
			written(t, e, batch("zipkin.v2.json", before...))
		}
		got, _ := written(t, e, batch("zipkin.v2.json", m))
		shows(t, show(got[0]), head+want)
	}
	f(order, ref+"frontend@10.0.0.5 GET:/home order", frontExit, frontEntry)
	f(order, ref+"frontend@10.0.0.5 GET order", frontExit)
	f(order, "") // O3
	order.remote = "front"
	f(order, ref+"front@unknown unknown order")
	f(order, ref+"frontend@10.0.0.5 GET:/home order", frontEntry, frontExit)
}

// O2: the address in a reference is what the caller's exit calls this side: a peer
// of another kind must not become an alias of the server.
func TestO2Addresses(t *testing.T) {
	t.Parallel()
	f := func(parent, child made, want string) {
		t.Helper()
		parent.id, child.id, child.parent = 1, 2, 1
		parent.start, child.start = at, at
		parent.service, child.service = "a", "b"
		got, _ := written(t, NewEncoder(plain), batch("zipkin.v2.json", parent, child))
		if r := got[1].Spans[0].Refs[0]; r.NetworkAddressUsedAtPeer != want || r.ParentService != "a" {
			t.Errorf("%v below %v: %v, want %q", child.kind, parent.kind, r, want)
		}
	}
	client, server, producer, consumer := span.KindClient, span.KindServer, span.KindProducer, span.KindConsumer
	f(made{kind: client, remote: "b", remoteIP: "10.0.0.2"}, made{kind: server}, "b")
	f(made{kind: client, remoteIP: "10.0.0.2", port: 80}, made{kind: server}, "10.0.0.2:80")
	f(made{kind: server, remoteIP: "10.0.0.9"}, made{kind: server}, "b")
	f(made{kind: consumer, remote: "kafka"}, made{kind: server}, "b")
	f(made{kind: producer, remote: "kafka"}, made{kind: server}, "b")
	f(made{}, made{kind: server}, "b")
	f(made{kind: producer, remoteIP: "10.0.0.2"}, made{kind: consumer, remote: "kafka"}, "10.0.0.2")
	f(made{kind: client, remote: "b"}, made{kind: consumer, remote: "kafka"}, "kafka")
	f(made{kind: client, remote: "b"}, made{kind: consumer}, "unknown")
}

func TestEntryPeers(t *testing.T) {
	t.Parallel()
	f := func(m made, want string) {
		t.Helper()
		m.start = at
		if s := converted(t, m).Spans[0]; s.Peer != want {
			t.Errorf("%+v: %q, want %q", m, s.Peer, want)
		}
	}
	f(made{kind: span.KindServer, remote: "front", remoteIP: "10.0.0.9", port: 39102}, "10.0.0.9:39102")
	f(made{kind: span.KindServer, remote: "front"}, "")
	f(made{kind: span.KindConsumer, remoteIP: "10.0.0.9"}, "")
}

// Encoders of one target may write at the same time.
func TestForksTogether(t *testing.T) {
	t.Parallel()
	e := NewEncoder(plain)
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			o := e.Fork().(translate.Observer)
			for i := range 50 {
				exit := frontExit
				exit.trace = span.TraceID{Hi: uint64(n + 1), Lo: uint64(i + 1)}
				o.Observe(spantest.Items(batch("zipkin.v2.json", exit)))
			}
		})
		all.Go(func() {
			f := e.Fork()
			for i := range 50 {
				entry, exit := frontEntry, frontExit
				entry.trace = span.TraceID{Hi: uint64(n + 1), Lo: uint64(i + 1)}
				exit.trace = entry.trace
				got, _ := written(t, f, batch("zipkin.v2.json", exit, entry))
				if got[0].Spans[0].Refs[0].ParentEndpoint != "GET:/home" {
					t.Errorf("got %v", got[0])
				}
			}
		})
	}
	all.Wait()
}

// I6, case 2: a trace that a SkyWalking agent began goes on under its name, and
// below the span that the agent named.
func TestI6NativeParent(t *testing.T) {
	t.Parallel()
	java := segment(t, `traceId: "`+javaTrace+`" traceSegmentId: "`+javaSegment+`" service: "frontend" serviceInstance: "a1b2@10.0.0.5"
		spans { spanId: 2 parentSpanId: 0 startTime: 1 operationName: "/orders" spanType: Exit spanLayer: Http peer: "order:8080" }
		spans { spanId: 1 parentSpanId: 0 startTime: 1 operationName: "local" spanType: Local }
		spans { spanId: 0 parentSpanId: -1 startTime: 1 operationName: "GET:/home" spanLayer: Http }`)
	native := decode(t, formatSegments, collection(t, java))
	order := made{
		trace: span.TraceOf(javaTrace), id: 0x0a1b2c3d4e5f6071, parent: 0xdd13ca1c79f8e987, kind: span.KindServer,
		name: "get /orders/17", service: "order", ip: "10.0.0.7", start: at, duration: 1_000_000, attrs: []any{"http.path", "/orders/17"},
	}
	const want = javaTrace + " ef6822bb66f40f180a1b2c3d4e5f6071 order@10.0.0.7 Entry Http 49 GET:/orders/{id}\n" +
		"http.path=/orders/17\nbridge.span_id=0a1b2c3d4e5f6071\nbridge.parent_id=dd13ca1c79f8e987\n" +
		"ref CrossProcess " + javaSegment + " 2 frontend@a1b2@10.0.0.5 GET:/home order:8080"
	e := NewEncoder(plain)
	e.Reset()
	e.Add(spantest.Items(native))
	got, _ := written(t, e.Fork(), batch("zipkin.v2.json", order))
	shows(t, show(got[0]), want)

	// In one call, the native segment behind.
	items := append(spantest.Items(batch("zipkin.v2.json", order)), spantest.Items(native)...)
	e = NewEncoder(plain)
	e.Reset()
	e.Add(items)
	last := e.Messages()[len(e.Messages())-1:]
	got, _ = read(t, last)
	shows(t, show(got[0]), want)

	// Without memory, from the tags of the middleware.
	b64 := base64.StdEncoding.EncodeToString
	tag := strings.Join([]string{javaSegment, "2", b64([]byte("frontend")), b64([]byte("a1b2@10.0.0.5")), b64([]byte("GET:/home")), b64([]byte("order:8080"))}, "|")
	tagged := order
	tagged.attrs = []any{"http.path", "/orders/17", "sw8.trace_id", javaTrace, "sw8.parent", tag}
	got, _ = written(t, NewEncoder(plain), batch("zipkin.v2.json", tagged))
	shows(t, show(got[0]), strings.Replace(want, "http.path=/orders/17\n", "http.path=/orders/17\nsw8.parent="+tag+"\n", 1))

	// Tags of another trace or span are just tags.
	tagged.remote = "frontend"
	tagged.attrs = []any{"sw8.trace_id", "other", "sw8.parent", strings.Replace(tag, "|2|", "|3|", 1)}
	got, _ = written(t, NewEncoder(plain), batch("zipkin.v2.json", tagged))
	if g := got[0]; g.TraceId != "5741ef14a11c13bf5919387eb2d5b5f7" || g.Spans[0].Refs[0].ParentTraceSegmentId != "ef6822bb66f40f18dd13ca1c79f8e987" {
		t.Errorf("got %v", g)
	}
}

// O1: message producers and consumers meet at the broker.
func TestO1Queues(t *testing.T) {
	t.Parallel()
	send := made{
		id: 1, kind: span.KindProducer, name: "send", service: "order", ip: "10.0.0.7", remote: "kafka", start: at,
		attrs: []any{"kafka.topic", "pay", "transmission.latency", "abc", "transmission.latency", "12"},
	}
	receive := made{id: 2, parent: 1, kind: span.KindConsumer, name: "poll", service: "billing", ip: "10.0.0.8", remote: "kafka", start: at}
	got, _ := written(t, NewEncoder(plain), batch("zipkin.v2.json", receive, send))
	shows(t, show(got[0]), `463ac35c9f6413ad48485a3953bb6124 838055281761a3e80000000000000002 billing@10.0.0.8 Entry MQ 41 poll peer kafka
		bridge.span_id=0000000000000002
		bridge.parent_id=0000000000000001
		ref CrossProcess 838055281761a3e80000000000000001 0 order@10.0.0.7 send kafka`)
	shows(t, show(got[1]), `463ac35c9f6413ad48485a3953bb6124 838055281761a3e80000000000000001 order@10.0.0.7 Exit MQ 40 send peer kafka
		mq.topic=pay
		transmission.latency=12
		bridge.span_id=0000000000000001`)

	f := func(m made, want string) {
		t.Helper()
		got, _ := written(t, NewEncoder(plain), batch("jaeger.thrift", m))
		s := got[0].Spans[0]
		have := s.SpanType.String() + " " + s.SpanLayer.String() + " " + s.Peer
		for _, r := range s.Refs {
			have += " from " + r.ParentService + " by " + r.NetworkAddressUsedAtPeer
		}
		if have != want {
			t.Errorf("%+v: %s, want %s", m, have, want)
		}
	}
	// The topic by OpenTracing's name.
	send.attrs = []any{"message_bus.destination", "pay"}
	got, _ = written(t, NewEncoder(plain), batch("zipkin.v2.json", send))
	if tag := got[0].Spans[0].Tags[0]; tag.Key != "mq.topic" || tag.Value != "pay" {
		t.Errorf("got %v", tag)
	}
	// In other protocols the remote service may be the consumer.
	f(made{id: 1, kind: span.KindProducer, remote: "billing", start: at}, "Local Unknown ")
	f(made{id: 1, kind: span.KindProducer, remote: "billing", start: at, attrs: []any{"messaging.system", "kafka"}}, "Exit MQ kafka")
	f(made{id: 1, kind: span.KindProducer, remoteIP: "10.0.0.1", port: 9092, start: at, attrs: []any{"messaging.system", "kafka"}}, "Exit MQ 10.0.0.1:9092")
	f(made{id: 1, kind: span.KindProducer, start: at, attrs: []any{"server.address", "broker", "server.port", 9092}}, "Exit MQ broker:9092")
	f(made{id: 1, kind: span.KindProducer, start: at, attrs: []any{"mq.broker", "b:1", "server.address", "broker"}}, "Exit MQ b:1")
	f(made{id: 2, kind: span.KindConsumer, remote: "order", start: at, attrs: []any{"messaging.system", "kafka"}}, "Entry MQ ")
	f(made{id: 2, parent: 1, kind: span.KindConsumer, remote: "order", start: at, attrs: []any{"messaging.system", "kafka"}}, "Entry MQ ")
	f(made{id: 2, parent: 1, kind: span.KindConsumer, remote: "order", start: at}, "Entry MQ ")
}

// S10: a service of which there are only clients is made known.
func TestS10Presence(t *testing.T) {
	t.Parallel()
	client := made{kind: span.KindClient, service: "batch", ip: "10.0.0.5", remote: "order", start: at, resource: []any{"telemetry.sdk.language", "go", "host.name", "box"}}
	other := made{kind: span.KindServer, service: "order", start: at}
	var id span.ID
	spans := func(received int64) (batches [2]*span.Batch) {
		some := []made{client, client, other, {service: "batch", resource: client.resource}}
		for i := range some {
			id++
			some[i].id = id
		}
		return [2]*span.Batch{batchAt(received, "otlp.proto", some[:3]...), batchAt(received+1, "otlp.proto", some[3])}
	}
	add := func(e translate.Encoder, batches [2]*span.Batch, want ...string) {
		t.Helper()
		e.Reset()
		for _, b := range batches {
			e.Add(spantest.Items(b))
		}
		_, notes := read(t, e.Messages())
		if diff := cmp.Diff(want, notes); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	f := func(e translate.Encoder, received int64, want ...string) {
		t.Helper()
		add(e, spans(received), want...)
	}
	first := NewEncoder(plain)
	all := []string{
		"properties batch box language=go hostname=box ipv4=10.0.0.5", "ping batch box",
		"properties order unknown language=unknown", "ping order unknown",
	}
	pings := []string{"ping batch box", "ping order unknown"}
	lost := spans(received)
	add(first, lost, all...)
	add(first, lost, all...) // the same payload once more: it did not arrive
	f(first.Fork(), received+10e9)
	f(first, received+59_999_999_998)
	for n := range int64(9) {
		f(first, received+(n+1)*beatEvery, pings...)
		f(first, received+(n+1)*beatEvery+1e9)
	}
	f(first, received+10*beatEvery, all...)
	f(first, received-beatEvery) // an older message
	f(NewEncoder(plain), received, all...)
}

// The memory of a target is bounded, and a long line of parents is followed
// only so far.
func TestMemoryBounds(t *testing.T) {
	t.Parallel()
	m := newMemory()
	fill := func(id, parent span.ID, service, endpoint string) {
		p := m.place(spanKey{z, id})
		p.is, p.parent = isKnown, parent
		m.set(p, &[numTexts]string{placeService: service, placeEndpoint: endpoint})
	}
	for i := range span.ID(rememberedSpans + 10) {
		fill(i+1, i, "s", "e")
	}
	if m.spans.n != rememberedSpans || len(m.spans.chunks) != (rememberedSpans-1)>>chunkBits+1 || m.spans.get(spanKey{z, 10}) != nil || m.spans.get(spanKey{z, 11}) == nil {
		t.Errorf("%d spans kept", m.spans.n)
	}
	if got := m.endpointOf(z, m.spans.get(spanKey{z, rememberedSpans})); got != "e" {
		t.Errorf("endpoint %q", got)
	}
	fill(1, 1, "", "own parent")
	if got := m.endpointOf(z, m.spans.get(spanKey{z, 1})); got != "own parent" {
		t.Errorf("endpoint %q", got)
	}
}

// I8: what is written gives the original ids when it is read.
func TestI8BackToSpans(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var spans []made
		for i := range rapid.IntRange(1, 8).Draw(rt, "spans") {
			spans = append(spans, anySpan(rt, i))
		}
		format := rapid.SampledFrom([]string{"zipkin.v2.json", "jaeger.thrift", "otlp.proto"}).Draw(rt, "format")
		in := batch(format, spans...)
		mode := rapid.SampledFrom([]translate.Residue{translate.Exact, translate.Plain}).Draw(rt, "mode")
		got, _ := written(t, NewEncoder(translate.EncoderOptions{Residue: mode}), in)
		back := decode(t, formatSegments, collection(t, got...))
		if back.Len() != in.Len() {
			rt.Fatalf("%d spans, want %d", back.Len(), in.Len())
		}
		have := make(map[span.ID]*span.Span)
		for i := range back.Spans() {
			have[back.Spans()[i].ID] = &back.Spans()[i]
		}
		for i := range in.Spans() {
			want := &in.Spans()[i]
			have := have[want.ID]
			if have == nil || have.Trace != want.Trace || have.Parent != want.Parent || (have.Status == span.StatusError) != (want.Status == span.StatusError) {
				rt.Fatalf("got %+v, want %s/%s parent %s", have, want.Trace, want.ID, want.Parent)
			}
		}
	})
}

func anySpan(t *rapid.T, i int) made {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "order", strings.Repeat("é", 150), strings.Repeat("🚀", 200), "get /a/17", "/a?b"}), rapid.String())
	keys := rapid.SampledFrom([]string{
		"http.method", "http.url", "db.system", "cache.type", "x-le", "transmission.latency", "messaging.system", "component", "sw8.trace_id", "sw8.parent",
		"hostname", "rpc.system", "a", "mq.broker", "server.address", "bridge.x",
	})
	m := made{
		trace: span.TraceID{Hi: rapid.Uint64Range(0, 1).Draw(t, "hi"), Lo: 5}, id: span.ID(i + 1), parent: span.ID(rapid.IntRange(0, 9).Draw(t, "parent")),
		kind: span.Kind(rapid.IntRange(0, 5).Draw(t, "kind")), name: text.Draw(t, "name"), service: text.Draw(t, "service"), remote: text.Draw(t, "remote"),
		ip:       rapid.SampledFrom([]string{"", "10.0.0.1", "::1"}).Draw(t, "ip"),
		remoteIP: rapid.SampledFrom([]string{"", "10.0.0.2", "2001:db8::1"}).Draw(t, "remote ip"), port: rapid.Uint16().Draw(t, "port"),
		start:    rapid.SampledFrom([]int64{0, 1, -5, at, 1<<63 - 1}).Draw(t, "start"),
		duration: rapid.SampledFrom([]int64{-1, 0, 1, 999_999, 5_000_000, 1<<63 - 1}).Draw(t, "duration"),
		failed:   rapid.Bool().Draw(t, "failed"), message: text.Draw(t, "message"), ok: rapid.Bool().Draw(t, "ok"),
		events: rapid.SliceOfN(text, 0, 2).Draw(t, "events"),
	}
	if m.parent == m.id {
		m.parent = 0
	}
	values := rapid.OneOf(rapid.SampledFrom([]any{"GET", "redis", "mysql", "kafka", "grpc", "12", "", 5, 2.5, nil, "http://h:80/x", javaTrace}), rapid.Map(rapid.String(), func(s string) any { return s }))
	for range rapid.IntRange(0, 6).Draw(t, "attrs") {
		m.attrs = append(m.attrs, keys.Draw(t, "key"), values.Draw(t, "value"))
	}
	return m
}
