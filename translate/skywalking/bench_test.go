// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// manySegments are the segments of the Java and Python samples, each under
// many names, as one body.
func manySegments(b *testing.B, format string) (body []byte, spans int) {
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
