// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"bytes"
	"strings"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/google/go-cmp/cmp"
	thriftgen "github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// checkBatch holds for whatever was decoded: ids are there, every text lies in
// the memory (the dump reads them all), memory follows the length of the body,
// and what is written of the batch reads back as the same.
func checkBatch(t *testing.T, b *span.Batch, err error) {
	t.Helper()
	if b == nil {
		t.Fatalf("no batch, %v", err)
	}
	want := dump(b)
	// The smallest span takes 19 bytes on the wire, 300 here.
	if m := b.Memory(); m > 64*len(b.Body())+4096 {
		t.Errorf("%d bytes for a body of %d", m, len(b.Body()))
	}
	for i := range b.Spans() {
		if s := &b.Spans()[i]; s.Trace.IsZero() || s.ID == 0 || s.Parent == s.ID {
			t.Fatalf("span %d has ids %s %s %s", i, s.Trace, s.ID, s.Parent)
		}
	}
	if err != nil && err.Error() == "" {
		t.Error("an error without words")
	}
	if b.Len() == 0 {
		return
	}
	items := spantest.Items(b)
	p := decodeAll(t, encodeProto(items), formatProto)
	if d := cmp.Diff(parentLine.ReplaceAllString(want, ""), parentLine.ReplaceAllString(dump(p), "")); d != "" && b.Origin.Format == formatProto {
		t.Errorf("protobuf: -want +got:\n%s", d)
	}
	want = dump(p)
	same(t, "protobuf again", p, decodeAll(t, encodeProto(spantest.Items(p)), formatProto))
	for i := range p.Spans() {
		p.Spans()[i].Has &^= span.Exact
	}
	if d := cmp.Diff(want, dump(decodeAll(t, encodeProto(spantest.Items(p)), formatProto))); d != "" {
		t.Errorf("protobuf anew: -want +got:\n%s", d)
	}
}

// checkThrift holds for what came by Thrift: one process, microseconds.
func checkThrift(t *testing.T, b *span.Batch) {
	t.Helper()
	if b.Len() == 0 {
		return
	}
	for _, compact := range []bool{false, true} {
		again := decodeAll(t, AppendBatch(nil, spantest.Items(b), compact), formatThrift)
		same(t, "Thrift", b, again)
	}
}

// stricter is true for faults that the reader finds where Apache's does not: lengths
// that it takes modulo 2^32, overlong varints, lists of another type, calls
// that are none, depth, nothing at all.
func stricter(err error) bool {
	if err == nil {
		return false
	}
	for _, words := range []string{"varint", "a length of", "a list of", "a map of", "deep", ", structs", "a call", "process and spans", "without a batch"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

// compare holds what the reader made of a body against what Apache's made: the same
// answer, and the same refusal but for fields that the definition requires.
func compare(t *testing.T, apache *thriftgen.Batch, bad error, b *span.Batch, err error) {
	t.Helper()
	if bad != nil {
		if err == nil && !strings.Contains(bad.Error(), "Required field") {
			t.Errorf("%x\nis taken, Apache's reader says %v", b.Body(), bad)
		}
		return
	}
	if stricter(err) || apache == nil {
		return
	}
	for _, s := range apache.Spans {
		for _, list := range append([][]*thriftgen.Tag{s.Tags, apache.Process.Tags}, fieldsOf(s)...) {
			for _, tag := range list {
				if tag.VType < 0 || tag.VType > thriftgen.TagType_BINARY {
					return // see TestThriftUnknown
				}
			}
		}
	}
	want := show(b)
	if d := cmp.Diff(showThrift(apache), want); d != "" {
		t.Errorf("%v: -apache +ours:\n%s", err, d)
	}
	for _, compact := range []bool{false, true} {
		if b.Len() == 0 || bytes.Contains(b.Body(), []byte(residue.Key)) {
			break
		}
		out := AppendBatch(nil, spantest.Items(b), compact)
		again, bad := apacheRead(out, compact)
		if bad != nil {
			t.Fatalf("%x\nApache's reader says of what is written: %v", out, bad)
		}
		if d := cmp.Diff(want, showThrift(again)); d != "" {
			t.Errorf("compact %v: -ours +apache of what is written:\n%s", compact, d)
		}
	}
}

func fieldsOf(s *thriftgen.Span) (lists [][]*thriftgen.Tag) {
	for _, l := range s.Logs {
		lists = append(lists, l.Fields)
	}
	return lists
}

func FuzzThrift(f *testing.F) {
	for _, name := range sampleFiles(f, "jaeger-client-go/*-POST-api_traces.body.thrift") {
		f.Add(sample(f, name))
	}
	for _, compact := range []bool{false, true} {
		f.Add(apacheWrite(fullBatch(), compact))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := decodeThrift(bytes.Clone(body), span.Origin{Format: formatThrift})
		checkBatch(t, b, err)
		checkThrift(t, b)
	})
}

func FuzzAgent(f *testing.F) {
	for _, name := range sampleFiles(f, "jaeger-client-go/*-udp*.bin") {
		f.Add(sample(f, name))
	}
	for _, compact := range []bool{false, true} {
		f.Add(apacheMessage(fullBatch(), compact, thrift.CALL, false))
		f.Add(apacheMessage(fullBatch(), compact, thrift.ONEWAY, true))
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		if _, err := translate.DatagramMethod(packet); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		b, err := decodeAgent(bytes.Clone(packet), span.Origin{Format: formatAgent})
		checkBatch(t, b, err)
		checkThrift(t, b)
	})
}

