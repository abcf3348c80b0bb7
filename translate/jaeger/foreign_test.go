// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares sections with those of a file in testdata.
func golden(t *testing.T, name, comment string, sections ...string) {
	t.Helper()
	got := &txtar.Archive{Comment: []byte(comment + "\n")}
	for i := 0; i < len(sections); i += 2 {
		got.Files = append(got.Files, txtar.File{Name: sections[i], Data: []byte(sections[i+1])})
	}
	path := filepath.Join("testdata", name+".txtar")
	if *update {
		if err := os.WriteFile(path, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(txtar.Format(got))); d != "" {
		t.Errorf("%s: -want +got:\n%s", path, d)
	}
}

// Real requests and what is read of them.
func TestGoldenSamples(t *testing.T) {
	t.Parallel()
	f := func(name, format, sample1 string) {
		t.Helper()
		golden(t, name, format+" "+sample1, "canonical", spantest.Dump(decodeAll(t, sample(t, sample1), format)))
	}
	f("client-go-datagram", formatAgent, "jaeger-client-go/002-udp29831.bin")
	f("client-go-datagram-128", formatAgent, "jaeger-client-go/012-udp29831.bin")
	f("client-go-http-shared", formatThrift, "jaeger-client-go/006-POST-api_traces.body.thrift")
	f("post-spans", formatProto, "otel-go/006-POST-jaeger_api_v2_CollectorService_PostSpans.msg0.pb")
}

// foreign builds batches of other protocols.
type foreign struct {
	*span.Builder
}

func newForeign(format string) foreign {
	return foreign{span.NewBuilder(nil, span.Origin{Format: format})}
}

func (f foreign) attrs(list ...span.Attr) span.Range {
	mark := f.AttrMark()
	for _, a := range list {
		f.Attr(a)
	}
	return f.AttrsFrom(mark)
}

func (f foreign) text(key, v string) span.Attr { return span.StringAttr(f.Copy(key), f.Copy(v)) }

func (f foreign) mirrored(key, v string) span.Attr {
	a := f.text(key, v)
	a.Mirrored = true
	return a
}

func (f foreign) endpoint(service string, ip4 byte, port uint16) span.Endpoint {
	e := span.Endpoint{Service: f.Copy(service), Port: port}
	e.SetIP4([4]byte{10, 0, 0, ip4})
	return e
}

// Spans of other protocols and what Jaeger is told of them. The first section
// is the span, the second what is read of the protobuf form, the third of the
// Thrift form, which has microseconds and one process.
func TestGoldenForeign(t *testing.T) {
	t.Parallel()
	f := func(name, comment string, b *span.Batch) {
		t.Helper()
		items := spantest.Items(b)
		p := decodeAll(t, encodeProto(items), formatProto)
		golden(t, name, comment, "canonical", spantest.Dump(b), "protobuf", spantest.Dump(p),
			"thrift", spantest.Dump(decodeAll(t, AppendBatch(nil, items, true), formatThrift)))
		same(t, "written again", p, decodeAll(t, encodeProto(spantest.Items(p)), formatProto))
	}
	f("from-zipkin", "Two services, a failure by text, nothing but ids.", zipkinBatch())
	f("from-otlp", "Nanoseconds, a status by code, scope, links, typed values.", otlpBatch())
	f("from-skywalking", "What an agent says beyond the canonical fields.", skywalkingBatch())
}

func zipkinBatch() *span.Batch {
	w := newForeign("zipkin.v2.json")
	trace := span.TraceID{Lo: 0xabc}
	client := span.Span{
		Trace: trace, ID: 1, Name: w.Copy("get /"), Kind: span.KindClient, Start: 1700000000000001000, Duration: 1000,
		Has: span.HasStart | span.HasDuration | span.HasWire, Wire: span.Wire{ID: 1}, Sampling: span.Debug | span.Sampled,
		Local: w.endpoint("front", 1, 8080), Remote: w.endpoint("back", 2, 9090),
		Status: span.StatusError, StatusMessage: w.Copy("timeout"),
	}
	client.Remote.SetIP6([16]byte{0x20, 1, 0xd, 0xb8, 15: 1})
	client.Attrs = w.attrs(w.text("http.method", "GET"), w.mirrored("error", "timeout"))
	mark := w.EventMark()
	w.Event(span.Event{Time: 1700000000000002000, Name: w.Copy("ws")})
	client.Events = w.EventsFrom(mark)
	w.Span(client)

	w.Span(span.Span{
		Trace: trace, ID: 2, Parent: 1, Kind: span.KindServer, Has: span.HasWire | span.Shared, Wire: span.Wire{ID: 1},
		Local: w.endpoint("back", 2, 9090), Status: span.StatusError, StatusMessage: span.Empty, Attrs: w.attrs(w.mirrored("error", "")),
	})
	w.Span(span.Span{
		Trace: trace, ID: 3, Parent: 2, Has: span.HasWire, Wire: span.Wire{ID: 3, Parent: 1}, Local: w.endpoint("back", 2, 9091),
		Status: span.StatusError, StatusMessage: w.Copy("true"), Attrs: w.attrs(w.mirrored("error", "true")),
	})
	w.Span(span.Span{
		Trace: trace, ID: 4, Parent: 2, Has: span.HasWire, Wire: span.Wire{ID: 4, Parent: 1},
		Status: span.StatusError, StatusMessage: w.Copy("false"), Attrs: w.attrs(w.mirrored("error", "false")),
	})
	return w.Batch()
}

func otlpBatch() *span.Batch {
	w := newForeign("otlp.proto")
	trace := span.TraceID{Hi: 1, Lo: 2}
	resource := w.Resource(span.Resource{Attrs: w.attrs(w.mirrored("service.name", "Shop"), w.text("k8s.pod.name", "p1"),
		span.TextAttr(w.Copy("args"), span.JSON, w.Copy(`["a",1]`)))})
	scope := w.Scope(span.Scope{Name: w.Copy("lib"), Version: w.Copy("1.0")})
	s := span.Span{
		Trace: trace, ID: 5, Parent: 4, Name: w.Copy("GET /X"), Kind: span.KindInternal, Start: 1700000000000000001, Duration: 999,
		Has: span.HasStart | span.HasDuration | span.HasStatus, Status: span.StatusError, StatusMessage: w.Copy("boom"),
		Local: span.Endpoint{Service: w.Copy("Shop")}, Resource: resource, Scope: scope,
		State: w.Copy("a=b"), TraceFlags: 0x301, Dropped: span.Dropped{Attrs: 1, Events: 2, Refs: 3},
	}
	s.Attrs = w.attrs(w.text("s", "v"), span.IntAttr(w.Copy("i"), -1), span.FloatAttr(w.Copy("f"), 2),
		span.BoolAttr(w.Copy("b"), true), span.TextAttr(w.Copy("y"), span.Bytes, w.CopyBytes([]byte{0, 255})),
		span.TextAttr(w.Copy("j"), span.JSON, w.Copy(`{"k":[1,2.0]}`)), span.Attr{Key: w.Copy("n"), Type: span.Null})
	mark := w.EventMark()
	w.Event(span.Event{Time: 1700000000000000002, Name: w.Copy("exception"), Attrs: w.attrs(w.text("exception.type", "E"), w.text("event", "x"))})
	w.Event(span.Event{Time: 1700000000000000002, Name: span.Empty, Dropped: 1})
	s.Events = w.EventsFrom(mark)
	refs := w.RefMark()
	w.Ref(span.Ref{Trace: span.TraceID{Hi: 9, Lo: 9}, Span: 9, Kind: span.Link, State: w.Copy("x=y"), Attrs: w.attrs(w.text("k", "v"))})
	w.Ref(span.Ref{Trace: trace, Span: 4, Kind: span.FollowsFrom})
	w.Ref(span.Ref{Trace: trace, Span: 6, Kind: span.Link})
	s.Refs = w.RefsFrom(refs)
	w.Span(s)
	w.Span(span.Span{
		Trace: trace, ID: 6, Parent: 5, Kind: span.KindConsumer, Has: span.HasStart | span.HasDuration | span.HasStatus,
		Start: 1700000000000000001, Status: span.StatusOK, Local: s.Local, Resource: resource, Scope: scope,
	})
	return w.Batch()
}

func skywalkingBatch() *span.Batch {
	w := newForeign("skywalking.segments")
	trace := span.TraceID{Hi: 7, Lo: 8}
	segment := w.Segment(span.Segment{TraceName: w.Copy("t.1.1"), Name: w.Copy("s.1.2"), Service: w.Copy("svc"), Instance: w.Copy("i@10.0.0.1")})
	entry := span.Span{
		Trace: trace, ID: 1, Parent: 77, Name: w.Copy("/order"), Kind: span.KindServer, Start: 1700000000000000000, Duration: 5000000,
		Has: span.HasStart | span.HasDuration, Local: span.Endpoint{Service: w.Copy("svc")}, Segment: segment,
		Agent: w.Agent(span.Agent{Number: 0, Parent: -1, Layer: 3, Component: 14, Skip: true}),
	}
	refs := w.RefMark()
	w.Ref(span.Ref{Trace: trace, Span: 77, Kind: span.CrossProcess, Parent: true, Agent: w.AgentRef(span.AgentRef{
		TraceName: w.Copy("t.1.1"), Segment: w.Copy("p.1.1"), Number: 3, Service: w.Copy("up"), Instance: w.Copy("u1"),
		Endpoint: w.Copy("/e"), Address: w.Copy("10.0.0.1:80"),
	})})
	w.Ref(span.Ref{Trace: trace, Span: 78, Kind: span.CrossThread})
	entry.Refs = w.RefsFrom(refs)
	entry.Attrs = w.attrs(w.text("url", "http://x/order"))
	w.Span(entry)
	w.Span(span.Span{
		Trace: trace, ID: 2, Parent: 1, Name: w.Copy("Mysql"), Kind: span.KindClient, Start: 1700000000001000000, Duration: 0,
		Has: span.HasStart | span.HasDuration, Local: entry.Local, Segment: segment, Status: span.StatusError,
		Remote: span.Endpoint{Service: w.Copy("db:3306")},
		Agent:  w.Agent(span.Agent{Number: 1, Layer: 1, Component: 33, Peer: w.Copy("db:3306")}),
	})
	return w.Batch()
}
