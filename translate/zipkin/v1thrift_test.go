// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/google/go-cmp/cmp"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/zipkincore"
	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// thriftList writes spans as the body of a POST, with the code that Jaeger's
// clients use.
func thriftList(spans ...*zipkincore.Span) []byte {
	return thriftBody(false, func(p thrift.TProtocol) error { return writeSpans(p, spans) })
}

// thriftDatagram writes spans as a call of emitZipkinBatch.
func thriftDatagram(compact bool, kind thrift.TMessageType, spans ...*zipkincore.Span) []byte {
	return thriftBody(compact, func(p thrift.TProtocol) error {
		ctx := context.Background()
		return errors.Join(p.WriteMessageBegin(ctx, "emitZipkinBatch", kind, 7), p.WriteStructBegin(ctx, "args"),
			p.WriteFieldBegin(ctx, "extra", thrift.STRING, 9), p.WriteString(ctx, "skipped"), p.WriteFieldEnd(ctx),
			p.WriteFieldBegin(ctx, "spans", thrift.LIST, 1), writeSpans(p, spans), p.WriteFieldEnd(ctx),
			p.WriteFieldStop(ctx), p.WriteStructEnd(ctx), p.WriteMessageEnd(ctx))
	})
}

func writeSpans(p thrift.TProtocol, spans []*zipkincore.Span) error {
	ctx := context.Background()
	err := p.WriteListBegin(ctx, thrift.STRUCT, len(spans))
	for _, s := range spans {
		err = errors.Join(err, s.Write(ctx, p))
	}
	return errors.Join(err, p.WriteListEnd(ctx))
}

func thriftBody(compact bool, write func(thrift.TProtocol) error) []byte {
	m := thrift.NewTMemoryBuffer()
	var p thrift.TProtocol = thrift.NewTBinaryProtocolConf(m, nil)
	if compact {
		p = thrift.NewTCompactProtocolConf(m, nil)
	}
	if err := errors.Join(write(p), p.Flush(context.Background())); err != nil {
		panic(err)
	}
	return m.Bytes()
}

var frontend = &zipkincore.Endpoint{ServiceName: "fe", Ipv4: 10<<24 | 1, Port: -15536} // port 50000

func TestRow23ThriftList(t *testing.T) {
	t.Parallel()
	be := func(v any) []byte {
		p, err := binary.Append(nil, binary.BigEndian, v)
		if err != nil {
			panic(err)
		}
		return p
	}
	tag := func(key string, kind zipkincore.AnnotationType, value []byte, host *zipkincore.Endpoint) *zipkincore.BinaryAnnotation {
		return &zipkincore.BinaryAnnotation{Key: key, Value: value, AnnotationType: kind, Host: host}
	}
	other := &zipkincore.Endpoint{ServiceName: "other"}
	s := &zipkincore.Span{
		TraceID: 1, ID: 2, ParentID: new(int64(3)), TraceIDHigh: new(int64(-1)), Name: "Get", Debug: true,
		Timestamp: new(int64(10)), Duration: new(int64(20)),
		Annotations: []*zipkincore.Annotation{
			{Timestamp: 10, Value: "cs", Host: frontend},
			{Timestamp: 30, Value: "cr", Host: frontend},
			{Timestamp: 12, Value: "x", Host: frontend},
			{Timestamp: 0, Value: "no time"},
			{Timestamp: 13},
		},
		BinaryAnnotations: []*zipkincore.BinaryAnnotation{
			tag("string", zipkincore.AnnotationType_STRING, []byte("text"), frontend),
			tag("sa", zipkincore.AnnotationType_BOOL, []byte{1}, &zipkincore.Endpoint{
				ServiceName: "be", Ipv6: []byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
			}),
			tag("sa", zipkincore.AnnotationType_I16, []byte{0, 1}, other),
			tag("sa", zipkincore.AnnotationType_BOOL, []byte{0}, other),
			tag("sa", zipkincore.AnnotationType_BOOL, []byte{1}, nil),
			tag("bool", zipkincore.AnnotationType_BOOL, []byte{1}, other),
			tag("no", zipkincore.AnnotationType_BOOL, []byte{0}, nil),
			tag("i16", zipkincore.AnnotationType_I16, be(int16(-2)), frontend),
			tag("i32", zipkincore.AnnotationType_I32, be(int32(-3)), nil),
			tag("i64", zipkincore.AnnotationType_I64, be(int64(math.MinInt64)), nil),
			tag("double", zipkincore.AnnotationType_DOUBLE, be(1.5), nil),
			tag("bytes", zipkincore.AnnotationType_BYTES, []byte{0, 0xff}, nil),
			tag("short", zipkincore.AnnotationType_I64, []byte{1, 2}, nil), // does not fit its type
			tag("type 9", 9, []byte("x"), nil),
			tag("utf8", zipkincore.AnnotationType_STRING, []byte("a\xffb"), nil),
			tag("empty", zipkincore.AnnotationType_STRING, nil, nil),
		},
	}
	want := `span ffffffffffffffff0000000000000001/0000000000000002 parent 0000000000000003
  name "Get" kind client start 10000 duration 20000
  local "fe" ip4 10.0.0.1 port 50000
  remote "be" ip6 2001:db8::1
  sampling 3 flags 0x0
  attr "bool" bool "true"
  attr "bytes" bytes "AP8="
  attr "double" float "1.5"
  attr "empty" string ""
  attr "i16" int "-2"
  attr "i32" int "-3"
  attr "i64" int "-9223372036854775808"
  attr "no" bool "false"
  attr "string" string "text"
  attr "utf8" string "a�b"
  event 12000 "x" dropped 0
  event 13000 "" dropped 0
`
	check := func(b []byte, format string) {
		t.Helper()
		if d := cmp.Diff(want, spantest.Dump(sound(t, format, b))); d != "" {
			t.Errorf("%s: %s", format, d)
		}
	}
	list := thriftList(s)
	check(list, formatV1Thrift)
	list[0] = 11 // openzipkin/zipkin-reporter-java#133
	check(list, formatV1Thrift)
	check(append(list, "and more"...), formatV1Thrift)
	for _, kind := range []thrift.TMessageType{thrift.CALL, thrift.ONEWAY} {
		check(thriftDatagram(false, kind, s), formatAgent)
		check(thriftDatagram(true, kind, s), formatAgent)
	}
}

