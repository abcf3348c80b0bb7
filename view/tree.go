// SPDX-License-Identifier: Apache-2.0

package view

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/span"
)

// tree is a trace as it is shown: every span once, under an id of its own,
// below its parent. Nothing in it takes longer than sorting the spans, whatever
// their senders wrote.
type tree struct {
	trace
	rows []row // each before its children, siblings by time
	// start is when the earliest span began, ns; timed is false when none says.
	start int64
	timed bool
	end   int64 // when the last span that has a duration ended, ns
	errs  int
}

// row is a span: one report of it, or several.
type row struct {
	span.Identity
	item  int32   // its first report
	parts []int32 // its other reports
	up    int32   // the row of its parent, -1 for none
	depth int32
	below int32 // rows below it, at any depth
	marks marks

	service  string
	name     string
	start    int64 // see has
	duration int64
	has      span.Has
	kind     span.Kind
	failed   bool
}

// marks say what is odd about a span.
type marks uint16

const (
	markShared  marks = 1 << iota // it shares its id with a server half
	markSplit                     // it is that half, and its id was made here
	markMoved                     // its parent is the server half of the span it names
	markLifted                    // the client half is missing; it hangs below the client's parent
	markOrphan                    // its parent is missing
	markLoop                      // its parents form a circle, opened here
	markTwin                      // another span has the same id
	markParts                     // it came in parts
	markRepeat                    // it came more than once
	markWidth                     // its trace id is shorter than the trace's
	markEarly                     // it began before its parent
	markUntimed                   // it does not say when it began
)

var markNames = [...]string{"shared", "split", "moved", "lifted", "orphan", "loop", "twin", "parts", "repeat", "width", "early", "untimed"}

