// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/spanbridge/spanbridge/span/spantest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Each golden file holds a body under the name of its form (binary forms in
// hex, with .hex behind the name), and what becomes of it: the canonical spans,
// the fault, and the v2 JSON that goes out, a span a line.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			golden(t, name)
		})
	}
}

func goldenBody(tb testing.TB, in txtar.File) (format string, body []byte) {
	tb.Helper()
	text := strings.TrimSuffix(string(in.Data), "\n")
	format, isHex := strings.CutSuffix(in.Name, ".hex")
	if !isHex {
		return format, []byte(text)
	}
	body, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		tb.Fatal(err)
	}
	return format, body
}

func golden(t *testing.T, name string) {
	old, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	in := old.Files[0]
	format, body := goldenBody(t, in)
	b, err := decode(t, format, body)
	archive := &txtar.Archive{Comment: old.Comment, Files: []txtar.File{in}}
	add := func(name, text string) {
		if text != "" {
			archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(text)})
		}
	}
	add("canonical.txt", spantest.Dump(b))
	if err != nil {
		add("fault.txt", err.Error()+"\n")
	}
	e := &JSONEncoder{}
	var out []byte
	for _, it := range spantest.Items(b) {
		out = append(e.AppendJSON(out, &it), '\n')
	}
	add("out.json", string(out))
	got := txtar.Format(archive)
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := txtar.Format(old); string(got) != string(want) {
		t.Errorf("%s (run with -update to accept):\n%s", name, got)
	}
}
