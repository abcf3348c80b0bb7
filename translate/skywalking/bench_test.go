// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	commonv3 "skywalking.apache.org/repo/goapi/collect/common/v3"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// manySegments are the segments of the Java and Python samples, each under
// many names, as one body.
func manySegments(b testing.TB, format string) (body []byte, spans int) {
	b.Helper()
	var all agentv3.SegmentCollection
	for i := range 100 {
		for _, g := range append(segmentsOf(b, "java"), segmentsOf(b, "python")...) {
			g.TraceSegmentId += fmt.Sprintf("%03d", i)
			all.Segments = append(all.Segments, g)
			spans += len(g.Spans)
		}
	}
	if format == formatSegments {
		return marshal(b, &all), spans
	}
	return listJSON(b, all.Segments), spans
}

func perSpan(b *testing.B, spans int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(spans), "ns/span")
}

func BenchmarkDecode(b *testing.B) {
	for _, format := range []string{formatSegments, formatSegmentsJSON} {
		b.Run(format, func(b *testing.B) {
			body, spans := manySegments(b, format)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tryDecode(format, body); err != nil {
					b.Fatal(err)
				}
			}
			perSpan(b, spans)
		})
	}
	// Upstream's types, for comparison.
	b.Run("upstream", func(b *testing.B) {
		body, spans := manySegments(b, formatSegments)
		b.ReportAllocs()
		for b.Loop() {
			if err := proto.Unmarshal(body, &agentv3.SegmentCollection{}); err != nil {
				b.Fatal(err)
			}
		}
		perSpan(b, spans)
	})
}

func BenchmarkEncode(b *testing.B) {
	run := func(name string, batch *span.Batch, opts translate.EncoderOptions) {
		b.Run(name, func(b *testing.B) {
			items := spantest.Items(batch)
			e := NewEncoder(opts)
			b.ReportAllocs()
			for b.Loop() {
				e.Reset()
				e.Add(items)
				if len(e.Messages()) == 0 {
					b.Fatal("no messages")
				}
			}
			perSpan(b, len(items))
		})
	}
	body, _ := manySegments(b, formatSegments)
	run("native", decode(b, formatSegments, body), translate.EncoderOptions{})
	var spans []made
	for i := range 500 {
		entry, exit := frontEntry, frontExit
		entry.trace = span.TraceID{Hi: 1, Lo: uint64(i + 1)}
		exit.trace = entry.trace
		exit.attrs = []any{"http.method", "GET", "http.url", "http://order/orders/17", "http.status_code", 200, "component", "net/http"}
		spans = append(spans, exit, entry)
	}
	run("exact", batch("zipkin.v2.json", spans...), translate.EncoderOptions{})
	run("plain", batch("zipkin.v2.json", spans...), plain)
	// Traces of one process, in segments of five spans and one.
	spans = spans[:0]
	for i := range 150 {
		for _, m := range home() {
			m.trace = span.TraceID{Hi: 1, Lo: uint64(i + 1)}
			spans = append(spans, m)
		}
	}
	run("packed", batch("zipkin.v2.json", spans...), plain)
}

