// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

func FuzzDecodeSegments(f *testing.F) {
	for _, name := range sampleNames {
		body, err := os.ReadFile(filepath.Join("testdata", "samples", name+".bin"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, s := range oddSegments {
		f.Add(wrap(s.bytes))
	}
	for _, wrap := range []bool{false, true} {
		e := NewEncoder(translate.EncoderOptions{WrapExits: wrap})
		f.Add(collection(f, segmentsFrom(f, e, batch("zipkin.v2.json", home()...))...))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		body = slices.Clip(body) // a batch counts all that its body keeps alive
		compareWithUpstream(t, body)
		passesOn(t, body)
	})
}

func FuzzDecodeSegmentsJSON(f *testing.F) {
	for _, name := range sampleNames {
		f.Add(listJSON(f, segmentsOf(f, name)))
	}
	f.Add([]byte("[" + pythonJSON + "]"))
	f.Add([]byte(`[{"spans":[{"spanId":"1","spanType":1,"startTime":"12","isError":true,"tags":[{"key":"a"}],"refs":[{"parentTraceSegmentId":"x","refType":"CrossThread"}]}]},{}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := tryDecode(formatSegmentsJSON, slices.Clip(body))
		got := contentOf(b)
		if err := invariants(b); err != nil {
			t.Fatal(err)
		}
		// What protojson takes is taken, with the same content.
		segments, ok := byProtojson(body)
		if !ok || slices.ContainsFunc(b.Spans(), func(s span.Span) bool { return s.Agent == 0 || s.Home != span.Unknown }) {
			return
		}
		if want := content(segments); got != want {
			t.Fatalf("%q\n%v\ngot\n%swant\n%s", body, err, got, want)
		}
	})
}

var underscored = regexp.MustCompile(`_[^"]*"\s*:`)

// byProtojson reads a list of segments by upstream's types; false for what is none to
// them, and for names with underscores, which they do not know.
func byProtojson(body []byte) (segments []*agentv3.SegmentObject, ok bool) {
	var list []json.RawMessage
	if !utf8.Valid(body) || underscored.Match(body) || json.Unmarshal(body, &list) != nil {
		return nil, false
	}
	for _, one := range list {
		g := &agentv3.SegmentObject{}
		if (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(one, g) != nil {
			return nil, false
		}
		segments = append(segments, g)
	}
	return segments, true
}

func FuzzDecodeNotice(f *testing.F) {
	for _, m := range sample(f, "management") {
		p, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p)
	}
	f.Add([]byte(`{"service":"a","serviceInstance":"b","properties":[{"key":"language","value":null}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, format := range []string{formatProperties, formatPing, formatPropertiesJSON, formatPingJSON} {
			b, _ := tryDecode(format, body)
			for _, i := range b.Instances() {
				if b.Str(i.Service) == "" && b.Str(i.Name) == "" {
					t.Fatalf("%s: an instance of nobody", format)
				}
				_ = b.Str(i.Raw)
			}
		}
	})
}

// listJSON writes segments as the body of /v3/segments.
func listJSON(t testing.TB, segments []*agentv3.SegmentObject) []byte {
	t.Helper()
	list := []byte{'['}
	for i, g := range segments {
		p, err := protojson.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, p...)
	}
	return append(list, ']')
}
