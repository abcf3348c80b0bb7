// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"errors"
	"log/slog"

	"github.com/spanbridge/spanbridge/queue"
)

// settings are the options in force.
type settings struct {
	Options
	replaced chan struct{} // closed when others are in force
}

func (t *Target) opts() *settings { return t.settings.Load() }

// current is opts, for the goroutine that gathers: the inbox goes by them then.
func (t *Target) current() *settings {
	if o := t.opts(); o != t.inForce {
		t.inForce = o
		t.inbox.change(o.Window, t.now)
	}
	return t.inForce
}

// Change gives the target other options while it runs. What waits in the window
// goes on waiting; what is on its way stays there, and a parcel that waits to be
// tried again is tried at once: the consumer may have been changed too. Name,
// ByTenant and Window.Together must be the same, and whether there is a window.
func (t *Target) Change(opts Options) {
	t.cursor.Bound(opts.Queue)
	t.learned.forget()
	former := t.settings.Swap(&settings{opts, make(chan struct{})})
	close(former.replaced)
}

var errLeft = errors.New("pipeline: the target has left")

// Leave ends Run when what was read is gone: nothing more is read, no span waits
// for another one, and what the consumer does not take at once is left in the log.
func (t *Target) Leave() { close(t.leaving) }

// Succeed makes a target that goes on where this one ended, after Run. What it had
// read and is not committed is read again; what the consumer has taken of that is
// not sent again.
func (t *Target) Succeed(opts Options, decode Decoder, consumer Consumer, logger *slog.Logger) *Target {
	t.again()
	t.cursor.Rewind()
	next := &Target{name: t.name, queue: t.queue, cursor: t.cursor, ledger: t.ledger}
	t.cursor.Bound(opts.Queue)
	next.init(opts, decode, consumer, logger)
	return next
}

// Release gives up the place in the log, after Run. It gives the spans that the
// target has not got, and how many of them the log keeps, for whoever comes under
// that name; the others count as dropped.
func (t *Target) Release() (left, kept int64) {
	left = t.Held()
	t.again()
	t.cursor.Release()
	t.ledger.set.TargetFailing.DeleteLabelValues(t.name)
	kept, _ = t.cursor.Held()
	return left, kept
}

// Return undoes NewTarget for one that has not run: what the log has kept for the
// name it keeps on.
func (t *Target) Return() {
	t.cursor.Return()
	t.ledger.set.TargetFailing.DeleteLabelValues(t.name)
}

// again counts the spans that are done of records that are read again: they are
// held once more, until then.
func (t *Target) again() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for class, n := range t.ahead {
		t.ledger.resumed[protocolOf(uint8(class))].Add(float64(n))
	}
	t.ahead, t.records = queue.Count{}, nil
}
