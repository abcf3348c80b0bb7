// SPDX-License-Identifier: Apache-2.0

package view

import (
	"context"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// link is a line of the dependency graph: who calls whom, how often.
type link struct {
	Parent     string `json:"parent"`
	Child      string `json:"child"`
	CallCount  int64  `json:"callCount"`
	ErrorCount int64  `json:"errorCount,omitempty"`
}

// linker derives links from traces by the rules of Zipkin's DependencyLinker.
type linker struct {
	links []link
	at    map[[2]string]int
	lower map[string]string
}

// dependencies are the links of all traces with a span that began in the time
// from..to (µs).
func (s *store) dependencies(ctx context.Context, from, to int64) ([]link, error) {
	l := linker{at: make(map[[2]string]int), lower: make(map[string]string)}
	queue := newest(s.between(from*1000, to*1000+999, false))
	queue.init()
	var items []span.Item
	for len(queue) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var gone int
		items, gone = s.collect(items[:0], queue.pop().lo)
		if !anyBetween(items, from, to) {
			continue
		}
		for _, t := range divide(items, gone, s.strict.Load()) {
			l.add(grow(t))
		}
	}
	return l.links, nil
}

// anyBetween is true when a span began in the time.
func anyBetween(items []span.Item, from, to int64) bool {
	for i := range items {
		if s := items[i].Span(); s.Has&span.HasStart != 0 && s.Start/1000 >= from && s.Start/1000 <= to {
			return true
		}
	}
	return false
}

// add takes a trace into account. Zipkin hangs what has no parent below the
// first root; without a root nothing is above it.
func (l *linker) add(g *tree) {
	root := -1
	for i := range g.rows {
		if r := &g.rows[i]; r.Parent == 0 && r.up < 0 && (root < 0 || r.ID < g.rows[root].ID) {
			root = i
		}
	}
	hasChild := make([]bool, len(g.rows))
	up := func(i int) int {
		if u := g.rows[i].up; u >= 0 {
			return int(u)
		}
		if i != root {
			return root
		}
		return -1
	}
	// ancestor is the nearest span above that has a kind. Rows stand before
	// their children, apart from what hangs below the root only here.
	ancestor := make([]int, len(g.rows))
	above := func(i int) int {
		u := up(i)
		if u < 0 || g.rows[u].kind > span.KindInternal {
			return u
		}
		return ancestor[u]
	}
	if root >= 0 {
		ancestor[root] = -1
	}
	for i := range g.rows {
		if u := up(i); u >= 0 {
			hasChild[u] = true
		}
		ancestor[i] = above(i)
	}
	for i := range g.rows {
		if g.rows[i].kind == span.KindClient && hasChild[i] {
			continue // the server knows its name better
		}
		l.span(g, i, ancestor[i], i == root)
	}
}

// span adds the link that a span stands for. above is its nearest ancestor that
// crossed the wire, -1 for none.
func (l *linker) span(g *tree, i, above int, isRoot bool) {
	r := &g.rows[i]
	it := &g.items[r.item]
	service, remote := l.name(r.service), l.name(it.Batch.Str(it.Span().Remote.Service))
	kind := r.kind
	if kind <= span.KindInternal {
		if service == "" || remote == "" {
			return
		}
		kind = span.KindClient
	}
	parent, child := service, remote
	if kind == span.KindServer || kind == span.KindConsumer {
		parent, child = remote, service
		if isRoot && parent == "" {
			return
		}
	}
	failed := r.failed
	if kind == span.KindProducer || kind == span.KindConsumer {
		l.call(parent, child, failed)
		return
	}
	if above >= 0 && g.rows[above].service != "" {
		a := &g.rows[above]
		name := l.name(a.service)
		// Some clients report under the name of the server they call.
		if kind == span.KindClient && service != "" && name != service {
			l.call(name, service, false)
		}
		if kind == span.KindServer || parent == "" {
			parent = name
		}
		wire, caller := wireOf(it.Span()), wireOf(g.items[a.item].Span())
		if a.kind == span.KindClient && wire.Parent != 0 && wire.Parent == caller.ID {
			failed = failed || a.failed
		}
	}
	l.call(parent, child, failed)
}

func (l *linker) call(parent, child string, failed bool) {
	if parent == "" || child == "" {
		return
	}
	key := [2]string{parent, child}
	at, ok := l.at[key]
	if !ok {
		at = len(l.links)
		l.at[key] = at
		l.links = append(l.links, link{Parent: parent, Child: child})
	}
	l.links[at].CallCount++
	if failed {
		l.links[at].ErrorCount++
	}
}

// name is a copy of a service's name in lower case.
func (l *linker) name(s string) string {
	v, ok := l.lower[s]
	if !ok {
		v = strings.ToLower(strings.Clone(s))
		l.lower[strings.Clone(s)] = v
	}
	return v
}
