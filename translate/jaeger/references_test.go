// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"fmt"
	"strings"
	"testing"

	thriftgen "github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

// refText shows the parent and the references of the first span: c and f for
// the kinds, a star at the parent, the trace where it is another one.
func refText(b *span.Batch) string {
	s := &b.Spans()[0]
	text := fmt.Sprintf("%d:", uint64(s.Parent))
	for _, r := range b.Refs(s.Refs) {
		text += " " + map[span.RefKind]string{span.ChildOf: "c", span.FollowsFrom: "f"}[r.Kind]
		text += fmt.Sprint(uint64(r.Span))
		if r.Trace != s.Trace {
			text += fmt.Sprintf("@%d", r.Trace.Lo)
		}
		if r.Parent {
			text += "*"
		}
	}
	return text
}

// parseRefs reads "5: f2 c3 c3@9" as the parent and the references of a span
// 1 of trace 1.
func parseRefs(t *testing.T, in string) *thriftgen.Span {
	t.Helper()
	s := &thriftgen.Span{TraceIdLow: 1, SpanId: 1}
	head, rest, _ := strings.Cut(in, ":")
	if _, err := fmt.Sscan(head, &s.ParentSpanId); err != nil {
		t.Fatal(err)
	}
	for word := range strings.FieldsSeq(rest) {
		kind, trace, id := follows, int64(1), int64(0)
		if word[0] == 'c' {
			kind = childOf
		}
		num, other, ok := strings.Cut(word[1:], "@")
		if ok {
			if _, err := fmt.Sscan(other, &trace); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := fmt.Sscan(num, &id); err != nil {
			t.Fatal(err)
		}
		s.References = append(s.References, ref(kind, 0, trace, id))
	}
	return s
}

func TestReferences(t *testing.T) {
	t.Parallel()
	// in: parentSpanId and references of a Thrift span; want: what is read;
	// proto: what is read of the same span after it was written as protobuf,
	// which knows no other parent than a reference.
	f := func(in, want, proto string) {
		t.Helper()
		batch := &thriftgen.Batch{Process: &thriftgen.Process{}, Spans: []*thriftgen.Span{parseRefs(t, in)}}
		b := decodeAll(t, apacheWrite(batch, true), formatThrift)
		if got := refText(b); got != want {
			t.Errorf("%s: read %s, want %s", in, got, want)
		}
		again := decodeAll(t, AppendBatch(nil, spantest.Items(b), true), formatThrift)
		if got := refText(again); got != want {
			t.Errorf("%s: written as Thrift %s, want %s", in, got, want)
		}
		p := decodeAll(t, encodeProto(spantest.Items(b)), formatProto)
		if got := refText(p); got != proto {
			t.Errorf("%s: written as protobuf %s, want %s", in, got, proto)
		}
		if p.Spans()[0].Parent != b.Spans()[0].Parent {
			t.Errorf("%s: the parent changed", in)
		}
	}
	f("0:", "0:", "0:")
	f("5:", "5:", "5: c5*")
	f("5: c5", "5: c5*", "5: c5*")
	f("5: f5", "5: f5*", "5: f5*")
	f("0: c5", "5: c5*", "5: c5*")
	f("0: f5", "5: f5*", "5: f5*")
	f("0: f2 c3 c4", "3: f2 c3* c4", "3: f2 c3* c4")
	f("0: f2 f3", "2: f2* f3", "2: f2* f3")
	f("0: c9@7", "0: c9@7", "0: c9@7")
	f("3: f2 c3 c4 c3@7", "3: f2 c3* c4 c3@7", "3: f2 c3* c4 c3@7")
	f("4: f2 c3 c4", "4: f2 c3 c4*", "4: c4* f2 c3")
	f("4: c3 f4", "4: c3 f4*", "4: c4* c3 f4")
	f("4: f4 c4", "4: f4 c4*", "4: f4 c4*")
	f("4: c3@7", "4: c3@7", "4: c4* c3@7")
	f("4: c4@7", "4: c4@7", "4: c4* c4@7")
	// A span is not its own parent.
	f("1:", "0:", "0:")
	f("0: c1 c3", "3: c1 c3*", "3: c1 c3*")
	f("1: c1 f3", "3: c1 f3*", "3: c1 f3*")
	// References that name no span are dropped.
	f("0: c0@0", "0:", "0:")
	f("0: c0 c5@0 f7", "7: f7*", "7: f7*")
}

// The reference to the parent follows a parent that was replaced on the way.
func TestReplacedParent(t *testing.T) {
	t.Parallel()
	f := func(in string, parent span.ID, thrift, proto string) {
		t.Helper()
		batch := &thriftgen.Batch{Process: &thriftgen.Process{}, Spans: []*thriftgen.Span{parseRefs(t, in)}}
		b := decodeAll(t, apacheWrite(batch, true), formatThrift)
		b = decodeAll(t, encodeProto(spantest.Items(b)), formatProto) // so that bytes could be copied
		items := spantest.Items(b)
		items[0].ID, items[0].Parent = 77, parent
		got := decodeAll(t, AppendBatch(nil, items, false), formatThrift)
		if got := refText(got); got != thrift {
			t.Errorf("%s: written as Thrift %s, want %s", in, got, thrift)
		}
		p := decodeAll(t, encodeProto(items), formatProto)
		if got := refText(p); got != proto {
			t.Errorf("%s: written as protobuf %s, want %s", in, got, proto)
		}
		if p.Spans()[0].ID != 77 {
			t.Errorf("id %s", p.Spans()[0].ID)
		}
	}
	f("5: c5 f6", 9, "9: c9* f6", "9: c9* f6")
	f("5: f6 c5 c5@7", 9, "9: f6 c9* c5@7", "9: f6 c9* c5@7")
	f("0:", 9, "9:", "9: c9*")
	f("0: f6", 9, "9: f9*", "9: f9*")
	f("5: c5", 0, "0:", "0:")
}

// A client that was told to share ids as Zipkin does reports a server half that
// is a child of its own id; split, it is a child of the client half alone.
func TestSharedSpan(t *testing.T) {
	t.Parallel()
	f := func(in, kind string, shared bool, thrift, proto string) {
		t.Helper()
		one := parseRefs(t, in)
		one.Tags = []*thriftgen.Tag{keyed("span.kind", str(kind))}
		batch := &thriftgen.Batch{Process: &thriftgen.Process{}, Spans: []*thriftgen.Span{one}}
		b := decodeAll(t, apacheWrite(batch, true), formatThrift)
		s := &b.Spans()[0]
		if got := s.Has&span.Shared != 0; got != shared {
			t.Fatalf("%s %s: shared %v", kind, in, got)
		}
		if !shared {
			return
		}
		if want := (span.Wire{ID: 1, Parent: span.ID(one.ParentSpanId)}); s.Wire != want || s.Has&span.HasWire == 0 {
			t.Errorf("%s: wire %v", in, s.Wire)
		}
		p := decodeAll(t, encodeProto(spantest.Items(b)), formatProto)
		if p.Spans()[0].Has&span.Shared == 0 {
			t.Errorf("%s: not shared after protobuf", in)
		}
		for _, b := range []*span.Batch{b, p} {
			items := spantest.Items(b)
			items[0].ID, items[0].Parent = 77, 1
			got := decodeAll(t, AppendBatch(nil, items, false), formatThrift)
			if got := refText(got); got != thrift {
				t.Errorf("%s: written as Thrift %s, want %s", in, got, thrift)
			}
			got = decodeAll(t, encodeProto(items), formatProto)
			if text := refText(got); text != proto || got.Spans()[0].Has&span.Shared != 0 {
				t.Errorf("%s: written as protobuf %s, want %s", in, text, proto)
			}
		}
	}
	f("3: c1", "server", true, "1: c1*", "1: c1*")
	f("0: c1", "server", true, "1: c1*", "1: c1*")
	f("3: c1 f6", "server", true, "1: c1* f6", "1: c1* f6")
	f("3: c1", "client", false, "", "")
	f("3: f1", "server", false, "", "")
	f("3: c3", "server", false, "", "")
}