// nativeShop is a message of the segments of ten traces as agents send them, and a
// function that gives them other names and ids.
func nativeShop(b *testing.B) (batch *span.Batch, anew func(n int)) {
	const nonce = "f00dfeed"
	var all agentv3.SegmentCollection
	for i := range 10 {
		trace := fmt.Sprintf("%s%08x5d1b6c2a0f7e4938.67.17637012345670021", nonce, i)
		name := func(n int) string { return fmt.Sprintf("%s%08x5d1b6c2a0f7e4938.91.17637012345670021", nonce, i<<4+n) }
		segment := func(n int, service string, up int, number int32, spans ...*agentv3.SpanObject) {
			for k, s := range spans {
				s.SpanId, s.ParentSpanId = int32(k), int32(min(k-1, 0))
				s.StartTime, s.EndTime, s.ComponentId, s.OperationName = 1_700_000_000_000, 1_700_000_000_100, 1, "/api/v1/orders"
				for _, key := range []string{"http.method", "http.path", "http.status_code", "host.name", "app.version", "cloud.zone"} {
					s.Tags = append(s.Tags, &commonv3.KeyStringValuePair{Key: key, Value: "some-value-" + key})
				}
			}
			if up > 0 {
				spans[0].Refs = append(spans[0].Refs, &agentv3.SegmentReference{
					TraceId: trace, ParentTraceSegmentId: name(up), ParentSpanId: number, ParentService: "a", ParentServiceInstance: "b",
					ParentEndpoint: "/api/v1/orders", NetworkAddressUsedAtPeer: service + ":8080",
				})
			}
			all.Segments = append(all.Segments, &agentv3.SegmentObject{
				TraceId: trace, TraceSegmentId: name(n), Service: service, ServiceInstance: service + "-7d9f8b6c-x2k4", Spans: spans,
			})
		}
		entry := func() *agentv3.SpanObject { return &agentv3.SpanObject{SpanLayer: agentv3.SpanLayer_Http} }
		exit := func(peer string) *agentv3.SpanObject {
			return &agentv3.SpanObject{SpanType: agentv3.SpanType_Exit, SpanLayer: agentv3.SpanLayer_Http, Peer: peer}
		}
		segment(1, "frontend", 0, 0, entry(), &agentv3.SpanObject{SpanType: agentv3.SpanType_Local}, exit("cart:8080"), exit("payment:8080"))
		segment(2, "cart", 1, 2, entry(), exit("mysql:3306"))
		segment(3, "payment", 1, 3, entry(), exit("kafka:9092"))
		segment(4, "shipping", 3, 1, entry(), exit("mysql:3306"))
	}
	body := marshal(b, &all)
	batch = decode(b, formatSegments, body)
	were := slices.Clone(batch.Spans())
	var places []int
	for at := 0; ; at++ {
		i := bytes.Index(body[at:], []byte(nonce))
		if i < 0 {
			break
		}
		at += i
		places = append(places, at)
	}
	return batch, func(n int) {
		digits := fmt.Sprintf("%08x", n)
		for _, at := range places {
			copy(body[at:], digits)
		}
		for i := range were {
			s, was := &batch.Spans()[i], &were[i]
			s.Trace.Hi, s.ID = was.Trace.Hi^uint64(n), was.ID^span.ID(n)<<16
			if was.Parent != 0 {
				s.Parent = was.Parent ^ span.ID(n)<<16
			}
		}
	}
}

// What a gateway does with the segments of agents, new ones each time.
func BenchmarkFreshNative(b *testing.B) {
	run := func(name string, observe, add bool) {
		b.Run(name, func(b *testing.B) {
			batch, anew := nativeShop(b)
			first := NewEncoder(translate.EncoderOptions{})
			observer := first.Fork().(*Encoder)
			e := first.Fork()
			var items []span.Item
			b.ReportAllocs()
			for n := 1; b.Loop(); n++ {
				anew(n)
				items = spantest.Items(batch)
				if observe {
					observer.Observe(items)
				}
				if add {
					e.Reset()
					if e.Add(items) != 0 || len(e.Messages()) != 40 {
						b.Fatal(len(e.Messages()))
					}
				}
			}
			perSpan(b, len(items))
		})
	}
	run("neither", false, false)
	run("observe", true, false)
	run("add", false, true)
	run("both", true, true)
}

func BenchmarkObserve(b *testing.B) {
	var spans []made
	for i := range 150 {
		for _, m := range home() {
			m.trace = span.TraceID{Hi: 1, Lo: uint64(i + 1)}
			spans = append(spans, m)
		}
	}
	items := spantest.Items(batch("zipkin.v2.json", spans...))
	e := NewEncoder(plain).(*Encoder)
	b.ReportAllocs()
	for b.Loop() {
		e.Observe(items)
	}
	perSpan(b, len(items))
}

