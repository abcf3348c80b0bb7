// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"slices"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

// Options of a window.
type Options struct {
	// Hold is how long a span waits for the one that decides who its parent
	// is; 0: it never waits.
	Hold time.Duration
	// Remember is how long a decision is remembered at least for spans that
	// come later; MaxRemembered bounds the ids remembered.
	Remember      time.Duration
	MaxRemembered int
	// MaxSpans bounds the spans that wait.
	MaxSpans int
	// MaxBytes bounds the messages from the oldest one with a span that waits
	// up to the newest: so much is held back in the log.
	MaxBytes int64
	// Together: the spans of one trace and service are collected until a span
	// that another process called is there with all that lies between, its caller
	// was here too, and nothing new came for Settle, or never does from that service;
	// at most for Longest and GroupSpans spans.
	Together        bool
	Settle, Longest time.Duration
	GroupSpans      int
	// Observe is told spans as soon as their identity is decided; it must not
	// keep the slice. nil: nobody asks.
	Observe func([]span.Item)
}

// Reason is why spans stopped waiting.
type Reason uint8

// Reasons.
const (
	// Complete: what they waited for came.
	Complete Reason = iota
	// Quiet: it did not come in time.
	Quiet
	// Size: too many spans waited, or a group was full.
	Size
	// Memory: too many bytes were held back.
	Memory
	// Shutdown: the window was emptied.
	Shutdown
	reasons
)

// String is the word for a reason in metrics.
func (r Reason) String() string {
	return [...]string{"complete", "quiet", "size", "memory", "shutdown"}[r]
}

// Reasons are all reasons.
func Reasons() []Reason { return []Reason{Complete, Quiet, Size, Memory, Shutdown} }

// Counts is what a window did since it was made, in spans.
type Counts struct {
	// Released counts spans that had waited, by the reason for which they went
	// on; Groups the groups that were closed.
	Released, Groups [reasons]int
	ServerHalves     int // got an id of their own
	LateClients      int // got another id
	Evicted          int // ids forgotten before their time for want of room
	Remembered       int // ids now
	Waiting          int // spans now
}

// Ready is a span that may leave.
type Ready struct {
	span.Item
	Message uint64 // as given to Put
	// With: it must leave together with the one before it.
	With bool
}

// Window decides identities for one target, span by span as they come, and
// holds back only those whose parent cannot be told yet. It is used by one
// goroutine at a time. Time is given from outside and must not run backwards;
// spans leave in Put, Due, Relieve and Flush, and are found in Ready.
type Window struct {
	opts     Options
	joins    joins
	waiters  waiters
	groups   groups
	habits   habits
	messages messages
	ready    []Ready
	taken    int // of ready
	rotated  time.Time
	counts   Counts

	decided []decision // in this call, before they are grouped
	seen    []span.Item
	news    []key // ids of which something new is known
	reports []report
	keys    []key   // of which something will be looked at
	warmed  int     // how many of those that have waited longest
	touched []int32 // groups that may leave now
}

// decision is a span whose identity is decided.
type decision struct {
	Ready
	place   span.Place
	role    role
	user    ref
	message uint32 // its place
}

// New makes a window.
func New(opts Options) *Window {
	w := &Window{}
	w.set(opts)
	w.waiters.init()
	w.groups.init()
	w.habits.init()
	return w
}

func (w *Window) set(opts Options) {
	w.opts = opts
	w.opts.MaxSpans = max(opts.MaxSpans, 1)
	w.opts.GroupSpans = max(opts.GroupSpans, 1)
	w.joins.users.max = max(opts.MaxRemembered/2, 1)
}

// Change gives the window other times and bounds. Spans that wait go on as their
// own time comes, or that of one before them; Together and Observe stay as they
// were.
func (w *Window) Change(opts Options, now time.Time) {
	opts.Together, opts.Observe = w.opts.Together, w.opts.Observe
	w.set(opts)
	w.bound(now)
}

// Put adds the spans of a message of so many bytes, which are of one batch. Messages
// are numbered upwards.
func (w *Window) Put(message uint64, items []span.Item, bytes int, now time.Time) {
	w.age(now)
	at := w.messages.add(message, bytes)
	w.reports = w.reports[:0]
	servers := false
	for i := range items {
		w.reports = append(w.reports, reportOf(&items[i]))
	}
	w.warm()
	for i := range w.reports {
		r := &w.reports[i]
		if w.joins.note(r) && w.waiters.any() {
			w.news = append(w.news, r.own())
		}
		servers = servers || r.role == server
	}
	// Servers first: the spans of their process ask for what becomes of them.
	for i := range w.reports {
		if !servers {
			break
		}
		if r := &w.reports[i]; r.role == server {
			w.joins.settleServer(r, w.opts.Hold <= 0)
		}
	}
	for i := range w.reports {
		r := &w.reports[i]
		// A native segment leaves as it came, so that it has nothing to wait for.
		force := w.opts.Hold <= 0 || w.opts.Together && r.IsNative()
		if on := w.joins.decide(r, force); on.n > 0 {
			w.waiters.add(at, r.Index, r.s, now.Add(w.opts.Hold), on)
			w.messages.hold(at, r.Batch)
			if w.opts.Together {
				w.groups.expect(r.Item)
			}
			continue
		}
		with := w.opts.Together && i > 0 && sameSegment(w.reports[i-1].Item, r.Item)
		w.decided = append(w.decided, decision{Ready{Item: *r.Item, Message: message, With: with}, r.place, r.role, r.user, at})
	}
	clear(w.reports)
	w.tell()
	w.settle(now)
	w.messages.trim()
	w.bound(now)
}