// FuzzThriftAgainstApache holds the readers of both protocols, of bodies and of
// datagrams, and their writers against the types that Apache's generator made.
func FuzzThriftAgainstApache(f *testing.F) {
	for _, name := range sampleFiles(f, "jaeger-client-go/*-POST-api_traces.body.thrift") {
		f.Add(sample(f, name), false)
	}
	for _, name := range sampleFiles(f, "jaeger-client-go/*-udp*.bin") {
		f.Add(sample(f, name), true)
	}
	for _, compact := range []bool{false, true} {
		for _, b := range []*thriftgen.Batch{fullBatch(), stringBatch()} {
			b.Spans = b.Spans[:1]
			f.Add(apacheWrite(b, compact), false)
			f.Add(apacheMessage(b, compact, thrift.CALL, compact), true)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, agent bool) {
		if agent {
			b, err := decodeAgent(bytes.Clone(body), span.Origin{Format: formatAgent})
			apache, _, bad := apacheReadMessage(body, wire.IsCompact(body))
			compare(t, apache, bad, b, err)
		} else if len(body) > 0 { // nothing is a batch of no spans
			b, err := decodeThrift(bytes.Clone(body), span.Origin{Format: formatThrift})
			apache, bad := apacheRead(body, isCompactStruct(body))
			compare(t, apache, bad, b, err)
		}
	})
}

func FuzzProto(f *testing.F) {
	f.Add(sample(f, "otel-go/006-POST-jaeger_api_v2_CollectorService_PostSpans.msg0.pb"))
	full, _ := decodeThrift(apacheWrite(fullBatch(), true), span.Origin{Format: formatThrift})
	f.Add(encodeProto(spantest.Items(full)))
	for _, b := range []*span.Batch{zipkinBatch(), otlpBatch(), skywalkingBatch()} {
		f.Add(encodeProto(spantest.Items(b)))
	}
	f.Add(request(field(1, join(ids, protoTag(8, "k", 9, varint(5, 7)), field(4, nil), field(12, nil), field(9, nil))), field(2, nil)))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := decodeProto(bytes.Clone(body), span.Origin{Format: formatProto})
		checkBatch(t, b, err)
	})
}

func FuzzStrategies(f *testing.F) {
	f.Add([]byte(strategiesFile))
	f.Add([]byte(`{"default_strategy":{"type":"ratelimiting","param":1e2}}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := ParseStrategies(file)
		if (s == nil) == (err == nil) {
			t.Fatal(s, err)
		}
		if err == nil {
			s.For("foo").AppendProto(s.For("bar").AppendJSON(nil))
		}
	})
}
