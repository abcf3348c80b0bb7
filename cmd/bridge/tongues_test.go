// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// tongue is one file of testdata/tongues: spans in the form of one protocol, and
// in those of all others. It is written "in FORM", then "to PROTOCOL" and
// "lost to PROTOCOL" for each protocol.
type tongue struct {
	name, about string
	form, in    string
	from        string // the protocol
	to, lost    map[string]string
}

// tongues reads the golden files and what the encoders make of them now.
func tongues(t *testing.T) (all []tongue) {
	t.Helper()
	files, err := filepath.Glob("testdata/tongues/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		form, ok := strings.CutPrefix(a.Files[0].Name, "in ")
		if !ok {
			t.Fatalf("%s begins with %q, want \"in FORM\"", file, a.Files[0].Name)
		}
		g := tongue{
			name: strings.TrimSuffix(filepath.Base(file), ".txtar"), about: strings.TrimSpace(string(a.Comment)),
			form: form, in: indent(t, string(a.Files[0].Data)), to: make(map[string]string), lost: make(map[string]string),
		}
		g.from, _, _ = strings.Cut(form, ".")
		g.speak(t)
		want := &txtar.Archive{Comment: a.Comment, Files: []txtar.File{{Name: "in " + form, Data: []byte(g.in)}}}
		for _, p := range protocols(nil) {
			want.Files = append(want.Files, txtar.File{Name: "to " + p.Name, Data: []byte(g.to[p.Name])},
				txtar.File{Name: "lost to " + p.Name, Data: []byte(g.lost[p.Name])})
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(want), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if diff := cmp.Diff(string(txtar.Format(a)), string(txtar.Format(want))); diff != "" {
			t.Errorf("%s (-file +now):\n%s", file, diff)
		}
		all = append(all, g)
	}
	return all
}

// speak says the spans in every protocol.
func (g *tongue) speak(t *testing.T) {
	t.Helper()
	list := protocols(nil)
	format, err := formatNamed(fileFormats(list), g.form)
	if err != nil {
		t.Fatal(err)
	}
	b, err := format.Decode([]byte(g.in), span.Origin{Format: format.Name, Transport: "file", Received: 1767225600_000000000})
	if err != nil || b.Len() == 0 {
		t.Fatalf("%s: %d spans, %v", g.name, b.Len(), err)
	}
	for _, p := range list {
		f, err := formNamed(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		out, lost, left, err := f.write([]*span.Batch{b}, translate.EncoderOptions{})
		if err != nil || left > 0 {
			t.Fatalf("%s to %s: %d spans left, %v", g.name, p.Name, left, err)
		}
		g.to[p.Name] = indent(t, string(out))
		_, plain, _, err := f.write([]*span.Batch{b}, translate.EncoderOptions{Residue: translate.Plain})
		if err != nil {
			t.Fatal(err)
		}
		g.lost[p.Name] = lossLines(lost, plain)
		again, err := formatNamed(fileFormats(list), f.name)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := again.Decode(out, span.Origin{Format: f.name, Transport: "file"}); err != nil || back.Len() < b.Len() {
			t.Errorf("%s to %s cannot be read again: %v", g.name, p.Name, err)
		}
	}
}

// lossLines says a field a line: lost, or kept in the residue tag.
func lossLines(exact, plain *translate.Losses) string {
	gone := make(map[translate.Field]bool)
	for l := range exact.All() {
		gone[l.Field] = true
	}
	var b strings.Builder
	for l := range plain.All() {
		where := "in bridge.x"
		if gone[l.Field] {
			where = "lost"
		}
		fmt.Fprintf(&b, "%s: %s\n", l.Field, where)
	}
	return b.String()
}

// indent breaks JSON into lines, values without children in one.
func indent(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace([]byte(text)), "", " "); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	b.WriteByte('\n')
	return b.String()
}

// TestTongues holds docs/protocols to the golden files, and those to the code.
func TestTongues(t *testing.T) {
	all := tongues(t)
	for _, p := range protocols(nil) {
		about, err := os.ReadFile(filepath.Join("testdata", "tongues", p.Name+".md"))
		if err != nil {
			t.Fatal(err)
		}
		page(t, filepath.Join("protocols", p.Name+".md"), protocolPage(p, string(about), all))
	}
}

// protocolPage is docs/protocols/NAME.md: what is said of the protocol by hand,
// its ways in and out, what its spans keep and lose elsewhere, and the spans
// themselves.
func protocolPage(p translate.Protocol, about string, all []tongue) string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(about))
	b.WriteString("\n\nThis page is generated (`make docs`) from `cmd/bridge/testdata/tongues`.\n\n## Ways in\n\n| port | what is taken |\n|---|---|\n")
	for _, port := range p.Ports {
		fmt.Fprintf(&b, "| %s (`receivers.%s`) | %s |\n", port.Listen, port.Name, port.About)
	}
	b.WriteString("\n| request | form |\n|---|---|\n")
	for _, r := range p.HTTP {
		if r.Format != nil {
			fmt.Fprintf(&b, "| %s `%s` | by its content type |\n", r.Method, r.Path)
		}
	}
	for _, r := range p.GRPC {
		if r.Format != "" {
			fmt.Fprintf(&b, "| gRPC `%s` | `%s` |\n", r.Method, r.Format)
		}
	}
	for _, r := range p.UDP {
		fmt.Fprintf(&b, "| UDP `%s` | `%s` |\n", r.Method, r.Format)
	}
	b.WriteString("\n## Ways out\n\n| kind | what it is |\n|---|---|\n")
	for _, k := range p.Targets {
		fmt.Fprintf(&b, "| `%s` | %s |\n", k.Kind, k.About)
	}
	for _, g := range all {
		if g.from != p.Name {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", strings.ReplaceAll(g.name, "-", " "), g.about)
		details(&b, "As it came (`"+g.form+"`)", g.in)
		for _, to := range protocols(nil) {
			if to.Name == p.Name {
				continue
			}
			fmt.Fprintf(&b, "\n### To %s\n\n", to.Name)
			if g.lost[to.Name] == "" {
				b.WriteString("Everything has a place of its own.\n\n")
			} else {
				b.WriteString("| what has no place there | where it goes |\n|---|---|\n")
				for line := range strings.Lines(g.lost[to.Name]) {
					field, where, _ := strings.Cut(strings.TrimSpace(line), ": ")
					fmt.Fprintf(&b, "| %s: %s | %s |\n", field, aboutField(field), where)
				}
				b.WriteByte('\n')
			}
			details(&b, "The spans there", g.to[to.Name])
		}
	}
	return b.String()
}

func aboutField(name string) string {
	for f := range translate.Fields() {
		if f.String() == name {
			return f.About()
		}
	}
	return ""
}

func details(b *strings.Builder, title, text string) {
	fmt.Fprintf(b, "<details><summary>%s</summary>\n\n```json\n%s\n```\n\n</details>\n", title, strings.TrimSpace(text))
}