// sameSegment is true for spans of one native segment.
func sameSegment(a, b *span.Item) bool {
	n := a.Span().Segment
	return n != 0 && a.Batch == b.Batch && n == b.Span().Segment
}

// warm is users.warm for the reports: for their parents only where much waits, since
// most parents are among the reports.
func (w *Window) warm() {
	w.keys = w.keys[:0]
	much := w.waiters.much()
	for i := range w.reports {
		r := &w.reports[i]
		w.keys = append(w.keys, r.own())
		if p := r.s.Parent; much && p != 0 && (i == 0 || p != w.reports[i-1].s.Parent && p != w.reports[i-1].s.ID) {
			w.keys = append(w.keys, r.parent())
		}
	}
	w.joins.users.warm(w.keys)
	w.waiters.warm(w.keys)
}

// warmOldest does so for the spans that have waited longest, from time to time.
func (w *Window) warmOldest() {
	if w.warmed--; w.warmed >= 0 || !w.waiters.much() {
		return
	}
	var slots [atOnce]int32
	w.warmed, w.keys = 0, w.keys[:0]
	for slot := w.waiters.oldest(); slot != 0 && w.warmed < atOnce; slot = w.waiters.at(slot).behind {
		slots[w.warmed] = slot
		w.warmed++
		w.keys = append(w.keys, w.waiters.at(slot).key)
	}
	for _, slot := range slots[:w.warmed] {
		a := w.waiters.at(slot)
		s := w.messages.span(a.message, a.index)
		w.waiters.warmed += int32(s.Trace.Lo) + int32(s.Local.Service.Len()) + int32(s.Kind)
	}
	w.joins.users.warm(w.keys)
	w.waiters.warm(w.keys)
}

// tell asks again for those that wait for something of which there is news.
func (w *Window) tell() {
	for n := 0; n < len(w.news); n++ {
		for _, slot := range w.waiters.on(w.news[n]) {
			it := w.item(slot)
			r := reportOf(&it)
			w.again(slot, &r, false, Complete)
		}
	}
	w.news = w.news[:0]
}

// item is a span that waits.
func (w *Window) item(slot int32) span.Item {
	a := w.waiters.at(slot)
	b := w.messages.at(a.message).batch
	return span.Item{Batch: b, Index: int(a.index), Identity: span.Identity{ID: a.id, Parent: b.Spans()[a.index].Parent}}
}

// again asks for a span that waits, which then goes on or waits for something
// else.
func (w *Window) again(slot int32, r *report, force bool, reason Reason) {
	a := w.waiters.at(slot)
	on := w.joins.decide(r, force)
	if on.n > 0 {
		a.id = r.ID
		w.waiters.change(slot, on)
		return
	}
	number := w.messages.at(a.message).number
	w.decided = append(w.decided, decision{Ready{Item: *r.Item, Message: number}, r.place, r.role, r.user, a.message})
	w.messages.release(a.message)
	if w.opts.Together {
		w.groups.arrived(r.Item)
	}
	w.counts.Released[reason]++
	w.waiters.remove(slot)
	if r.role == server {
		w.news = append(w.news, r.own())
	}
}

// settle takes what was decided on its way.
func (w *Window) settle(now time.Time) {
	if len(w.decided) == 0 {
		return
	}
	if w.opts.Observe != nil {
		w.seen = w.seen[:0]
		for i := range w.decided {
			w.seen = append(w.seen, w.decided[i].Item)
		}
		w.opts.Observe(w.seen)
		clear(w.seen)
	}
	if w.opts.Together {
		w.leave()
	}
	for i := range w.decided {
		r := &w.decided[i]
		if !w.opts.Together || r.IsNative() {
			w.ready = append(w.ready, r.Ready)
			continue
		}
		s := r.Span()
		by := calledBy(&r.Item, s, r.role)
		if by.entry && by.by != 0 {
			// What is known of the caller is near the processor now, and far in a second.
			w.joins.hasCaller(s.Trace.Lo, &by)
		}
		n := w.groups.add(groupKey{s.Trace.Lo, r.place.Service}, &r.Item, r.message, by, now)
		w.messages.hold(r.message, r.Batch)
		if int(w.groups.at(n).count) >= w.opts.GroupSpans {
			w.close(n, Size)
			continue
		}
		w.touch(n, now)
	}
	clear(w.decided)
	w.decided = w.decided[:0]
	w.depart(now)
}

