// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/google/go-cmp/cmp"
	thriftgen "github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

const samples = "../testdata/samples"

func sample(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// sampleFiles are the files of real requests that match a pattern.
func sampleFiles(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(samples, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples %s: %v", pattern, err)
	}
	for i := range files {
		files[i], _ = filepath.Rel(samples, files[i])
	}
	return files
}

func str(v string) *thriftgen.Tag {
	return &thriftgen.Tag{VType: thriftgen.TagType_STRING, VStr: &v}
}

func num(v int64) *thriftgen.Tag {
	return &thriftgen.Tag{VType: thriftgen.TagType_LONG, VLong: &v}
}

func truth(v bool) *thriftgen.Tag {
	return &thriftgen.Tag{VType: thriftgen.TagType_BOOL, VBool: &v}
}

func float(v float64) *thriftgen.Tag {
	return &thriftgen.Tag{VType: thriftgen.TagType_DOUBLE, VDouble: &v}
}

func blob(v ...byte) *thriftgen.Tag {
	if v == nil {
		v = []byte{}
	}
	return &thriftgen.Tag{VType: thriftgen.TagType_BINARY, VBinary: v}
}

// keyed gives a tag its key.
func keyed(key string, t *thriftgen.Tag) *thriftgen.Tag {
	t.Key = key
	return t
}

func ref(kind thriftgen.SpanRefType, hi, lo, id int64) *thriftgen.SpanRef {
	return &thriftgen.SpanRef{RefType: kind, TraceIdHigh: hi, TraceIdLow: lo, SpanId: id}
}

const (
	childOf = thriftgen.SpanRefType_CHILD_OF
	follows = thriftgen.SpanRefType_FOLLOWS_FROM
)

// fullBatch is a batch with everything that Jaeger can say.
func fullBatch() *thriftgen.Batch {
	seq := int64(9)
	return &thriftgen.Batch{
		Process: &thriftgen.Process{ServiceName: "Front-End", Tags: []*thriftgen.Tag{
			keyed("hostname", str("h1")), keyed("ip", num(-1062731774)), keyed("hostname", str("h2")),
			keyed("pid", num(7)), keyed("load", float(0.5)), keyed("raw", blob(0, 255)), keyed("prod", truth(true)),
		}},
		SeqNo: &seq,
		Stats: &thriftgen.ClientStats{FullQueueDroppedSpans: 1, TooLargeDroppedSpans: 2, FailedToEmitSpans: 3},
		Spans: []*thriftgen.Span{
			{
				TraceIdHigh: math.MinInt64, TraceIdLow: -1, SpanId: 2, ParentSpanId: 3, OperationName: "GET /X",
				References: []*thriftgen.SpanRef{
					ref(follows, math.MinInt64, -1, 2000), ref(childOf, math.MinInt64, -1, 3), ref(childOf, math.MinInt64, -1, 4),
					ref(childOf, 0, 0xffff, 3), ref(follows, 0, 5, 6),
				},
				Flags: 11, StartTime: 1700000000000001, Duration: 0,
				Tags: []*thriftgen.Tag{
					keyed("a", str("1")), keyed("a", str("2")), keyed("a", num(3)),
					keyed("nan", float(math.NaN())), keyed("inf", float(math.Inf(-1))), keyed("zero", float(math.Copysign(0, -1))),
					keyed("big", num(1<<60)), keyed("small", num(math.MinInt64)), keyed("none", num(0)),
					keyed("yes", truth(true)), keyed("no", truth(false)), keyed("blob", blob(0, 1, 0xff)), keyed("hole", blob()),
					keyed("", str("")), keyed("ключ", str("значение")),
				},
				Logs: []*thriftgen.Log{
					{Timestamp: 1700000000000002, Fields: []*thriftgen.Tag{}},
					{Timestamp: 0, Fields: []*thriftgen.Tag{keyed("event", str("retry")), keyed("n", num(1)), keyed("n", num(2))}},
					{Timestamp: 1700000000000004, Fields: []*thriftgen.Tag{keyed("event", num(5)), keyed("x", str("y")), keyed("x", str("z"))}},
					{Timestamp: 1700000000000005, Fields: []*thriftgen.Tag{keyed("event", str("")), keyed("event", str("again"))}},
				},
			},
			{TraceIdLow: 1, SpanId: 9, OperationName: "", Flags: 0, StartTime: 0, Duration: 1},
			{TraceIdLow: 1, SpanId: 10, ParentSpanId: 9, OperationName: "op", Flags: -1, StartTime: -1, Duration: -1},
		},
	}
}

func decodeAll(t testing.TB, body []byte, format string) *span.Batch {
	t.Helper()
	b, err := decoders[format](body, span.Origin{Format: format})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var decoders = map[string]func([]byte, span.Origin) (*span.Batch, error){
	formatThrift: decodeThrift, formatAgent: decodeAgent, formatProto: decodeProto,
}

func TestThriftAgainstApache(t *testing.T) {
	t.Parallel()
	f := func(b *thriftgen.Batch) {
		t.Helper()
		for _, compact := range []bool{false, true} {
			got := decodeAll(t, apacheWrite(b, compact), formatThrift)
			if d := cmp.Diff(showThrift(b), show(got)); d != "" {
				t.Errorf("compact %v: -apache +ours:\n%s", compact, d)
			}
			for _, kind := range []thrift.TMessageType{thrift.CALL, thrift.ONEWAY} {
				for _, strict := range []bool{false, true} {
					got := decodeAll(t, apacheMessage(b, compact, kind, strict), formatAgent)
					if d := cmp.Diff(showThrift(b), show(got)); d != "" {
						t.Errorf("message, compact %v, kind %d, strict %v: -apache +ours:\n%s", compact, kind, strict, d)
					}
				}
			}
		}
	}
	f(fullBatch())
	f(&thriftgen.Batch{Process: &thriftgen.Process{}, Spans: []*thriftgen.Span{}})
	f(&thriftgen.Batch{Process: &thriftgen.Process{ServiceName: noServiceName}, Spans: []*thriftgen.Span{{TraceIdHigh: 1, SpanId: 1}}})
	many := fullBatch()
	for range 40 {
		many.Spans = append(many.Spans, fullBatch().Spans...)
	}
	f(many)
}

func TestSamplesAgainstApache(t *testing.T) {
	t.Parallel()
	for _, name := range sampleFiles(t, "jaeger-client-go/*-POST-api_traces.body.thrift") {
		body := sample(t, name)
		want, err := apacheRead(body, false)
		if err != nil {
			t.Fatal(name, err)
		}
		if d := cmp.Diff(showThrift(want), show(decodeAll(t, body, formatThrift))); d != "" {
			t.Errorf("%s: -apache +ours:\n%s", name, d)
		}
	}
	for _, name := range sampleFiles(t, "jaeger-client-go/*-udp*.bin") {
		body := sample(t, name)
		want, _, err := apacheReadMessage(body, true)
		if err != nil {
			t.Fatal(name, err)
		}
		if d := cmp.Diff(showThrift(want), show(decodeAll(t, body, formatAgent))); d != "" {
			t.Errorf("%s: -apache +ours:\n%s", name, d)
		}
	}
}

// What cannot be read is said with format, place, what was found and wanted.
func TestThriftFaults(t *testing.T) {
	t.Parallel()
	f := func(body []byte, format string, spans int, want string) {
		t.Helper()
		b, err := decoders[format](body, span.Origin{Format: format})
		got := "nil"
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("error:\n got %s\nwant %s", got, want)
		}
		if b.Len() != spans {
			t.Errorf("%d spans, want %d (%s)", b.Len(), spans, want)
		}
	}
	change := func(edit func(b *thriftgen.Batch)) []byte {
		b := fullBatch()
		edit(b)
		return apacheWrite(b, true)
	}
	one := func(edit func(s *thriftgen.Span)) []byte {
		return change(func(b *thriftgen.Batch) { edit(b.Spans[1]) })
	}
	f(nil, formatThrift, 0, "jaeger thrift: byte 0: the end of the body, want a field or the end of the struct")
	f([]byte{0}, formatThrift, 0, "jaeger thrift: byte 1: a struct without process and spans, want a batch")
	f(one(func(s *thriftgen.Span) { s.SpanId = 0 }), formatThrift, 2, "jaeger thrift: span 2: spanId: 0, want another number")
	f(one(func(s *thriftgen.Span) { s.TraceIdLow = 0 }), formatThrift, 2, "jaeger thrift: span 2: traceIdLow, traceIdHigh: 0, want another number")
	f(one(func(s *thriftgen.Span) { s.StartTime = math.MaxInt64 }), formatThrift, 2,
		"jaeger thrift: span 2: startTime: 9223372036854775807, want microseconds up to 9223372036854775")
	f(one(func(s *thriftgen.Span) { s.Duration = math.MinInt64 }), formatThrift, 2,
		"jaeger thrift: span 2: duration: -9223372036854775808, want microseconds up to 9223372036854775")
	f(one(func(s *thriftgen.Span) {
		s.Logs = []*thriftgen.Log{{Fields: []*thriftgen.Tag{}}, {Timestamp: 1 << 62, Fields: []*thriftgen.Tag{}}}
	}), formatThrift, 2, "jaeger thrift: span 2: log 2: timestamp: 4611686018427387904, want microseconds up to 9223372036854775")
	f(change(func(b *thriftgen.Batch) {
		for range 7 {
			b.Spans = append(b.Spans, &thriftgen.Span{TraceIdLow: 1})
		}
	}), formatThrift, 3, "jaeger thrift: span 4: spanId: 0, want another number; span 5: spanId: 0, want another number; "+
		"span 6: spanId: 0, want another number; span 7: spanId: 0, want another number; span 8: spanId: 0, want another number; and 2 more")
	full := apacheWrite(fullBatch(), false)
	f(full[:len(full)-7], formatThrift, 3, "jaeger thrift: byte 1479: 3 bytes left, want 8 for an i64")
	f(full[:len(full)-60], formatThrift, 2, "jaeger thrift: span 3, byte 1429: 0 bytes left, want 2 for a field number")

	// Fields that jaeger.thrift requires. A struct written by hand lacks them.
	binarySpan := func(fields ...byte) []byte {
		b := []byte{15, 0, 2, 12, 0, 0, 0, 1}
		return append(append(b, fields...), 0, 0)
	}
	f(binarySpan(), formatThrift, 0, "jaeger thrift: span 1: traceIdLow: nothing, want an i64")
	f(binarySpan(10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1), formatThrift, 0, "jaeger thrift: span 1: traceIdHigh: nothing, want an i64")
	f(binarySpan(15, 0, 10, 12, 0, 0, 0, 1, 0), formatThrift, 0, "jaeger thrift: span 1: tag 1: no key, want a string")
	f(binarySpan(15, 0, 11, 12, 0, 0, 0, 1, 0), formatThrift, 0, "jaeger thrift: span 1: log 1: timestamp: nothing, want an i64")
	f(binarySpan(15, 0, 11, 12, 0, 0, 0, 1, 15, 0, 2, 12, 0, 0, 0, 1, 0, 0), formatThrift, 0,
		"jaeger thrift: span 1: log 1: field 1: no key, want a string")
	f([]byte{15, 0, 2, 12, 0x7f, 0xff, 0xff, 0xff, 0, 0}, formatThrift, 0,
		"jaeger thrift: byte 3: a list of 2147483647 elements, want at most the 2 bytes left")
	f([]byte{15, 0, 2, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0}, formatThrift, 0, "jaeger thrift: byte 3: spans of type 8, want 12, structs")
	f([]byte{12, 0, 1, 15, 0, 2, 12, 0, 0, 0, 1, 0, 0, 0}, formatThrift, 0, "jaeger thrift: process: tag 1: no key, want a string")
	// Spans may come before their process; fields of another type are unknown.
	f(binarySpan(11, 0, 1, 0, 0, 0, 1, 'x'), formatThrift, 0, "jaeger thrift: span 1: traceIdLow: nothing, want an i64")

	message := apacheMessage(fullBatch(), true, thrift.ONEWAY, true)
	f(message[:len(message)-20], formatAgent, 2, "jaeger thrift in emitBatch: span 3, byte 616: a length of 2, want at most the 1 bytes left")
	f(apacheMessage(fullBatch(), true, thrift.REPLY, true), formatAgent, 0, "jaeger thrift in emitBatch: byte 0: message type 2, want 1 or 4, a call")
	f(bytes.Replace(message, []byte("emitBatch"), []byte("emitbatch"), 1), formatAgent, 0,
		`jaeger thrift in emitBatch: byte 0: method "emitbatch", want emitBatch`)
	f([]byte("\x82\x81\x00\x09emitBatch\x00"), formatAgent, 0, "jaeger thrift in emitBatch: byte 14: arguments without a batch, want field 1, a struct")
	f([]byte{0x82, 0x21, 1, 0xff}, formatAgent, 0, "jaeger thrift in emitBatch: byte 3: a cut or overlong varint, want 1 to 10 bytes")
	f([]byte{0x80, 2, 0, 1}, formatAgent, 0, "jaeger thrift in emitBatch: byte 0: version 0x80020001, want 0x8001")
}

// A process that comes after its spans is theirs all the same.
func TestProcessAfterSpans(t *testing.T) {
	t.Parallel()
	process := apacheWrite(&thriftgen.Process{ServiceName: "late", Tags: []*thriftgen.Tag{keyed("ip", str("10.0.0.1"))}}, false)
	one := apacheWrite(&thriftgen.Span{TraceIdLow: 1, SpanId: 2}, false)
	body := append([]byte{15, 0, 2, 12, 0, 0, 0, 1}, one...)
	body = append(append(append(body, 12, 0, 1), process...), 0)
	b := decodeAll(t, body, formatThrift)
	s := &b.Spans()[0]
	if b.Str(s.Local.Service) != "late" || s.Local.IP4().String() != "10.0.0.1" || s.Resource == 0 {
		t.Errorf("span without its process:\n%s", spantest.Dump(b))
	}
}

// Unknown fields of every type and tags of unknown types do no harm.
func TestThriftUnknown(t *testing.T) {
	t.Parallel()
	unknown := []byte{
		12, 0, 40, 2, 0, 1, 1, 3, 0, 2, 9, 0, // struct
		13, 0, 41, 8, 11, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 'x', // map
		14, 0, 42, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, // set of doubles
		16, 0, 43, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, // uuid
		6, 0, 44, 0, 1, // i16
	}
	odd := int64(5)
	one := apacheWrite(&thriftgen.Span{TraceIdLow: 1, SpanId: 2, Tags: []*thriftgen.Tag{
		{Key: "odd", VType: 77, VLong: &odd}, {Key: "none", VType: -1},
	}}, false)
	body := append(bytes.Clone(unknown), 12, 0, 1)
	body = append(body, apacheWrite(&thriftgen.Process{ServiceName: "s"}, false)...)
	body = append(body, 15, 0, 2, 12, 0, 0, 0, 1)
	body = append(body, unknown...)
	body = append(body, one...)
	body = append(append(body, unknown...), 0)
	if _, err := apacheRead(body, false); err != nil {
		t.Fatal(err)
	}
	b := decodeAll(t, body, formatThrift)
	attrs := b.Attrs(b.Spans()[0].Attrs)
	if len(attrs) != 2 || attrs[0].Type != span.Int || attrs[0].Int() != 5 || attrs[1].Type != span.String || attrs[1].Text().Len() != 0 {
		t.Errorf("tags of unknown types:\n%s", spantest.Dump(b))
	}
}

// Datagrams of the greatest size, rows 26 of the checklist.
func TestRow26LargeDatagram(t *testing.T) {
	t.Parallel()
	for _, size := range []int{65000, 65507} {
		b := fullBatch()
		fill := func(n int) []byte {
			b.Spans[1].Tags = []*thriftgen.Tag{keyed("fill", str(strings.Repeat("x", n)))}
			return apacheMessage(b, true, thrift.ONEWAY, true)
		}
		packet := fill(60000)
		packet = fill(60000 + size - len(packet))
		if len(packet) != size {
			t.Fatal(len(packet))
		}
		if got := decodeAll(t, packet, formatAgent); got.Len() != 3 {
			t.Errorf("%d bytes: %d spans", size, got.Len())
		}
		cut, err := decodeAgent(packet[:size-100], span.Origin{Format: formatAgent})
		if err == nil || cut.Len() > 2 {
			t.Errorf("a cut datagram: %d spans, %v", cut.Len(), err)
		}
	}
}

// A list may claim more spans than its bytes can hold: memory follows the
// bytes.
func TestThriftMemory(t *testing.T) {
	t.Parallel()
	body := make([]byte, 1<<20)
	copy(body, []byte{15, 0, 2, 12})
	binary.BigEndian.PutUint32(body[4:], uint32(len(body)-8))
	b, err := decodeThrift(body, span.Origin{Format: formatThrift})
	if err == nil || b.Len() != 0 {
		t.Fatal("a million empty structs are no spans")
	}
	if m := b.Memory(); m > 10*len(body) {
		t.Errorf("%d bytes for a body of %d", m, len(body))
	}
}
