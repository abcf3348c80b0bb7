// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/span"
)

// send is what sends: a method of the consumer.
type send func(context.Context, span.Parcel) (span.LeftOut, error)

// verdict is what became of an attempt.
type verdict int

const (
	taken verdict = iota
	no            // refused for good
	gaveUp
	ended // the context ended
)

// delivery is a parcel on its way. What becomes of its spans is collected, so that
// it counts once, when all of it is done.
type delivery struct {
	t     *Target
	p     *parcel
	send  send
	began time.Time

	units    []int // where spans begin that must stay together, and the end
	next     int   // the units before are done
	refusals int
	left     span.LeftOut
	taken    span.Tally
	most     int  // spans that were taken at once
	large    bool // something was refused for its length,
	giant    bool // and it was one span
	expired  span.Tally
	dead     []lost
	// unsure: a request came to an end that leaves open whether the target has what
	// was in it. What it takes from then on it may have twice.
	unsure    bool
	suspected span.Tally
}

// delivered is what the target has of it.
func (d *delivery) delivered() span.Tally {
	got, left := d.taken, d.left.Total()
	got.Sub(&left)
	return got
}

// lost is a run of items that are dead.
type lost struct {
	from, to int
	err      error
	apart    bool
}

func (t *Target) delivery(p *parcel, send send) *delivery {
	return &delivery{t: t, p: p, send: send, began: t.inTime()}
}

// A parcel of which a target refuses this many parts is not looked through any
// further: the rest of it is dead. So many refusals, and mostInVain when nothing of
// the parcel was taken, find the guilty ones among a thousand spans if they are few;
// a target that refuses everything is not asked about every span. When that
// was so with the parcel before, less is tried.
const (
	mostRefusals  = 256
	mostInVain    = 24
	mostInVainNow = 8
)

// run sends a parcel, and when it is refused, its parts. It is false when the
// context ended.
func (d *delivery) run(ctx context.Context) bool {
	n := len(d.p.Items)
	answer, err := d.attempt(ctx, d.p.Parcel)
	switch answer {
	case taken:
		return true
	case ended:
		return false
	case gaveUp:
		d.giveUp(0, n, err)
		return true
	}
	d.divide()
	if len(d.p.Notices) > 0 {
		// Perhaps it is what processes say of themselves. That is no span: it goes by
		// itself, once, and is not kept.
		if n == 0 {
			d.t.health.lost("the target refused what processes say of themselves", 0, err)
			return true
		}
		switch answer, why := d.attempt(ctx, span.Parcel{Notices: d.p.Notices}); answer {
		case ended:
			return false
		case no, gaveUp:
			d.t.health.lost("the target refused what processes say of themselves", 0, why)
		}
		return d.search(ctx, nil)
	}
	return d.search(ctx, err)
}

// search finds what the target refuses: the shortest beginning of the rest that
// it refuses, by halves, ends with a guilty span. Spans before it are taken on the
// way; then the rest is sent, as a whole at first, later in parts of about as many
// spans as lay between two guilty ones so far. So one guilty span among n costs
// about log2 n requests. why is how the whole was refused, nil when it was not sent.
func (d *delivery) search(ctx context.Context, why error) bool {
	n := len(d.units) - 1
	bad := 0      // the units up to there were refused; 0: not known of any
	alone := true // they were sent as they are, which was not only inferred
	if why != nil {
		bad, d.refusals = n, 1
	}
	// limit is how many may be sent at once; a target that refuses a length lowers
	// it, until a span is found that is too long by itself.
	size, found, limit := n, 0, n
	if tooLarge(why) {
		limit = max(1, n/2)
	}
	for d.next < n {
		to := bad
		switch {
		case bad == 0:
			to = min(n, d.next+min(size, limit))
		case bad-d.next == 1 && alone:
			d.bury(d.next, bad, why, true)
			found++
			d.next, bad, size, limit = bad, 0, n, n
			if found > 1 {
				size = max(1, d.next/found)
			}
			continue
		case bad-d.next > 1:
			to = d.next + (bad-d.next)/2
		}
		if why != nil && d.tooMany() {
			d.bury(d.next, n, why, false)
			d.t.inVain.Store(d.taken.Total() == 0)
			return true
		}
		sent := to - d.next
		switch answer, err := d.attempt(ctx, d.part(d.next, to)); answer {
		case ended:
			return false
		case gaveUp:
			d.giveUp(d.units[d.next], len(d.p.Items), err)
			return true
		case no:
			d.refusals++
			bad, why, alone = to, err, true
			if tooLarge(err) {
				limit = max(1, sent/2)
			}
		case taken:
			d.next = to
			alone = false
			switch {
			case to < bad && tooLarge(why):
				bad = 0 // it was the length: what comes after may be taken as well
			case bad == 0 || bad == to:
				size, bad = 2*size, 0
			}
		}
	}
	return true
}

func (d *delivery) tooMany() bool {
	if d.taken.Total() > 0 {
		return d.refusals >= mostRefusals
	}
	if d.t.inVain.Load() {
		return d.refusals >= mostInVainNow
	}
	return d.refusals >= mostInVain
}

// divide finds where the parcel may be cut.
func (d *delivery) divide() {
	for i := range d.p.Items {
		if i == 0 || i >= len(d.p.with) || !d.p.with[i] {
			d.units = append(d.units, i)
		}
	}
	d.units = append(d.units, len(d.p.Items))
}

func (d *delivery) part(from, to int) span.Parcel {
	return span.Parcel{Items: d.p.Items[d.units[from]:d.units[to]], Tenant: d.p.Tenant}
}

func (d *delivery) bury(from, to int, why error, apart bool) {
	d.dead = append(d.dead, lost{d.units[from], d.units[to], why, apart})
}

func (d *delivery) giveUp(from, to int, err error) {
	d.expired.Count(d.p.Items[from:to])
	d.t.health.lost("spans were given up after "+d.t.opts().Retry.GiveUpAfter.String(), to-from, err)
}

// tooLarge is true for a refusal of the length alone.
func tooLarge(err error) bool {
	var large interface{ TooLarge() bool }
	return errors.As(err, &large) && large.TooLarge()
}

// reason says whether the target refused or the encoder failed.
func reason(err error) deadletter.Reason {
	if _, ok := errors.AsType[*panicked](err); ok {
		return deadletter.Malformed
	}
	return deadletter.Refused
}
