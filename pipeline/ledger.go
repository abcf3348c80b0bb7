// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/queue"
)

// outcome is what became of spans or requests.
type outcome int

const (
	delivered outcome = iota
	refused           // by a target that did not say which
	malformed         // written before, or no form at the target
	expired           // given up after trying
	retried
)

var outcomeNames = [...]string{"delivered", "refused", "malformed", "expired", "retried"}

// reread is the reason for spans that were in a message when it came and are not
// in it when it is read again: by a later version, or by other rules.
const reread queue.Why = "reread"

// ledger counts what leaves the queue of a target.
type ledger struct {
	name     string
	set      *metrics.Set
	spans    [4]prometheus.Counter
	requests [5]prometheus.Counter
	seconds  prometheus.Observer
	resumed  prometheus.Counter
}

func newLedger(set *metrics.Set, target string) *ledger {
	l := &ledger{
		name: target, set: set,
		seconds: set.ExportSeconds.WithLabelValues(target),
		resumed: set.SpansResumed.WithLabelValues(target),
	}
	for _, why := range []queue.Why{queue.QueueFull, queue.Retention, queue.Damaged, reread} {
		set.SpansDropped.WithLabelValues(target, string(why)).Add(0)
	}
	for _, why := range deadletter.Reasons() {
		set.SpansDead.WithLabelValues(target, string(why)).Add(0)
	}
	set.SpansRevived.WithLabelValues(target).Add(0)
	for o := range l.spans {
		l.spans[o] = set.ExportSpans.WithLabelValues(target, outcomeNames[o])
	}
	for _, o := range []outcome{delivered, refused, retried} {
		l.requests[o] = set.ExportRequests.WithLabelValues(target, outcomeNames[o])
	}
	set.TargetFailing.WithLabelValues(target).Set(0)
	return l
}

func (l *ledger) out(o outcome, spans int) { l.spans[o].Add(float64(spans)) }
func (l *ledger) request(o outcome)        { l.requests[o].Inc() }
func (l *ledger) latency(d time.Duration)  { l.seconds.Observe(d.Seconds()) }

// dropped counts spans that the target will never get.
func (l *ledger) dropped(spans int, why queue.Why) {
	l.set.SpansDropped.WithLabelValues(l.name, string(why)).Add(float64(spans))
}

// dead counts spans that the target will not take as they are.
func (l *ledger) dead(spans int, why deadletter.Reason) {
	l.set.SpansDead.WithLabelValues(l.name, string(why)).Add(float64(spans))
}

// revived counts spans that were dead and came to an end of another kind.
func (l *ledger) revived(spans int) {
	l.set.SpansRevived.WithLabelValues(l.name).Add(float64(spans))
}

// unkept counts dead spans that no letter has.
func (l *ledger) unkept(spans int) {
	l.set.DeadLost.WithLabelValues(l.name, "unkept").Add(float64(spans))
}

func (l *ledger) panicked() { l.set.Panics.WithLabelValues("target " + l.name).Inc() }
