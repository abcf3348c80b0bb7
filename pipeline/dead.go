// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// bury keeps and counts what is dead of a parcel. It is false when the context
// ended before it was kept.
func (t *Target) bury(ctx context.Context, d *delivery) bool {
	if len(d.dead) == 0 {
		return true
	}
	letters := t.letters(d)
	left, ok := t.keep(ctx, letters)
	if !ok {
		return false
	}
	for i := range letters {
		t.ledger.dead(letters[i].Count, protocolNamed(letters[i].Format), letters[i].Reason)
	}
	for i := range left {
		t.ledger.unkept(left[i].Count)
	}
	for _, x := range d.dead {
		t.health.lost("the target refused spans: bridge dead list shows them", x.to-x.from, x.err)
	}
	return true
}

// letters are a parcel's dead, one letter for each message and answer.
func (t *Target) letters(d *delivery) (letters []deadletter.Letter) {
	type key struct {
		batch  *span.Batch
		reason deadletter.Reason
		answer string
		apart  bool
	}
	index := make(map[key]int)
	for _, x := range d.dead {
		for _, it := range d.p.Items[x.from:x.to] {
			k := key{it.Batch, reason(x.err), x.err.Error(), x.apart}
			at, ok := index[k]
			if !ok {
				at = len(letters)
				index[k] = at
				it.Batch.Hold() // for as long as there is the letter
				o := it.Batch.Origin
				letters = append(letters, deadletter.Letter{
					At: t.inTime(), Target: t.name, Reason: k.reason, Answer: k.answer, Apart: k.apart, Of: it.Batch.Len(),
					Format: o.Format, Transport: o.Transport, Received: o.Received, Tenant: o.Tenant, Body: it.Batch.Body(),
				})
			}
			l := &letters[at]
			l.Spans = append(l.Spans, described(it))
			l.Count++
		}
	}
	return letters
}

// mostName bounds names, which only people read.
const mostName = 128

func described(it span.Item) deadletter.Span {
	s := it.Span()
	x := deadletter.Span{
		Index: it.Index, Trace: s.Trace.String(), ID: it.ID.String(),
		Service: deadletter.Cut(it.Batch.Str(s.Local.Service), mostName), Name: deadletter.Cut(it.Batch.Str(s.Name), mostName),
	}
	if it.Parent != 0 {
		x.Parent = it.Parent.String()
	}
	if s.ID != it.ID {
		x.Came = s.ID.String()
	}
	return x
}

// Keeping is tried a few times: the disk may be full for a moment. Longer than that
// it must not keep the target from the spans that come after.
const (
	keepTries = 5
	keepPause = time.Second
)

// keep writes letters, and gives those that could not be kept. ok is false when the
// context ended before it was done.
func (t *Target) keep(ctx context.Context, letters []deadletter.Letter) (left []deadletter.Letter, ok bool) {
	if t.opts().Dead == nil {
		return letters, true
	}
	left = letters
	for try := 1; ; try++ {
		var err error
		left, err = t.opts().Dead.Put(left)
		switch {
		case err == nil:
			return nil, true
		case errors.Is(err, queue.ErrClosed):
			return left, false
		case try == keepTries:
			t.log.Error("dead letters could not be kept: their spans are only counted", "letters", len(left), "err", err)
			return left, true
		}
		if !pause(ctx, keepPause) {
			return left, false
		}
	}
}

// unreadable makes a dead letter of a message that cannot be decoded again.
func (t *Target) unreadable(r queue.Taken, origin span.Origin, err error) {
	answer := "it cannot be decoded again"
	if err != nil {
		answer += ": " + err.Error()
	}
	t.log.Error("a message in the queue cannot be read again", "spans", r.Items, "err", err)
	kept := false
	if t.opts().Dead != nil {
		_, err := t.opts().Dead.Put([]deadletter.Letter{{
			At: t.inTime(), Target: t.name, Reason: deadletter.Unreadable, Answer: answer, Apart: true, Count: r.Items, Of: r.Items,
			Format: origin.Format, Transport: origin.Transport, Received: origin.Received, Tenant: origin.Tenant, Body: r.Body,
		}})
		if kept = err == nil; !kept {
			t.log.Error("a dead letter could not be kept: its spans are only counted", "spans", r.Items, "err", err)
		}
	}
	t.ledger.dead(r.Items, protocolOf(r.Class), deadletter.Unreadable)
	if !kept {
		t.ledger.unkept(r.Items)
	}
}

