// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checklistRows are the rows that each list of docs/checklist.md must have, by
// the heading of the list. "1-28" stands for all of them.
var checklistRows = []struct{ list, rows string }{
	{"Zipkin, Jaeger and OTLP", "1-28 30-36 40-53"},
	{"Zipkin's query API", "services|spans|remoteServices|traces|annotationQuery|trace|trace ids|traceMany|dependencies|autocomplete|" +
		"health, info|metrics|config.json|headers|/zipkin/|Lens|Grafana"},
	{"SkyWalking", "W1-13 C1-6 S1-10 I1-8 O1-6 G1-2"},
	{"Tracing headers", "grammar|sampling|conflicts|widths|doubled|64 bits|names|tracestate|baggage|bounds|there and back|anything|libraries|fields|gRPC|Kafka|cost"},
	{"Tracer", "harness|options|parents|decisions|shared|ids|values|baggage|races|memory|sw8|carriers|samplers|reporters|log lines|environment|allocations"},
	{"Middleware", "one trace|names|tags|ends|interfaces|streams|sw8|bad headers|not sampled|imports|others"},
	{"Proxy", "formats|agents|contradictions|memory|data|spans|HTTP|streams|upgrades|gRPC|forward|failures|options|bridge header"},
	{"Mixed fleet", "starts|decisions|baggage|backends|lost name|parsers|docs|start"},
}

// wanted are the rows of a list, in order.
func wanted(rows string) (all []string) {
	if strings.Contains(rows, "|") {
		return strings.Split(rows, "|")
	}
	for r := range strings.FieldsSeq(rows) {
		letter := strings.TrimRight(r, "0123456789-")
		var first, last int
		if _, err := fmt.Sscanf(r[len(letter):], "%d-%d", &first, &last); err != nil {
			panic(err)
		}
		for n := first; n <= last; n++ {
			all = append(all, fmt.Sprint(letter, n))
		}
	}
	return all
}

// testsOf finds "`file: Name`, `Name`", the second name being of the same file.
var testsOf = regexp.MustCompile("`(?:([a-z0-9_/-]+_test\\.go): )?((?:Test|Fuzz)[^`]+)`")

// isOf is true for a test whose name says the row: TestRow07Kind, TestRow30To32,
// TestWindow/row 40, TestS5SharedSpans.
func isOf(row, name string) bool {
	if row[0] >= 'A' {
		return regexp.MustCompile(`(^|[a-z])Test` + row + `[A-Z]`).MatchString(name)
	}
	if regexp.MustCompile(`^TestRow0?` + row + `[A-Z]|/row ` + row + `$`).MatchString(name) {
		return true
	}
	var first, last, n int
	if _, err := fmt.Sscanf(name, "TestRow%dTo%d", &first, &last); err != nil {
		return false
	}
	_, err := fmt.Sscan(row, &n)
	return err == nil && first <= n && n <= last
}

// exists is true if a file has a test of the name; behind a slash is how the name
// of a subtest begins.
func exists(file, name string) error {
	src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		return err
	}
	name, sub, _ := strings.Cut(name, "/")
	_, body, ok := strings.Cut(string(src), "\nfunc "+name+"(")
	if !ok {
		return fmt.Errorf("%s has no %s", file, name)
	}
	body, _, _ = strings.Cut(body, "\nfunc ")
	if sub != "" && !strings.Contains(body, `"`+sub+`: `) {
		return fmt.Errorf("%s: %s has no subtest %q", file, name, sub)
	}
	return nil
}

// Every row of the checklist has a test that bears its name and exists, or says
// why not.
func TestChecklist(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "checklist.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range checklistRows {
		_, list, ok := strings.Cut(string(page), "\n## "+want.list+"\n")
		if !ok {
			t.Errorf("docs/checklist.md has no list %q", want.list)
			continue
		}
		list, _, _ = strings.Cut(list, "\n## ")
		rows := wanted(want.rows)
		for line := range strings.Lines(list) {
			cells := strings.Split(strings.TrimSpace(line), "|")
			if len(cells) != 5 || strings.HasPrefix(line, "| row ") || strings.HasPrefix(line, "|--") {
				if strings.HasPrefix(line, "| ") && len(cells) != 5 {
					t.Errorf("docs/checklist.md: %q has %d cells, want row, what and test", line, len(cells)-2)
				}
				continue
			}
			row, cell := strings.TrimSpace(cells[1]), strings.TrimSpace(cells[3])
			at := slices.Index(rows, row)
			if at < 0 {
				t.Errorf("docs/checklist.md: row %q of %s, want one of %q", row, want.list, rows)
				continue
			}
			if at > 0 {
				t.Errorf("docs/checklist.md: %s lacks the rows %q before %s", want.list, rows[:at], row)
			}
			rows = rows[at+1:]
			checkRow(t, row, cell, strings.Contains(want.rows, "|"))
		}
		if len(rows) > 0 {
			t.Errorf("docs/checklist.md: %s lacks the rows %q", want.list, rows)
		}
	}
}

// checkRow checks the tests of a row; those of free rows need not bear its name.
func checkRow(t *testing.T, row, cell string, free bool) {
	t.Helper()
	file, named := "", free
	found := testsOf.FindAllStringSubmatch(cell, -1)
	for _, m := range found {
		if m[1] != "" {
			file = m[1]
		}
		if err := exists(file, m[2]); err != nil {
			t.Errorf("docs/checklist.md: row %s: %v", row, err)
		}
		named = named || isOf(row, m[2])
	}
	reason := strings.Contains(cell, "Not done: ")
	switch {
	case len(found) == 0 && !reason:
		t.Errorf("docs/checklist.md: row %s names no test and no reason why not", row)
	case !named && !reason:
		t.Errorf("docs/checklist.md: row %s: no test bears its name", row)
	}
}
