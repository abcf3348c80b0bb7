// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openzipkin/zipkin-go/proto/zipkin_proto3"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/spanbridge/spanbridge/span/spantest"
)

func FuzzV2JSON(f *testing.F) {
	for _, s := range []string{
		``, `[]`, `[ ]`, `{}`, `[{}]`, `[null]`, `[{"traceId":"1","id":"2"},]`,
		`[{"traceId":15,"id":"\u0061","parentId":null,"tags":{"a":1,"":"\ud83d\ude80"},"timestamp":"1","duration":1.5e3}]`,
		`[{"traceId":"1","id":"2","annotations":[{"timestamp":0,"value":"b"},{"timestamp":-1,"value":""}],"shared":true,"kind":"CLIENT"}]`,
		`[{"traceId":"1","id":"2","localEndpoint":{"ipv4":"::ffff:9.8.7.6","ipv6":"01.2.3.4","port":"80"},"x":[[{"binaryAnnotations":1}]]}]`,
		"[{\"traceId\":\"1\",\"id\":\"2\",\"name\":\"\xff\t\\'yAnnotations\"}]",
	} {
		f.Add([]byte(s))
	}
	fuzz(f, formatV2JSON)
}

func FuzzV1JSON(f *testing.F) {
	for _, s := range []string{
		`[{"traceId":"1","id":"2","annotations":[{"timestamp":1,"value":"cs","endpoint":{"serviceName":"a"}},{"timestamp":2,"value":"sr","endpoint":{"serviceName":"A"}}]}]`,
		`[{"traceId":"1","id":"2","annotations":[{"timestamp":1,"value":"ms","endpoint":{"port":1}},{"timestamp":2,"value":"mr","endpoint":{"port":2}}],"timestamp":-1}]`,
		`[{"traceId":"1","id":"2","binaryAnnotations":[{"key":"sa","value":true,"endpoint":{"ipv4":"1.2.3.4"}},{"key":"lc","value":""},{"key":"a","value":1}]}]`,
	} {
		f.Add([]byte(s))
	}
	fuzz(f, formatV1JSON)
}

func FuzzProto3(f *testing.F) {
	for _, s := range []string{
		ids8, ids16 + field(8, field(2, "\x01\x02\x03\x04")+varint(4, 1<<64-1)), ids16 + field(10, fixed(1, 1)+field(2, "a")) + field(11, field(1, "a")),
	} {
		f.Add([]byte(field(1, s)))
	}
	fuzz(f, formatProto3)
}

func FuzzV1Thrift(f *testing.F) {
	f.Add([]byte{12, 0, 0, 0, 0})
	f.Add([]byte{12, 0x7f, 0xff, 0xff, 0xff})
	f.Add([]byte{12, 0, 0, 0, 1, 13, 0, 50, 8, 8, 0x7f, 0xff, 0xff, 0xff, 0})
	fuzz(f, formatV1Thrift)
}

func FuzzAgent(f *testing.F) {
	fuzz(f, formatAgent)
}

// fuzz reads bodies of a form, writes what was read and reads it again.
func fuzz(f *testing.F, format string) {
	for _, s := range samples(f) {
		if s.format == format && len(s.body) < 20_000 {
			f.Add(s.body)
		}
	}
	f.Add(three()[format])
	for _, file := range goldenBodies(f) {
		if file.format == format {
			f.Add(file.body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := decode(t, format, body)
		if err != nil && err.Error() == "" {
			t.Fatal("a fault without words")
		}
		// The smallest span, of five bytes in compact Thrift, takes 224.
		if b.Memory()-cap(b.Body()) > 130*len(body)+4096 {
			t.Fatalf("%d bytes for a body of %d", b.Memory(), len(body))
		}
		out := rewrite(b)
		again := sound(t, formatV2JSON, out)
		if d := cmp.Diff(string(out), string(rewrite(again))); d != "" {
			t.Fatalf("a second writing differs: %s", d)
		}
		if format == formatV2JSON {
			sameOutline(t, body)
			if d := cmp.Diff(dumpOnce(b), spantest.Dump(again)); d != "" {
				t.Fatalf("decode(encode(b)) differs from b: %s", d)
			}
		}
		if copied := encode(b); !json.Valid(copied) {
			t.Fatalf("copied what is not plain JSON: %s", copied)
		} else {
			sameNormal(t, "copy", copied, out)
		}
		proto := AppendProto3(nil, spantest.Items(b))
		if spans, err := zipkin_proto3.ParseSpans(proto, false); err != nil || len(spans) != b.Len() {
			t.Fatalf("zipkin-go does not take the proto3: %v\n%x", err, proto)
		}
		if back := sound(t, formatProto3, proto); back.Len() != b.Len() {
			t.Fatalf("%d spans, %d in proto3", b.Len(), back.Len())
		}
	})
}

// goldenBodies are the bodies of the golden files.
func goldenBodies(tb testing.TB) (all []sample) {
	tb.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		format, body := goldenBody(tb, a.Files[0])
		all = append(all, sample{name, format, body})
	}
	return all
}
