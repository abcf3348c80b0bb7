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
	"stock": {story.Server, nothing, story.Client},
	"cart":  {story.Server, story.Local, story.Client},
	"price": {story.Server, story.Local, story.Client},
	"rate":  {story.Server, story.Local, story.Client},
	"ship":  {story.Server, story.Local, story.Producer},
	"mail":  {story.Consumer, story.Local, nothing},
}

const nothing = "nothing"

// Spans are those that some services make, each of which was called by the one
// before it.
func Spans(services ...string) (spans []story.Span) {
	caller := ""
	for _, name := range services {
		key := func(part string) string { return name + " " + part }
		kinds := made[name]
		spans = append(spans, story.Span{Key: key("in"), Parent: caller, Service: name, Kind: kinds[0]})
		if kinds[1] != nothing {
			spans = append(spans, story.Span{Key: key("work"), Parent: key("in"), Service: name, Kind: kinds[1]})
		}
		if kinds[2] != nothing {
			spans = append(spans, story.Span{Key: key("out"), Parent: key("in"), Service: name, Kind: kinds[2]})
			caller = key("out")
		}
	}
	return spans
}

// Draw draws spans, a line for each, indented below its parent: service and kind.
// A span whose parent is not there is a root. Brothers have no order: drawings of
// the same spans are equal.
func Draw(spans []story.Span) string {
	there := map[string]bool{}
	for _, s := range spans {
		there[s.Key] = true
	}
	children := map[string][]story.Span{}
	for _, s := range spans {
		parent := s.Parent
		if !there[parent] {
			parent = ""
		}
		children[parent] = append(children[parent], s)
	}
	drawn := 0
	var draw func(parent string, depth int) string
	draw = func(parent string, depth int) string {
		if depth > len(spans) { // a key that is its own ancestor's
			return ""
		}
		var blocks []string
		for _, s := range children[parent] {
			drawn++
			kind := s.Kind
			if kind == story.Local {
				kind = "local"
			}
			blocks = append(blocks, strings.Repeat(". ", depth)+s.Service+" "+kind+"\n"+draw(s.Key, depth+1))
		}
		slices.Sort(blocks)
		return strings.Join(blocks, "")
	}
	all := draw("", 0)
	if drawn != len(spans) {
		all += fmt.Sprintf("%d of %d spans drawn: a circle, or a key that is there twice\n", drawn, len(spans))
	}
	return all
}

// Same compares spans as a backend shows them with those that were made.
func Same(got, want []story.Span) error {
	if g, w := Draw(got), Draw(want); g != w {
		return fmt.Errorf("got\n%swant\n%s", g, w)
	}
	return nil
}
