// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// longest is how many lines a file may have before it must be split.
const longest = 500

func TestFiles(t *testing.T) {
	documented := make(map[string]bool)
	for _, file := range sources(t) {
		src, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(src), "// SPDX-License-Identifier: Apache-2.0\n") {
			t.Errorf("%s: the first line must be // SPDX-License-Identifier: Apache-2.0", file)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		if n := strings.Count(string(src), "\n"); n > longest {
			t.Errorf("%s has %d lines, want at most %d: is there a second noun in it?", file, n, longest)
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(file)
		if _, ok := documented[dir]; !ok {
			documented[dir] = false
		}
		if f.Doc != nil && (strings.HasPrefix(f.Doc.Text(), "Package ") || strings.HasPrefix(f.Doc.Text(), "Command ")) {
			documented[dir] = true
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no doc comment: what goes in, what comes out, what is lost", dir)
		}
	}
}

// badNames are names that say nothing.
var badNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "base", "impl", "misc"}

func TestNames(t *testing.T) {
	for _, file := range sources(t) {
		for _, part := range strings.FieldsFunc(strings.TrimSuffix(file, ".go"), func(r rune) bool { return r == '/' || r == '_' }) {
			for _, bad := range badNames {
				if part == bad {
					t.Errorf("%s: %q says nothing about what is in it", file, bad)
				}
			}
		}
	}
}

// internalFolders are the folders of internal/; a new one needs an ADR.
var internalFolders = []string{"archtest", "compress", "faultnet", "metrics", "rawgrpc"}

func TestInternalFolders(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root, "internal"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(internalFolders, " ") {
		t.Errorf("internal/ has %v, want %v: a new folder needs an ADR and a line here", got, internalFolders)
	}
}
