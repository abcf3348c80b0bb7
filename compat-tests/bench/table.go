// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
)

// row is one thing to do, and who does it.
type row struct {
	name    string
	entries []entry
}

type entry struct {
	library string
	run     func(*testing.B)
}

// measured are the rounds of one entry.
type measured struct {
	ns            []float64
	bytes, allocs int64
}

func (m *measured) add(r *testing.BenchmarkResult) {
	m.ns = append(m.ns, float64(r.T.Nanoseconds())/float64(r.N))
	m.bytes = max(m.bytes, r.AllocedBytesPerOp())
	m.allocs = max(m.allocs, r.AllocsPerOp())
}

// spread is the median, the lowest and the highest time.
func (m *measured) spread() (median, lowest, highest float64) {
	slices.Sort(m.ns)
	n := len(m.ns)
	return (m.ns[(n-1)/2] + m.ns[n/2]) / 2, m.ns[0], m.ns[n-1]
}

// print shows what an operation took, and how many times as long as the first
// library of its row, by medians.
func print(w io.Writer, rows []row, results [][]measured, rounds int, markdown bool) {
	head, line := "%-34s %-24s %9s %19s %7s %7s %7s\n", "%-34s %-24s %9.0f %9.0f – %7.0f %7d %7d %6.1f×\n"
	if markdown {
		head, line = "| %s | %s | %s | %s | %s | %s | %s |\n", "| %s | %s | %.0f | %.0f – %.0f | %d | %d | %.1f× |\n"
	}
	fmt.Fprintf(w, "%s, %s/%s, %d processors, %d rounds by turns; ns for an operation\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), rounds)
	fmt.Fprintf(w, head, "operation", "library", "median", "lowest – highest", "bytes", "allocs", "ratio")
	if markdown {
		fmt.Fprint(w, "|---|---|--:|--:|--:|--:|--:|\n")
	}
	for i, r := range rows {
		first, _, _ := results[i][0].spread()
		name := r.name
		for j, e := range r.entries {
			m := &results[i][j]
			median, lowest, highest := m.spread()
			fmt.Fprintf(w, line, name, e.library, median, lowest, highest, m.bytes, m.allocs, median/first)
			name = ""
		}
	}
}
