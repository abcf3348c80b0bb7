// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/jaeger"
	"github.com/spanbridge/spanbridge/translate/otlp"
	"github.com/spanbridge/spanbridge/translate/residue"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// tongue is a protocol as text.
type tongue struct {
	hop  *hop
	text func(dst, body []byte) ([]byte, error)
}

var tongues = []tongue{
	{viaZipkin, func(_, p []byte) ([]byte, error) { return p, nil }},
	{viaJaeger, jaeger.AppendJSON},
	{viaOTLP, otlp.AppendJSON},
}

// Golden files: a message of one protocol as it was sent, as the canonical form,
// and as each protocol gets it, with what it loses without a residue.
func TestTongues(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		in := a.Files[0]
		b := read(t, in.Name, bytes.TrimSpace(in.Data))
		out := &txtar.Archive{Comment: a.Comment, Files: []txtar.File{in, {Name: "canonical", Data: []byte(spantest.Dump(b))}}}
		for _, to := range tongues {
			name := to.hop.name
			out.Files = append(out.Files,
				txtar.File{Name: "to " + name, Data: speak(t, to, b)},
				txtar.File{Name: "lost to " + name + " without a residue", Data: []byte(lost(to.hop, b))})
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if d := cmp.Diff(string(txtar.Format(a)), string(txtar.Format(out))); d != "" {
			t.Errorf("%s:\n%s", file, d)
		}
	}
}

// read reads the first part of a golden file, by its name.
func read(t *testing.T, name string, text []byte) *span.Batch {
	t.Helper()
	var b *span.Batch
	var err error
	switch name {
	case "zipkin":
		b, err = viaZipkin.decode(text)
	case "jaeger":
		b, err = jaeger.DecodeJSON(text, span.Origin{})
	case "otlp":
		b, err = decoder(otlp.Protocol, "otlp.json")(text)
	default:
		t.Fatalf("a part %s", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// speak is a batch as a target gets it.
func speak(t *testing.T, to tongue, b *span.Batch) []byte {
	t.Helper()
	list := items(b)
	body := to.hop.encode(list)
	if body == nil {
		t.Fatalf("%s: a residue beyond its bound", to.hop.name)
	}
	text, err := to.text(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(residue.Key)) && b.Protocol().String() != to.hop.name {
		t.Errorf("%s: no residue", to.hop.name)
	}
	var lines bytes.Buffer
	if err := json.Indent(&lines, bytes.TrimSpace(text), "", " "); err != nil {
		t.Fatal(err)
	}
	return append(lines.Bytes(), '\n')
}

// lost are the fields that a target does not get without a residue.
func lost(h *hop, b *span.Batch) string {
	e := h.protocol.Targets[0].New(translate.EncoderOptions{Residue: translate.Plain})
	e.Reset()
	e.Add(items(b))
	var out strings.Builder
	for loss := range e.Losses().All() {
		fmt.Fprintf(&out, "%s: %s\n", loss.Field, loss.Field.About())
	}
	return out.String()
}
