// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// outcome is what became of spans or requests.
type outcome int

const (
	delivered outcome = iota
	refused           // by a target that did not say which
	malformed         // no form at the target
	expired           // given up after trying
	retried
)

var outcomeNames = [...]string{"delivered", "refused", "malformed", "expired", "retried"}

// reread is the reason for spans that were in a message when it came and are not
// in it when it is read again: by a later version, or by other rules.
const reread queue.Why = "reread"

// repeat is why spans that a target has are not sent.
type repeat int

const (
	acknowledged repeat = iota // in an earlier process
	recognized                 // by the encoder
)

var repeatNames = [...]string{"acknowledged", "recognized"}

// counters are of each protocol that spans came by.
type counters [span.NumProtocols]prometheus.Counter

func countersOf(v *prometheus.CounterVec, target string, more ...string) (c counters) {
	for p := range c {
		c[p] = v.WithLabelValues(append([]string{target, span.Protocol(p).String()}, more...)...)
	}
	return c
}

func (c *counters) add(n *span.Tally) {
	for p, v := range n {
		if v != 0 {
			c[p].Add(float64(v))
		}
	}
}

// ledger counts what leaves the queue of a target, by the protocol that it came by.
type ledger struct {
	name     string
	set      *metrics.Set
	spans    [4]counters
	repeated [len(repeatNames)]counters
	merged   counters
	// suspected are those of delivered that the target may have twice.
	suspected counters
	resumed   counters
	revived   counters
	drops     map[queue.Why]counters
	deaths    map[deadletter.Reason]counters
	requests  [5]prometheus.Counter
	seconds   prometheus.Observer
}

func newLedger(set *metrics.Set, target string) *ledger {
	l := &ledger{
		name: target, set: set,
		seconds:   set.ExportSeconds.WithLabelValues(target),
		merged:    countersOf(set.SpansMerged, target),
		suspected: countersOf(set.SpansSuspected, target),
		resumed:   countersOf(set.SpansResumed, target),
		revived:   countersOf(set.SpansRevived, target),
		drops:     make(map[queue.Why]counters),
		deaths:    make(map[deadletter.Reason]counters),
	}
	for _, why := range []queue.Why{queue.QueueFull, queue.Memory, queue.Retention, queue.Damaged, queue.Removed, reread} {
		l.drops[why] = countersOf(set.SpansDropped, target, string(why))
	}
	for _, why := range deadletter.Reasons() {
		l.deaths[why] = countersOf(set.SpansDead, target, string(why))
	}
	for o := range l.spans {
		l.spans[o] = countersOf(set.ExportSpans, target, outcomeNames[o])
	}
	for why, name := range repeatNames {
		l.repeated[why] = countersOf(set.SpansRepeated, target, name)
	}
	for _, o := range []outcome{delivered, refused, retried} {
		l.requests[o] = set.ExportRequests.WithLabelValues(target, outcomeNames[o])
	}
	return l
}

func (l *ledger) out(o outcome, spans *span.Tally) { l.spans[o].add(spans) }
func (l *ledger) request(o outcome)                { l.requests[o].Inc() }
func (l *ledger) latency(d time.Duration)          { l.seconds.Observe(d.Seconds()) }

// dropped counts spans that the target will never get.
func (l *ledger) dropped(spans int, class uint8, why queue.Why) {
	l.drops[why][protocolOf(class)].Add(float64(spans))
}

// dead counts spans that the target will not take as they are.
func (l *ledger) dead(spans int, p span.Protocol, why deadletter.Reason) {
	l.deaths[why][p].Add(float64(spans))
}

// unkept counts dead spans that no letter has.
func (l *ledger) unkept(spans int) {
	l.set.DeadLost.WithLabelValues(l.name, "unkept").Add(float64(spans))
}

func (l *ledger) panicked() { l.set.Panics.WithLabelValues("target " + l.name).Inc() }

// The log counts the spans in a record under the protocol that they came by.
func classOf(p span.Protocol) uint8 { return uint8(p) }

func protocolOf(class uint8) span.Protocol {
	if int(class) >= span.NumProtocols {
		return span.Unknown
	}
	return span.Protocol(class)
}

func protocolNamed(format string) span.Protocol { return span.ProtocolNamed(metrics.Protocol(format)) }

// ClassOf is the class of a record by its head; see queue.Options.
func ClassOf(head []byte) uint8 { return classOf(readProtocol(head)) }

// protocolNames are the names of all protocols, by number.
func protocolNames() (names []string) {
	for p := range span.NumProtocols {
		names = append(names, span.Protocol(p).String())
	}
	return names
}
