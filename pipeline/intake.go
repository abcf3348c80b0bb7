// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// Intake puts batches into the log. It is the sink of the receivers.
type Intake struct {
	log *queue.Log
	set *metrics.Set
}

// NewIntake makes an intake.
func NewIntake(log *queue.Log, set *metrics.Set) *Intake {
	return &Intake{log: log, set: set}
}

// Busy is the error for a batch that was not taken because a queue is full.
// The client may send it again.
type Busy struct {
	Why   error
	After time.Duration // when to come again
}

func (b *Busy) Error() string { return fmt.Sprintf("the gateway is busy: %v", b.Why) }

func (b *Busy) Unwrap() error { return b.Why }

// RetryAfter says when to come again; it marks an error that is for a while.
func (b *Busy) RetryAfter() time.Duration { return b.After }

// busyFor is what clients are told to wait when a queue is full, and afterWaiting
// when they have waited for room already.
const (
	busyFor      = 5 * time.Second
	afterWaiting = time.Second
)

// Put takes a batch: when it returns without an error, every target will get
// the spans, as far as the log keeps its promise. The batch belongs to the
// pipeline from then on. Where a queue is full it may wait for room, for as long as
// the batch's origin has patience; the end of the context ends that.
func (in *Intake) Put(ctx context.Context, b *span.Batch) error {
	n := b.Len()
	if n == 0 && len(b.Instances()) == 0 {
		return nil
	}
	err := in.log.AppendWait(ctx, queue.Record{
		Head:          appendHead(nil, b.Origin),
		Body:          b.Body(),
		Items:         n,
		Class:         classOf(b.Protocol()),
		Companion:     b,
		CompanionSize: b.Memory() - cap(b.Body()),
	}, b.Origin.Patience)
	var full *queue.Full
	switch {
	case errors.As(err, &full) && full.Waited > 0:
		return &Busy{full, afterWaiting}
	case errors.As(err, &full):
		return &Busy{full, busyFor}
	case err != nil:
		return &Busy{err, busyFor}
	}
	in.set.SpansReceived.WithLabelValues(b.Protocol().String(), b.Origin.Format, b.Origin.Transport).Add(float64(n))
	for _, stale := range b.Stale() {
		in.set.ResidueStale.WithLabelValues(stale.Entry).Add(float64(stale.Spans))
	}
	return nil
}
