// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"testing"
	"time"
)

func main() {
	if os.Getenv(serverVariable) != "" {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, "tracerbench: server:", err)
			os.Exit(1)
		}
		return
	}
	testing.Init()
	rounds := flag.Int("rounds", 6, "how often each benchmark runs")
	length := flag.Duration("time", 200*time.Millisecond, "how long each benchmark runs in a round")
	only := flag.String("row", "", "a pattern of the rows to run, all by default")
	markdown := flag.Bool("markdown", false, "print the table as Markdown")
	flag.Parse()
	if err := run(*rounds, *length, *only, *markdown); err != nil {
		fmt.Fprintln(os.Stderr, "tracerbench:", err)
		os.Exit(1)
	}
}

func run(rounds int, length time.Duration, only string, markdown bool) error {
	if rounds < 1 {
		return fmt.Errorf("-rounds: %d, want 1 or more", rounds)
	}
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-row: %w", err)
	}
	if err := flag.Set("test.benchtime", length.String()); err != nil {
		return err
	}
	b, err := startBackend()
	if err != nil {
		return err
	}
	defer func() { _ = b.stop() }()
	var rows []row
	for _, r := range append(allRows(), reportRows(b)...) {
		if pattern.MatchString(r.name) {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("-row: no row fits %q", only)
	}
	// The heap of a small service: with none at all the collector runs thousands
	// of times a second, and what is measured is the collector.
	heap := make([]byte, 64<<20)
	defer runtime.KeepAlive(heap)
	results := make([][]measured, len(rows))
	for i, r := range rows {
		results[i] = make([]measured, len(r.entries))
	}
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, rounds)
		for i, r := range rows {
			for j, e := range r.entries {
				res := testing.Benchmark(withCPU(e.run))
				if res.N == 0 {
					return fmt.Errorf("%s of %s failed", r.name, e.library)
				}
				results[i][j].add(&res)
			}
		}
	}
	print(os.Stdout, rows, results, rounds, markdown)
	return nil
}
