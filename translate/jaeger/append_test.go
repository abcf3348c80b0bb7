// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	thriftgen "github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// encodeProto writes items as one request.
func encodeProto(items []span.Item) []byte {
	e := NewProtoEncoder(translate.EncoderOptions{Residue: translate.Plain})
	e.Add(items)
	messages := e.Messages()
	if len(messages) == 0 {
		return nil
	}
	return bytes.Clone(messages[0].Body)
}

var resourceLine = regexp.MustCompile(`(?m)^  resource \d+ schema - dropped 0\n`)

// dump is spantest.Dump without the numbers of resources, which say nothing,
// so that an empty process and none look the same.
func dump(b *span.Batch) string {
	return resourceLine.ReplaceAllString(spantest.Dump(b), "")
}

func same(t testing.TB, what string, want, got *span.Batch) {
	t.Helper()
	if d := cmp.Diff(dump(want), dump(got)); d != "" {
		t.Errorf("%s: -want +got:\n%s", what, d)
	}
}

// The writer's Thrift is that of Apache's, byte for byte.
func TestThriftBytes(t *testing.T) {
	t.Parallel()
	f := func(b *thriftgen.Batch) {
		t.Helper()
		b.SeqNo, b.Stats = nil, nil
		for _, compact := range []bool{false, true} {
			want := apacheWrite(b, compact)
			items := spantest.Items(decodeAll(t, want, formatThrift))
			if got := AppendBatch(nil, items, compact); !bytes.Equal(want, got) {
				t.Errorf("compact %v:\n got %x\nwant %x", compact, got, want)
			}
			for _, agent := range []bool{false, true} {
				whole := AppendBatch(nil, items, compact)
				if agent {
					whole = AppendAgentBatch(nil, items, compact)
				}
				if len(items) == 0 {
					continue
				}
				e := NewThriftEncoder(compact, agent)
				for range 2 {
					e.Reset(&items[0])
					for i := range items {
						e.Add(&items[i])
						e.Undo()
						e.Add(&items[i])
					}
					if got := e.Message(); !bytes.Equal(got, whole) || e.Len() != len(items) || e.Size() < len(got) || e.Size() > len(got)+mostEnds {
						t.Errorf("span by span, compact %v, agent %v: %d bytes, said %d:\n got %x\nwant %x", compact, agent, len(got), e.Size(), got, whole)
					}
				}
			}
			message := AppendAgentBatch([]byte("head"), items, compact)
			if !bytes.HasPrefix(message, []byte("head")) {
				t.Error("what was there is gone")
			}
			again, kind, err := apacheReadMessage(message[4:], compact)
			if err != nil || kind != 4 {
				t.Fatal(kind, err)
			}
			if d := cmp.Diff(b, again); d != "" {
				t.Errorf("message, compact %v: -want +got:\n%s", compact, d)
			}
		}
	}
	full := fullBatch()
	// A not-a-number does not equal itself, and the name of a log comes first.
	full.Spans[0].Tags = append(full.Spans[0].Tags[:3], full.Spans[0].Tags[4:]...)
	f(full)
	for range 5 {
		full.Spans = append(full.Spans, full.Spans...)
	}
	f(full)
	f(&thriftgen.Batch{Process: &thriftgen.Process{}, Spans: []*thriftgen.Span{}})
}

// parentLine is what protobuf adds: it knows no other parent than a reference,
// while Thrift may leave the parent out of them.
var parentLine = regexp.MustCompile(`(?m)^  ref child_of \S+ parent .*\n`)

// Row 31 of the checklist: what Jaeger says comes back from either form.
func TestRow31JaegerToJaeger(t *testing.T) {
	t.Parallel()
	f := func(b *span.Batch) {
		t.Helper()
		for _, compact := range []bool{false, true} {
			same(t, "Thrift", b, decodeAll(t, AppendBatch(nil, spantest.Items(b), compact), formatThrift))
			same(t, "datagram", b, decodeAll(t, AppendAgentBatch(nil, spantest.Items(b), compact), formatAgent))
		}
		p := decodeAll(t, encodeProto(spantest.Items(b)), formatProto)
		if d := cmp.Diff(parentLine.ReplaceAllString(dump(b), ""), parentLine.ReplaceAllString(dump(p), "")); d != "" {
			t.Errorf("protobuf: -want +got:\n%s", d)
		}
		same(t, "protobuf to Thrift", p, decodeAll(t, AppendBatch(nil, spantest.Items(p), true), formatThrift))
		// The bytes of a span that needs no change are copied.
		same(t, "protobuf copied", p, decodeAll(t, encodeProto(spantest.Items(p)), formatProto))
		want := dump(p)
		for i := range p.Spans() {
			if p.Spans()[i].Has&span.Exact == 0 {
				t.Errorf("span %d is not copied", i)
			}
			p.Spans()[i].Has &^= span.Exact
		}
		if d := cmp.Diff(want, dump(decodeAll(t, encodeProto(spantest.Items(p)), formatProto))); d != "" {
			t.Errorf("protobuf anew: -want +got:\n%s", d)
		}
	}
	full := fullBatch()
	for flags := range int32(12) {
		full.Spans = append(full.Spans, &thriftgen.Span{TraceIdLow: 1, SpanId: 100 + int64(flags), Flags: flags})
	}
	f(decodeAll(t, apacheWrite(full, true), formatThrift))
	for _, name := range sampleFiles(t, "jaeger-client-go/*-POST-api_traces.body.thrift") {
		f(decodeAll(t, sample(t, name), formatThrift))
	}
	for _, name := range sampleFiles(t, "jaeger-client-go/*-udp*.bin") {
		f(decodeAll(t, sample(t, name), formatAgent))
	}
}

