// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden runs a test for each file of a folder. A file holds inputs and what is
// made of them; f gives the latter by name.
func golden(t *testing.T, folder string, f func(t *testing.T, in map[string][]byte) [][2]string) {
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files in %s: %v", folder, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in := map[string][]byte{}
			kept := &txtar.Archive{Comment: a.Comment}
			for _, x := range a.Files {
				in[x.Name] = x.Data
				if strings.HasPrefix(x.Name, "in.") {
					kept.Files = append(kept.Files, x)
				}
			}
			for _, out := range f(t, in) {
				name, got := out[0], out[1]
				kept.Files = append(kept.Files, txtar.File{Name: name, Data: []byte(got)})
				if want := string(in[name]); !*update && got != want {
					t.Errorf("%s: %s", name, cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")))
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(kept), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func faultText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error() + "\n"
}

// A request in JSON and the same in protobuf give the same batch, and writing
// it anew gives the request back.
func TestDecodeGolden(t *testing.T) {
	t.Parallel()
	golden(t, "decode", func(t *testing.T, in map[string][]byte) [][2]string {
		body := in["in.json"]
		b, err := decodeJSON(body, origin(formatJSON))
		dump := spantest.Dump(b)
		m, oracle := fromOTLPJSON(body)
		if oracle != nil || bytes.Contains(body, []byte("instrumentationLibrarySpans")) {
			// What protojson refuses or has forgotten has one form only.
			return [][2]string{{"batch", dump}, {"fault", faultText(err)}}
		}
		b2, err2 := decodeProto(mustMarshal(t, m), origin(formatProto))
		if d := cmp.Diff(dump, spantest.Dump(b2)); d != "" {
			t.Errorf("protobuf differs from JSON: %s", d)
		}
		if (err == nil) != (err2 == nil) {
			t.Errorf("json: %v; protobuf: %v", err, err2)
		}
		if err == nil {
			for _, b := range []*span.Batch{b, b2} {
				if d := diff(normal(m), mustUnmarshal(t, encode(b, true))); d != "" {
					t.Errorf("written anew: %s", d)
				}
			}
			if d := diff(normal(m), normal(mustUnmarshal(t, encode(b2, false)))); d != "" {
				t.Errorf("copied: %s", d)
			}
		}
		return [][2]string{{"batch", dump}, {"fault", faultText(err)}}
	})
}

// A report to Zipkin, written as a request.
func TestZipkinGolden(t *testing.T) {
	t.Parallel()
	golden(t, "zipkin", func(t *testing.T, in map[string][]byte) [][2]string {
		b := decodeZipkin(t, in["in.json"])
		out := encode(b, false)
		again, err := decodeProto(out, origin(formatProto))
		if err != nil {
			t.Fatal(err)
		}
		return [][2]string{{"request", requestText(t, out)}, {"zipkin", zipkinText(t, again)}}
	})
}

// A request, written for Zipkin, read there and written as a request.
func TestThroughZipkinGolden(t *testing.T) {
	t.Parallel()
	golden(t, "through-zipkin", func(t *testing.T, in map[string][]byte) [][2]string {
		b, err := decodeJSON(in["in.json"], origin(formatJSON))
		if err != nil {
			t.Fatal(err)
		}
		reported := zipkinText(t, b)
		return [][2]string{
			{"zipkin", reported},
			{"request", requestText(t, encode(decodeZipkin(t, []byte(reported)), false))},
		}
	})
}

func decodeZipkin(t testing.TB, body []byte) *span.Batch {
	t.Helper()
	for _, f := range zipkin.Protocol.Formats {
		if f.Name == "zipkin.v2.json" {
			b, err := f.Decode(body, origin(f.Name))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Fatal("zipkin.v2.json is no format")
	return nil
}

// zipkinText is what a Zipkin target gets, a line for each span.
func zipkinText(t testing.TB, b *span.Batch) string {
	t.Helper()
	e := zipkin.NewJSONEncoder(translate.EncoderOptions{Residue: translate.Plain})
	e.Reset()
	e.Add(spantest.Items(b))
	var list []json.RawMessage
	if err := json.Unmarshal(e.Messages()[0].Body, &list); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for i, one := range list {
		out.WriteString([]string{"[", ",\n "}[min(i, 1)] + string(one))
	}
	return out.String() + "]\n"
}

// requestText shows a request in OTLP's JSON, a line for each part.
func requestText(t testing.TB, p []byte) string {
	t.Helper()
	text, err := protojson.Marshal(mustUnmarshal(t, p))
	if err != nil {
		t.Fatal(err)
	}
	text, err = convertIDs(text, func(s string) (string, error) {
		raw, err := base64.StdEncoding.DecodeString(s)
		return hex.EncodeToString(raw), err
	})
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	showLists(t, &out, "", tree)
	return out.String()
}

// showLists shows the elements of the lists of a message below the rest of it.
func showLists(t testing.TB, out *strings.Builder, margin string, m map[string]any) {
	t.Helper()
	for _, key := range []string{"attributes", "events", "links", "resourceSpans", "scopeSpans", "spans"} {
		list, ok := m[key].([]any)
		if !ok {
			continue
		}
		for _, e := range list {
			inner := e.(map[string]any)
			rest := map[string]any{}
			for k, v := range inner {
				if _, list := v.([]any); !list {
					rest[k] = v
				}
			}
			var line bytes.Buffer
			enc := json.NewEncoder(&line)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(rest); err != nil {
				t.Fatal(err)
			}
			out.WriteString(margin + strings.TrimSuffix(key, "s") + " " + line.String())
			showLists(t, out, margin+"  ", inner)
		}
	}
}

// malformed is the fault of a decoder.
func malformed(err error) *translate.Malformed {
	var m *translate.Malformed
	errors.As(err, &m)
	return m
}