// A typed error is one the server does not see; false must not become one.
func TestThriftTypedError(t *testing.T) {
	t.Parallel()
	f := func(value byte, want string) {
		t.Helper()
		b := sound(t, formatV1Thrift, thriftList(&zipkincore.Span{TraceID: 1, ID: 2, BinaryAnnotations: []*zipkincore.BinaryAnnotation{
			{Key: "error", Value: []byte{value}, AnnotationType: zipkincore.AnnotationType_BOOL},
		}}))
		if got := string(rewrite(b)); got != `[{"traceId":"0000000000000001","id":"0000000000000002"`+want+`}]` {
			t.Error(got)
		}
	}
	f(1, `,"tags":{"error":"true"}`)
	f(0, ``)
}

func TestThriftEmpty(t *testing.T) {
	t.Parallel()
	for _, body := range [][]byte{nil, {12, 0, 0, 0, 0}, {11, 0, 0, 0, 0}} {
		if b := sound(t, formatV1Thrift, body); b.Len() != 0 {
			t.Errorf("%x: %d spans", body, b.Len())
		}
	}
	sound(t, formatAgent, thriftDatagram(false, thrift.CALL))
	sound(t, formatAgent, thriftDatagram(true, thrift.ONEWAY))
	// A call without its list.
	sound(t, formatAgent, thriftBody(true, func(p thrift.TProtocol) error {
		ctx := t.Context()
		return errors.Join(p.WriteMessageBegin(ctx, "emitZipkinBatch", thrift.CALL, 1), p.WriteStructBegin(ctx, ""), p.WriteFieldStop(ctx))
	}))
}

