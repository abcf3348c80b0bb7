// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/zipkincore"

	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// three is a body of three spans in each form, small enough to be cut
// everywhere.
func three() map[string][]byte {
	v2 := []byte(`[{"traceId":"1","id":"2","name":"a\u00e9","tags":{"error":"x","b":"\n"},"annotations":[{"timestamp":1,"value":"v"}]},` +
		`{"traceId":"1","id":"3","parentId":"2","kind":"SERVER","shared":true,"localEndpoint":{"serviceName":"s","ipv6":"::1","port":1}},` +
		` {"unknown":[{"a":null},1.5e3,true],"id":"4","timestamp":7,"duration":8,"traceId":"1","debug":true}]`)
	b, err := decodeV2JSON(v2, spanOrigin(formatV2JSON))
	if err != nil {
		panic(err)
	}
	host := &zipkincore.Endpoint{ServiceName: "s", Ipv4: 1, Port: 1}
	thrifts := []*zipkincore.Span{
		{TraceID: 1, ID: 2, Name: "a", Annotations: []*zipkincore.Annotation{{Timestamp: 1, Value: "sr", Host: host}}},
		{TraceID: 1, ID: 3, BinaryAnnotations: []*zipkincore.BinaryAnnotation{{Key: "a", Value: []byte("b"), AnnotationType: 6, Host: host}}},
		{TraceID: 1, ID: 4, Debug: true, Timestamp: new(int64(5))},
	}
	return map[string][]byte{
		formatV2JSON: v2,
		formatV1JSON: []byte(`[{"traceId":"1","id":"2","annotations":[{"timestamp":1,"value":"sr","endpoint":{"serviceName":"s"}}]},` +
			`{"traceId":"1","id":"3","binaryAnnotations":[{"key":"a","value":"b","endpoint":{"ipv4":"1.2.3.4"}}]}, {"traceId":"1","id":"4","name":"c"}]`),
		formatProto3:   AppendProto3(nil, spantest.Items(b)),
		formatV1Thrift: thriftList(thrifts...),
		formatAgent:    thriftDatagram(true, thrift.ONEWAY, thrifts...),
	}
}

// Spans before the cut are kept, and it is told that there were more.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	for format, body := range three() {
		whole := spantest.Dump(sound(t, format, body))
		last := 0
		for n := range len(body) {
			b, err := decode(t, format, body[:n])
			if dump := spantest.Dump(b); !strings.HasPrefix(whole, dump) {
				t.Errorf("%s cut at %d:\n%s", format, n, dump)
			}
			if b.Len() < last {
				t.Errorf("%s cut at %d: %d spans, fewer than before", format, n, b.Len())
			}
			last = b.Len()
			var m *translate.Malformed
			if format == formatProto3 && err == nil || n == 0 && err == nil {
				continue // between two spans of a proto3 body nothing is missing
			}
			if format == formatAgent && n >= len(body)-2 {
				continue // the list is whole
			}
			if !errors.As(err, &m) || !m.Cut || m.Spans != 0 {
				t.Errorf("%s cut at %d: %v", format, n, err)
			}
		}
		if last < 2 {
			t.Errorf("%s: %d spans were kept at most", format, last)
		}
	}
}

// A changed byte may change or cost spans, and nothing else.
func TestChangedAnywhere(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for format, whole := range three() {
		for range 20_000 {
			body := append([]byte(nil), whole...)
			for range 1 + rng.IntN(3) {
				body[rng.IntN(len(body))] = byte(rng.UintN(256))
			}
			b, _ := decode(t, format, body)
			encode(b)
		}
	}
}

func TestDeepNesting(t *testing.T) {
	t.Parallel()
	f := func(inside, want string) {
		t.Helper()
		body := `[{"traceId":"1","id":"2"},{"traceId":"1","id":"3",` + inside + `},{"traceId":"1","id":"4"}]`
		b, err := decode(t, formatV2JSON, []byte(body))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if b.Len() < 1 || !strings.HasSuffix(got, want) || (want == "") != (err == nil) {
			t.Errorf("%.60s: %d spans, %v", inside, b.Len(), err)
		}
	}
	deep := func(open, shut string, n int) string { return strings.Repeat(open, n) + "1" + strings.Repeat(shut, n) }
	f(`"x":`+deep("[", "]", 100), "")
	f(`"x":`+deep(`{"a":`, "}", 100), "")
	f(`"x":`+deep("[", "]", 101), ": values more than 100 deep, want less")
	f(`"x":`+deep("[", "]", 1_000_000), ": values more than 100 deep, want less")
	f(`"name":`+deep(`{"a":[`, "]}", 500_000), ": values more than 100 deep, want less")
	f(`"x":`+strings.Repeat("[", 1_000_000), ": values more than 100 deep, want less")

	structs := append([]byte{12, 0, 0, 0, 1}, strings.Repeat("\x0c\x00\x63", 500_000)...)
	if _, err := decode(t, formatV1Thrift, structs); err == nil || !strings.HasSuffix(err.Error(), "structs more than 100 deep, want less") {
		t.Error(err)
	}
	lists := append([]byte{12, 0, 0, 0, 1, 15, 0, 99}, strings.Repeat("\x0f\x00\x00\x00\x01", 500_000)...)
	if _, err := decode(t, formatV1Thrift, lists); err == nil || !strings.HasSuffix(err.Error(), "values more than 100 deep, want less") {
		t.Error(err)
	}
}