// shop is a trace through four services, in ten spans as a Zipkin client reports
// them: what compat-tests/bench sends.
func shop(t span.TraceID) []made {
	const ms = 1_000_000
	of := func(id, parent span.ID, kind span.Kind, name, service, remote string, port uint16, start, took int64, attrs ...any) made {
		m := made{
			trace: t, id: id, parent: parent, kind: kind, name: name, service: service, ip: "10.11.12.13", remote: remote, port: port,
			start: at + start*ms + 345_000, duration: took*ms + 678_000,
			attrs: append(attrs, "host.name", service+"-7d9f8b6c-x2k4", "app.version", "2.11.37", "cloud.zone", "eu-central-1b"),
		}
		if remote != "" || port != 0 {
			m.remoteIP = "10.99.98.97"
		}
		return m
	}
	called := func(method, path string) []any {
		return []any{
			"component", "net/http", "http.method", method, "http.path", path, "http.status_code", "200",
			"user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0",
		}
	}
	calls := func(to, method, path string) []any {
		return append(called(method, path)[:8:8], "http.url", "http://"+to+".shop.svc:8080"+path)
	}
	statement := func(database, text string) []any {
		return []any{"component", "database/sql", "db.type", "sql", "db.instance", database, "db.statement", text}
	}
	queue := []any{"component", "kafka", "kafka.topic", "orders-paid", "kafka.partition", "17"}
	list := []made{
		of(1, 0, span.KindServer, "post /api/v1/{resource}/{id}", "frontend", "", 34567, 0, 180, called("POST", "/api/v1/orders/123456")...),
		of(2, 1, span.KindUnset, "validate basket", "frontend", "", 0, 5, 8, "basket.items", "12", "basket.rules", "eu-2026"),
		of(3, 1, span.KindClient, "put /reserve/{id}", "frontend", "cart", 8080, 15, 50, calls("cart", "PUT", "/reserve/123456")...),
		of(4, 3, span.KindServer, "put /reserve/{id}", "cart", "", 41000, 17, 45, called("PUT", "/reserve/123456")...),
		of(5, 4, span.KindClient, "select stock", "cart", "mysql", 3306, 24, 30,
			statement("cart", "SELECT item_id, amount, reserved_until FROM stock WHERE item_id IN (?, ?, ?) AND warehouse = ? FOR UPDATE")...),
		of(6, 1, span.KindClient, "post /payments/{id}", "frontend", "payment", 8080, 70, 95, calls("payment", "POST", "/payments/123456")...),
		of(7, 6, span.KindServer, "post /payments/{id}", "payment", "", 41001, 73, 88, called("POST", "/payments/123456")...),
		of(8, 7, span.KindProducer, "send orders-paid", "payment", "kafka", 9092, 150, 4, queue...),
		of(9, 8, span.KindConsumer, "receive orders-paid", "shipping", "kafka", 9092, 160, 60, queue...),
		of(10, 9, span.KindClient, "insert shipment", "shipping", "mysql", 3306, 165, 40,
			statement("shipping", "INSERT INTO shipments (order_id, address_id, carrier, weight_g, state, created_at) VALUES (?, ?, ?, ?, 'NEW', NOW())")...),
	}
	list[0].events, list[3].events, list[6].events = []string{"request.parsed", "response.started"}, []string{"cache.miss"}, []string{"card.authorized"}
	return list
}

// shopped is a message of ten such traces.
func shopped() *span.Batch {
	var spans []made
	for i := range 10 {
		spans = append(spans, shop(span.TraceID{Hi: 7, Lo: uint64(i + 1)})...)
	}
	return batch("zipkin.v2.json", spans...)
}

// anew gives the traces of a message other ids.
func anew(b *span.Batch, n int) {
	for i := range b.Spans() {
		b.Spans()[i].Trace.Lo = uint64(n)<<8 | uint64(i/10+1)
	}
}

// What a gateway does with spans that are new each time.
func BenchmarkFresh(b *testing.B) {
	run := func(name string, opts translate.EncoderOptions, observe, add bool) {
		b.Run(name, func(b *testing.B) {
			batch := shopped()
			items := spantest.Items(batch)
			first := NewEncoder(opts)
			observer := first.Fork().(*Encoder)
			e := first.Fork()
			b.ReportAllocs()
			for n := 1; b.Loop(); n++ {
				anew(batch, n)
				if observe {
					observer.Observe(items)
				}
				if add {
					e.Reset()
					e.Add(items)
					if len(e.Messages()) < 70 {
						b.Fatal(len(e.Messages()))
					}
				}
			}
			perSpan(b, len(items))
		})
	}
	run("observe", translate.EncoderOptions{}, true, false)
	run("exact", translate.EncoderOptions{}, true, true)
	run("plain", plain, true, true)
}
