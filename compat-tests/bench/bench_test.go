// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestPairs runs bridge in every pair, each pass-through once, and the sweeps that
// have settings of their own, for a moment: everything is acknowledged, delivered
// and decoded, so that whoever measures finds it whole. Nothing is said about how
// long it takes.
func TestPairs(t *testing.T) {
	b, done, err := newBench(t.Context(), options{dir: t.TempDir(), duration: 20 * time.Millisecond, modes: modeRate, check: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	b.quiet = time.Minute
	var runs []run
	try := func(name string, s scene, c candidate) {
		t.Helper()
		s.rate, s.connections = 10_000, 2 // datagrams must fit into the socket's buffer
		got, err := b.measure(t.Context(), name, s, c, 1)
		if err != nil {
			t.Fatalf("%s, %s: %v", name, c.name, err)
		}
		for _, r := range got {
			if r.Sent == 0 || r.Acknowledged != r.Sent || r.Delivered != r.Sent || r.Refused != 0 || r.Faults != 0 || r.Fault != "" {
				t.Errorf("%s, %s: %+v", name, c.name, r)
			}
			if r.Checked == 0 && s.target != "" || r.ProcessorSeconds <= 0 || r.PeakMemory <= 0 {
				t.Errorf("%s, %s is not measured: %+v", name, c.name, r)
			}
		}
		runs = append(runs, got...)
	}
	seen := make(map[string]bool)
	for _, p := range pairs() {
		for _, c := range p.candidates {
			pass := c.limit || c.reference
			if !c.rival && (!pass || !seen[c.name]) {
				try(p.name, p.scene, c)
			}
			seen[c.name] = true
		}
	}
	for _, s := range sweeps() {
		if p := s.points[1]; p.open > 0 || p.targets > 1 {
			try(s.key(), p.scene, p.candidate)
		}
	}
	if t.Failed() {
		return
	}
	file := filepath.Join(t.TempDir(), "results.jsonl")
	if err := appendRuns(file, runs); err != nil {
		t.Fatal(err)
	}
	read, err := lastRuns(file)
	if err != nil || len(read) != len(runs) {
		t.Fatalf("%d of %d runs are read again, %v", len(read), len(runs), err)
	}
	for _, markdown := range []bool{false, true} {
		var out bytes.Buffer
		printPairs(&out, pairs(), read, markdown)
		printSweeps(&out, sweeps(), read, markdown)
		for _, r := range runs {
			if !strings.Contains(out.String(), r.Candidate) {
				t.Errorf("the tables are without %s of %s", r.Candidate, r.Pair)
			}
		}
	}
}

func TestTable(t *testing.T) {
	p := pairs()[0]
	var runs []run
	for round, cost := range []float64{2, 3, 4} {
		for i, c := range p.candidates {
			runs = append(runs, run{
				Pair: p.name, Candidate: c.name, Mode: modeClosed, Round: round + 1, Seconds: 1,
				ProcessorSeconds: cost * float64(i+1), Sent: 1_000_000, Acknowledged: 1_000_000, Delivered: 1_000_000,
			})
		}
	}
	// Half of what the last one acknowledged has not arrived.
	runs[len(runs)-1].Delivered = 500_000
	var out bytes.Buffer
	printPairs(&out, []pair{p}, runs, true)
	for _, want := range []string{
		"| pass-through http | closed | 3.00 (2.00–4.00) | – | – |",
		"| bridge | closed | 9.00 (6.00–12.00) | 3.00 (3.00–3.00) | 0.75 (0.38–0.75) |",
		"| otelcol | closed | 12.00 (8.00–32.00) | 4.00 (4.00–8.00) | – |",
		"| 3000000 | 500000 (16.67 %) | 0 |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s\nis without %s", out.String(), want)
		}
	}
}

func TestChoose(t *testing.T) {
	f := func(o options, want int) {
		t.Helper()
		c, err := choose(o)
		if n := len(c.pairs) + len(c.sweeps); err != nil && want > 0 || n != want {
			t.Errorf("%+v: %d chosen, want %d, %v", o, n, want, err)
		}
	}
	f(options{}, len(pairs()))
	f(options{pair: "^zipkin-zipkin"}, 2)
	f(options{pair: "zipkin→zipkin memory"}, 1)
	f(options{pair: "kafka"}, 0)
	f(options{sweep: "spans,open"}, 2)
	f(options{sweep: "spam"}, 0)
	for _, program := range []string{"", "satellite"} {
		c, err := choose(options{pair: "skywalking-skywalking$", only: nameSatellite, satellite: program})
		if want := len(program) > 0; err != nil || (len(c.turns[0]) == 1) != want {
			t.Errorf("-satellite %q: %v, %v", program, c.turns, err)
		}
	}
}
