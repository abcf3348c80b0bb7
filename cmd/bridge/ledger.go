// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ledger is the account of all spans of a process, read from its metrics.
type ledger struct {
	Version string `json:"version"`
	Ready   bool   `json:"ready"`
	// Agree: at every target the sums of all protocols agree.
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

// account is the account of spans on their way to a target:
//
//	received + resumed + revived = all of exported + all of repeated + merged +
//	                               all of dropped + all of dead + held + difference
//
// Received is what came while the target was there.
type account struct {
	Received int64            `json:"received"`
	Resumed  int64            `json:"resumed"`  // held for it when the process started
	Revived  int64            `json:"revived"`  // of dead letters, sent again
	Exported map[string]int64 `json:"exported"` // by outcome
	Repeated map[string]int64 `json:"repeated"` // not sent, for the target has them, by how that is known
	Merged   int64            `json:"merged"`   // became a part of another span
	Dropped  map[string]int64 `json:"dropped"`  // by reason
	Dead     map[string]int64 `json:"dead"`     // by reason
	Held     int64            `json:"held"`
	// Suspected are those of exported as delivered that the target may have twice.
	Suspected int64 `json:"suspected"`
	// Difference is 0 when the sum agrees.
	Difference int64 `json:"difference"`
}

// targetLedger is the account of one target, and what that is for each protocol that
// spans came by.
type targetLedger struct {
	Name string `json:"name"`
	account
	Protocols []protocolLedger `json:"protocols"`
	// HeldBytes is of the messages that are held.
	HeldBytes int64 `json:"held_bytes"`
	Failing   bool  `json:"failing"` // it does not take what it is sent
	Removed   bool  `json:"removed"` // by a reload
}

type protocolLedger struct {
	Protocol string `json:"protocol"`
	account
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
	received := make(map[string]int64)
	for _, s := range samples["bridge_spans_received_total"] {
		received[s.labels["protocol"]] += s.value
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
	l.targets(samples, received)
	slices.SortFunc(l.Received, func(a, b receivedSpans) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Format, b.Format), cmp.Compare(a.Transport, b.Transport))
	})
	return l
}

func newAccount() account {
	return account{Exported: map[string]int64{}, Repeated: map[string]int64{}, Dropped: map[string]int64{}, Dead: map[string]int64{}}
}

// targets makes the account of each target: of each protocol, and of all.
func (l *ledger) targets(samples map[string][]sample, received map[string]int64) {
	targets := make(map[string]*targetLedger)
	protocols := make(map[[2]string]*account)
	target := func(name string) *targetLedger {
		if targets[name] == nil {
			targets[name] = &targetLedger{Name: name, account: newAccount(), Removed: true, Protocols: []protocolLedger{}}
		}
		return targets[name]
	}
	of := func(name, protocol string) *account {
		t, k := target(name), [2]string{name, protocol}
		if protocols[k] == nil {
			a := newAccount()
			a.Received = received[protocol]
			t.Received += a.Received
			protocols[k] = &a
		}
		return protocols[k]
	}
	each := func(name string, f func(*account, sample)) {
		for _, s := range samples[name] {
			f(of(s.labels["target"], s.labels["protocol"]), s)
			f(&target(s.labels["target"]).account, s)
		}
	}
	each("bridge_spans_absent_total", func(a *account, s sample) { a.Received -= s.value })
	each("bridge_spans_held", func(a *account, s sample) { a.Held += s.value })
	each("bridge_spans_resumed_total", func(a *account, s sample) { a.Resumed += s.value })
	each("bridge_spans_revived_total", func(a *account, s sample) { a.Revived += s.value })
	each("bridge_export_spans_total", func(a *account, s sample) { a.Exported[s.labels["outcome"]] += s.value })
	each("bridge_spans_repeated_total", func(a *account, s sample) { a.Repeated[s.labels["reason"]] += s.value })
	each("bridge_spans_merged_total", func(a *account, s sample) { a.Merged += s.value })
	each("bridge_spans_suspected_total", func(a *account, s sample) { a.Suspected += s.value })
	each("bridge_spans_dropped_total", func(a *account, s sample) { a.Dropped[s.labels["reason"]] += s.value })
	each("bridge_spans_dead_total", func(a *account, s sample) { a.Dead[s.labels["reason"]] += s.value })
	for _, s := range samples["bridge_queue_bytes"] {
		target(s.labels["target"]).HeldBytes = s.value
	}
	for _, s := range samples["bridge_target_failing"] {
		t := target(s.labels["target"])
		t.Failing, t.Removed = s.value != 0, false
	}
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		// A protocol of which nothing at all is known at the target.
		for protocol := range received {
			of(name, protocol)
		}
		t := targets[name]
		t.settle()
		for k, a := range protocols {
			if k[0] != name {
				continue
			}
			a.settle()
			l.Agree = l.Agree && a.Difference == 0
			if a.in() != 0 || a.out() != 0 {
				t.Protocols = append(t.Protocols, protocolLedger{k[1], *a})
			}
		}
		slices.SortFunc(t.Protocols, func(a, b protocolLedger) int { return cmp.Compare(a.Protocol, b.Protocol) })
		l.Targets = append(l.Targets, *t)
	}
}

// in is every span that was to go to the target, out where they are.
func (a *account) in() int64 { return a.Received + a.Resumed + a.Revived }

func (a *account) out() int64 {
	return total(a.Exported) + total(a.Repeated) + a.Merged + total(a.Dropped) + total(a.Dead) + a.Held
}

func (a *account) settle() { a.Difference = a.in() - a.out() }

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

// Sum says whether the sum agrees, in words.
func (a *account) Sum() string {
	if a.Difference == 0 {
		return "agrees"
	}
	return fmt.Sprintf("DIFFERS by %d", a.Difference)
}

// Sum says whether the sums of all protocols agree.
func (t *targetLedger) Sum() string {
	for i := range t.Protocols {
		if p := &t.Protocols[i]; p.Difference != 0 && t.Difference == 0 {
			return "DIFFERS for " + p.Protocol
		}
	}
	return t.account.Sum()
}

// State is a word for whether the target takes spans.
func (t *targetLedger) State() string {
	switch {
	case t.Removed:
		return "removed"
	case t.Failing:
		return "failing"
	default:
		return "ok"
	}
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

// Delivered is how many spans the target has taken, and of how many nobody knows
// whether it took them twice.
func (a *account) Delivered() string {
	if a.Suspected > 0 {
		return fmt.Sprintf("%d (%d perhaps twice)", a.Exported["delivered"], a.Suspected)
	}
	return strconv.FormatInt(a.Exported["delivered"], 10)
}

// Undelivered is what was exported with another outcome than delivered.
func (a *account) Undelivered() string {
	rest := maps.Clone(a.Exported)
	delete(rest, "delivered")
	return breakdown(rest)
}

// RepeatedBy is what the target had already, by how that is known.
func (a *account) RepeatedBy() string { return breakdown(a.Repeated) }

// DroppedBy is what was dropped, by reason.
func (a *account) DroppedBy() string { return breakdown(a.Dropped) }

// DeadBy is what is dead, by reason: what was sent again and refused anew counts
// twice.
func (a *account) DeadBy() string { return breakdown(a.Dead) }
