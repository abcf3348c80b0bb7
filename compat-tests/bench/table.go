// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// table prints rows in columns, for a terminal or for a page.
type table struct {
	out      io.Writer
	markdown bool
	rows     [][]string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print() {
	if t.markdown {
		for i, cells := range t.rows {
			fmt.Fprintf(t.out, "| %s |\n", strings.Join(cells, " | "))
			if i == 0 {
				fmt.Fprintln(t.out, "|"+"---|"+strings.Repeat("--:|", len(cells)-1))
			}
		}
	} else {
		w := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
		for _, cells := range t.rows {
			fmt.Fprintln(w, strings.Join(cells, "\t"))
		}
		_ = w.Flush()
	}
	t.rows = nil
}

// spread is the median, and the lowest and the highest where there are some.
func spread(of []float64, format string) string {
	if len(of) == 0 {
		return "–"
	}
	of = slices.Sorted(slices.Values(of))
	n := len(of)
	text := fmt.Sprintf(format, (of[(n-1)/2]+of[n/2])/2)
	if n > 1 {
		text += fmt.Sprintf(" ("+format+"–"+format+")", of[0], of[n-1])
	}
	return text
}

// collect is a number of each run.
func collect(runs []run, of func(*run) float64) (all []float64) {
	for i := range runs {
		all = append(all, of(&runs[i]))
	}
	return all
}

func sum(runs []run, of func(*run) int64) (n int64) {
	for i := range runs {
		n += of(&runs[i])
	}
	return n
}

// against are the ratios of costs to those of others in the same round, so that
// what disturbed the machine meanwhile hit both.
func against(runs, others []run) (ratios []float64) {
	for i := range runs {
		for j := range others {
			if others[j].Round == runs[i].Round && others[j].cost() > 0 {
				ratios = append(ratios, runs[i].cost()/others[j].cost())
			}
		}
	}
	return ratios
}

// printPairs prints a table for each pair that has runs, and the machine.
func printPairs(out io.Writer, all []pair, runs []run, markdown bool) {
	printMachines(out, runs)
	t := &table{out: out, markdown: markdown}
	for i := range all {
		p := &all[i]
		of := func(c *candidate, mode string) (some []run) {
			for _, r := range runs {
				if c != nil && r.Pair == p.name && r.Candidate == c.name && r.Mode == mode {
					some = append(some, r)
				}
			}
			return some
		}
		var lowest, rival *candidate
		for j := range p.candidates {
			c := &p.candidates[j]
			if c.limit && lowest == nil {
				lowest = c
			}
			if c.collector && rival == nil {
				rival = c
			}
		}
		t.row("candidate", "mode", "CPU-s per million spans", "× pass-through", "× otelcol", "spans/s", "p50 ms", "p99 ms", "peak MiB", "allocations/span", "acknowledged", "lost", "refused")
		for _, mode := range []string{modeClosed, modeRate} {
			for j := range p.candidates {
				c := &p.candidates[j]
				mine := of(c, mode)
				if len(mine) == 0 {
					continue
				}
				ratio := func(to *candidate) string {
					if to == nil || to == c {
						return "–"
					}
					return spread(against(mine, of(to, mode)), "%.2f")
				}
				cells := []string{c.name, mode, spread(collect(mine, (*run).cost), "%.2f"), ratio(lowest), ratio(rival)}
				t.row(append(cells, p.details(mine)...)...)
			}
		}
		if len(t.rows) == 1 {
			t.rows = nil
			continue
		}
		if markdown {
			fmt.Fprintf(out, "\n### %s\n\n%s.\n\n", p.name, p.about)
		} else {
			fmt.Fprintf(out, "\n%s: %s\n\n", p.name, p.about)
		}
		t.print()
		printFaults(out, p.name, runs)
	}
}

// details are the cells behind the costs.
func (p *pair) details(mine []run) []string {
	p50, p99 := "–", "–" // datagrams are not answered
	if !p.fixed {
		p50 = spread(collect(mine, func(r *run) float64 { return r.P50 }), "%.2f")
		p99 = spread(collect(mine, func(r *run) float64 { return r.P99 }), "%.2f")
	}
	allocations := "–"
	if some := collect(mine, func(r *run) float64 { return r.Allocations }); slices.Max(some) > 0 {
		allocations = spread(some, "%.2f")
	}
	acknowledged := sum(mine, func(r *run) int64 { return r.Acknowledged })
	lost := sum(mine, (*run).lost)
	share := fmt.Sprint(lost)
	if lost > 0 {
		share += fmt.Sprintf(" (%.2f %%)", 100*float64(lost)/float64(acknowledged))
	}
	return []string{
		spread(collect(mine, func(r *run) float64 { return float64(r.Acknowledged) / r.Seconds / 1000 }), "%.0f") + " k",
		p50, p99,
		spread(collect(mine, func(r *run) float64 { return float64(r.PeakMemory) / (1 << 20) }), "%.0f"),
		allocations, fmt.Sprint(acknowledged), share, fmt.Sprint(sum(mine, func(r *run) int64 { return r.Refused })),
	}
}

func printMachines(out io.Writer, runs []run) {
	var seen []string
	for _, r := range runs {
		if !slices.Contains(seen, r.Machine) {
			seen = append(seen, r.Machine)
		}
	}
	for _, m := range seen {
		fmt.Fprintln(out, m)
	}
}

func printFaults(out io.Writer, pair string, runs []run) {
	for _, r := range runs {
		if r.Pair == pair && r.Fault != "" {
			fmt.Fprintf(out, "\n%s, %s, round %d: %d of %d decoded requests differ; last error: %s\n", r.Candidate, r.Mode, r.Round, r.Faults, r.Checked, r.Fault)
		}
	}
}
