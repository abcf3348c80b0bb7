// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sources are the lines of the files of a pattern, without their indents.
func sources(t *testing.T, patterns ...string) map[string]bool {
	t.Helper()
	lines := make(map[string]bool)
	for _, p := range patterns {
		files, err := filepath.Glob(p)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", p, len(files), err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			check(t, err)
			for line := range strings.Lines(string(b)) {
				lines[strings.TrimSpace(line)] = true
			}
		}
	}
	return lines
}

func has(lines map[string]bool, call string) bool {
	for line := range lines {
		if strings.Contains(line, call) && !strings.HasPrefix(line, "//") {
			return true
		}
	}
	return false
}

var (
	code     = regexp.MustCompile("`([^`]+)`")
	sections = map[string]string{"jaeger-client-go": "jaeger", "zipkin-go-opentracing": "zipkin", "go2sky": "go2sky"}
)

// Each call of the tables stands in a test, the old one beside the real library.
func TestMigrationTables(t *testing.T) {
	page, err := os.ReadFile("../../docs/migration.md")
	check(t, err)
	section, calls := "", 0
	for line := range strings.Lines(string(page)) {
		if name, ok := strings.CutPrefix(line, "## "); ok {
			section = sections[strings.TrimSpace(name)]
		}
		cells := strings.Split(strings.TrimSpace(line), "|")
		if section == "" || len(cells) != 4 {
			continue
		}
		for i, file := range []string{"old_" + section + "_test.go", "new_" + section + "_test.go"} {
			lines := sources(t, file)
			for _, m := range code.FindAllStringSubmatch(cells[i+1], -1) {
				if strings.Contains(m[1], "*") && !strings.ContainsAny(m[1], "()") || !strings.ContainsAny(m[1], "({.") || regexp.MustCompile(`^[A-Za-z0-9.]+$`).MatchString(m[1]) {
					continue // a word, or a tag
				}
				if calls++; !has(lines, m[1]) {
					t.Errorf("%s is not in %s", m[1], file)
				}
			}
		}
	}
	if calls < 120 {
		t.Errorf("%d calls were found in the tables", calls)
	}
}

// Each line of the examples stands in a program or a test.
func TestLibraryExamples(t *testing.T) {
	for page, least := range map[string]int{"../../docs/library.md": 70, "../../README.md": 4} {
		compiled(t, page, least)
	}
}

func compiled(t *testing.T, file string, least int) {
	t.Helper()
	lines := sources(t, "library_*_test.go", "new_jaeger_test.go", "../../middleware/library_test.go", "../../examples/shop/main.go")
	page, err := os.ReadFile(file)
	check(t, err)
	in, found := false, 0
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "```go":
			in = true
		case strings.HasPrefix(line, "```"):
			in = false
		case in && line != "":
			if found++; !lines[line] {
				t.Errorf("%s: no such line is compiled: %s", file, line)
			}
		}
	}
	if found < least {
		t.Errorf("%s: %d lines were found in the examples, want %d", file, found, least)
	}
}