// Reviver is a consumer that sends spans anew which it may have sent, in vain or
// not, before. Without it Consume does.
type Reviver interface {
	Revive(context.Context, span.Parcel) (span.LeftOut, error)
}

// Revived says what became of the spans of a letter that was sent again.
type Revived struct {
	Delivered int `json:"delivered"`
	Dead      int `json:"dead"` // refused anew: under another number
	Expired   int `json:"expired"`
	Held      int `json:"held"` // they stay, since the target was not there in time
}

// Revive sends a dead letter again, until the target takes or refuses its spans or
// the context ends; the letter is gone then, or stays with what is left of it. An
// error says that it cannot be sent or kept.
func (t *Target) Revive(ctx context.Context, letter *deadletter.Letter) (r Revived, err error) {
	p, err := t.exhume(letter)
	if err != nil {
		return Revived{Held: letter.Count}, err
	}
	send := t.consumer.Consume
	if c, ok := t.consumer.(Reviver); ok {
		send = c.Revive
	}
	d := t.delivery(p, send)
	d.p.with = make([]bool, len(p.Items))
	together := t.opts().Window != nil && t.opts().Window.Together
	for i := range p.Items {
		d.p.with[i] = together && i > 0 && p.Items[i].Span().Trace == p.Items[i-1].Span().Trace
	}
	finished := d.run(ctx)
	if !finished && d.taken.Total() == 0 {
		return Revived{Held: letter.Count}, nil
	}
	anew := t.letters(d)
	got := d.delivered()
	r = Revived{Delivered: got.Total(), Expired: d.expired.Total()}
	for i := range anew {
		r.Dead += anew[i].Count
	}
	rest := anew
	if !finished {
		// What was taken must not be sent again: the rest is a letter of its own.
		d.dead = []lost{{d.units[d.next], len(p.Items), errors.New(letter.Answer), letter.Apart}}
		held := t.letters(d)
		for i := range held {
			held[i].Reason = letter.Reason
			r.Held += held[i].Count
		}
		rest = slices.Concat(anew, held)
	}
	if len(rest) > 0 {
		if _, err := t.opts().Dead.Put(rest); err != nil {
			return r, fmt.Errorf("dead letter %d stays, though %d of its spans were taken: %w", letter.ID, d.taken.Total(), err)
		}
	}
	if err := t.opts().Dead.Remove(letter.ID); err != nil {
		return r, fmt.Errorf("dead letter %d stays, though %d of its spans were taken: %w", letter.ID, d.taken.Total(), err)
	}
	protocol := protocolNamed(letter.Format)
	t.ledger.revived[protocol].Add(float64(d.taken.Total() + d.expired.Total() + r.Dead))
	for i := range anew {
		t.ledger.dead(anew[i].Count, protocol, anew[i].Reason)
	}
	t.settle(d)
	return r, nil
}

// exhume makes a parcel of a letter.
func (t *Target) exhume(l *deadletter.Letter) (*parcel, error) {
	b, err := t.decode(l.Body, span.Origin{Format: l.Format, Transport: l.Transport, Received: l.Received, Tenant: l.Tenant, Room: rereadRoom})
	if b == nil {
		return nil, fmt.Errorf("dead letter %d cannot be decoded: %w", l.ID, err)
	}
	p := &parcel{}
	if t.opts().ByTenant {
		p.Tenant = l.Tenant
	}
	if len(l.Spans) == 0 {
		p.Items = appendItems(nil, b, 0, b.Len())
	}
	spans := b.Spans()
	for _, s := range l.Spans {
		id, err1 := strconv.ParseUint(s.ID, 16, 64)
		came, err2 := id, error(nil)
		if s.Came != "" {
			came, err2 = strconv.ParseUint(s.Came, 16, 64)
		}
		parent := uint64(0)
		var err3 error
		if s.Parent != "" {
			parent, err3 = strconv.ParseUint(s.Parent, 16, 64)
		}
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, fmt.Errorf("dead letter %d: %w", l.ID, err)
		}
		at := s.Index
		if at < 0 || at >= len(spans) || spans[at].ID != span.ID(came) || spans[at].Trace.String() != s.Trace {
			return nil, fmt.Errorf("dead letter %d: span %d of its message is another one by the rules or the version of now", l.ID, s.Index)
		}
		p.Items = append(p.Items, span.Item{Batch: b, Index: at, Identity: span.Identity{ID: span.ID(id), Parent: span.ID(parent)}})
	}
	return p, nil
}
