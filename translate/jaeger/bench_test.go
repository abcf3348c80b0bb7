// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"fmt"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	thriftgen "github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

const benchSpans = 100

// benchBatch is what a busy client reports: 100 spans with seven tags, one log
// of two fields and one reference each.
func benchBatch() *thriftgen.Batch {
	b := &thriftgen.Batch{Process: &thriftgen.Process{ServiceName: "order-service", Tags: []*thriftgen.Tag{
		keyed("jaeger.version", str("Go-2.30.0")), keyed("hostname", str("orders-7d9f8")), keyed("ip", str("10.12.0.7")),
		keyed("client-uuid", str("20668a900a7760bf")),
	}}}
	for i := range int64(benchSpans) {
		kind := "server"
		if i%2 == 1 {
			kind = "client"
		}
		const start = 1700000000000000
		b.Spans = append(b.Spans, &thriftgen.Span{
			TraceIdHigh: 0x463ac35c9f6413ad + i, TraceIdLow: 0x48485a3953bb6124 + i*7919, SpanId: 0x1b1d2c3e4f5a4b6c + i*31,
			ParentSpanId: 0x0b1d2c3e4f5a4b6c + i, OperationName: "GET /api/v2/orders/{orderid}", Flags: 1,
			StartTime: start + i*997, Duration: 1500 + i*13,
			References: []*thriftgen.SpanRef{ref(childOf, 0x463ac35c9f6413ad+i, 0x48485a3953bb6124+i*7919, 0x0b1d2c3e4f5a4b6c+i)},
			Tags: []*thriftgen.Tag{
				keyed("span.kind", str(kind)), keyed("component", str("net/http")), keyed("http.method", str("GET")),
				keyed("http.url", str(fmt.Sprintf("http://orders.shop.example.internal/api/v2/orders/%d?expand=items", i))),
				keyed("http.status_code", num(200)), keyed("peer.service", str("inventory")), keyed("peer.port", num(8080)),
			},
			Logs: []*thriftgen.Log{{Timestamp: start + i*997 + 50, Fields: []*thriftgen.Tag{keyed("event", str("cache")), keyed("hit", truth(false))}}},
		})
	}
	return b
}

func perSpan(b *testing.B, size int) {
	b.Helper()
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.Cleanup(func() {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSpans, "ns/span")
	})
}

