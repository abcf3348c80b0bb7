// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// segment reads a segment in text form.
func segment(t testing.TB, text string) *agentv3.SegmentObject {
	t.Helper()
	g := &agentv3.SegmentObject{}
	if err := prototext.Unmarshal([]byte(text), g); err != nil {
		t.Fatal(err)
	}
	return g
}

func wrap(segments ...[]byte) (body []byte) {
	for _, s := range segments {
		body = wire.AppendStringAlways(body, 1, string(s))
	}
	return body
}

const (
	javaTrace   = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001"
	javaSegment = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430002"
)

// Java and Python write children before the root, in another order the root
// first: the trace is the same.
func TestS2OrderOfSpans(t *testing.T) {
	t.Parallel()
	for _, name := range sampleNames {
		for _, g := range segmentsOf(t, name) {
			want := byID(decode(t, formatSegments, collection(t, g)))
			turned := proto.Clone(g).(*agentv3.SegmentObject)
			for i, j := 0, len(turned.Spans)-1; i < j; i, j = i+1, j-1 {
				turned.Spans[i], turned.Spans[j] = turned.Spans[j], turned.Spans[i]
			}
			got := byID(decode(t, formatSegments, collection(t, turned)))
			if len(got) != len(g.Spans) {
				t.Errorf("%s: %d spans, want %d", name, len(got), len(g.Spans))
			}
			for id, parent := range want {
				if got[id] != parent {
					t.Errorf("%s: span %s has parent %s, want %s", name, id, got[id], parent)
				}
			}
		}
	}
}

func byID(b *span.Batch) map[span.ID]span.ID {
	m := make(map[span.ID]span.ID)
	for i := range b.Spans() {
		m[b.Spans()[i].ID] = b.Spans()[i].Parent
	}
	return m
}

// A batch consumer has a reference for each message: the first one of this
// trace is the parent, the others are links with traces of their own.
func TestS3SeveralReferences(t *testing.T) {
	t.Parallel()
	b := decode(t, formatSegments, collection(t, segment(t, `
		traceId: "463ac35c9f6413ad48485a3953bb6124" traceSegmentId: "s9" service: "billing" serviceInstance: "b1"
		spans { parentSpanId: -1 startTime: 1700000000000 endTime: 1700000000001 spanLayer: MQ peer: "kafka:9092" operationName: "Kafka/pay/Consumer/g"
			refs { traceId: "de5980b8-fce3-4a37-aab9-b4ac3af7eedd" parentTraceSegmentId: "s1" parentSpanId: 1 parentService: "other" }
			refs { traceId: "463ac35c9f6413ad48485a3953bb6124" parentTraceSegmentId: "s2" parentSpanId: 2 parentService: "order" networkAddressUsedAtPeer: "kafka:9092" }
			refs { traceId: "463ac35c9f6413ad48485a3953bb6124" parentTraceSegmentId: "s3" parentSpanId: 3 parentService: "order" }
		}`)))
	s := &b.Spans()[0]
	trace := span.TraceOf("463ac35c9f6413ad48485a3953bb6124")
	other := span.TraceOf("de5980b8-fce3-4a37-aab9-b4ac3af7eedd")
	refs := b.Refs(s.Refs)
	if len(refs) != 3 || s.Parent != span.SpanOf(trace, "s2", 2) ||
		refs[0].Parent || refs[0].Trace != other || refs[0].Span != span.SpanOf(other, "s1", 1) ||
		!refs[1].Parent || refs[2].Parent || refs[2].Trace != trace {
		t.Errorf("got\n%s", spantest.Dump(b))
	}
	if s.Kind != span.KindConsumer || b.Str(s.Remote.Service) != "kafka" || s.Remote.Port != 9092 {
		t.Errorf("got\n%s", spantest.Dump(b))
	}
}

