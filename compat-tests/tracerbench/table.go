// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
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
	ns, cpu       []float64
	bytes, allocs int64
}

// cpuMetric is the processor time of an operation, of all threads: a noisy
// neighbour does not count, and collecting the garbage does.
const cpuMetric = "cpu-ns/op"

func withCPU(run func(*testing.B)) func(*testing.B) {
	return func(b *testing.B) {
		start := cpuTime()
		run(b)
		b.ReportMetric(float64(cpuTime()-start)/float64(b.N), cpuMetric)
	}
}

// cpuTime is the processor time of this process so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (m *measured) add(r *testing.BenchmarkResult) {
	m.ns = append(m.ns, float64(r.T.Nanoseconds())/float64(r.N))
	m.cpu = append(m.cpu, r.Extra[cpuMetric])
	m.bytes = max(m.bytes, r.AllocedBytesPerOp())
	m.allocs = max(m.allocs, r.AllocsPerOp())
}

// spread is the median, the lowest and the highest of the rounds.
func spread(of []float64) (median, lowest, highest float64) {
	of = slices.Sorted(slices.Values(of))
	n := len(of)
	return (of[(n-1)/2] + of[n/2]) / 2, of[0], of[n-1]
}

// print shows what an operation took, and how many times the processor time of
// the first library of its row, by medians.
func print(w io.Writer, rows []row, results [][]measured, rounds int, markdown bool) {
	head, line := "%-34s %-22s %7s %15s %8s %17s %6s %6s %6s\n", "%-34s %-22s %7.0f %6.0f – %6.0f %8.0f %7.0f – %7.0f %6d %6d %5.1f×\n"
	if markdown {
		head, line = "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", "| %s | %s | %.0f | %.0f – %.0f | %.0f | %.0f – %.0f | %d | %d | %.1f× |\n"
	}
	fmt.Fprintf(w, "%s, %s/%s, %d processors, %d rounds by turns; ns for an operation\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), rounds)
	fmt.Fprintf(w, head, "operation", "library", "CPU", "lowest–highest", "time", "lowest–highest", "bytes", "allocs", "ratio")
	if markdown {
		fmt.Fprint(w, "|---|---|--:|--:|--:|--:|--:|--:|--:|\n")
	}
	for i, r := range rows {
		first, _, _ := spread(results[i][0].cpu)
		name := r.name
		for j, e := range r.entries {
			m := &results[i][j]
			cpu, cpuLow, cpuHigh := spread(m.cpu)
			ns, low, high := spread(m.ns)
			fmt.Fprintf(w, line, name, e.library, cpu, cpuLow, cpuHigh, ns, low, high, m.bytes, m.allocs, cpu/first)
			name = ""
		}
	}
}