func benchDecode(b *testing.B, format string, body []byte) {
	b.Helper()
	perSpan(b, len(body))
	for b.Loop() {
		batch, err := decoders[format](body, span.Origin{Format: format})
		if err != nil || batch.Len() != benchSpans {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeBinary(b *testing.B) {
	benchDecode(b, formatThrift, apacheWrite(benchBatch(), false))
}

// stringBatch is a batch in which all tags are strings, as many clients have it, and
// logs are annotations: what compat-tests/bench sends.
func stringBatch() *thriftgen.Batch {
	b := benchBatch()
	for i, s := range b.Spans {
		kind := *s.Tags[0].VStr
		s.References = nil
		s.Tags = []*thriftgen.Tag{
			keyed("component", str("net/http")), keyed("http.method", str("POST")), keyed("http.path", str(fmt.Sprintf("/api/v1/orders/%d", i*7919))),
			keyed("http.status_code", str("200")), keyed("http.url", str(fmt.Sprintf("http://cart.shop.svc:8080/api/v1/orders/%d", i*7919))),
			keyed("host.name", str("frontend-9e3779b9-4c1f")), keyed("app.version", str("2.11.7")), keyed("cloud.zone", str("eu-central-1b")),
			keyed("span.kind", str(kind)), keyed("peer.service", str("cart")), keyed("peer.ipv4", str("10.12.3.44")),
		}
		if i%3 == 1 {
			s.Tags = append([]*thriftgen.Tag{
				keyed("component", str("database/sql")), keyed("db.type", str("sql")), keyed("db.instance", str("orders")),
				keyed("db.statement", str("select id, name, price from items where basket = ? order by id")),
			}, s.Tags[5:]...)
		}
		s.Logs = nil
		if i%2 == 0 {
			s.Logs = []*thriftgen.Log{{Timestamp: s.StartTime + 50, Fields: []*thriftgen.Tag{keyed("event", str("cache.miss"))}}}
		}
	}
	return b
}

func BenchmarkDecodeBinaryStrings(b *testing.B) {
	benchDecode(b, formatThrift, apacheWrite(stringBatch(), false))
}

func BenchmarkDecodeCompactStrings(b *testing.B) {
	benchDecode(b, formatThrift, apacheWrite(stringBatch(), true))
}

func BenchmarkDecodeCompact(b *testing.B) {
	benchDecode(b, formatThrift, apacheWrite(benchBatch(), true))
}

func BenchmarkDecodeAgent(b *testing.B) {
	benchDecode(b, formatAgent, apacheMessage(benchBatch(), true, thrift.ONEWAY, false))
}

// protoBatch is the batch as it comes in protobuf.
func protoBatch(b *testing.B) (*span.Batch, []byte) {
	b.Helper()
	batch := decodeAll(b, apacheWrite(benchBatch(), true), formatThrift)
	body := encodeProto(spantest.Items(batch))
	return decodeAll(b, body, formatProto), body
}

func BenchmarkDecodeProto(b *testing.B) {
	_, body := protoBatch(b)
	benchDecode(b, formatProto, body)
}

func BenchmarkDecodeProtoStrings(b *testing.B) {
	batch := decodeAll(b, apacheWrite(stringBatch(), true), formatThrift)
	benchDecode(b, formatProto, encodeProto(spantest.Items(batch)))
}

// An own process on each span, as an agent forwards Zipkin's.
func BenchmarkDecodeProtoProcesses(b *testing.B) {
	batch, _ := protoBatch(b)
	e := NewProtoEncoder(translate.EncoderOptions{})
	first := decodeAll(b, request(field(1, ids)), formatProto)
	e.Add(append(spantest.Items(first), spantest.Items(batch)[1:]...))
	benchDecode(b, formatProto, e.Messages()[0].Body)
}

func benchEncode(b *testing.B, batch *span.Batch) {
	b.Helper()
	benchEncoder(b, batch, NewProtoEncoder(translate.EncoderOptions{}))
}

func benchEncoder(b *testing.B, batch *span.Batch, e translate.Encoder) {
	b.Helper()
	items := spantest.Items(batch)
	e.Add(items)
	perSpan(b, len(e.Messages()[0].Body))
	for b.Loop() {
		e.Reset()
		e.Add(items)
		if len(e.Messages()) != 1 {
			b.Fatal("no message")
		}
	}
}

func BenchmarkEncodeProto(b *testing.B) {
	benchEncode(b, decodeAll(b, apacheWrite(benchBatch(), true), formatThrift))
}

func BenchmarkEncodeProtoCopied(b *testing.B) {
	batch, _ := protoBatch(b)
	benchEncode(b, batch)
}

// Spans of another protocol: the same content, written from the fields, with a
// residue or without a look at what is lost.
func BenchmarkEncodeProtoForeign(b *testing.B) {
	batch := decodeAll(b, apacheWrite(benchBatch(), true), formatThrift)
	for i := range batch.Spans() {
		batch.Spans()[i].Home = span.OTLP
	}
	b.Run("bare", func(b *testing.B) {
		e := &ProtoEncoder{}
		e.Reset()
		benchEncoder(b, batch, e)
	})
	b.Run("exact", func(b *testing.B) { benchEncode(b, batch) })
}

func BenchmarkAppendBatch(b *testing.B) {
	for _, compact := range []bool{false, true} {
		b.Run(fmt.Sprintf("compact=%v", compact), func(b *testing.B) {
			items := spantest.Items(decodeAll(b, apacheWrite(benchBatch(), compact), formatThrift))
			buf := AppendBatch(nil, items, compact)
			perSpan(b, len(buf))
			for b.Loop() {
				buf = AppendBatch(buf[:0], items, compact)
			}
		})
	}
}

// Apache's reader and generated types, to compare with.
func BenchmarkDecodeCompactApache(b *testing.B) {
	body := apacheWrite(benchBatch(), true)
	perSpan(b, len(body))
	for b.Loop() {
		if _, err := apacheRead(body, true); err != nil {
			b.Fatal(err)
		}
	}
}

// What is allocated is for the batch, not for its spans: a thousand take no more than
// some slabs.
func TestAllocations(t *testing.T) {
	most := func(what string, n float64, do func()) {
		t.Helper()
		if got := testing.AllocsPerRun(10, do); got > n {
			t.Errorf("%s: %v allocations for 1000 spans, want at most %v", what, got, n)
		}
	}
	for name, b := range map[string]*thriftgen.Batch{"mixed": benchBatch(), "strings": stringBatch()} {
		one := b.Spans
		for len(b.Spans) < 10*benchSpans {
			b.Spans = append(b.Spans, one...)
		}
		batch := decodeAll(t, apacheWrite(b, false), formatThrift)
		items := spantest.Items(batch)
		for format, bodies := range map[string][][]byte{
			formatThrift: {apacheWrite(b, false), apacheWrite(b, true)},
			formatAgent:  {apacheMessage(b, false, thrift.CALL, true), apacheMessage(b, true, thrift.ONEWAY, false)},
			formatProto:  {encodeProto(items)},
		} {
			for i, body := range bodies {
				most(fmt.Sprintf("%s: decode %s %d", name, format, i), 24, func() { _, _ = decoders[format](body, span.Origin{Format: format}) })
			}
		}
		for _, compact := range []bool{false, true} {
			var out []byte
			most(fmt.Sprintf("%s: Thrift, compact %v", name, compact), 12, func() { out = AppendBatch(out[:0], items, compact) })
		}
		encode := func(what string, batch *span.Batch) {
			t.Helper()
			e, items := NewProtoEncoder(translate.EncoderOptions{}), spantest.Items(batch)
			most(name+": "+what, 0, func() {
				e.Reset()
				e.Add(items)
				e.Messages()
			})
		}
		encode("protobuf from Thrift", batch)
		encode("protobuf copied", decodeAll(t, encodeProto(items), formatProto))
		for i := range batch.Spans() {
			batch.Spans()[i].Home = span.OTLP
		}
		encode("protobuf from another protocol", batch)
	}
}