// go2sky writes the reference of a goroutine that outlives its parent as one
// between processes, without an address.
func TestS4Goroutine(t *testing.T) {
	t.Parallel()
	f := func(instance, address, wantRemote string) {
		t.Helper()
		b := decode(t, formatSegments, collection(t, segment(t, `
			traceId: "6df062c1e56b11f188514e78e46cf4c4" traceSegmentId: "s2" service: "go-svc" serviceInstance: "go-1"
			spans { spanId: 0 parentSpanId: -1 startTime: 1700000000000 endTime: 1700000000001 operationName: "work"
				refs { traceId: "6df062c1e56b11f188514e78e46cf4c4" parentTraceSegmentId: "s1" parentSpanId: 1 parentService: "go-svc"
					parentServiceInstance: "`+instance+`" parentEndpoint: "/go" networkAddressUsedAtPeer: "`+address+`" } }`)))
		s := &b.Spans()[0]
		if want := span.SpanOf(s.Trace, "s1", 1); s.Parent != want {
			t.Errorf("parent %s, want %s", s.Parent, want)
		}
		if got := b.Str(s.Remote.Service); got != wantRemote || got == "" && !s.Remote.IsZero() {
			t.Errorf("remote %q, want %q", got, wantRemote)
		}
	}
	f("go-1", "", "")
	f("go-2", "", "go-svc")
	f("go-1", "localhost:80", "go-svc")
}

// W3: an empty segment costs only itself.
func TestW3EmptySegment(t *testing.T) {
	t.Parallel()
	good := segmentsOf(t, "java")[0]
	for _, empty := range [][]byte{nil, marshal(t, &agentv3.SegmentObject{Service: "a"})} {
		b, err := tryDecode(formatSegments, wrap(empty, marshal(t, good), empty))
		refused(t, err, 2, false, "skywalking segments: segment 1: no spans, want at least one; segment 3: no spans, want at least one")
		if b.Len() != len(good.Spans) {
			t.Errorf("%d spans, want %d", b.Len(), len(good.Spans))
		}
	}
}

// oddSegments are segments with something wrong.
var oddSegments = func() (odd []struct {
	name, want string
	refused    int
	bytes      []byte
},
) {
	add := func(name string, refused int, want string, p []byte) {
		odd = append(odd, struct {
			name, want string
			refused    int
			bytes      []byte
		}{name, want, refused, p})
	}
	text := func(s string) []byte {
		g := &agentv3.SegmentObject{}
		if err := prototext.Unmarshal([]byte(s), g); err != nil {
			panic(err)
		}
		p, err := proto.Marshal(g)
		if err != nil {
			panic(err)
		}
		return p
	}
	const one = `spans { parentSpanId: -1 startTime: 1700000000000 operationName: "GET:/a" } `
	add("cut string", 2, "segment 1, byte 66: a length of 16", append(text(`traceId: "t" traceSegmentId: "s"`+one+one), 0x22, 0x10, 'x'))
	add("field 0", 1, "field number 0", append(text(one), 0))
	add("broken span", 1, "segment 1: span 2", append(text(`traceId: "t" traceSegmentId: "s"`+one), 0x1a, 2, 0x12, 9))
	add("only a broken span", 1, "segment 1: span 1", append(text(`traceId: "t"`), 0x1a, 2, 0x12, 9))
	add("empty span", 1, "segment 1: span 2: an empty message", append(text(one), 0x1a, 0))
	add("long name", 1, "traceSegmentId: 601 bytes, want at most 600", text(`traceSegmentId: "`+strings.Repeat("x", 601)+`"`+one))
	broken := text(`traceId: "t" traceSegmentId: "s" service: "a#b" spans { parentSpanId: -1 tags { key: "k" value: "v#" } logs { data { key: "x" value: "#" } }
		refs { traceId: "t#" parentTraceSegmentId: "p" } }`)
	add("not UTF-8", 0, "", bytes.ReplaceAll(broken, []byte("#"), []byte{0xff}))
	add("no ids", 0, "", text(one))
	add("no span 0", 0, "", text(`traceId: "t" traceSegmentId: "s" spans { spanId: 3 parentSpanId: 1 } spans { spanId: 4 parentSpanId: 3 }`))
	add("numbers twice", 0, "", text(`traceId: "t" traceSegmentId: "s" spans { parentSpanId: -1 startTime: 1 } spans { startTime: 2 } spans { spanId: -7 } spans { spanId: -7 }
		spans { spanId: 1 parentSpanId: 2 } spans { spanId: 2 parentSpanId: 1 }`))
	add("reference to itself", 0, "", text(`traceId: "t" traceSegmentId: "s" spans { parentSpanId: -1 refs { traceId: "t" parentTraceSegmentId: "s" } }`))
	add("unknown enums", 0, "", text(`spans { parentSpanId: -1 spanType: 9 spanLayer: 7 startTime: 1 refs { refType: 5 parentTraceSegmentId: "s" } }`))
	return odd
}()

