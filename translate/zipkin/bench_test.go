// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/zipkincore"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

const benchSpans = 100

// benchBody is a batch as a busy service sends it: 100 server and client spans
// of about 640 bytes with six tags.
func benchBody() []byte {
	var b strings.Builder
	b.WriteByte('[')
	for i := range benchSpans {
		if i > 0 {
			b.WriteByte(',')
		}
		kind, remote := "SERVER", "frontend"
		if i%2 == 1 {
			kind, remote = "CLIENT", "inventory-db"
		}
		fmt.Fprintf(&b, `{"traceId":"%016x%016x","parentId":"%016x","id":"%016x","kind":"%s","name":"get /api/v2/orders/{orderid}",`+
			`"timestamp":%d,"duration":%d,"localEndpoint":{"serviceName":"order-service","ipv4":"10.12.0.%d","port":8080},`+
			`"remoteEndpoint":{"serviceName":"%s","ipv4":"10.12.1.%d","port":%d},`+
			`"tags":{"component":"net/http","http.method":"GET","http.path":"/api/v2/orders/%d","http.status_code":"200",`+
			`"http.url":"http://orders.shop.example.internal/api/v2/orders/%d?expand=items","net.peer.name":"frontend-%d.shop.example"}}`,
			0x463ac35c9f6413ad+i, 0x48485a3953bb6124+uint64(i)*7919, 0x0b1d2c3e4f5a4b6c+i, 0x1b1d2c3e4f5a4b6c+i*31, kind,
			1700000000000000+i*997, 1500+i*13, i, remote, i, 30000+i, 100000+i, 100000+i, i)
	}
	b.WriteByte(']')
	return []byte(b.String())
}

func perSpan(b *testing.B, bytes int) {
	b.Helper()
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	b.Cleanup(func() {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSpans, "ns/span")
	})
}

func BenchmarkDecodeV2JSON(b *testing.B) { benchDecode(b, formatV2JSON, benchBody()) }

func BenchmarkDecodeProto3(b *testing.B) {
	benchDecode(b, formatProto3, AppendProto3(nil, benchItems(b)))
}

func BenchmarkDecodeV1JSON(b *testing.B) { benchDecode(b, formatV1JSON, benchV1JSON(b)) }

func benchV1JSON(tb testing.TB) []byte {
	var list []string
	for _, s := range benchV1(tb) {
		list = append(list, strings.TrimSuffix(strings.TrimPrefix(string(v1JSON(s)), "["), "]"))
	}
	return []byte("[" + strings.Join(list, ",") + "]")
}

func BenchmarkDecodeV1Thrift(b *testing.B) { benchDecode(b, formatV1Thrift, thriftList(benchV1(b)...)) }

func BenchmarkDecodeAgent(b *testing.B) {
	benchDecode(b, formatAgent, thriftDatagram(true, thrift.ONEWAY, benchV1(b)...))
}

// benchV1 is the same batch in version 1.
func benchV1(tb testing.TB) (list []*zipkincore.Span) {
	batch := sound(tb, formatV2JSON, benchBody())
	host := func(e *span.Endpoint) *zipkincore.Endpoint {
		ip := e.IP4().As4()
		return &zipkincore.Endpoint{ServiceName: batch.Str(e.Service), Ipv4: int32(binary.BigEndian.Uint32(ip[:])), Port: int16(e.Port)}
	}
	for i := range batch.Spans() {
		s := &batch.Spans()[i]
		at, dur := s.Start/1000, s.Duration/1000
		local, remote := host(&s.Local), host(&s.Remote)
		begin, end, address := "sr", "ss", "ca"
		if s.Kind == span.KindClient {
			begin, end, address = "cs", "cr", "sa"
		}
		v := &zipkincore.Span{
			TraceID: int64(s.Trace.Lo), TraceIDHigh: new(int64(s.Trace.Hi)), ID: int64(s.ID), ParentID: new(int64(s.Parent)),
			Name: batch.Str(s.Name), Timestamp: &at, Duration: &dur,
			Annotations:       []*zipkincore.Annotation{{Timestamp: at, Value: begin, Host: local}, {Timestamp: at + dur, Value: end, Host: local}},
			BinaryAnnotations: []*zipkincore.BinaryAnnotation{{Key: address, Value: []byte{1}, Host: remote}},
		}
		for _, a := range batch.Attrs(s.Attrs) {
			v.BinaryAnnotations = append(v.BinaryAnnotations, &zipkincore.BinaryAnnotation{
				Key: batch.Str(a.Key), Value: []byte(batch.Str(a.Text())), AnnotationType: zipkincore.AnnotationType_STRING, Host: local,
			})
		}
		list = append(list, v)
	}
	return list
}

func benchDecode(b *testing.B, format string, body []byte) {
	perSpan(b, len(body))
	for b.Loop() {
		batch, err := decoders[format](body, spanOrigin(format))
		if err != nil || batch.Len() != benchSpans {
			b.Fatal(err)
		}
	}
}

// benchItems is the batch, with spans that are written anew.
func benchItems(b *testing.B) []span.Item {
	items := spantest.Items(sound(b, formatV2JSON, benchBody()))
	for i := range items {
		items[i].Span().Has &^= span.Exact
	}
	return items
}

func BenchmarkCopyV2JSON(b *testing.B) {
	benchEncode(b, spantest.Items(sound(b, formatV2JSON, benchBody())))
}

func BenchmarkEncodeV2JSON(b *testing.B) { benchEncode(b, benchItems(b)) }

// Spans of another protocol, with a residue or without a look at what is lost.
func BenchmarkEncodeForeign(b *testing.B) {
	items := benchItems(b)
	for i := range items {
		items[i].Span().Home = span.Jaeger
	}
	b.Run("bare", func(b *testing.B) { benchEncoder(b, items, &JSONEncoder{}) })
	b.Run("exact", func(b *testing.B) { benchEncode(b, items) })
}

