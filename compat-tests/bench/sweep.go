// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spanbridge/spanbridge/compat-tests/bench/traffic"
)

// sweep is one quantity, and what a bridge costs at values of it.
type sweep struct {
	name, about string
	points      []point
}

// point is a value of the quantity.
type point struct {
	label string
	scene
	candidate
}

// held keeps spans in the window for longer than a run takes, and has room for them.
const held = `    window: {hold: 10m, max_spans: 4000000, max_bytes: 4GiB, max_remembered: 4000000}
    queue: {max_bytes: 12GiB}
`

// parcels lets this many spans go in one request to the target.
const parcels = "    batch: {spans: %d, bytes: 64MiB}\n"

func sweeps() []sweep {
	vary := func(encoding, target string, values []int, set func(*scene, int) bridgeOptions) (points []point) {
		for _, n := range values {
			s := way(encoding, target)
			o := set(&s, n)
			label := fmt.Sprint(n)
			points = append(points, point{label, s, bridge(label, o)})
		}
		return points
	}
	return []sweep{
		{"spans", "spans of a request, Zipkin to Zipkin", vary(traffic.ZipkinJSON, targetZipkin, []int{1, 3, 10, 30, 100, 300, 1000},
			func(s *scene, n int) bridgeOptions { s.spans = n; return bridgeOptions{} })},
		{"tags", "tags of a span, Zipkin to Zipkin", vary(traffic.ZipkinJSON, targetZipkin, []int{1, 3, 6, 12, 25, 50},
			func(s *scene, n int) bridgeOptions { s.tags = n; return bridgeOptions{} })},
		{"targets", "Zipkin targets that all get every span, Zipkin in", vary(traffic.ZipkinJSON, targetZipkin, []int{1, 2, 3, 4},
			func(s *scene, n int) bridgeOptions { s.targets = n; return bridgeOptions{targets: n} })},
		{"connections", "connections of clients, Zipkin to Zipkin", vary(traffic.ZipkinJSON, targetZipkin, []int{1, 4, 16, 64, 256},
			func(s *scene, n int) bridgeOptions { s.connections = n; return bridgeOptions{} })},
		{"open", "traces that wait in the window meanwhile, Zipkin to OTLP", vary(traffic.ZipkinJSON, targetOTLP, []int{1_000, 10_000, 100_000, 1_000_000},
			func(s *scene, n int) bridgeOptions { s.open = n; return bridgeOptions{more: held} })},
		{"requests", "requests to the target that may be on their way at once, Zipkin to Zipkin", vary(traffic.ZipkinJSON, targetZipkin, []int{1, 2, 4, 8},
			func(_ *scene, n int) bridgeOptions {
				return bridgeOptions{more: fmt.Sprintf("    connections: %d\n", n)}
			})},
		{"parcels", "spans of a request to the target, Zipkin to Zipkin", vary(traffic.ZipkinJSON, targetZipkin, parcelSizes, parceled)},
		{"parcels-grpc", "spans of a request to the target, OTLP gRPC to OTLP gRPC", vary(traffic.OTLP, targetOTLP, parcelSizes, parceled)},
	}
}

// sweepNames are the names of all.
func sweepNames() string {
	var names []string
	for _, s := range sweeps() {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

var parcelSizes = []int{100, 300, 1000, 3000, 10_000}

func parceled(_ *scene, n int) bridgeOptions {
	return bridgeOptions{more: fmt.Sprintf(parcels, n)}
}

// key is the name under which runs of a sweep are kept.
func (s *sweep) key() string { return "sweep " + s.name }

// printSweeps prints a table for each sweep that has runs.
func printSweeps(out io.Writer, all []sweep, runs []run, markdown bool) {
	t := &table{out: out, markdown: markdown, left: 1}
	for _, s := range all {
		t.row(s.name, "CPU-s per million spans", "× the first", "spans/s", "p99 ms", "peak MiB", "allocations/span", "lost", "refused")
		of := func(label string) (some []run) {
			for _, r := range runs {
				if r.Pair == s.key() && r.Candidate == label {
					some = append(some, r)
				}
			}
			return some
		}
		first := of(s.points[0].label)
		for _, p := range s.points {
			mine := of(p.label)
			if len(mine) == 0 {
				continue
			}
			t.row(p.label, spread(collect(mine, (*run).cost), "%.2f"), spread(against(mine, first, (*run).cost), "%.2f"),
				middle(mine, "%.0f k", (*run).thousands), middle(mine, "%.2f", (*run).p99), middle(mine, "%.0f", (*run).mebibytes),
				middle(mine, "%.2f", (*run).objects), fmt.Sprint(sum(mine, (*run).lost)), fmt.Sprint(sum(mine, (*run).refused)))
		}
		if len(t.rows) == 1 {
			t.rows = nil
			continue
		}
		if markdown {
			fmt.Fprintf(out, "\n### %s\n\nBy %s.\n\n", s.name, s.about)
		} else {
			fmt.Fprintf(out, "\nby %s\n\n", s.about)
		}
		t.print()
		printFaults(out, s.key(), runs)
	}
}
