// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// Consumer takes spans to where they go. It is used by several goroutines at
// once.
type Consumer interface {
	// Consume returns when the target has taken the parcel, or will not: then
	// with an error. An error that has a method RetryAfter() time.Duration is
	// for a while, and the parcel is tried again; any other refuses it for good,
	// and it is sent in parts until the guilty span stands alone. An error with a
	// method TooLarge() bool that is true says that parts of it are welcome.
	// The parcel must not be kept, nor a batch of it that is not held (span.Batch.Hold).
	Consume(context.Context, span.Parcel) (span.LeftOut, error)
}

// Observer is a consumer that wants to know spans before it gets them: each as
// soon as its identity is decided, in the order of the log. It must not keep
// the slice.
type Observer interface {
	Observe([]span.Item)
}

// Options of a target.
type Options struct {
	Name string
	// Window gives spans ids of their own, where several share one on the wire;
	// nil: the spans leave under the identity that they came with.
	Window *assemble.Options
	// A parcel is sent when it has that many spans, or holds message bodies of
	// that many bytes, or when its first message has waited for Linger.
	MaxSpans int
	MaxBytes int
	Linger   time.Duration
	// Workers is how many parcels may be on their way at the same time.
	Workers int
	// Copies is the form of body of which the consumer looks at nothing but the bytes
	// in spans that are Exact; "": there is none, and it gets batches that are whole.
	Copies string
	// ByTenant: no parcel has spans of two tenants.
	ByTenant bool
	Retry    Retry
	// Dead keeps what the target refuses for good; nil: it is counted and logged
	// only.
	Dead  *deadletter.Letters
	Queue queue.CursorOptions // Dropped is set by NewTarget
}

// Target takes the spans of the log to a consumer.
type Target struct {
	name     string
	settings atomic.Pointer[settings]
	queue    *queue.Log
	cursor   *queue.Cursor
	decode   Decoder
	consumer Consumer
	ledger   *ledger
	health   health
	log      *slog.Logger
	inTime   func() time.Time

	// inVain: nothing was taken of the last parcel that the target refused.
	inVain  atomic.Bool
	learned learned

	inbox    inbox
	inForce  *settings     // the options that the inbox goes by
	now      time.Time     // the time that the inbox goes by
	unused   []record      // made, for those to come
	drain    chan struct{} // closed when nothing new is to be expected
	leaving  chan struct{} // closed when nothing more is to be read
	finished chan struct{} // told when a parcel is done, of size 1

	mu      sync.Mutex
	busy    int       // parcels on their way
	records []*record // not all done, in the order of the log
	spare   []*parcel
	done    []queue.Done // of the parcel that is finished
	ahead   queue.Count  // spans that left, of records that are not committed
}

// NewTarget makes a target that gets every record from now on, and those that a
// log on disk has kept for it.
func NewTarget(log *queue.Log, opts Options, decode Decoder, consumer Consumer, set *metrics.Set, logger *slog.Logger) (*Target, error) {
	t := &Target{name: opts.Name, queue: log, ledger: newLedger(set, opts.Name)}
	opts.Queue.Dropped = t.ledger.dropped
	var err error
	if t.cursor, err = log.Cursor(opts.Name, opts.Queue); err != nil {
		return nil, err
	}
	for class, n := range t.cursor.Resumed() {
		t.ledger.resumed[protocolOf(uint8(class))].Add(float64(n))
	}
	set.Absent(opts.Name, protocolNames(), func(protocol int) int64 { return log.Absent(opts.Name)[classOf(span.Protocol(protocol))] })
	t.init(opts, decode, consumer, logger)
	return t, nil
}

func (t *Target) init(opts Options, decode Decoder, consumer Consumer, logger *slog.Logger) {
	t.decode, t.consumer = decode, consumer
	t.log = logger.With("target", t.name)
	t.inTime = time.Now
	t.inbox = &passage{}
	t.drain, t.leaving, t.finished = make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
	if opts.Window != nil {
		w := *opts.Window
		if o, ok := consumer.(Observer); ok && w.Together {
			w.Observe = func(items []span.Item) { t.observe(o, items) }
		}
		t.inbox = newHeld(w, t.ledger.set, t.name)
	}
	t.inForce = &settings{opts, make(chan struct{})}
	t.settings.Store(t.inForce)
	set := t.ledger.set
	set.Held(t.name, protocolNames(), t.heldOf, func() int64 { _, bytes := t.cursor.Held(); return bytes })
	set.Batch(t.name, t.most)
	set.TargetFailing.WithLabelValues(t.name).Set(0)
	t.health = health{set: set, name: t.name, log: t.log}
}

// Name is the name of the target.
func (t *Target) Name() string { return t.name }

