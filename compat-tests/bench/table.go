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
	left     int // how many columns are of words
	rows     [][]string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print() {
	if t.markdown {
		for i, cells := range t.rows {
			fmt.Fprintf(t.out, "| %s |\n", strings.Join(cells, " | "))
			if i == 0 {
				fmt.Fprintln(t.out, "|"+strings.Repeat("---|", t.left)+strings.Repeat("--:|", len(cells)-t.left))
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

func median(of []float64) float64 {
	of = slices.Sorted(slices.Values(of))
	n := len(of)
	return (of[(n-1)/2] + of[n/2]) / 2
}

// spread is the median, and the lowest and the highest where there are some.
func spread(of []float64, format string) string {
	switch len(of) {
	case 0:
		return "–"
	case 1:
		return fmt.Sprintf(format, of[0])
	}
	return fmt.Sprintf(format+" ("+format+"–"+format+")", median(of), slices.Min(of), slices.Max(of))
}

// middle is the median of a number of each run.
func middle(runs []run, format string, of func(*run) float64) string {
	return fmt.Sprintf(format, median(collect(runs, of)))
}

// Numbers of a run for tables.
func (r *run) thousands() float64 { return float64(r.Acknowledged) / r.Seconds / 1000 }
func (r *run) mebibytes() float64 { return float64(r.PeakMemory) / (1 << 20) }
func (r *run) p50() float64       { return r.P50 }
func (r *run) p99() float64       { return r.P99 }
func (r *run) objects() float64   { return r.Allocations }
func (r *run) accepted() int64    { return r.Acknowledged }
func (r *run) refused() int64     { return r.Refused }

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

// against are the ratios of a number to that of others in the same round, so that
// what disturbed the machine meanwhile hit both.
func against(runs, others []run, of func(*run) float64) (ratios []float64) {
	for i := range runs {
		for j := range others {
			if others[j].Round == runs[i].Round && of(&others[j]) > 0 {
				ratios = append(ratios, of(&runs[i])/of(&others[j]))
			}
		}
	}
	return ratios
}

// printPairs prints a table for each pair that has runs, and the machine.
func printPairs(out io.Writer, all []pair, runs []run, markdown bool) {
	printMachines(out, runs)
	printSummary(&table{out: out, markdown: markdown, left: 1}, all, runs)
	t := &table{out: out, markdown: markdown, left: 2}
	for i := range all {
		p := &all[i]
		of := func(c *candidate, mode string) []run { return p.runsOf(runs, c, mode) }
		lowest, _, rival := p.chief()
		other := nameCollector
		if rival != nil && rival.optional {
			other = rival.name
		}
		t.row("candidate", "mode", "CPU-s per million spans", "× pass-through", "× "+other, "spans/s", "p50 ms", "p99 ms", "peak MiB", "allocations/span", "acknowledged", "lost", "refused")
		for _, mode := range []string{modeClosed, modeHalf, modeRate} {
			for j := range p.candidates {
				c := &p.candidates[j]
				mine := of(c, mode)
				if len(mine) == 0 {
					continue
				}
				ratio := func(to *candidate) string {
					if to == nil || to == c || to == rival && (c.limit || c.reference) {
						return "–"
					}
					return spread(against(mine, of(to, mode), (*run).cost), "%.2f")
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

// runsOf are those of a candidate in a mode.
func (p *pair) runsOf(runs []run, c *candidate, mode string) (some []run) {
	for _, r := range runs {
		if c != nil && r.Pair == p.name && r.Candidate == c.name && r.Mode == mode {
			some = append(some, r)
		}
	}
	return some
}

// details are the cells behind the costs.
func (p *pair) details(mine []run) []string {
	p50, p99 := "–", "–" // datagrams are not answered
	if !p.fixed {
		p50, p99 = middle(mine, "%.2f", (*run).p50), middle(mine, "%.2f", (*run).p99)
	}
	allocations := "–"
	if slices.Max(collect(mine, (*run).objects)) > 0 {
		allocations = middle(mine, "%.2f", (*run).objects)
	}
	acknowledged, lost := sum(mine, (*run).accepted), sum(mine, (*run).lost)
	share := fmt.Sprint(lost)
	if lost > 0 {
		share += fmt.Sprintf(" (%.2f %%)", 100*float64(lost)/float64(acknowledged))
	}
	return []string{
		middle(mine, "%.0f k", (*run).thousands), p50, p99, middle(mine, "%.0f", (*run).mebibytes), allocations,
		fmt.Sprint(acknowledged), share, fmt.Sprint(sum(mine, (*run).refused)),
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