func (m marks) names() []string {
	var list []string
	for i, name := range markNames {
		if m&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return list
}

// grow makes the tree of a trace, whose items get their unique identities.
func grow(t trace) *tree {
	assemble.Join(t.items)
	g := &tree{trace: t, start: math.MaxInt64, end: math.MinInt64}
	first := g.merge()
	g.link(first)
	g.open()
	g.order()
	for i := range g.rows {
		r := &g.rows[i]
		if r.failed {
			g.errs++
		}
		g.early(r)
	}
	if !g.timed {
		g.start, g.end = 0, 0
	}
	return g
}

// report tells apart the reports under one id that are not parts of one span.
type report struct {
	id       span.ID
	service  string
	kind     span.Kind
	has      span.Has
	start    int64
	duration int64
}

// merge makes a row for each span. It gives the first row of each id.
func (g *tree) merge() map[span.ID]int32 {
	g.rows = make([]row, 0, len(g.items))
	first := make(map[span.ID]int32, len(g.items))
	var twins map[report]int32
	for i := range g.items {
		r := g.row(i)
		at, ok := first[r.ID]
		if !ok {
			first[r.ID] = int32(len(g.rows))
			g.rows = append(g.rows, r)
			continue
		}
		if g.rows[at].merge(&r) {
			continue
		}
		if twins == nil {
			twins = make(map[report]int32)
		}
		key := report{r.ID, r.service, r.kind, r.has, r.start, r.duration}
		if twin, ok := twins[key]; ok && g.rows[twin].merge(&r) {
			continue
		}
		r.marks |= markTwin
		g.rows[at].marks |= markTwin
		twins[key] = int32(len(g.rows))
		g.rows = append(g.rows, r)
	}
	return first
}

const timesKnown = span.HasStart | span.HasDuration

func (g *tree) row(i int) row {
	it := &g.items[i]
	s := it.Span()
	r := row{
		Identity: it.Identity, item: int32(i), up: -1,
		service: serviceOf(it), name: it.Batch.Str(s.Name),
		has: s.Has & timesKnown, kind: s.Kind, failed: s.Status == span.StatusError,
	}
	if r.has&span.HasStart != 0 {
		r.start = s.Start
		g.start, g.timed = min(g.start, s.Start), true
		g.end = max(g.end, s.Start)
		if r.has&span.HasDuration != 0 {
			g.end = max(g.end, after(s.Start, s.Duration))
		}
	}
	if r.has&span.HasDuration != 0 {
		r.duration = s.Duration
	}
	switch wire := wireOf(s); {
	case it.ID != wire.ID:
		r.marks |= markSplit
	case it.Parent != wire.Parent:
		r.marks |= markMoved
	}
	if s.Trace.Hi != g.id.Hi {
		r.marks |= markWidth
	}
	return r
}

// after is a time that much later, without overflow.
func after(start, duration int64) int64 {
	if duration > 0 && start > math.MaxInt64-duration {
		return math.MaxInt64
	}
	return start + max(duration, 0)
}

// merge takes another report of the same span into the row; false when it is
// of another span. Of a field that both have the first one counts.
func (r *row) merge(o *row) bool {
	switch {
	case r.service != o.service && r.service != "" && o.service != "" && !strings.EqualFold(r.service, o.service),
		r.kind != o.kind && r.kind != span.KindUnset && o.kind != span.KindUnset:
		return false
	}
	repeat := r.has == o.has && r.start == o.start && r.duration == o.duration && r.name == o.name
	if !repeat && r.has == timesKnown && o.has == timesKnown {
		return false
	}
	if repeat {
		r.marks |= markRepeat
	} else {
		r.marks |= markParts
	}
	r.marks |= o.marks
	r.parts = append(r.parts, o.item)
	r.service = cmp.Or(r.service, o.service)
	r.name = cmp.Or(r.name, o.name)
	r.kind = cmp.Or(r.kind, o.kind)
	r.Parent = cmp.Or(r.Parent, o.Parent)
	if r.has&span.HasStart == 0 {
		r.start = o.start
	}
	if r.has&span.HasDuration == 0 {
		r.duration = o.duration
	}
	r.has |= o.has
	r.failed = r.failed || o.failed
	return true
}

// link finds the parent of each row.
func (g *tree) link(first map[span.ID]int32) {
	for i := range g.rows {
		r := &g.rows[i]
		if r.has&span.HasStart == 0 {
			r.marks |= markUntimed
		}
		if r.Parent == 0 {
			continue
		}
		if up, ok := first[r.Parent]; ok {
			r.up = up
			if r.marks&markSplit != 0 {
				g.rows[up].marks |= markShared
			}
			continue
		}
		// The client never reported: what it would have been below of is known.
		if r.marks&markSplit != 0 {
			if up, ok := first[wireOf(g.items[r.item].Span()).Parent]; ok && up != int32(i) {
				r.up = up
				r.marks |= markLifted
				continue
			}
		}
		r.marks |= markOrphan
	}
}

// open cuts every circle of parents at its earliest span.
func (g *tree) open() {
	const onPath, done = 1, 2
	state := make([]uint8, len(g.rows))
	var path []int32
	for i := range g.rows {
		path = path[:0]
		at := int32(i)
		for at >= 0 && state[at] == 0 {
			state[at] = onPath
			path = append(path, at)
			at = g.rows[at].up
		}
		if at >= 0 && state[at] == onPath {
			cut := at
			for j := g.rows[at].up; j != at; j = g.rows[j].up {
				if g.compare(j, cut) < 0 {
					cut = j
				}
			}
			g.rows[cut].up = -1
			g.rows[cut].marks |= markLoop
		}
		for _, j := range path {
			state[j] = done
		}
	}
}

// compare orders rows by their start; those that have none come last, in the
// order in which they came.
func (g *tree) compare(a, b int32) int {
	ra, rb := &g.rows[a], &g.rows[b]
	if c := cmp.Compare(ra.marks&markUntimed, rb.marks&markUntimed); c != 0 {
		return c
	}
	if c := cmp.Compare(ra.start, rb.start); c != 0 {
		return c
	}
	return cmp.Compare(ra.item, rb.item)
}

// order sorts the rows: each before its children, siblings by time; first the
// roots, then those without a parent for another reason.
func (g *tree) order() {
	n := len(g.rows)
	byTime := make([]int32, n)
	for i := range byTime {
		byTime[i] = int32(i)
	}
	slices.SortFunc(byTime, g.compare)
	// Lists of children: from last to first, so that each is put in front.
	child, next := make([]int32, n), make([]int32, n)
	for i := range child {
		child[i], next[i] = -1, -1
	}
	roots, others := []int32(nil), []int32(nil)
	for k := n - 1; k >= 0; k-- {
		i := byTime[k]
		switch up := g.rows[i].up; {
		case up >= 0:
			next[i], child[up] = child[up], i
		case g.rows[i].marks&(markOrphan|markLoop) == 0:
			roots = append(roots, i)
		default:
			others = append(others, i)
		}
	}
	sorted := make([]row, 0, n)
	place := make([]int32, n)
	stack := append(others, roots...) // the top is the earliest root
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if next[i] >= 0 {
			stack = append(stack, next[i])
		}
		if child[i] >= 0 {
			stack = append(stack, child[i])
		}
		r := g.rows[i]
		if r.up >= 0 {
			r.up = place[r.up]
			r.depth = sorted[r.up].depth + 1
		}
		place[i] = int32(len(sorted))
		sorted = append(sorted, r)
	}
	g.rows = sorted
	for i := n - 1; i >= 0; i-- {
		if up := sorted[i].up; up >= 0 {
			sorted[up].below += sorted[i].below + 1
		}
	}
}

// early marks a span that began before its parent: the clocks of two processes
// differ. Within one process spans may well be given any times.
func (g *tree) early(r *row) {
	if r.up < 0 || r.has&span.HasStart == 0 {
		return
	}
	up := &g.rows[r.up]
	if up.has&span.HasStart != 0 && r.start < up.start && !strings.EqualFold(r.service, up.service) {
		r.marks |= markEarly
	}
}

// root is the row that the trace is named after: the first span without a
// parent, or else the earliest.
func (g *tree) root() *row { return &g.rows[0] }