// Held is how many spans wait for the target or are on their way.
func (t *Target) Held() int64 {
	n := t.held()
	return n.Total()
}

// heldOf is Held, of one protocol.
func (t *Target) heldOf(protocol int) int64 {
	n := t.held()
	return n[classOf(span.Protocol(protocol))]
}

// held is what the cursor holds without the spans that have left already while
// others of their message wait.
func (t *Target) held() queue.Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, _ := t.cursor.HeldByClass()
	for class := range n {
		n[class] -= t.ahead[class]
	}
	return n
}

// Drain says that nothing new is to be expected: no span waits any longer for
// another one.
func (t *Target) Drain() { close(t.drain) }

// parcel is a span.Parcel with the records that its parts came from.
type parcel struct {
	span.Parcel
	bytes    int
	oldest   int64 // receipt of the oldest message, ns since 1970
	parts    []part
	byTenant bool
	mixed    bool // the next span is another tenant's
	// with says which items stay with the one before them; empty: none.
	with []bool
	// known are spans of the window that an earlier process has sent.
	known []known
}

// part is a number of spans, or the notices, of a record.
type part struct {
	record *record
	spans  int
	left   int // how much of the record it is
}

// gather collects the next parcel.
func (t *Target) gather(ctx context.Context) (*parcel, error) {
	p := t.newParcel()
	var linger, window *time.Timer
	defer func() {
		for _, timer := range []*time.Timer{linger, window} {
			if timer != nil {
				timer.Stop()
			}
		}
	}()
	drain := t.drain
	for {
		o := t.current()
		t.fill(p, o)
		if t.full(p, o) {
			return p, nil
		}
		select {
		case <-t.leaving:
			t.inbox.drain(t.caughtUp())
			if t.fill(p, o); len(p.parts) > 0 {
				return p, nil
			}
			return nil, errLeft
		default:
		}
		r, ok, err := t.cursor.TryTake()
		switch {
		case errors.Is(err, queue.ErrClosed):
			return nil, err
		case err != nil:
			t.health.unread(err)
			if len(p.parts) > 0 {
				return p, nil
			}
			if !pause(ctx, readAgain) {
				return nil, ctx.Err()
			}
			continue
		}
		if ok {
			t.open(p, r)
			// Where there is always more to read nothing below is ever reached.
			if t.isDue(t.now) {
				t.inbox.due(t.now)
			}
			continue
		}
		if len(p.parts) > 0 && o.Linger <= 0 {
			return p, nil
		}
		var late, due <-chan time.Time
		if len(p.parts) > 0 {
			if linger == nil {
				linger = time.NewTimer(o.Linger)
			}
			late = linger.C
		}
		if at, ok := t.inbox.next(); ok {
			if wait := at.Sub(t.inTime()); wait <= 0 {
				t.inbox.due(t.caughtUp())
				continue
			} else if window == nil {
				window = time.NewTimer(wait)
			} else {
				window.Reset(wait)
			}
			due = window.C
		}
		select {
		case <-t.cursor.Ready():
		case <-due:
			t.inbox.due(t.caughtUp())
		case <-late:
			return p, nil
		case <-drain:
			t.inbox.drain(t.caughtUp())
			drain = nil
		case <-o.replaced:
		case <-t.leaving:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// readAgain is how long a target waits before it reads a record again that the
// disk did not give.
const readAgain = time.Second

// pause waits; it is false when the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (t *Target) isDue(now time.Time) bool {
	at, ok := t.inbox.next()
	return ok && !now.Before(at)
}

// most is the most spans of a parcel.
func (t *Target) most() int { return t.learned.limit(max(t.opts().MaxSpans, 1), t.inTime()) }

// welcomes is true for a span that may go with those of the parcel.
func (p *parcel) welcomes(b *span.Batch) bool {
	if !p.byTenant {
		return true
	}
	if len(p.Items) == 0 {
		p.Tenant = b.Origin.Tenant
	}
	p.mixed = p.Tenant != b.Origin.Tenant
	return !p.mixed
}

func (t *Target) full(p *parcel, o *settings) bool {
	return p.mixed || len(p.Items) >= t.most() || p.bytes >= max(o.MaxBytes, 1)
}

// open starts on a record. A record that cannot be decoded, which
// it could when it was taken, is a dead letter.
func (t *Target) open(p *parcel, r queue.Taken) {
	b, gone := t.batch(r)
	rec := t.newRecord()
	*rec = record{seq: r.Seq, class: r.Class, spans: r.Items}
	if b != nil {
		// What was decoded again has the companion's body, but not its holders: a letter
		// or the view may keep it, so that nobody says that the companion is done with.
		if r.Companion == b {
			rec.held = b
		}
		t.remember(rec, &r, b)
		rec.left = b.Len()
		if len(b.Instances()) > 0 {
			rec.left++
			p.Notices = append(p.Notices, b)
			p.parts = append(p.parts, part{record: rec, left: 1})
			p.received(b)
			if b.Len() == 0 {
				p.bytes += len(r.Body)
			}
		}
	}
	t.mu.Lock()
	t.ahead[rec.class] += int64(gone + rec.known)
	t.records = append(t.records, rec)
	t.commit()
	t.mu.Unlock()
	if b != nil {
		t.inbox.put(rec, b, len(r.Body), t.came(b.Origin.Received))
	}
}

// came is when a message came, on the clock that the inbox goes by. A target
// that is behind reads in a moment what came in a minute: what a span waits for
// may lie in what is still to be read, so that its time must not run faster than
// the log.
func (t *Target) came(received int64) time.Time {
	now := t.inTime()
	if behind := now.UnixNano() - received; behind > 0 {
		now = now.Add(-time.Duration(behind))
	}
	if now.After(t.now) {
		t.now = now
	}
	return t.now
}

// caughtUp is the time when everything that came has been read.
func (t *Target) caughtUp() time.Time {
	t.now = t.inTime()
	return t.now
}

// batch is the spans of a record, nil when it cannot be read, and how many of its
// spans are not among them. A log on disk may hold what another version took, or
// took by other rules: then there may be fewer, which are counted, or more.
func (t *Target) batch(r queue.Taken) (b *span.Batch, gone int) {
	copies := t.opts().Copies
	// An outline may be from before there was a target that needs more.
	if b, ok := r.Companion.(*span.Batch); ok && (b.Outline() == nil || b.Origin.Format == copies) {
		return b, 0
	}
	origin, err := readHead(r.Head)
	if err == nil {
		origin.Outline = origin.Format == copies
		origin.Room = rereadRoom
		if b, err = t.decode(r.Body, origin); b != nil {
			gone = r.Items - b.Len()
			switch {
			case gone > 0:
				t.ledger.dropped(gone, r.Class, reread)
				t.health.lost("spans in the queue are left out on reading again: the rules or the version are others", gone, err)
			case gone < 0:
				t.ledger.resumed[protocolOf(r.Class)].Add(float64(-gone))
			}
			return b, gone
		}
	}
	t.unreadable(r, origin, err)
	return nil, r.Items
}

// rereadRoom is the memory that a message may take when it is decoded again: more than
// when it was taken, when slabs that were there already cost nothing. It must not be
// too large now.
const rereadRoom = 2 * span.MaxSlabs

// fill moves spans that may leave into the parcel, and never cuts between those
// that must stay together.
func (t *Target) fill(p *parcel, o *settings) {
	for {
		spans, bytes := t.most()-len(p.Items), max(o.MaxBytes, 1)-p.bytes
		if spans <= 0 || bytes <= 0 || !t.inbox.take(p, spans, bytes) {
			return
		}
	}
}

// add appends n spans of a record.
func (p *parcel) add(rec *record, b *span.Batch, n int) {
	p.received(b)
	if last := len(p.parts) - 1; last >= 0 && p.parts[last].record == rec && p.parts[last].spans > 0 {
		p.parts[last].spans += n
		p.parts[last].left += n
		return
	}
	p.parts = append(p.parts, part{record: rec, spans: n, left: n})
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
	return &parcel{byTenant: t.opts().ByTenant}
}

// finish counts what is done, and commits what is done in the order of the log.
func (t *Target) finish(p *parcel) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, part := range p.parts {
		part.record.left -= part.left
		t.ahead[part.record.class] += int64(part.spans)
	}
	t.commit()
	t.acknowledge(p)
	for _, part := range p.parts {
		part.record.release()
	}
	clear(p.Items)
	clear(p.Notices)
	clear(p.parts)
	*p = parcel{byTenant: p.byTenant, Parcel: span.Parcel{Items: p.Items[:0], Notices: p.Notices[:0]}, parts: p.parts[:0], with: p.with[:0]}
	t.spare = append(t.spare, p)
}

// commit lets go of the records at the front of which everything is done. The
// lock is held.
func (t *Target) commit() {
	n := 0
	for n < len(t.records) && t.records[n].left == 0 {
		t.ahead[t.records[n].class] -= int64(t.records[n].spans)
		n++
	}
	if n == 0 {
		return
	}
	t.cursor.Commit(t.records[n-1].seq)
	if 2*n < len(t.records) { // a copy for each commit would be quadratic
		clear(t.records[:n])
		t.records = t.records[n:]
		return
	}
	t.records = append(t.records[:0], t.records[n:]...)
}
