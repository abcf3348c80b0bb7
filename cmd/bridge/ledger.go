// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ledger is the account of all spans of a process, read from its metrics.
type ledger struct {
	Version string `json:"version"`
	Ready   bool   `json:"ready"`
	// Agree: at every target the sums agree.
	Agree bool `json:"agree"`
	// Received is what came in, by protocol, format and transport. Rejected is what
	// was refused to its sender, and SampledOut what the rules left out; neither was
	// received.
	Received   []receivedSpans `json:"received"`
	Rejected   []rejectedSpans `json:"rejected"`
	SampledOut []receivedSpans `json:"sampled_out"`
	Targets    []targetLedger  `json:"targets"`
	Panics     int64           `json:"panics"`
}

type receivedSpans struct {
	Protocol  string `json:"protocol"`
	Format    string `json:"format,omitempty"`
	Transport string `json:"transport,omitempty"`
	Spans     int64  `json:"spans"`
}

type rejectedSpans struct {
	Protocol string `json:"protocol"`
	Reason   string `json:"reason"`
	Spans    int64  `json:"spans"`
}

// targetLedger is the account of one target, in spans:
//
//	received + resumed + revived = all of exported + all of dropped + all of dead + held + difference
type targetLedger struct {
	Name     string           `json:"name"`
	Received int64            `json:"received"`
	Resumed  int64            `json:"resumed"`  // held for it when the process started
	Revived  int64            `json:"revived"`  // of dead letters, sent again
	Exported map[string]int64 `json:"exported"` // by outcome
	Dropped  map[string]int64 `json:"dropped"`  // by reason
	Dead     map[string]int64 `json:"dead"`     // by reason
	Held     int64            `json:"held"`
	// HeldBytes is of the messages that are held.
	HeldBytes int64 `json:"held_bytes"`
	Failing   bool  `json:"failing"` // it does not take what it is sent
	// Difference is 0 when the sums agree.
	Difference int64 `json:"difference"`
}

// sample is the value of one series.
type sample struct {
	labels map[string]string
	value  int64
}

// readLedger reads the account once.
func readLedger(from prometheus.Gatherer) (*ledger, error) {
	families, err := from.Gather()
	if err != nil {
		return nil, err
	}
	samples := make(map[string][]sample)
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "bridge_") {
			continue
		}
		for _, m := range f.GetMetric() {
			s := sample{labels: make(map[string]string), value: int64(m.GetCounter().GetValue() + m.GetGauge().GetValue())}
			for _, l := range m.GetLabel() {
				s.labels[l.GetName()] = l.GetValue()
			}
			samples[f.GetName()] = append(samples[f.GetName()], s)
		}
	}
	return newLedger(samples), nil
}

func newLedger(samples map[string][]sample) *ledger {
	l := &ledger{Version: versionName(), Agree: true, Received: []receivedSpans{}, Rejected: []rejectedSpans{}, SampledOut: []receivedSpans{}, Targets: []targetLedger{}}
	received := int64(0)
	for _, s := range samples["bridge_spans_received_total"] {
		received += s.value
		l.Received = append(l.Received, receivedSpans{s.labels["protocol"], s.labels["format"], s.labels["transport"], s.value})
	}
	for _, s := range samples["bridge_spans_rejected_total"] {
		l.Rejected = append(l.Rejected, rejectedSpans{s.labels["protocol"], s.labels["reason"], s.value})
	}
	for _, s := range samples["bridge_sampled_out_spans_total"] {
		l.SampledOut = append(l.SampledOut, receivedSpans{Protocol: s.labels["protocol"], Spans: s.value})
	}
	for _, s := range samples["bridge_panics_total"] {
		l.Panics += s.value
	}
	targets := make(map[string]*targetLedger)
	each := func(name string, f func(*targetLedger, sample)) {
		for _, s := range samples[name] {
			target := s.labels["target"]
			if targets[target] == nil {
				targets[target] = &targetLedger{Name: target, Received: received, Exported: map[string]int64{}, Dropped: map[string]int64{}, Dead: map[string]int64{}}
			}
			f(targets[target], s)
		}
	}
	each("bridge_spans_held", func(t *targetLedger, s sample) { t.Held = s.value })
	each("bridge_queue_bytes", func(t *targetLedger, s sample) { t.HeldBytes = s.value })
	each("bridge_spans_resumed_total", func(t *targetLedger, s sample) { t.Resumed = s.value })
	each("bridge_export_spans_total", func(t *targetLedger, s sample) { t.Exported[s.labels["outcome"]] = s.value })
	each("bridge_spans_dropped_total", func(t *targetLedger, s sample) { t.Dropped[s.labels["reason"]] = s.value })
	each("bridge_spans_revived_total", func(t *targetLedger, s sample) { t.Revived = s.value })
	each("bridge_spans_dead_total", func(t *targetLedger, s sample) { t.Dead[s.labels["reason"]] = s.value })
	each("bridge_target_failing", func(t *targetLedger, s sample) { t.Failing = s.value != 0 })
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		t := targets[name]
		t.Difference = t.Received + t.Resumed + t.Revived - total(t.Exported) - total(t.Dropped) - total(t.Dead) - t.Held
		l.Agree = l.Agree && t.Difference == 0
		l.Targets = append(l.Targets, *t)
	}
	slices.SortFunc(l.Received, func(a, b receivedSpans) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Format, b.Format), cmp.Compare(a.Transport, b.Transport))
	})
	return l
}

func total(by map[string]int64) (n int64) {
	for _, v := range by {
		n += v
	}
	return n
}

// The metrics are read one after the other while spans move between them. So a
// ledger that does not agree is read again, up to settleTries times.
const (
	settleTries = 40
	settlePause = 25 * time.Millisecond
)

// settledLedger reads the account, again where the sums do not agree.
func settledLedger(ctx context.Context, from prometheus.Gatherer) (*ledger, error) {
	for try := 1; ; try++ {
		l, err := readLedger(from)
		if err != nil || l.Agree || try == settleTries {
			return l, err
		}
		select {
		case <-time.After(settlePause):
		case <-ctx.Done():
			return l, nil
		}
	}
}

// Sum says whether the sums agree, in words.
func (t *targetLedger) Sum() string {
	if t.Difference == 0 {
		return "agrees"
	}
	return fmt.Sprintf("DIFFERS by %d", t.Difference)
}

// State is a word for whether the target takes spans.
func (t *targetLedger) State() string {
	if t.Failing {
		return "failing"
	}
	return "ok"
}

// breakdown is what is not 0 of counts, as "12 (a 10, b 2)"; "0" if nothing is.
func breakdown(by map[string]int64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		if by[name] != 0 {
			parts = append(parts, fmt.Sprintf("%s %d", name, by[name]))
		}
	}
	if len(parts) == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%s)", total(by), strings.Join(parts, ", "))
}

// Delivered is how many spans the target has taken.
func (t *targetLedger) Delivered() int64 { return t.Exported["delivered"] }

// Undelivered is what was exported with another outcome than delivered.
func (t *targetLedger) Undelivered() string {
	rest := maps.Clone(t.Exported)
	delete(rest, "delivered")
	return breakdown(rest)
}

// DroppedBy is what was dropped, by reason.
func (t *targetLedger) DroppedBy() string { return breakdown(t.Dropped) }

// DeadBy is what is dead, by reason: what was sent again and refused anew counts
// twice.
func (t *targetLedger) DeadBy() string { return breakdown(t.Dead) }