// leave notes of what was decided that it is on its way.
func (w *Window) leave() {
	for i := range w.decided {
		r := &w.decided[i]
		s := r.Span()
		if u := w.joins.user(key{s.Trace.Lo, s.ID}, r.place, r.role, r.user); u != nil {
			u.left = true
		}
	}
}

// close lets a group go.
func (w *Window) close(n int32, reason Reason) {
	w.ready = w.groups.take(w.ready, n, &w.messages)
	w.counts.Groups[reason]++
}

// Due lets go what has waited long enough.
func (w *Window) Due(now time.Time) {
	w.age(now)
	for slot := w.waiters.oldest(); slot != 0 && !now.Before(w.waiters.until(slot)); slot = w.waiters.oldest() {
		w.expire(slot, Quiet, now)
	}
	w.settle(now)
	for n := w.groups.quietest(); n != 0 && !now.Before(w.groups.bySettle(n, w.opts.Settle)); n = w.groups.quietest() {
		if w.groups.closed(n) && w.calledAll(n) {
			if a := w.groups.at(n); a.old != 0 && !a.broken {
				w.habits.kept(a.key.service)
			}
			w.close(n, Complete)
		} else {
			w.groups.lookAgain(n, now)
		}
	}
	for n := w.groups.oldest(); n != 0 && !now.Before(w.groups.byLongest(n, w.opts.Longest)); n = w.groups.oldest() {
		w.close(n, Quiet)
	}
	w.messages.trim()
}

// expire decides for a span that waits from what is known. A span that waits
// for a server that itself waits is decided after that one.
func (w *Window) expire(slot int32, reason Reason, now time.Time) {
	w.warmOldest()
	it := w.item(slot)
	r := reportOf(&it)
	if reason == Quiet && !w.waiters.at(slot).extended && r.role != server && w.joins.parentOpen(&r) {
		w.waiters.extend(slot, now.Add(w.opts.Hold))
		return
	}
	w.again(slot, &r, true, reason)
	w.tell()
}

// age forgets old decisions.
func (w *Window) age(now time.Time) {
	if w.rotated.IsZero() {
		w.rotated = now
	}
	if now.Sub(w.rotated) >= max(w.opts.Remember, time.Second) {
		w.joins.users.rotate()
		w.rotated = now
	}
}

// bound keeps the window within its limits.
func (w *Window) bound(now time.Time) {
	for w.waiters.count+w.groups.spans > w.opts.MaxSpans {
		w.relieve(Size, now)
	}
	for w.opts.MaxBytes > 0 && w.messages.bytes > w.opts.MaxBytes && w.waiters.count+w.groups.spans > 0 {
		w.relieve(Memory, now)
	}
	w.settle(now)
}

// relieve lets go what has waited longest.
func (w *Window) relieve(reason Reason, now time.Time) {
	slot, n := w.waiters.oldest(), w.groups.oldest()
	switch {
	case slot != 0 && (n == 0 || earlier(w.waiters.at(slot).message, w.groups.at(n).message)):
		w.expire(slot, reason, now)
		if w.opts.Together || len(w.decided) >= atOnce {
			w.settle(now)
		}
	case n != 0:
		w.close(n, reason)
	}
	w.messages.trim()
}

// Flush lets everything go.
func (w *Window) Flush(now time.Time) {
	for w.waiters.count+w.groups.spans > 0 {
		w.relieve(Shutdown, now)
	}
	w.settle(now)
}

// Next is when Due has something to do; ok is false when nothing waits.
func (w *Window) Next() (at time.Time, ok bool) {
	sooner := func(t time.Time) {
		if !ok || t.Before(at) {
			at, ok = t, true
		}
	}
	if slot := w.waiters.oldest(); slot != 0 {
		sooner(w.waiters.until(slot))
	}
	if n := w.groups.quietest(); n != 0 {
		sooner(w.groups.bySettle(n, w.opts.Settle))
	}
	if n := w.groups.oldest(); n != 0 {
		sooner(w.groups.byLongest(n, w.opts.Longest))
	}
	return at, ok
}

// Ready are the spans that may leave, in the order in which they were decided.
// They stay until they are taken.
func (w *Window) Ready() []Ready { return w.ready[w.taken:] }

// Take removes the first n of Ready.
func (w *Window) Take(n int) {
	clear(w.ready[w.taken : w.taken+n])
	w.taken += n
	switch {
	case w.taken == len(w.ready):
		w.ready, w.taken = w.ready[:0], 0
		if cap(w.ready) > keepReady {
			w.ready = nil
		}
	case w.taken > keepReady:
		w.ready = slices.Delete(w.ready, 0, w.taken)
		w.taken = 0
	}
}

// keepReady is how long a list is kept for the next spans.
const keepReady = 1 << 16

// Counts is what the window did and holds.
func (w *Window) Counts() Counts {
	c := w.counts
	c.ServerHalves, c.LateClients = w.joins.servers, w.joins.lateClients
	c.Evicted = w.joins.users.evicted
	c.Remembered = w.joins.users.young.count + w.joins.users.old.count
	c.Waiting = w.waiters.count + w.groups.spans
	return c
}
