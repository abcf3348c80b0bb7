// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

const samplesFolder = "../testdata/samples/otel-go"

// samples are requests captured from OpenTelemetry's SDK for Go.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, pattern := range []string{"*v1_traces.body.pb", "*TraceService_Export.msg0.pb"} {
		files, err := filepath.Glob(filepath.Join(samplesFolder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			p, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(p, []byte("\x1f\x8b")) {
				out[filepath.Base(file)] = p
			}
		}
	}
	if len(out) < 3 {
		t.Fatalf("%d samples in %s", len(out), samplesFolder)
	}
	return out
}

// goldenInputs are the requests of the golden files.
func goldenInputs(t testing.TB) (out [][]byte) {
	t.Helper()
	files, err := filepath.Glob("testdata/decode/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, a.Files[0].Data)
	}
	return out
}

func TestSamples(t *testing.T) {
	t.Parallel()
	for name, body := range samples(t) {
		m := mustUnmarshal(t, body)
		for form, in := range map[string][]byte{formatProto: body, formatJSON: toOTLPJSON(t, m)} {
			decode := decodeProto
			if form == formatJSON {
				decode = decodeJSON
			}
			b, err := decode(in, origin(form))
			if err != nil {
				t.Fatalf("%s as %s: %v", name, form, err)
			}
			if d := diff(normal(m), mustUnmarshal(t, encode(b, true))); d != "" {
				t.Errorf("%s as %s, written anew: %s", name, form, d)
			}
			if d := diff(m, mustUnmarshal(t, encode(b, false))); d != "" {
				t.Errorf("%s as %s, copied: %s", name, form, d)
			}
		}
	}
}

func FuzzDecodeProto(f *testing.F) {
	for _, p := range samples(f) {
		f.Add(p)
	}
	for _, p := range goldenInputs(f) {
		if m, err := fromOTLPJSON(p); err == nil {
			f.Add(mustMarshal(f, m))
		}
	}
	f.Add([]byte(resourceSpans(msg(1000, msg(1, msg(1, "old")), spanBytes(1, msg(15, "\x08\x02"))))))
	f.Add([]byte(resourceSpans(scopeSpans(spanBytes(1, msg(9, msg(2, nested(3))), msg(13), msg(11))))))
	f.Fuzz(func(t *testing.T, body []byte) { checkDecoded(t, body, decodeProto, formatProto) })
}

func FuzzDecodeJSON(f *testing.F) {
	for _, p := range samples(f) {
		f.Add(toOTLPJSON(f, mustUnmarshal(f, p)))
	}
	for _, p := range goldenInputs(f) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := checkDecoded(t, body, decodeJSON, formatJSON)
		// What protojson takes is taken, with the same content.
		m, oracle := fromOTLPJSON(body)
		if oracle != nil || !utf8.Valid(body) || repeatsKeys(body) || bytes.Contains(body, []byte("ibrary")) || bytes.Contains(body, []byte("eprecated")) {
			return
		}
		if err == nil {
			if d := diff(normal(m), mustUnmarshal(t, encode(b, true))); d != "" {
				t.Fatal(d)
			}
			return
		}
		for _, f := range malformed(err).Faults {
			if !strings.Contains(f.Place, "Id") && !strings.Contains(f.Found, "deep") {
				t.Fatalf("%v; protojson takes it", err)
			}
		}
	})
}

// repeatsKeys is true if an object has a key twice. protojson refuses that, but
// does not see it after the ids were converted.
func repeatsKeys(body []byte) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	var value func() bool
	value = func() bool {
		token, _ := d.Token()
		if token != json.Delim('{') && token != json.Delim('[') {
			return false
		}
		keys := map[any]bool{}
		for d.More() {
			if token == json.Delim('{') {
				key, _ := d.Token()
				if keys[key] {
					return true
				}
				keys[key] = true
			}
			if value() {
				return true
			}
		}
		_, _ = d.Token()
		return false
	}
	return value()
}

// checkDecoded checks what holds for every body.
func checkDecoded(t *testing.T, body []byte, decode decoder, form string) (*span.Batch, error) {
	t.Helper()
	kept := bytes.Clone(body)
	body = slices.Clip(body) // the fuzzer's have room for 100 MB
	b, err := decode(body, origin(form))
	if !bytes.Equal(kept, body) {
		t.Fatal("the body was changed")
	}
	if m := malformed(err); err != nil && (m == nil || m.Error() == "" || m.Spans == 0 && !m.Cut) {
		t.Fatalf("%#v", err)
	}
	for _, s := range b.Spans() {
		if s.Trace.IsZero() || s.ID == 0 || s.Parent == s.ID {
			t.Fatalf("%s/%s parent %s", s.Trace, s.ID, s.Parent)
		}
		if s.Has&span.HasDuration != 0 && (s.Duration < 0 || s.Start+s.Duration < 0) {
			t.Fatalf("start %d, duration %d", s.Start, s.Duration)
		}
	}
	if most := 100*len(body) + 4096; b.Memory() > most {
		t.Fatalf("%d bytes for a body of %d, want at most %d", b.Memory(), len(body), most)
	}
	want := withoutNumbers(spantest.Dump(b))
	for _, rewrite := range []bool{false, true} {
		out := encode(b, rewrite)
		mustUnmarshal(t, out)
		again, err := decodeProto(out, origin(formatProto))
		if err != nil {
			t.Fatalf("rewrite %v: own output: %v", rewrite, err)
		}
		if got := withoutNumbers(spantest.Dump(again)); got != want {
			t.Fatalf("rewrite %v:\n%s\nwant\n%s", rewrite, got, want)
		}
	}
	return b, err
}
