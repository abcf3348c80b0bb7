// SPDX-License-Identifier: Apache-2.0

package story

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Options say what the way to a backend may change.
type Options struct {
	FoldCase   bool // names come back in lower case (Zipkin)
	IgnoreKind bool // the backend knows no kinds
	IgnoreTags bool
	IgnoreIDs  bool // ids are renamed on the way; traces still stay apart or together
	NoEvents   bool
	NoLinks    bool
	NoRemote   bool
	// EventFields allows events to be followed by their fields: "name|{…}|0".
	EventFields bool
	// Extra allows spans in got that nobody made, such as those that a backend
	// adds by itself.
	Extra bool
}

// Diff tells what is wrong with got, spans as a backend shows them, when want
// is what a client made. Both may hold several traces. It finds the partner of
// each span by name, service, kind and the same of its ancestors, so that it
// works where ids are renamed. Nothing wrong is an empty result.
func Diff(want, got []Span, o Options) []string {
	d := differ{o: o, partner: map[string]Span{}, traces: [2]map[string]string{{}, {}}}
	wantAt, gotAt := byPath(want, o), byPath(got, o)
	for _, path := range shortestFirst(wantAt) {
		d.pair(path, wantAt[path], gotAt[path])
		delete(gotAt, path)
	}
	if !o.Extra {
		for path, gs := range gotAt {
			d.faults = append(d.faults, fmt.Sprintf("%s: %d spans, want none", path, len(gs)))
		}
	}
	for _, w := range want {
		if !o.NoLinks {
			d.links(w)
		}
		d.trace(w)
	}
	sort.Strings(d.faults)
	return d.faults
}

type differ struct {
	o       Options
	partner map[string]Span      // key of a wanted span → what was found for it
	traces  [2]map[string]string // trace of a wanted span → of what was found, and back
	faults  []string
}

// pair finds the best partner for each of the spans that are called the same.
// Their parents have partners already.
func (d *differ) pair(path string, want, got []Span) {
	if len(want) != len(got) {
		d.faults = append(d.faults, fmt.Sprintf("%s: %d spans, want %d", path, len(got), len(want)))
	}
	used := make([]bool, len(got))
	for _, w := range want {
		best := -1
		var least []string
		for i, g := range got {
			if used[i] {
				continue
			}
			if faults := d.compare(w, g); best < 0 || len(faults) < len(least) {
				best, least = i, faults
			}
		}
		if best < 0 {
			return
		}
		used[best] = true
		d.partner[w.Key] = got[best]
		for _, f := range least {
			d.faults = append(d.faults, path+": "+f)
		}
	}
}

// byPath groups spans by what they are called from the root down.
func byPath(spans []Span, o Options) map[string][]Span {
	byKey := map[string]Span{}
	for _, s := range spans {
		byKey[s.Key] = s
	}
	paths := map[string][]Span{}
	for _, s := range spans {
		var steps []string
		// No deeper than there are spans: a cycle must not hang the test.
		for at, n := s, 0; n <= len(spans); n++ {
			steps = append([]string{step(at, o)}, steps...)
			p, ok := byKey[at.Parent]
			if !ok {
				if at.Parent != "" {
					steps = append([]string{"(absent parent)"}, steps...)
				}
				break
			}
			at = p
		}
		path := strings.Join(steps, " > ")
		paths[path] = append(paths[path], s)
	}
	return paths
}

func step(s Span, o Options) string {
	kind := s.Kind
	if o.IgnoreKind {
		kind = ""
	}
	return fold(s.Service, o) + "|" + kind + "|" + fold(s.Name, o)
}

func fold(s string, o Options) string {
	if o.FoldCase {
		return strings.ToLower(s)
	}
	return s
}

