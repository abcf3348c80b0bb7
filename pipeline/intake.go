// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// Intake puts batches into the log. It is the sink of the receivers.
type Intake struct {
	log *queue.Log
	set *metrics.Set

	mu      sync.Mutex
	most    int             // tenants with a label of their own; 0: they are not counted
	tenants map[string]bool // those that have one
}

// CountTenants has the spans of each tenant counted by itself, for the first so
// many of them: their names come from the network.
func (in *Intake) CountTenants(most int) {
	in.most, in.tenants = most, make(map[string]bool)
}

// tenant is the label of a tenant.
func (in *Intake) tenant(name string) string {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case name == "" || in.tenants[name]:
	case len(in.tenants) < in.most:
		in.tenants[name] = true
	default:
		return otherTenants
	}
	return name
}

// otherTenants is the label of those that are one too many. No tenant has a name
// with a space.
const otherTenants = "all others"

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

// busy is what a client is told of an error of the log.
func busy(err error) *Busy {
	full, ok := errors.AsType[*queue.Full](err)
	switch {
	case ok && full.Waited > 0:
		return &Busy{full, afterWaiting}
	case ok:
		return &Busy{full, busyFor}
	}
	return &Busy{err, busyFor}
}

// Put takes a batch: when it returns without an error, every target will get
// the spans, as far as the log keeps its promise. The batch belongs to the
// pipeline from then on. Where a queue is full it may wait for room, for as long as
// the batch's origin has patience; the end of the context ends that.
func (in *Intake) Put(ctx context.Context, b *span.Batch) error {
	n := b.Len()
	if n == 0 && len(b.Instances()) == 0 {
		return nil
	}
	protocol, origin, stale := b.Protocol(), b.Origin, b.Stale()
	err := in.log.AppendWait(ctx, queue.Record{
		Head:          appendHead(nil, origin),
		Body:          b.Body(),
		Items:         n,
		Class:         classOf(protocol),
		Companion:     b,
		CompanionSize: b.Memory() - len(b.Body()),
	}, origin.Patience)
	if err != nil {
		return busy(err)
	}
	// The batch may have gone to all targets by now, and its memory to another one.
	in.set.SpansReceived.WithLabelValues(protocol.String(), origin.Format, origin.Transport).Add(float64(n))
	if in.most > 0 {
		in.set.TenantSpans.WithLabelValues(in.tenant(origin.Tenant)).Add(float64(n))
	}
	for i := range stale {
		in.set.ResidueStale.WithLabelValues(stale[i].Entry).Add(float64(stale[i].Spans))
	}
	return nil
}
