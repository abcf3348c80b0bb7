// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

type decoder func([]byte, span.Origin) (*span.Batch, error)

// decoders are all forms by name.
var decoders = func() map[string]decoder {
	m := make(map[string]decoder)
	for _, f := range Protocol.Formats {
		m[f.Name] = f.Decode
	}
	return m
}()

func spanOrigin(format string) span.Origin { return span.Origin{Format: format, Transport: "http"} }

// decode reads a body by the form of a name. Every span must be sound,
// whatever the body is.
func decode(tb rapid.TB, format string, body []byte) (*span.Batch, error) {
	tb.Helper()
	b, err := decoders[format](body, spanOrigin(format))
	if b == nil {
		tb.Fatalf("%s: no batch: %v", format, err)
	}
	for i := range b.Spans() {
		s := &b.Spans()[i]
		if s.ID == 0 || s.Trace.IsZero() || s.Has&span.HasWire == 0 || s.Wire.ID != s.ID || s.Wire.Parent != s.Parent {
			tb.Fatalf("span %d: trace %s id %s wire %v", i+1, s.Trace, s.ID, s.Wire)
		}
		if s.Parent == s.ID || s.Start < 0 || s.Duration < 0 || s.Kind == span.KindClient && s.Has&span.Shared != 0 {
			tb.Fatalf("span %d is not in the normal form: %+v", i+1, s)
		}
	}
	spantest.Dump(b) // every text lies inside the memory, or this panics
	return b, err
}

// sound decodes a body that has no fault.
func sound(tb rapid.TB, format string, body []byte) *span.Batch {
	tb.Helper()
	b, err := decode(tb, format, body)
	if err != nil {
		tb.Fatalf("%v\n%.500q", err, body)
	}
	return b
}

// rewrite writes all spans of a batch anew, without copying.
func rewrite(b *span.Batch) []byte {
	e := &JSONEncoder{}
	out := []byte{'['}
	for i, it := range spantest.Items(b) {
		if i > 0 {
			out = append(out, ',')
		}
		out = e.AppendJSON(out, &it)
	}
	return append(out, ']')
}

// encode writes all spans of a batch as the target gets them.
func encode(b *span.Batch) []byte {
	e := NewJSONEncoder(translate.EncoderOptions{})
	e.Reset()
	e.Add(spantest.Items(b))
	m := e.Messages()
	if len(m) == 0 {
		return []byte("[]")
	}
	return m[0].Body
}

// hasLine looks for a line in a dump.
func hasLine(dump, line string) bool {
	return strings.Contains("\n"+strings.ReplaceAll(dump, "\n  ", "\n"), "\n"+line+"\n")
}

// sample is a recorded body and its form.
type sample struct {
	name, format string
	body         []byte
}

// samples are the recorded requests of real clients that are in this protocol.
func samples(tb testing.TB) (all []sample) {
	tb.Helper()
	add := func(pattern, format string) {
		files, err := filepath.Glob(filepath.Join("../testdata/samples", pattern))
		if err != nil || len(files) == 0 {
			tb.Fatalf("no sample %s: %v", pattern, err)
		}
		for _, f := range files {
			body, err := os.ReadFile(f)
			if err != nil {
				tb.Fatal(err)
			}
			all = append(all, sample{filepath.ToSlash(f), format, body})
		}
	}
	add("*/*-api_v2_spans.body.json", formatV2JSON)
	add("*/*-api_v2_spans.body.pb", formatProto3)
	add("*/*-api_v1_spans.body.json", formatV1JSON)
	add("*/*-api_v1_spans.body.thrift", formatV1Thrift)
	return all
}

func TestSamples(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t) {
		b := sound(t, s.format, s.body)
		if b.Len() == 0 {
			t.Errorf("%s: no spans", s.name)
		}
		again := sound(t, formatV2JSON, rewrite(b))
		if again.Len() != b.Len() {
			t.Errorf("%s: %d spans, %d after writing them", s.name, b.Len(), again.Len())
		}
	}
}