func TestThriftBad(t *testing.T) {
	t.Parallel()
	f := func(body []byte, spans int, want string) {
		t.Helper()
		b, err := decode(t, formatV1Thrift, body)
		if b.Len() != spans || err == nil || err.Error() != "zipkin v1 thrift: "+want {
			t.Errorf("%.40x: %d spans, %v\nwant %d, %s", body, b.Len(), err, spans, want)
		}
	}
	one := &zipkincore.Span{TraceID: 1, ID: 2}
	f(thriftList(&zipkincore.Span{ID: 2}, one), 1, "span 1: trace_id: 0, want another number")
	f(thriftList(&zipkincore.Span{TraceIDHigh: new(int64(1)), ID: 2}, one), 1, "span 1: trace_id: 0, want another number")
	f(thriftList(one, &zipkincore.Span{TraceID: 1}), 1, "span 2: id: 0, want another number")
	f(thriftList(one, &zipkincore.Span{TraceID: 1, ID: 2, Timestamp: new(int64(math.MaxInt64))}, one), 2,
		"span 2: timestamp: 9223372036854775807, want microseconds up to 9223372036854775")
	f(thriftList(&zipkincore.Span{TraceID: 1, ID: 2, Annotations: []*zipkincore.Annotation{{Timestamp: math.MinInt64, Value: "x"}}}), 0,
		"span 1: annotation.timestamp: -9223372036854775808, want microseconds up to 9223372036854775")
	f([]byte{12}, 0, "byte 1: 0 bytes left, want 4 for an i32")
	f([]byte("[]"), 0, "byte 1: 1 bytes left, want 4 for an i32")
	f([]byte{10, 0, 0, 0, 1, 0}, 0, "the list: elements of type 10, want 12, structs")
	f([]byte{12, 0x7f, 0xff, 0xff, 0xff, 0}, 0, "byte 0: a list of 2147483647 elements, want at most the 1 bytes left")
	f([]byte{12, 0xff, 0xff, 0xff, 0xff, 0}, 0, "byte 0: a list of -1 elements, want at most the 1 bytes left")
	f([]byte{12, 0, 0, 0, 1, 0}, 0, "span 1: trace_id: 0, want another number")
	// A list inside a span, a text and a map that claim more than there is.
	f([]byte{12, 0, 0, 0, 1, 15, 0, 6, 12, 0x7f, 0xff, 0xff, 0xff, 0}, 0, "span 1, byte 8: a list of 2147483647 elements, want at most the 1 bytes left")
	f([]byte{12, 0, 0, 0, 1, 11, 0, 3, 0x7f, 0xff, 0xff, 0xff, 0}, 0, "span 1, byte 8: a length of 2147483647, want at most the 1 bytes left")
	f([]byte{12, 0, 0, 0, 1, 13, 0, 50, 8, 8, 0x7f, 0xff, 0xff, 0xff, 0}, 0, "span 1, byte 8: a map of 2147483647 entries, want at most the 1 bytes left")
	f([]byte{12, 0, 0, 0, 1, 99, 0, 50, 0}, 0, "span 1, byte 8: type 99, want a thrift type")
}

// The same span has the same meaning in Thrift and in JSON.
func TestThriftMeansWhatJSONMeans(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := randomV1(t)
		fromJSON := sound(t, formatV1JSON, v1JSON(s))
		want := spantest.Dump(fromJSON)
		for name, b := range map[string][]byte{
			formatV1Thrift: thriftList(s),
			formatAgent:    thriftDatagram(true, thrift.ONEWAY, s),
		} {
			if d := cmp.Diff(want, spantest.Dump(sound(t, name, b))); d != "" {
				t.Fatalf("%s: %s\n%s", name, d, v1JSON(s))
			}
		}
		out := encode(fromJSON)
		checkV2(t, out)
	})
}

func randomV1(t *rapid.T) *zipkincore.Span {
	hosts := []*zipkincore.Endpoint{
		nil,
		frontend,
		{ServiceName: "FE"},
		{ServiceName: "be", Ipv4: 0x7f000001},
		{Ipv4: 1},
		{Port: 1},
		{ServiceName: "be", Ipv6: []byte("0123456789abcdef")},
	}
	id := rapid.Int64Range(1, 3)
	micros := rapid.SampledFrom([]*int64{nil, new(int64(10)), new(int64(20)), new(int64(-5)), new(int64(0))})
	s := &zipkincore.Span{
		TraceID: id.Draw(t, "trace"), ID: id.Draw(t, "id"), Name: rapid.SampledFrom([]string{"", "Get"}).Draw(t, "name"),
		Debug: rapid.Bool().Draw(t, "debug"), Timestamp: micros.Draw(t, "timestamp"), Duration: micros.Draw(t, "duration"),
	}
	if rapid.Bool().Draw(t, "child") {
		s.ParentID = new(id.Draw(t, "parent"))
	}
	for range rapid.IntRange(0, 6).Draw(t, "annotations") {
		s.Annotations = append(s.Annotations, &zipkincore.Annotation{
			Timestamp: rapid.Int64Range(1, 40).Draw(t, "time"), // 0 means absent in Thrift alone
			Value:     rapid.SampledFrom([]string{"cs", "cr", "sr", "ss", "ms", "mr", "ws", "wr", "x", ""}).Draw(t, "value"),
			Host:      rapid.SampledFrom(hosts).Draw(t, "host"),
		})
	}
	for range rapid.IntRange(0, 4).Draw(t, "tags") {
		b := &zipkincore.BinaryAnnotation{
			Key:            rapid.SampledFrom([]string{"ca", "sa", "ma", "lc", "error", "a"}).Draw(t, "key"),
			Value:          []byte(rapid.SampledFrom([]string{"", "1"}).Draw(t, "text")),
			AnnotationType: zipkincore.AnnotationType_STRING,
			Host:           rapid.SampledFrom(hosts).Draw(t, "host"),
		}
		if len(b.Key) == 2 && b.Key != "lc" && rapid.Bool().Draw(t, "true") {
			b.AnnotationType, b.Value = zipkincore.AnnotationType_BOOL, []byte{1}
		}
		s.BinaryAnnotations = append(s.BinaryAnnotations, b)
	}
	return s
}

