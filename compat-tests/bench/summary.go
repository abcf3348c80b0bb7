// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"cmp"
	"fmt"
)

// chief are the first limit, bridge and the first of other gateways.
func (p *pair) chief() (lowest, ours, rival *candidate) {
	for i := range p.candidates {
		switch c := &p.candidates[i]; {
		case c.reference:
		case c.limit:
			lowest = cmp.Or(lowest, c)
		case c.rival:
			rival = cmp.Or(rival, c)
		default:
			ours = cmp.Or(ours, c)
		}
	}
	return lowest, ours, rival
}

// rivals heads the column of the other gateway.
const rivals = nameCollector + "; between SkyWalking's " + nameSatellite

// printSummary prints a line for each pair, of the closed loop where there is one.
func printSummary(t *table, all []pair, runs []run) {
	t.row("pair", "pass-through", "bridge", rivals, "bridge × pass-through", "bridge × that")
	for i := range all {
		p := &all[i]
		mode := modeClosed
		if p.fixed {
			mode = modeRate
		}
		lowest, ours, rival := p.chief()
		limits, mine, theirs := p.runsOf(runs, lowest, mode), p.runsOf(runs, ours, mode), p.runsOf(runs, rival, mode)
		if len(mine) == 0 {
			continue
		}
		cost := func(of []run) string { return spread(collect(of, (*run).cost), "%.2f") }
		t.row(p.name, cost(limits), cost(mine), cost(theirs), spread(against(mine, limits, (*run).cost), "%.2f"), spread(against(mine, theirs, (*run).cost), "%.2f"))
	}
	t.summary("CPU-s per million spans")
	printLatency(t, all, runs)
}

// printLatency prints how long acknowledgements take where there is as much again to
// spare.
func printLatency(t *table, all []pair, runs []run) {
	t.row("pair", "pass-through", "bridge", rivals, "bridge × pass-through", "bridge × that")
	for i := range all {
		p := &all[i]
		lowest, ours, rival := p.chief()
		limits, mine, theirs := p.runsOf(runs, lowest, modeHalf), p.runsOf(runs, ours, modeHalf), p.runsOf(runs, rival, modeHalf)
		if len(mine) == 0 {
			continue
		}
		ms := func(of []run) string { return spread(collect(of, (*run).p99), "%.1f") }
		ratio := func(to []run) string { return spread(against(mine, to, (*run).p99), "%.2f") }
		t.row(p.name, ms(limits), ms(mine), ms(theirs), ratio(limits), ratio(theirs))
	}
	t.summary("p99 of the acknowledgement in ms, each at half the rate that it took closed")
}

// summary prints rows under a headline. One pair has its own table.
func (t *table) summary(headline string) {
	if len(t.rows) > 2 {
		fmt.Fprintf(t.out, "\n%s:\n\n", headline)
		t.print()
	}
	t.rows = nil
}
