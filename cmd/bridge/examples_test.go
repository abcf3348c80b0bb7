// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/config"
)

// Every configuration in the pages is one that the gateway takes as it stands:
// who copies a public listener gets no refusal.
func TestConfigurationsInPages(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range strings.Split(string(text), "```yaml\n")[1:] {
			example, _, closed := strings.Cut(part, "```")
			if !closed {
				t.Fatalf("%s: block %d has no end", page, i+1)
			}
			found++
			if _, err := config.Parse(page, []byte(example), nil, known(protocols(nil))); err != nil {
				t.Errorf("%s, block %d: %v\n%s", page, i+1, err, example)
			}
		}
	}
	if found < 5 {
		t.Errorf("%d examples, want the five of README.md and docs/security.md at least", found)
	}
}
