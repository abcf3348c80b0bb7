// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/span"
)

// Retry says how a parcel is tried again that a target did not take for a
// while.
type Retry struct {
	Initial, Max time.Duration
	// GiveUpAfter ends the trying; 0 never does. Then the bound of the queue
	// decides.
	GiveUpAfter time.Duration
}

// retryable is an error that is for a while.
type retryable interface {
	error
	RetryAfter() time.Duration
}

// deliver sends a parcel until all of it is taken, dead or given up. It returns
// false when the context ended first: then nothing of it counts, and whoever reads
// the log again gets the whole of it, with what was taken already.
func (t *Target) deliver(ctx context.Context, p *parcel) bool {
	if len(p.Items) == 0 && len(p.Notices) == 0 {
		return true
	}
	d := t.delivery(p, t.consumer.Consume)
	if !d.run(ctx) || !t.bury(ctx, d) {
		return false
	}
	t.settle(d)
	t.learned.note(d, t.inTime())
	return true
}

// settle counts what became of a parcel.
func (t *Target) settle(d *delivery) {
	got := d.delivered()
	t.ledger.out(malformed, &d.left.NoForm)
	t.ledger.out(refused, &d.left.Refused)
	t.ledger.out(expired, &d.expired)
	t.ledger.repeated[recognized].add(&d.left.Repeated)
	t.ledger.merged.add(&d.left.Merged)
	t.ledger.suspected.add(&d.suspected)
	t.ledger.out(delivered, &got)
	if n := d.left.Bad(); n > 0 {
		t.health.lost("the target did not take all spans", n, errors.New(d.left.Why))
	}
	if d.p.oldest != 0 {
		t.ledger.latency(t.inTime().Sub(time.Unix(0, d.p.oldest)))
	}
}

// attempt sends a part of a parcel until the target takes it or refuses it, or it
// is given up.
func (d *delivery) attempt(ctx context.Context, part span.Parcel) (answer verdict, err error) {
	t := d.t
	o := t.opts()
	wait := o.Retry.backoff()
	for {
		left, err := t.consume(ctx, part, d.send)
		if ctx.Err() != nil && err != nil {
			return ended, err
		}
		var again retryable
		switch {
		case err == nil:
			t.ledger.request(delivered)
			var took span.Tally
			took.Count(part.Items)
			d.taken.Add(&took)
			d.left.Add(&left)
			if d.unsure {
				all := left.Total()
				took.Sub(&all)
				d.suspected.Add(&took)
			}
			d.most = max(d.most, len(part.Items))
			t.inVain.Store(false)
			t.health.good()
			return taken, nil
		case !errors.As(err, &again):
			t.ledger.request(refused)
			if tooLarge(err) {
				d.large = true
				d.giant = d.giant || len(part.Items) <= 1
			}
			return no, err
		}
		d.unsure = d.unsure || !nothingTaken(err)
		t.ledger.request(retried)
		t.health.bad(err)
		if limit := o.Retry.GiveUpAfter; limit > 0 && t.inTime().Sub(d.began) >= limit {
			return gaveUp, err
		}
		timer := time.NewTimer(max(wait.NextBackOff(), again.RetryAfter()))
		select {
		case <-timer.C:
		case <-o.replaced: // perhaps by what makes the target take it
			timer.Stop()
			o = t.opts()
			wait = o.Retry.backoff()
		case <-t.leaving:
			timer.Stop()
			return ended, err
		case <-ctx.Done():
			timer.Stop()
			return ended, err
		}
	}
}

func (r *Retry) backoff() *backoff.ExponentialBackOff {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = max(r.Initial, time.Millisecond)
	wait.MaxInterval = max(r.Max, wait.InitialInterval)
	wait.Reset()
	return wait
}

// nothingTaken is true for an error that says that the target has nothing of what
// it was sent. Any other leaves it open.
func nothingTaken(err error) bool {
	var sure interface{ NothingTaken() bool }
	return errors.As(err, &sure) && sure.NothingTaken()
}

// panicked is the error of a parcel that a consumer could not write.
type panicked struct{ reason any }

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.reason) }

// consume calls the consumer. A panic there costs the span that it is about, not
// the process.
func (t *Target) consume(ctx context.Context, p span.Parcel, send send) (left span.LeftOut, err error) {
	defer func() {
		if r := recover(); r != nil {
			t.ledger.panicked()
			t.log.Error("panic while sending", "panic", r, "stack", string(debug.Stack()))
			err = &panicked{r}
		}
	}()
	if len(p.Items) == 0 && len(p.Notices) == 0 {
		return left, nil
	}
	return send(ctx, p)
}

// observe tells an observer. A panic there costs what it would have known.
func (t *Target) observe(o Observer, items []span.Item) {
	defer func() {
		if r := recover(); r != nil {
			t.ledger.panicked()
			t.log.Error("panic while looking at spans", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	o.Observe(items)
}

// health logs when a target stops and starts to take spans, and what it
// refuses, at most once in a while.
type health struct {
	set  *metrics.Set
	name string
	log  *slog.Logger

	mu         sync.Mutex
	failing    bool
	since      time.Time
	lastLog    time.Time
	lastLost   time.Time
	lastUnread time.Time
	lostSpans  int
}

// logEvery is the least time between two lines on the same trouble.
const logEvery = 30 * time.Second

func (h *health) good() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failing {
		h.failing = false
		h.set.TargetFailing.WithLabelValues(h.name).Set(0)
		h.log.Info("the target takes spans again", "after", time.Since(h.since).Round(time.Millisecond))
	}
}

func (h *health) bad(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if !h.failing {
		h.failing, h.since = true, now
		h.set.TargetFailing.WithLabelValues(h.name).Set(1)
	} else if now.Sub(h.lastLog) < logEvery {
		return
	}
	h.lastLog = now
	h.log.Warn("the target does not take spans, trying again", "since", h.since.Format(time.RFC3339), "err", err)
}

// unread logs that the queue cannot be read.
func (h *health) unread(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); now.Sub(h.lastUnread) >= logEvery {
		h.lastUnread = now
		h.log.Error("the queue cannot be read, trying again", "err", err)
	}
}

func (h *health) lost(what string, spans int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lostSpans += spans
	now := time.Now()
	if now.Sub(h.lastLost) < logEvery {
		return
	}
	h.lastLost = now
	h.log.Warn(what, "spans", h.lostSpans, "err", err)
	h.lostSpans = 0
}
