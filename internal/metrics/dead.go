// SPDX-License-Identifier: Apache-2.0

package metrics

// The metrics of dead letters.
var (
	spansDead = Metric{
		"bridge_spans_dead_total", Counter,
		[]string{"target", "protocol", "reason"},
		"Spans that a target does not take as they are, by why: refused (it said so), malformed (they cannot be written in its form), unreadable (their message in the queue cannot be decoded again). They are kept as dead letters: bridge dead list.",
	}
	spansRevived = Metric{
		"bridge_spans_revived_total", Counter,
		[]string{"target", "protocol"},
		"Spans of dead letters that were sent again (bridge dead retry) and were taken, given up, or refused anew, which counts again.",
	}
	deadLost = Metric{
		"bridge_dead_lost_spans_total", Counter,
		[]string{"target", "reason"},
		"Spans of dead letters that are not kept any more: full, old (the bounds queue.dead.max_bytes and max_age), dropped (bridge dead drop), damaged (on disk; without a target), or were never kept: unkept (the disk did not take them).",
	}
	deadLetters = Metric{"bridge_dead_letters", Gauge, nil, "Dead letters that are kept: each is the spans of one message that a target did not take."}
	deadSpans   = Metric{"bridge_dead_spans", Gauge, nil, "Spans in the dead letters that are kept."}
	deadBytes   = Metric{"bridge_dead_bytes", Gauge, nil, "Bytes of the dead letters that are kept."}
)

// Dead registers the figures of the dead letters, asked for when the metrics are
// read.
func (s *Set) Dead(held func() (letters, spans, bytes int64)) {
	s.gauge(deadLetters, nil, func() float64 { n, _, _ := held(); return float64(n) })
	s.gauge(deadSpans, nil, func() float64 { _, n, _ := held(); return float64(n) })
	s.gauge(deadBytes, nil, func() float64 { _, _, n := held(); return float64(n) })
}