func TestOddSegments(t *testing.T) {
	t.Parallel()
	after := segmentsOf(t, "go2sky")[0]
	for _, odd := range oddSegments {
		body := wrap(odd.bytes, marshal(t, after))
		b, err := tryDecode(formatSegments, body)
		refused(t, err, odd.refused, false, odd.want)
		if err := invariants(b); err != nil {
			t.Errorf("%s: %v", odd.name, err)
		}
		if !strings.HasSuffix(contentOf(b), content([]*agentv3.SegmentObject{after})) {
			t.Errorf("%s: the segment behind it suffered", odd.name)
		}
		passesOn(t, body)
	}
	b, err := tryDecode(formatSegments, append(wrap(marshal(t, after)), 0x0a, 0x7f, 1))
	refused(t, err, 0, true, "a length of 127, want at most the 1 bytes left")
	if b.Len() != len(after.Spans) {
		t.Errorf("%d spans before the cut, want %d", b.Len(), len(after.Spans))
	}
}

// refused checks what is said of a body.
func refused(t testing.TB, err error, spans int, cut bool, want string) {
	t.Helper()
	if spans == 0 && !cut {
		if err != nil {
			t.Errorf("error %v, want none", err)
		}
		return
	}
	m, ok := asMalformed(err)
	if !ok {
		t.Errorf("error %v, want a malformed body", err)
		return
	}
	if m.Spans != spans || m.Cut != cut || !strings.Contains(m.Error(), want) {
		t.Errorf("error %q, %d refused, cut %v; want %q, %d, %v", m, m.Spans, m.Cut, want, spans, cut)
	}
}

// I3: names in all forms give ids.
func TestI3FormsOfNames(t *testing.T) {
	t.Parallel()
	names := []string{
		javaTrace, javaSegment, "6df062c1e56b11f188514e78e46cf4c4", "de5980b8-fce3-4a37-aab9-b4ac3af7eedd", "DE5980B8-FCE3-4A37-AAB9-B4AC3AF7EEDD",
		"317043982749817323402834092834123456789", "463ac35c9f6413ad", "", strings.Repeat("0", 32), strings.Repeat("y", 150), strings.Repeat("世", 150),
		"0123456789abcdef0123456789abcdef.", "a b|c-d",
	}
	for _, trace := range names {
		for _, name := range names {
			g := segment(t, `spans { parentSpanId: -1 startTime: 1 } spans { spanId: 1 startTime: 1 } spans { spanId: 2 parentSpanId: 1 startTime: 1 }`)
			g.TraceId, g.TraceSegmentId = trace, name
			b := decode(t, formatSegments, collection(t, g))
			if err := invariants(b); err != nil {
				t.Errorf("%q, %q: %v", trace, name, err)
			}
			s := b.Spans()
			if len(s) != 3 || s[0].Parent != 0 || s[1].Parent != s[0].ID || s[2].Parent != s[1].ID {
				t.Errorf("%q, %q:\n%s", trace, name, spantest.Dump(b))
			}
			if name != "" && s[2].ID != span.SpanOf(s[0].Trace, name, 2) {
				t.Errorf("%q, %q: id %s", trace, name, s[2].ID)
			}
		}
	}
}

// I3: segments without names must not meet.
func TestI3NamelessSegments(t *testing.T) {
	t.Parallel()
	a := segment(t, `service: "a" spans { parentSpanId: -1 startTime: 1 }`)
	c := segment(t, `service: "c" spans { parentSpanId: -1 startTime: 1 }`)
	b := decode(t, formatSegments, collection(t, a, c))
	if s := b.Spans(); s[0].Trace == s[1].Trace || s[0].ID == s[1].ID {
		t.Errorf("got\n%s", spantest.Dump(b))
	}
}

// I5: the pair of spans of open-telemetry/opentelemetry-collector-contrib#21081.
func TestI5NeighboursDiffer(t *testing.T) {
	t.Parallel()
	g := segment(t, `spans { parentSpanId: -1 startTime: 1 } spans { spanId: 1 startTime: 1 } spans { spanId: 2 startTime: 1 }`)
	g.TraceId, g.TraceSegmentId = javaTrace, javaSegment
	next := proto.Clone(g).(*agentv3.SegmentObject)
	next.TraceSegmentId = strings.Replace(javaSegment, "30002", "30003", 1)
	ids := byID(decode(t, formatSegments, collection(t, g, next)))
	if len(ids) != 6 {
		t.Errorf("%d ids, want 6", len(ids))
	}
	if _, ok := ids[0xdd13ca1c79f8e987]; !ok {
		t.Error("span 2 of the first segment has not the id of the golden values")
	}
}
