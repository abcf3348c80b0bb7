// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"fmt"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

const benchSpans = 100

// benchRequest is a request of client spans with six attributes each, about
// 330 bytes a span.
func benchRequest(n int) *tracepb.TracesData {
	text := func(k, v string) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: k, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v}}}
	}
	number := func(k string, v int64) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: k, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}}
	}
	ss := &tracepb.ScopeSpans{Scope: &commonpb.InstrumentationScope{Name: "net/http", Version: "0.53.0"}}
	for i := range n {
		id := binary.BigEndian.AppendUint64(nil, 0xeee19b7ec3c10000+uint64(i))
		ss.Spans = append(ss.Spans, &tracepb.Span{
			TraceId: append(append([]byte{}, id...), id...), SpanId: id, ParentSpanId: id[:8:8],
			Name: "GET /users/{id}", Kind: tracepb.Span_SPAN_KIND_CLIENT, Flags: 0x101,
			StartTimeUnixNano: 1_700_000_000_000_000_000 + uint64(i), EndTimeUnixNano: 1_700_000_000_010_000_000 + uint64(i),
			Attributes: []*commonpb.KeyValue{
				text("http.request.method", "GET"), text("url.full", fmt.Sprintf("http://users.example:8080/users/%d", i)),
				number("http.response.status_code", 200), text("server.address", "users.example"),
				number("server.port", 8080), text("network.peer.address", "10.0.0.17"),
			},
			Status: &tracepb.Status{},
		})
		ss.Spans[i].ParentSpanId = binary.BigEndian.AppendUint64(nil, 7)
	}
	return &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   &resourcepb.Resource{Attributes: []*commonpb.KeyValue{text("service.name", "front"), text("host.name", "box")}},
		ScopeSpans: []*tracepb.ScopeSpans{ss},
	}}}
}

// perSpan reports what one span costs.
func perSpan(b *testing.B, bytes, spans int) {
	b.SetBytes(int64(bytes))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(spans), "ns/span")
}

func BenchmarkDecodeProto(b *testing.B) {
	benchDecode(b, mustMarshal(b, benchRequest(benchSpans)), formatProto, decodeProto)
}

func BenchmarkDecodeJSON(b *testing.B) {
	benchDecode(b, toOTLPJSON(b, benchRequest(benchSpans)), formatJSON, decodeJSON)
}

func benchDecode(b *testing.B, body []byte, form string, decode decoder) {
	b.ReportAllocs()
	for b.Loop() {
		if batch, err := decode(body, origin(form)); err != nil || batch.Len() != benchSpans {
			b.Fatal(err)
		}
	}
	perSpan(b, len(body), benchSpans)
}

func BenchmarkEncodeCopied(b *testing.B) { benchEncode(b, benchBatch(b), &Encoder{}) }

func BenchmarkEncodeAnew(b *testing.B) { benchEncode(b, benchBatch(b), &Encoder{rewrite: true}) }

// Spans of another protocol have everything written by the rules for them, with
// a residue or without a look at what is lost.
func BenchmarkEncodeForeign(b *testing.B) {
	batch := benchBatch(b)
	for i := range batch.Spans() {
		batch.Spans()[i].Home = span.Zipkin
	}
	b.Run("bare", func(b *testing.B) { benchEncode(b, batch, &Encoder{}) })
	b.Run("exact", func(b *testing.B) { benchEncode(b, batch, NewEncoder(translate.EncoderOptions{}).(*Encoder)) })
}

func benchBatch(b *testing.B) *span.Batch {
	batch, err := decodeProto(mustMarshal(b, benchRequest(benchSpans)), origin(formatProto))
	if err != nil {
		b.Fatal(err)
	}
	return batch
}

func benchEncode(b *testing.B, batch *span.Batch, e *Encoder) {
	items := spantest.Items(batch)
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		e.Reset()
		e.Add(items)
		size = len(e.Messages()[0].Body)
	}
	perSpan(b, size, len(items))
}

// The memory taken does not depend on the number of spans, apart from the slabs.
func TestAllocations(t *testing.T) {
	f := func(name string, most float64, run func(n int) func()) {
		t.Helper()
		if got := testing.AllocsPerRun(10, run(1000)); got > most {
			t.Errorf("%s: %v allocations for 1000 spans, want at most %v", name, got, most)
		}
	}
	f("decode protobuf", 14, func(n int) func() {
		body := mustMarshal(t, benchRequest(n))
		return func() { _, _ = decodeProto(body, origin(formatProto)) }
	})
	f("decode json", 16, func(n int) func() {
		body := toOTLPJSON(t, benchRequest(n))
		return func() { _, _ = decodeJSON(body, origin(formatJSON)) }
	})
	for _, format := range []string{formatProto, "zipkin.proto3"} {
		f("encode "+format, 0, func(n int) func() {
			b, err := decodeProto(mustMarshal(t, benchRequest(n)), origin(format))
			if err != nil {
				t.Fatal(err)
			}
			e, items := &Encoder{rewrite: true}, spantest.Items(b)
			return func() {
				e.Reset()
				e.Add(items)
				e.Messages()
			}
		})
	}
}