func benchEncode(b *testing.B, items []span.Item) {
	benchEncoder(b, items, NewJSONEncoder(translate.EncoderOptions{}))
}

func benchEncoder(b *testing.B, items []span.Item, e translate.Encoder) {
	e.Reset()
	e.Add(items)
	perSpan(b, len(e.Messages()[0].Body))
	for b.Loop() {
		e.Reset()
		e.Add(items)
	}
}

func BenchmarkEncodeProto3(b *testing.B) {
	items := benchItems(b)
	dst := AppendProto3(nil, items)
	perSpan(b, len(dst))
	for b.Loop() {
		dst = AppendProto3(dst[:0], items)
	}
}

// What is allocated is for the batch, not for its spans.
func TestAllocations(t *testing.T) {
	f := func(most float64, what string, do func()) {
		t.Helper()
		if n := testing.AllocsPerRun(20, do); n > most {
			t.Errorf("%s: %v allocations for %d spans", what, n, benchSpans)
		}
	}
	items := spantest.Items(sound(t, formatV2JSON, benchBody()))
	for i := range items {
		items[i].Span().Has &^= span.Exact
	}
	proto := AppendProto3(nil, items)
	for format, body := range map[string][]byte{
		formatV2JSON: benchBody(), formatProto3: proto, formatV1JSON: benchV1JSON(t),
		formatV1Thrift: thriftList(benchV1(t)...), formatAgent: thriftDatagram(true, thrift.ONEWAY, benchV1(t)...),
	} {
		f(20, "decode "+format, func() { _, _ = decoders[format](body, spanOrigin(format)) })
	}
	e := NewJSONEncoder(translate.EncoderOptions{})
	f(0, "encode", func() {
		e.Reset()
		e.Add(items)
		e.Messages()
	})
	for i := range items {
		items[i].Span().Home = span.Jaeger
	}
	f(4, "encode foreign ones", func() {
		e.Reset()
		e.Add(items)
		e.Messages()
	})
	for i := range items {
		items[i].Span().Home = span.Unknown
	}
	f(8, "encode proto3", func() { proto = AppendProto3(proto[:0], items) })
}

// benchTraffic is what a few services report of traces that go through them, as
// zipkin-go writes it: several endpoints, tags in the order of their keys, annotations.
// No two seeds give spans of the same shape and length, which a processor would get to
// know by heart.
func benchTraffic(seed uint64) []byte {
	var b strings.Builder
	random := rand.New(rand.NewPCG(seed, 1))
	word := func(longest int) string { return strings.Repeat("abcdefgh", 12)[:1+random.IntN(longest)] }
	services := []string{"frontend", "cart", "payment", "shipping"}
	for i := range benchSpans {
		trace := i / 10
		at := func(n int) string {
			return fmt.Sprintf(`{"serviceName":"%s","ipv4":"10.%d.%d.44","port":8080}`, services[n%4], 1+trace*7%250, n%4)
		}
		b.WriteByte("[,"[min(i, 1)])
		fmt.Fprintf(&b, `{"timestamp":%d,"duration":%d,"traceId":"%016x%016x","id":"%016x","parentId":"%016x","name":"put /%s/{id}","kind":"%s",`,
			1700000000000000+i*997, 45000+i*13, 0x463ac35c9f6413ad+trace, 0x48485a3953bb6124+uint64(trace)*7919, 0x1b1d2c3e4f5a4b6c+i*31, 0x0b1d2c3e4f5a4b6c+i,
			word(20), []string{"SERVER", "PRODUCER"}[i%2])
		if random.IntN(4) == 0 {
			b.WriteString(`"shared":true,`)
		}
		fmt.Fprintf(&b, `"localEndpoint":%s,"remoteEndpoint":%s,`, at(random.IntN(4)), at(random.IntN(4)))
		if random.IntN(3) == 0 {
			fmt.Fprintf(&b, `"annotations":[{"timestamp":%d,"value":"request.parsed"},{"timestamp":%d,"value":"response.started"}],`,
				1700000000000004+i*997, 1700000000009004+i*997)
		}
		fmt.Fprintf(&b, `"tags":{"app.version":"2.%d.7","cloud.zone":"eu-central-1b","component":"net/http","host.name":"%s-%08x-77aa",`,
			trace, services[i/2%4], trace*0x9e3779b)
		if random.IntN(5) == 0 {
			fmt.Fprintf(&b, `"db.statement":"SELECT item_id, amount FROM stock WHERE item_id IN (%s) FOR UPDATE","db.type":"sql"}}`, word(60))
		} else {
			path := word(30)
			fmt.Fprintf(&b, `"http.method":"PUT","http.path":"/reserve/%s","http.status_code":"200","http.url":"http://cart.shop.svc:8080/reserve/%s"}}`, path, path)
		}
	}
	b.WriteByte(']')
	return []byte(b.String())
}

// The same bodies read in full, and looked through.
func BenchmarkOutlineV2JSON(b *testing.B) {
	bodies := map[string][][]byte{"apart": {benchBody()}, "traffic": nil}
	for seed := range uint64(32) {
		bodies["traffic"] = append(bodies["traffic"], benchTraffic(seed))
	}
	for name, list := range bodies {
		for _, outline := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/outline=%v", name, outline), func(b *testing.B) {
				origin := spanOrigin(formatV2JSON)
				origin.Outline = outline
				perSpan(b, len(list[0]))
				for i := 0; b.Loop(); i++ {
					batch, err := decodeV2JSON(list[i%len(list)], origin)
					if err != nil || batch.Len() != benchSpans || (batch.Outline() != nil) != outline {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