func (d *differ) compare(w, g Span) []string {
	o := d.o
	var faults []string
	bad := func(what string, got, want any) {
		faults = append(faults, fmt.Sprintf("%s is %q, want %q", what, fmt.Sprint(got), fmt.Sprint(want)))
	}
	if p, ok := d.partner[w.Parent]; ok && p.Key != g.Parent {
		bad("parent", g.Parent, p.Key)
	}
	if !o.IgnoreIDs {
		if !sameNumber(w.Trace, g.Trace) {
			bad("trace id", g.Trace, w.Trace)
		}
		if w.ID != "" && !sameNumber(w.ID, g.ID) {
			bad("span id", g.ID, w.ID)
		}
		if w.Shared != g.Shared {
			bad("shared", g.Shared, w.Shared)
		}
	}
	if w.Failed != g.Failed {
		bad("failed", g.Failed, w.Failed)
	}
	if w.Error != "" && w.Error != g.Error {
		bad("error", g.Error, w.Error)
	}
	if !o.IgnoreTags {
		for _, k := range sortedKeys(w.Tags) {
			if v, ok := g.Tags[k]; !ok || v != w.Tags[k] {
				bad("tag "+k, v, w.Tags[k])
			}
		}
	}
	if !o.NoEvents {
		for _, e := range w.Events {
			if !containsEvent(g.Events, e, o) {
				bad("events", g.Events, e)
			}
		}
	}
	if !o.NoRemote && w.Remote != nil && !w.Remote.covers(g.Remote, o) {
		bad("remote", g.Remote, *w.Remote)
	}
	return faults
}

// covers tells whether got has all that e names.
func (e Endpoint) covers(got *Endpoint, o Options) bool {
	if got == nil {
		return false
	}
	return (e.Service == "" || fold(e.Service, o) == fold(got.Service, o)) &&
		(e.IP == "" || e.IP == got.IP) &&
		(e.Port == 0 || e.Port == got.Port)
}

// String is for messages.
func (e *Endpoint) String() string {
	if e == nil {
		return "none"
	}
	return fmt.Sprintf("%s %s:%d", e.Service, e.IP, e.Port)
}

func (d *differ) links(w Span) {
	g, ok := d.partner[w.Key]
	if !ok {
		return
	}
	for _, l := range w.Links {
		if to, ok := d.partner[l]; !ok || !contains(g.Links, to.Key) {
			d.faults = append(d.faults, fmt.Sprintf("%s: links are %q, want the key of %q", w.Key, g.Links, l))
		}
	}
}

// trace holds where ids are renamed too: what was one trace stays one, and what
// was two does not become one.
func (d *differ) trace(w Span) {
	g, ok := d.partner[w.Key]
	if !ok {
		return
	}
	from, to := number(w.Trace), number(g.Trace)
	for i, pair := range [2][2]string{{from, to}, {to, from}} {
		if was, ok := d.traces[i][pair[0]]; ok && was != pair[1] {
			d.faults = append(d.faults, fmt.Sprintf("%s: trace %q stands for %q and %q", w.Key, pair[0], was, pair[1]))
		}
		d.traces[i][pair[0]] = pair[1]
	}
}

// shortestFirst puts parents before their children.
func shortestFirst(at map[string][]Span) []string {
	paths := make([]string, 0, len(at))
	for p := range at {
		paths = append(paths, p)
	}
	sort.Slice(paths, func(i, j int) bool {
		if len(paths[i]) != len(paths[j]) {
			return len(paths[i]) < len(paths[j])
		}
		return paths[i] < paths[j]
	})
	return paths
}

// sameNumber compares ids: some backends pad them with zeros and some cut
// leading zeros off.
func sameNumber(a, b string) bool { return number(a) == number(b) }

func number(id string) string { return strings.TrimLeft(strings.ToLower(id), "0") }

func contains(list []string, s string) bool {
	return slices.Contains(list, s)
}

func containsEvent(list []string, e string, o Options) bool {
	for _, x := range list {
		if x == e || o.EventFields && strings.HasPrefix(x, e+"|{") {
			return true
		}
	}
	return false
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