// allocated is how many bytes f takes from the heap.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A body of one huge thing takes memory in proportion, and no time to speak of.
func TestHuge(t *testing.T) {
	const n = 4_000_000
	text := strings.Repeat("a", n)
	f := func(what, format, body string, spans int) {
		t.Helper()
		taken := allocated(func() {
			b, err := decoders[format]([]byte(body), spanOrigin(format))
			if b.Len() != spans || spans == 1 && err != nil || err != nil && len(err.Error()) > 300 {
				t.Errorf("%s: %d spans, %.300v", what, b.Len(), err)
			}
		})
		times := 5
		if strings.Contains(what, "not UTF-8") {
			times = 15 // every bad byte becomes three
		}
		if taken > uint64(times*len(body)) {
			t.Errorf("%s: %d bytes for a body of %d", what, taken, len(body))
		}
	}
	const ids = `"traceId":"1","id":"2",`
	f("tag of 20 MB", formatV2JSON, `[{`+ids+`"tags":{"a":"`+strings.Repeat(text, 5)+`"}}]`, 1)
	f("key", formatV2JSON, `[{`+ids+`"tags":{"`+text+`":"a"}}]`, 1)
	f("unknown key", formatV2JSON, `[{`+ids+`"`+text+`":"a"}]`, 1)
	f("name", formatV2JSON, `[{`+ids+`"name":"`+text+`\n"}]`, 1)
	f("escapes", formatV2JSON, `[{`+ids+`"name":"`+strings.Repeat(`\u00e9`, n/6)+`"}]`, 1)
	f("backslashes", formatV2JSON, `[{`+ids+`"name":"`+strings.Repeat(`\`, n)+`"}]`, 1)
	f("not UTF-8", formatV2JSON, `[{`+ids+`"name":"`+strings.Repeat("\xffa", n/2)+`"}]`, 1)
	f("id", formatV2JSON, `[{"traceId":"1","id":"`+text+`"}]`, 0)
	f("escaped id", formatV2JSON, `[{"traceId":"1","id":"\u0061`+text+`"}]`, 0)
	f("kind", formatV2JSON, `[{`+ids+`"kind":"`+text+`"}]`, 0)
	f("address", formatV2JSON, `[{`+ids+`"localEndpoint":{"ipv4":"`+text+`"}}]`, 1)
	f("address of colons", formatV2JSON, `[{`+ids+`"localEndpoint":{"ipv4":"`+strings.Repeat(":", n)+`"}}]`, 1)
	f("number", formatV2JSON, `[{`+ids+`"timestamp":`+strings.Repeat("1", n)+`}]`, 0)
	f("fraction", formatV2JSON, `[{`+ids+`"timestamp":1.`+strings.Repeat("0", n)+`}]`, 1)
	f("number as tag", formatV2JSON, `[{`+ids+`"tags":{"a":`+strings.Repeat("1", n)+`}}]`, 1)
	f("white space", formatV2JSON, `[`+strings.Repeat(" ", n)+`{`+ids+`"name":"a"}]`, 1)
	f("commas", formatV2JSON, `[`+strings.Repeat(",", n)+`]`, 0)
	f("bad elements", formatV2JSON, `[`+strings.Repeat("0,", n/2)+`0]`, 0)
	f("first byte", formatV2JSON, text, 0)
	f("v1 tag", formatV1JSON, `[{`+ids+`"binaryAnnotations":[{"key":"a","value":"`+text+`"}]}]`, 1)
	f("proto3 tag", formatProto3, field(1, ids8+field(11, field(1, "a")+field(2, text))), 1)
	f("proto3 id", formatProto3, field(1, field(1, text)), 0)
	f("proto3 not UTF-8", formatProto3, field(1, ids8+field(5, strings.Repeat("\xffa", n/2))), 1)
	f("proto3 group", formatProto3, strings.Repeat("\x13", n), 0)
	f("thrift name", formatV1Thrift, string(thriftList(&zipkincore.Span{TraceID: 1, ID: 2, Name: text})), 1)
}

func TestManyDetails(t *testing.T) {
	t.Parallel()
	const n = 100_000
	var tags, annotations strings.Builder
	for i := range n {
		fmt.Fprintf(&tags, `"k%d":"v","same":"%d",`, i, i)
		fmt.Fprintf(&annotations, `{"timestamp":%d,"value":"v"},{"timestamp":1,"value":"same"},`, n-i)
	}
	body := `[{"traceId":"1","id":"2","tags":{` + strings.TrimSuffix(tags.String(), ",") + `},"annotations":[` +
		strings.TrimSuffix(annotations.String(), ",") + `]},{"traceId":"1","id":"3","tags":{"a":"b"}}]`
	b := sound(t, formatV2JSON, []byte(body))
	again := sound(t, formatV2JSON, rewrite(b))
	s := &again.Spans()[0]
	if s.Attrs.Len() != n+1 || s.Events.Len() != n+1 {
		t.Fatalf("%d tags, %d annotations", s.Attrs.Len(), s.Events.Len())
	}
	if a := again.Find(s.Attrs, "same"); again.Str(a.Text()) != fmt.Sprint(n-1) {
		t.Errorf("the last tag of a key counts: %q", again.Str(a.Text()))
	}
	many := sound(t, formatV2JSON, []byte(`[`+strings.TrimSuffix(strings.Repeat(`{"traceId":"1","id":"2"},`, n), ",")+`]`))
	if many.Len() != n {
		t.Errorf("%d spans", many.Len())
	}
	bad, err := decode(t, formatV2JSON, []byte(`[`+strings.TrimSuffix(strings.Repeat(`{"id":"2"},`, n), ",")+`]`))
	if want := fmt.Sprintf("; and %d more", n-5); bad.Len() != 0 || err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%d spans, %.500v", bad.Len(), err)
	}
}