// The real PostSpans request: nanoseconds, a process of one span's own and a
// warning.
func TestProtoSample(t *testing.T) {
	t.Parallel()
	body := sample(t, "otel-go/006-POST-jaeger_api_v2_CollectorService_PostSpans.msg0.pb")
	b := decodeAll(t, body, formatProto)
	same(t, "copied", b, decodeAll(t, encodeProto(spantest.Items(b)), formatProto))
	b.Spans()[0].Has &^= span.Exact
	again := encodeProto(spantest.Items(b))
	same(t, "anew", b, decodeAll(t, again, formatProto))
	// The fields come in the order of their numbers, but for the process of the
	// second span, which comes last.
	if len(again) != len(body) || !bytes.HasPrefix(again, body[:170]) {
		t.Errorf("\n got %x\nwant %x", again, body)
	}
	// A warning stays one through Thrift, which has none.
	p := decodeAll(t, AppendBatch(nil, spantest.Items(b)[1:], true), formatThrift)
	if got := encodeProto(spantest.Items(p)); !bytes.Contains(got, []byte{12<<3 | 2, 1, 'w'}) {
		t.Errorf("no warning in %x", got)
	}
}

// One process is said once for the batch; others are said on their spans.
func TestProcessPlacement(t *testing.T) {
	t.Parallel()
	decode := func(body []byte) *span.Batch { return decodeAll(t, body, formatProto) }
	named := func(name string) []byte { return field(1, []byte(name)) }
	a := decode(request(field(1, ids), field(1, ids), field(2, named("a"))))
	b := decode(request(field(1, ids), field(2, named("b"))))
	none := decode(request(field(1, ids)))
	f := func(want []byte, batches ...*span.Batch) {
		t.Helper()
		e := NewProtoEncoder(translate.EncoderOptions{})
		for _, b := range batches {
			e.Add(spantest.Items(b))
		}
		m := e.Messages()
		if len(m) != 1 || !bytes.Equal(m[0].Body, want) {
			t.Errorf("\n got %x\nwant %x", m[0].Body, want)
		}
		if again := e.Messages(); !bytes.Equal(again[0].Body, want) {
			t.Error("Messages changes its answer")
		}
	}
	one := func(more ...byte) []byte { return field(1, join(ids, more)) }
	f(request(one(), one(), field(2, named("a"))), a)
	f(request(one(), one(), one(field(10, named("b"))...), one(), one(), field(2, named("a"))), a, b, a)
	f(request(one(), one(field(10, named("b"))...)), none, b)
	f(request(one(), one(field(10, nil)...), field(2, named("b"))), b, none)
	f(request(one()), none)
}

// An encoder is used again and again; a payload does not see the one before.
func TestEncoderReuse(t *testing.T) {
	t.Parallel()
	b := decodeAll(t, apacheWrite(fullBatch(), true), formatThrift)
	want := encodeProto(spantest.Items(b))
	e := NewProtoEncoder(translate.EncoderOptions{})
	if e.Messages() != nil {
		t.Error("a message without spans")
	}
	for range 3 {
		e.Reset()
		if n := e.Add(spantest.Items(b)); n != 0 {
			t.Errorf("%d unwritten", n)
		}
		m := e.Messages()
		if !bytes.Equal(m[0].Body, want) || m[0].Method != postSpans || m[0].Spans != 3 {
			t.Errorf("%d spans to %s", m[0].Spans, m[0].Method)
		}
	}
	f := e.Fork()
	f.Add(spantest.Items(b))
	f.Notices(b)
	if !bytes.Equal(f.Messages()[0].Body, want) {
		t.Error("a forked encoder writes something else")
	}
}
