// SPDX-License-Identifier: Apache-2.0

package mixed

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// made are the spans of each service, by kind: what takes the request, work
// inside, and what sends it on. The second and the third are children of the
// first, and the third is the parent of the next service's first.
var made = map[string][3]string{
	"edge":  {story.Server, story.Local, story.Client},
	"stock": {story.Server, "none", story.Client},
	"cart":  {story.Server, story.Local, story.Client},
	"price": {story.Server, story.Local, story.Client},
	"rate":  {story.Server, story.Local, story.Client},
	"ship":  {story.Server, story.Local, story.Producer},
	"mail":  {story.Consumer, story.Local, "none"},
}

// Tree is the trace of some services, each of which was called by the one before
// it: a line for each span, indented below its parent.
func Tree(services ...string) []string {
	var lines []string
	for i, name := range services {
		at := strings.Repeat(". ", 2*i)
		kinds := made[name]
		lines = append(lines, at+line(name, kinds[0]))
		if kinds[1] != "none" {
			lines = append(lines, at+". "+line(name, kinds[1]))
		}
		if kinds[2] != "none" {
			lines = append(lines, at+". "+line(name, kinds[2]))
		}
	}
	return lines
}

func line(service, kind string) string {
	if kind == story.Local {
		kind = "local"
	}
	return service + " " + kind
}

// Draw draws spans as Tree does. A span whose parent is not there is a root;
// brothers stand in the order of their lines, those with children last.
func Draw(spans []story.Span) []string {
	children := map[string][]story.Span{}
	there := map[string]bool{}
	for _, s := range spans {
		there[s.Key] = true
	}
	for _, s := range spans {
		parent := s.Parent
		if !there[parent] {
			parent = ""
		}
		children[parent] = append(children[parent], s)
	}
	var lines []string
	var draw func(parent string, depth int)
	draw = func(parent string, depth int) {
		brothers := children[parent]
		slices.SortFunc(brothers, func(a, b story.Span) int {
			if c := len(children[a.Key]) - len(children[b.Key]); c != 0 && depth > 0 {
				return c
			}
			return strings.Compare(line(a.Service, a.Kind), line(b.Service, b.Kind))
		})
		for _, s := range brothers {
			lines = append(lines, strings.Repeat(". ", depth)+line(s.Service, s.Kind))
			if depth <= len(spans) { // a span that is its own ancestor is never drawn at all
				draw(s.Key, depth+1)
			}
		}
	}
	draw("", 0)
	if len(lines) != len(spans) {
		lines = append(lines, fmt.Sprintf("%d spans are in a circle", len(spans)-len(lines)))
	}
	return lines
}

// Same compares a drawing with a tree.
func Same(got, want []string) error {
	if slices.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
}