// v1JSON writes a span in JSON of version 1.
func v1JSON(s *zipkincore.Span) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `[{"traceId":"%x","id":"%x","name":"%s","debug":%v`, s.TraceID, s.ID, s.Name, s.Debug)
	for key, v := range map[string]*int64{"timestamp": s.Timestamp, "duration": s.Duration} {
		if v != nil {
			fmt.Fprintf(&b, `,"%s":%d`, key, *v)
		}
	}
	if s.ParentID != nil {
		fmt.Fprintf(&b, `,"parentId":"%x"`, *s.ParentID)
	}
	host := func(e *zipkincore.Endpoint) {
		if e == nil {
			return
		}
		fmt.Fprintf(&b, `,"endpoint":{"serviceName":"%s","port":%d`, e.ServiceName, uint16(e.Port))
		if e.Ipv4 != 0 {
			ip := binary.BigEndian.AppendUint32(nil, uint32(e.Ipv4))
			fmt.Fprintf(&b, `,"ipv4":"%d.%d.%d.%d"`, ip[0], ip[1], ip[2], ip[3])
		}
		for i, c := range e.Ipv6 {
			sep := ":"
			switch {
			case i == 0:
				sep = `,"ipv6":"`
			case i%2 == 1:
				sep = ""
			}
			fmt.Fprintf(&b, "%s%02x", sep, c)
		}
		if e.Ipv6 != nil {
			b.WriteByte('"')
		}
		b.WriteByte('}')
	}
	sep := `,"annotations":[`
	for _, a := range s.Annotations {
		fmt.Fprintf(&b, `%s{"timestamp":%d,"value":"%s"`, sep, a.Timestamp, a.Value)
		host(a.Host)
		b.WriteByte('}')
		sep = ","
	}
	if sep == "," {
		b.WriteByte(']')
	}
	sep = `,"binaryAnnotations":[`
	for _, a := range s.BinaryAnnotations {
		fmt.Fprintf(&b, `%s{"key":"%s","value":`, sep, a.Key)
		if a.AnnotationType == zipkincore.AnnotationType_BOOL {
			b.WriteString("true")
		} else {
			fmt.Fprintf(&b, `"%s"`, a.Value)
		}
		host(a.Host)
		b.WriteByte('}')
		sep = ","
	}
	if sep == "," {
		b.WriteByte(']')
	}
	b.WriteString("}]")
	return []byte(b.String())
}

func TestAgentBad(t *testing.T) {
	t.Parallel()
	for _, compact := range []bool{false, true} {
		whole := thriftDatagram(compact, thrift.ONEWAY, &zipkincore.Span{TraceID: 1, ID: 2, Name: "a"}, &zipkincore.Span{TraceID: 1, ID: 3, Name: "b"})
		sound(t, formatAgent, whole)
		for n := range len(whole) - 2 { // without the two stops at its end the list is still whole
			_, err := decode(t, formatAgent, whole[:n])
			var m *translate.Malformed
			if !errors.As(err, &m) || !m.Cut {
				t.Errorf("compact %v, %d bytes of %d: %v", compact, n, len(whole), err)
			}
		}
	}
}
