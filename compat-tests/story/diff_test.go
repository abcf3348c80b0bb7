// SPDX-License-Identifier: Apache-2.0

package story_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/story"
)

func made() []story.Span {
	return []story.Span{
		{Key: "a", Trace: "0f", ID: "01", Service: "shop", Name: "GET", Kind: story.Server},
		{Key: "b1", Parent: "a", Trace: "0f", ID: "02", Service: "shop", Name: "call", Kind: story.Client, Tags: map[string]string{"n": "1"}},
		{Key: "b2", Parent: "a", Trace: "0f", ID: "03", Service: "shop", Name: "call", Kind: story.Client, Tags: map[string]string{"n": "2"}},
		{
			Key: "c", Parent: "b2", Trace: "0f", ID: "03", Shared: true, Service: "stock", Name: "GET", Kind: story.Server,
			Failed: true, Error: "sold out", Events: []string{"e"}, Links: []string{"b1"}, Remote: &story.Endpoint{IP: "10.0.0.1"},
		},
		{Key: "d", Trace: "1f", ID: "04", Service: "shop", Name: "other"},
	}
}

// shown is how a backend would show it: other keys, another order.
func shown() []story.Span {
	spans := made()
	for i := range spans {
		spans[i].Key = "x" + spans[i].Key
		if spans[i].Parent != "" {
			spans[i].Parent = "x" + spans[i].Parent
		}
		for j, l := range spans[i].Links {
			spans[i].Links[j] = "x" + l
		}
	}
	slices.Reverse(spans)
	return spans
}

func TestDiff(t *testing.T) {
	same := func(name string, o story.Options, change func(s []story.Span)) {
		t.Helper()
		got := shown()
		change(got)
		if faults := story.Diff(made(), got, o); len(faults) != 0 {
			t.Errorf("%s: %q, want nothing", name, faults)
		}
	}
	differs := func(name, want string, o story.Options, change func(s []story.Span) []story.Span) {
		t.Helper()
		faults := strings.Join(story.Diff(made(), change(shown()), o), "\n")
		if !strings.Contains(faults, want) {
			t.Errorf("%s: %q, want %q in it", name, faults, want)
		}
	}
	rename := func(s []story.Span) {
		for i := range s {
			s[i].ID, s[i].Trace, s[i].Shared = "f"+s[i].ID, "f"+s[i].Trace, false
		}
	}
	// The order is d, c, b2, b1, a.
	edit := func(i int, f func(s *story.Span)) func(s []story.Span) []story.Span {
		return func(s []story.Span) []story.Span {
			f(&s[i])
			return s
		}
	}

	same("as made", story.Options{}, func([]story.Span) {})
	same("more tags", story.Options{}, func(s []story.Span) { s[3].Tags["more"] = "1" })
	same("padded ids", story.Options{}, func(s []story.Span) { s[4].Trace, s[4].ID = "000f", "0001" })
	same("renamed ids", story.Options{IgnoreIDs: true}, rename)
	same("lower case", story.Options{FoldCase: true}, func(s []story.Span) { s[4].Name = "get" })

	differs("lost", "0 spans, want 1", story.Options{}, func(s []story.Span) []story.Span { return s[1:] })
	differs("added", "want none", story.Options{}, func(s []story.Span) []story.Span {
		return append(s, story.Span{Key: "y", Trace: "2", Service: "y", Name: "y"})
	})
	differs("doubled", "2 spans, want 1", story.Options{}, func(s []story.Span) []story.Span { return append(s, s[0]) })
	differs("root cut off", "(absent parent)", story.Options{}, edit(1, func(s *story.Span) { s.Parent = "gone" }))
	differs("wrong parent of the same name", "parent is", story.Options{IgnoreIDs: true}, edit(1, func(s *story.Span) { s.Parent = "xb1" }))
	differs("other kind", "0 spans, want 1", story.Options{}, edit(0, func(s *story.Span) { s.Kind = story.Client }))
	differs("other span id", "span id is", story.Options{}, edit(0, func(s *story.Span) { s.ID = "05" }))
	differs("other trace", "trace id is", story.Options{}, edit(0, func(s *story.Span) { s.Trace = "0f" }))
	differs("traces merged", "stands for", story.Options{IgnoreIDs: true}, edit(0, func(s *story.Span) { s.Trace = "0f" }))
	differs("trace split", "stands for", story.Options{IgnoreIDs: true}, edit(1, func(s *story.Span) { s.Trace = "2f" }))
	differs("not shared", "shared is", story.Options{}, edit(1, func(s *story.Span) { s.Shared = false }))
	differs("error lost", "failed is", story.Options{}, edit(1, func(s *story.Span) { s.Failed = false }))
	differs("other message", "error is", story.Options{}, edit(1, func(s *story.Span) { s.Error = "true" }))
	differs("tag changed", "tag n is", story.Options{}, edit(2, func(s *story.Span) { s.Tags["n"] = "3" }))
	differs("event lost", "events is", story.Options{}, edit(1, func(s *story.Span) { s.Events = nil }))
	differs("link lost", "links are", story.Options{}, edit(1, func(s *story.Span) { s.Links = nil }))
	differs("remote lost", "remote is", story.Options{}, edit(1, func(s *story.Span) { s.Remote = nil }))
	differs("cycle", "want", story.Options{}, edit(4, func(s *story.Span) { s.Parent = "xc" }))
}

func TestParse(t *testing.T) {
	s, err := story.Parse("a log line\n{\"client\":\"c\",\"spans\":[{\"key\":\"k\",\"trace\":\"1\",\"service\":\"s\"}]}\nstopped\n")
	if err != nil || s.Client != "c" || len(s.Traces()) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{"", "no json", "{}", `{"client":"c","spans":[{"key":"k","parent":"p","trace":"1","service":"s"}]}`} {
		if _, err := story.Parse(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
