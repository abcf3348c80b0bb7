// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"math"
	"time"
)

// A group is whole when it is closed, its callers are on their way, and their own
// groups are closed too, so that what is said of a caller is all there. Nothing says
// that no more will come: a process may start a span that outlives the one that was
// called, and messages overtake each other. But most services do neither, and those
// that do not are seen to (docs/adr/0032).

// habits is what was seen of services: whether more comes of a group that is whole.
type habits struct {
	proof int32 // so many whole groups of a service in a row are one
	of    map[uint64]*habit
	// gone are groups that left at once, each at the place of its hash until another
	// one takes that: who comes behind them is seen sometimes, which is enough.
	gone []gone
}

// habit is that of a service.
type habit struct {
	kept   int32 // whole groups in a row of which no more came
	wanted int32
}

type gone struct{ hash, at uint32 }

const (
	usualProof = 1000
	mostProof  = 1 << 20
	goneBits   = 13
	// mostClosed is how many spans a group has at most that is asked whether it is
	// closed each time one comes.
	mostClosed = 64
)

// leaving is what is known of a group for when it may leave.
type leaving struct {
	fresh  bool  // it is among the touched
	closed bool  // as of what came last
	broken bool  // more came than there was when it was whole
	again  bool  // one of its key left at once a moment ago
	old    int32 // the last member of those that were there when it was whole; 0: it was not
}

func (h *habits) init() { h.proof, h.of = usualProof, make(map[uint64]*habit) }

// trusted is true for a service of whose whole groups no more comes.
func (h *habits) trusted(service uint64) bool {
	a := h.of[service]
	return a != nil && a.kept >= a.wanted
}

// kept notes that no more came of a whole group that waited.
func (h *habits) kept(service uint64) {
	a := h.of[service]
	if a == nil {
		if len(h.of) >= maxServices {
			h.forget()
		}
		a = &habit{wanted: h.proof}
		h.of[service] = a
	}
	a.kept = min(a.kept+1, a.wanted)
}

// forget makes room for a service: of a few, the one goes of which the least was seen. So
// names that come once, made up or of jobs, take the places of each other.
func (h *habits) forget() {
	const few = 8
	var least uint64
	n, fewest := 0, int32(math.MaxInt32)
	for service, a := range h.of {
		if a.kept < fewest {
			least, fewest = service, a.kept
		}
		if n++; n == few {
			break
		}
	}
	delete(h.of, least)
}

// broke notes that more came. It takes longer then until it is trusted again.
func (h *habits) broke(service uint64) {
	if a := h.of[service]; a != nil {
		if a.kept >= a.wanted {
			a.wanted = min(2*a.wanted, mostProof)
		}
		a.kept = 0
	}
}

// leave notes a group that leaves at once.
func (h *habits) leave(k groupKey, since time.Duration) {
	if h.gone == nil {
		h.gone = make([]gone, 1<<goneBits)
	}
	n := hash(k.key())
	h.gone[n>>(64-goneBits)] = gone{uint32(n), uint32(since.Milliseconds())}
}

// left is true for a key of which a group left at once within a time.
func (h *habits) left(k groupKey, since, within time.Duration) bool {
	if h.gone == nil {
		return false
	}
	n := hash(k.key())
	g := h.gone[n>>(64-goneBits)]
	return g.hash == uint32(n) && uint32(since.Milliseconds())-g.at <= uint32(within.Milliseconds())
}

// touch notes that the last span of a group is new.
func (w *Window) touch(n int32, now time.Time) {
	g := &w.groups
	a := g.at(n)
	if a.old != 0 && !a.broken && g.follows(a) {
		a.broken = true
		w.habits.broke(a.key.service)
	}
	if a.count == 1 {
		a.again = w.habits.left(a.key, now.Sub(g.since), w.opts.Settle)
	}
	if !a.fresh {
		a.fresh = true
		w.touched = append(w.touched, n)
	}
}

// follows is true if the last span of a group belongs into a segment with those that
// were there when it was whole: as a child, or as another report of one of them.
func (g *groups) follows(a *group) bool {
	x := g.member(a.last)
	for m := a.first; ; m = g.member(m).next {
		id := g.member(m).ID
		if id == x.ID || id == x.Parent && !x.entry {
			return true
		}
		if m == a.old {
			return false
		}
	}
}

// depart lets the touched groups go that are whole, of services that are trusted.
func (w *Window) depart(now time.Time) {
	g := &w.groups
	for _, n := range w.touched {
		if !g.fresh(n) {
			continue
		}
		a := g.at(n)
		a.closed = a.count <= mostClosed && g.closed(n)
		if a.again && !a.closed {
			a.again = false
			w.habits.broke(a.key.service)
		}
	}
	if came := w.touched; g.count > len(came) {
		for _, n := range came {
			if g.fresh(n) && g.at(n).closed {
				w.touchCalled(g.at(n))
			}
		}
	}
	for _, n := range w.touched {
		if !g.fresh(n) {
			continue
		}
		a := g.at(n)
		a.fresh = false
		switch {
		case !g.stillClosed(n) || !w.whole(n):
		case w.habits.trusted(a.key.service):
			w.habits.leave(a.key, now.Sub(g.since))
			w.close(n, Complete)
		default:
			a.old = a.last
		}
	}
	w.touched = w.touched[:0]
}

// fresh is true for a group among the touched. It is not for one that was and has left
// since, be it full, whose number may be that of no group at all then (groups.init).
func (g *groups) fresh(n int32) bool { return n < g.added && g.at(n).fresh }

// stillClosed is true for a group that was closed when spans came last, and that no
// span waits to join.
func (g *groups) stillClosed(n int32) bool { return g.at(n).closed && !g.awaits(n) }

// touchCalled touches the groups with spans that those of a closed group called.
func (w *Window) touchCalled(a *group) {
	g := &w.groups
	for m := a.first; m != 0; m = g.member(m).next {
		x := g.member(m)
		s := w.messages.span(x.message, x.index)
		for _, u := range w.joins.look(key{a.key.trace, s.ID}) {
			if u.role < callee {
				continue
			}
			if n := g.find(groupKey{a.key.trace, u.place.Service}); n != 0 && !g.at(n).fresh {
				g.at(n).fresh = true
				w.touched = append(w.touched, n)
			}
		}
	}
}

// calledAll is true for a closed group whose callers are all on their way.
func (w *Window) calledAll(n int32) bool {
	g := &w.groups
	a := g.at(n)
	for m := a.first; m != 0; m = g.member(m).next {
		x := g.member(m)
		if !x.inside && !x.known && !w.joins.hasCaller(a.key.trace, &x.called) {
			return false
		}
	}
	return true
}

// whole is true for a closed group that is whole.
func (w *Window) whole(n int32) bool {
	if !w.calledAll(n) {
		return false
	}
	g := &w.groups
	a := g.at(n)
	for m := a.first; m != 0; m = g.member(m).next {
		x := g.member(m)
		if x.inside || x.from == a.key.service {
			continue
		}
		if from := g.find(groupKey{a.key.trace, x.from}); from != 0 && !g.stillClosed(from) {
			return false
		}
	}
	return true
}
