// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// Consumer takes spans to where they go. It is used by several goroutines at
// once.
type Consumer interface {
	// Consume returns when the target has taken the parcel, or will not: then
	// with an error. An error that has a method RetryAfter() time.Duration is
	// for a while, and the parcel is tried again; any other refuses it for good.
	// The parcel must not be kept.
	Consume(context.Context, span.Parcel) (span.LeftOut, error)
}

// Options of a target.
type Options struct {
	Name string
	// UniqueIDs: spans that share an id are split.
	UniqueIDs bool
	// A parcel is sent when it has that many spans, or holds message bodies of
	// that many bytes, or when its first message has waited for Linger.
	MaxSpans int
	MaxBytes int
	Linger   time.Duration
	// Workers is how many parcels may be on their way at the same time.
	Workers int
	Retry   Retry
	Queue   queue.CursorOptions // Dropped is set by NewTarget
}

// Target takes the spans of the log to a consumer.
type Target struct {
	opts     Options
	cursor   *queue.Cursor
	decode   Decoder
	consumer Consumer
	ledger   *ledger
	health   health
	log      *slog.Logger

	rest *rest // of the record that gather was in the middle of, nil for none

	mu     sync.Mutex
	onWay  []*parcel // in the order of the log
	spare  []*parcel
	inTime func() time.Time
}

// NewTarget makes a target that gets every record from now on.
func NewTarget(log *queue.Log, opts Options, decode Decoder, consumer Consumer, set *metrics.Set, logger *slog.Logger) (*Target, error) {
	t := &Target{
		opts: opts, decode: decode, consumer: consumer,
		ledger: newLedger(set, opts.Name),
		log:    logger.With("target", opts.Name),
		inTime: time.Now,
	}
	opts.Queue.Dropped = t.ledger.dropped
	var err error
	if t.cursor, err = log.Cursor(opts.Name, opts.Queue); err != nil {
		return nil, err
	}
	set.Held(opts.Name, t.cursor.Held)
	t.health = health{set: set, name: opts.Name, log: t.log}
	return t, nil
}

// Name is the name of the target.
func (t *Target) Name() string { return t.opts.Name }

// Held is how many spans wait for the target or are on their way.
func (t *Target) Held() int64 {
	n, _ := t.cursor.Held()
	return n
}

// parcel is a span.Parcel with its place in the log.
type parcel struct {
	span.Parcel
	bytes  int
	oldest int64  // receipt of the oldest message, ns since 1970
	upto   uint64 // the parcel ends what was to do up to this record
	ends   bool   // upto is set
	done   bool
}

// rest is a record of which spans are still to be put into parcels.
type rest struct {
	from *arrival
	ids  []span.Identity
	next int // the next span
	seq  uint64
}

// Run moves spans until the context ends or the log is closed. What is on its
// way then counts as held.
func (t *Target) Run(ctx context.Context) {
	parcels := make(chan *parcel)
	var workers sync.WaitGroup
	for range max(t.opts.Workers, 1) {
		workers.Go(func() {
			for p := range parcels {
				if t.deliver(ctx, p) {
					t.finish(p)
				}
			}
		})
	}
	for {
		p, err := t.gather(ctx)
		if err != nil {
			break
		}
		t.mu.Lock()
		t.onWay = append(t.onWay, p)
		t.mu.Unlock()
		select {
		case parcels <- p:
		case <-ctx.Done():
		}
	}
	close(parcels)
	workers.Wait()
}

// gather collects the next parcel.
func (t *Target) gather(ctx context.Context) (*parcel, error) {
	p := t.newParcel()
	var timer *time.Timer
	defer func() {
		if timer != nil {
			timer.Stop()
		}
	}()
	for {
		if t.rest != nil {
			t.fill(p)
		}
		if t.full(p) {
			return p, nil
		}
		r, ok, err := t.cursor.TryTake()
		if err != nil {
			return nil, err
		}
		if ok {
			t.open(p, r)
			continue
		}
		if p.ends && t.opts.Linger <= 0 {
			return p, nil
		}
		var late <-chan time.Time
		if p.ends {
			if timer == nil {
				timer = time.NewTimer(t.opts.Linger)
			}
			late = timer.C
		}
		select {
		case <-t.cursor.Ready():
		case <-late:
			return p, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (t *Target) full(p *parcel) bool {
	return len(p.Items) >= max(t.opts.MaxSpans, 1) || p.bytes >= max(t.opts.MaxBytes, 1)
}

// open starts on a record. A record that cannot be decoded, which
// it could when it was taken, is counted and passed over.
func (t *Target) open(p *parcel, r queue.Taken) {
	a, _ := r.Companion.(*arrival)
	if a == nil {
		origin, err := readHead(r.Head)
		var b *span.Batch
		if err == nil {
			b, err = t.decode(r.Body, origin)
		}
		if b == nil || b.Len() != r.Items {
			t.ledger.out(malformed, r.Items)
			t.log.Error("a message in the queue cannot be read again", "spans", r.Items, "err", err)
			p.upto, p.ends = r.Seq, true
			return
		}
		a = &arrival{batch: b}
	}
	if len(a.batch.Instances()) > 0 {
		p.Notices = append(p.Notices, a.batch)
	}
	p.received(a.batch)
	p.bytes += len(r.Body)
	t.rest = &rest{from: a, seq: r.Seq}
	if t.opts.UniqueIDs {
		t.rest.ids = a.unique()
	}
}

// fill moves spans from the opened record into the parcel, and never cuts
// between spans of one segment.
func (t *Target) fill(p *parcel) {
	r := t.rest
	spans := r.from.batch.Spans()
	to := min(len(spans), r.next+max(t.opts.MaxSpans-len(p.Items), 1))
	for to < len(spans) && spans[to].Segment != 0 && spans[to].Segment == spans[to-1].Segment {
		to++
	}
	p.received(r.from.batch)
	p.Items = appendItems(p.Items, r.from, r.ids, r.next, to)
	r.next = to
	if to == len(spans) {
		p.upto, p.ends = r.seq, true
		t.rest = nil
	}
}

// received notes when the oldest message of the parcel came.
func (p *parcel) received(b *span.Batch) {
	if at := b.Origin.Received; p.oldest == 0 || at < p.oldest {
		p.oldest = at
	}
}

func (t *Target) newParcel() *parcel {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.spare); n > 0 {
		p := t.spare[n-1]
		t.spare = t.spare[:n-1]
		return p
	}
	return &parcel{}
}

// finish commits what is done, in the order of the log.
func (t *Target) finish(p *parcel) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.done = true
	for len(t.onWay) > 0 && t.onWay[0].done {
		d := t.onWay[0]
		if d.ends {
			t.cursor.Commit(d.upto)
		}
		t.onWay = append(t.onWay[:0], t.onWay[1:]...)
		clear(d.Items)
		clear(d.Notices)
		*d = parcel{Parcel: span.Parcel{Items: d.Items[:0], Notices: d.Notices[:0]}}
		t.spare = append(t.spare, d)
	}
}
