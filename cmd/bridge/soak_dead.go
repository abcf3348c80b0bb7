// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spanbridge/spanbridge/internal/faultnet"
)

// soakMemory is limits.memory of the bridge whose target is dead. At the limit a
// process may take a tenth more.
const (
	soakMemory     = 256 << 20
	mostSoakMemory = soakMemory + soakMemory/10
)

// phases of a run with a dead target.
const (
	phaseBefore = iota
	phaseDead
	phaseAfter
)

var phaseNames = []string{"before", "dead", "after"}

// ways to be dead, a third of the time each.
var waysToBeDead = []struct {
	name string
	die  func(*soakTarget)
}{
	{"it refuses connections", func(t *soakTarget) {
		t.proxy.Set(faultnet.Faults{Refuse: true})
		t.proxy.Reset()
	}},
	{"it does not answer", func(t *soakTarget) { t.server.Set(faultnet.Manner{Answer: faultnet.Silent}) }},
	{"it answers 503 or UNAVAILABLE", func(t *soakTarget) { t.down() }},
}

// mourn lets one target be dead for a while, in all ways, and does nothing else.
func (k *soak) mourn(ctx context.Context) error {
	dead := k.targets[k.rng.IntN(len(k.targets))]
	k.report.Dead = dead.name
	wait := func(d time.Duration) error {
		sleep(ctx, d)
		return k.bridge.died()
	}
	if err := wait(k.cmd.Duration); err != nil {
		return err
	}
	k.book.enter(phaseDead)
	for _, way := range waysToBeDead {
		k.say("%s: %s", dead.name, way.name)
		dead.good()
		way.die(dead)
		if err := wait(k.cmd.DeadTarget / time.Duration(len(waysToBeDead))); err != nil {
			return err
		}
	}
	dead.good()
	k.book.enter(phaseAfter)
	k.say("%s is back", dead.name)
	return wait(k.cmd.Duration / 2)
}

// delays is how long spans took from their sender to a target, by phase.
type delays struct {
	phase  uint8
	drawn  []drawn // by number
	spread [][]spread
}

type drawn struct {
	at    int64
	phase uint8
}

func newDelays(targets int) *delays {
	d := &delays{drawn: make([]drawn, 1), spread: make([][]spread, targets)}
	for i := range d.spread {
		d.spread[i] = make([]spread, len(phaseNames))
	}
	return d
}

func (d *delays) draw(at time.Time) { d.drawn = append(d.drawn, drawn{at.UnixNano(), d.phase}) }

func (d *delays) arrive(target, number int, at time.Time) {
	x := d.drawn[number]
	d.spread[target][x.phase].add(time.Duration(at.UnixNano() - x.at))
}

// spread counts durations in classes of which each goes a twentieth further than
// the one before.
type spread struct {
	classes [500]int
	n       int
	most    time.Duration
}

const (
	shortest = 50 * time.Microsecond
	step     = 1.05
)

func (s *spread) add(d time.Duration) {
	class := 0
	if d > shortest {
		class = min(int(math.Log(float64(d)/float64(shortest))/math.Log(step))+1, len(s.classes)-1)
	}
	s.classes[class]++
	s.n++
	s.most = max(s.most, d)
}

// quantile is at most a twentieth above the true one.
func (s *spread) quantile(q float64) time.Duration {
	left := int(q * float64(s.n))
	for class, n := range s.classes {
		if left -= n; left < 0 {
			return min(time.Duration(float64(shortest)*math.Pow(step, float64(class))), s.most)
		}
	}
	return s.most
}

// soakDelayRow is how long spans of a phase took to a target, in seconds.
type soakDelayRow struct {
	Target string  `json:"target"`
	Phase  string  `json:"phase"`
	Spans  int     `json:"spans"`
	P50    float64 `json:"p50"`
	P99    float64 `json:"p99"`
	Most   float64 `json:"most"`
}

// soakOutage is the account of a dead target.
type soakOutage struct {
	Delays []soakDelayRow `json:"delays"`
	// Peak is the most memory that the bridge took, of Memory that it was allowed, in
	// bytes; 0 where that is not to be had.
	Peak   int64 `json:"peak"`
	Memory int64 `json:"memory"`
}

func (d *delays) rows(targets []*targetBook) (all []soakDelayRow) {
	for i, t := range targets {
		for p, name := range phaseNames {
			s := &d.spread[i][p]
			all = append(all, soakDelayRow{t.name, name, s.n, s.quantile(0.5).Seconds(), s.quantile(0.99).Seconds(), s.most.Seconds()})
		}
	}
	return all
}

// judgeOutage is nil when the dead target got everything in the end, and the others
// did not wait for it: not ten times as long as before and five seconds, which a busy
// machine may take.
func (r *soakReport) judgeOutage() error {
	var faults []error
	before := make(map[string]float64)
	for _, x := range r.Outage.Delays {
		switch {
		case x.Phase == phaseNames[phaseBefore]:
			before[x.Target] = x.P99
		case x.Phase == phaseNames[phaseDead] && x.Target != r.Dead && x.P99 > 10*before[x.Target]+5:
			faults = append(faults, fmt.Errorf("while %s was dead, spans took %.3f s to %s (p99), and %.3f s before", r.Dead, x.P99, x.Target, before[x.Target]))
		}
	}
	for _, t := range r.Targets {
		if t.Held > 0 {
			faults = append(faults, fmt.Errorf("%s did not get %d spans within the time to settle", t.Target, t.Held))
		}
	}
	if r.Outage.Peak > mostSoakMemory {
		faults = append(faults, fmt.Errorf("the bridge took %d MiB of memory, and may take %d", r.Outage.Peak>>20, mostSoakMemory>>20))
	}
	return errors.Join(faults...)
}

func (r *soakReport) printOutage(out io.Writer) {
	fmt.Fprintf(out, "\nFrom a span's sender to its arrival, by when it was sent; %s was dead:\n\n", r.Dead)
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "TARGET\tSENT\tSPANS\tP50\tP99\tMOST")
	for _, x := range r.Outage.Delays {
		fmt.Fprintf(w, "%s\t%s\t%d\t%.3f s\t%.3f s\t%.3f s\n", x.Target, x.Phase, x.Spans, x.P50, x.P99, x.Most)
	}
	_ = w.Flush()
	if r.Outage.Peak > 0 {
		fmt.Fprintf(out, "\nThe bridge took at most %d MiB of memory; limits.memory was %d MiB.\n", r.Outage.Peak>>20, r.Outage.Memory>>20)
	}
}

// peakMemory is the most memory that a process has taken (VmHWM).
func peakMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return n << 10, err
		}
	}
	return 0, errors.New("no VmHWM in /proc")
}
