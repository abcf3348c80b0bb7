// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	var err error
	if role := os.Getenv(roleVariable); role != "" {
		err = play(role, os.Getenv(planVariable))
	} else {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = command(ctx, os.Args[1:], os.Stdout)
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	pair, only      string
	sweep           string
	rounds          int
	duration, warm  time.Duration
	modes           string
	markdown, table bool
	results, dir    string
	profiles        string
	satellite       string
	check           int64
}

func command(ctx context.Context, arguments []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.pair, "pair", "", "the pairs to measure: a regular expression, with - for arrows and spaces")
	flags.StringVar(&o.only, "only", "", "the candidates to measure: a regular expression")
	flags.StringVar(&o.sweep, "sweep", "", "instead of pairs, bridge alone by "+sweepNames()+"; several with commas")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds, each with all candidates by turns")
	flags.DurationVar(&o.duration, "duration", 5*time.Second, "how long each of them is sent to")
	flags.DurationVar(&o.warm, "warm", 2*time.Second, "how long before it is measured")
	flags.StringVar(&o.modes, "modes", "closed,half", "closed, rate (a fixed number of spans a second) and half (of what was taken closed), with commas")
	flags.BoolVar(&o.markdown, "markdown", false, "print tables for docs/performance.md")
	flags.BoolVar(&o.table, "table", false, "measure nothing: print the tables of the last results")
	flags.StringVar(&o.results, "results", "results.jsonl", "the file that all runs are appended to")
	flags.StringVar(&o.dir, "dir", "", "a folder on the disk that is measured; the cache of the tests when not set")
	flags.StringVar(&o.profiles, "profiles", "", "a folder for profiles of bridge, of the processor and of allocations, for each run; they cost time themselves")
	flags.StringVar(&o.satellite, "satellite", "", "the program of SkyWalking Satellite, to have it take part; nobody builds it here")
	flags.Int64Var(&o.check, "check", 200, "the backend decodes one request of so many; 0: none")
	if err := flags.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	chosen, err := choose(o)
	if err != nil {
		return err
	}
	if o.table {
		runs, err := lastRuns(o.results)
		if err != nil {
			return err
		}
		chosen.print(out, runs, o.markdown)
		return nil
	}
	b, done, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer done()
	runs, err := chosen.measure(ctx, b, o)
	if len(runs) > 0 {
		chosen.print(out, runs, o.markdown)
	}
	return err
}

// newBench builds bridge and makes a folder, which done removes.
func newBench(ctx context.Context, o options) (b *bench, done func(), err error) {
	if o.dir == "" {
		if o.dir, err = cacheDirectory(); err != nil {
			return nil, nil, err
		}
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return nil, nil, err
	}
	if o.profiles != "" {
		if err := os.MkdirAll(o.profiles, 0o755); err != nil {
			return nil, nil, err
		}
	}
	dir, err := os.MkdirTemp(o.dir, "bench-")
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = os.RemoveAll(dir) }
	b = &bench{
		dir: dir, duration: o.duration, warm: o.warm, quiet: 3 * time.Second, check: o.check, profiles: o.profiles,
		modes: strings.Split(o.modes, ","), session: time.Now().UTC().Format(time.RFC3339), machine: describe(dir),
	}
	for _, mode := range b.modes {
		if mode != modeClosed && mode != modeRate && mode != modeHalf || mode == modeHalf && b.modes[0] != modeClosed {
			done()
			return nil, nil, fmt.Errorf("-modes %s, want %s, %s or %s, the last one after the first", o.modes, modeClosed, modeRate, modeHalf)
		}
	}
	b.starter, err = newStarter(ctx)
	if err == nil && o.satellite != "" {
		b.satellite, err = filepath.Abs(o.satellite)
	}
	if err == nil {
		b.bridge, err = buildBridge(ctx, dir)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	once := sync.OnceValues(func() (string, error) { return buildCollector(ctx) })
	b.collector = func(context.Context) (string, error) { return once() }
	return b, done, nil
}

// turn is what is measured once in each round.
type turn struct {
	name string
	scene
	candidate
}

// choice is what the flags ask for.
type choice struct {
	pairs  []pair
	sweeps []sweep
	turns  [][]turn // by pair or sweep
}

func choose(o options) (c choice, err error) {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return c, fmt.Errorf("-only: %w", err)
	}
	which, err := regexp.Compile(o.pair)
	if err != nil {
		return c, fmt.Errorf("-pair: %w", err)
	}
	if o.sweep != "" {
		for name := range strings.SplitSeq(o.sweep, ",") {
			found := false
			for _, s := range sweeps() {
				if s.name != name {
					continue
				}
				found = true
				var turns []turn
				for _, p := range s.points {
					turns = append(turns, turn{s.key(), p.scene, p.candidate})
				}
				c.sweeps, c.turns = append(c.sweeps, s), append(c.turns, turns)
			}
			if !found {
				return c, fmt.Errorf("-sweep %s, want %s", name, sweepNames())
			}
		}
		return c, nil
	}
	for _, p := range pairs() {
		if !which.MatchString(p.name) && !which.MatchString(p.key()) {
			continue
		}
		var turns []turn
		for _, candidate := range p.candidates {
			if only.MatchString(candidate.name) && (o.satellite != "" || !candidate.optional) {
				turns = append(turns, turn{p.name, p.scene, candidate})
			}
		}
		c.pairs, c.turns = append(c.pairs, p), append(c.turns, turns)
	}
	if len(c.pairs) == 0 {
		return c, fmt.Errorf("-pair %s: there is none like that", o.pair)
	}
	return c, nil
}

// measure goes through pairs, through rounds and through candidates by turns, so
// that a noisy neighbour hits them alike. What fails does not end the others.
func (c *choice) measure(ctx context.Context, b *bench, o options) (all []run, err error) {
	results, err := filepath.Abs(o.results)
	if err != nil {
		return nil, err
	}
	if len(c.sweeps) > 0 {
		b.modes = []string{modeClosed}
	}
	var failed []error
	for _, turns := range c.turns {
		for round := range o.rounds {
			for i := range turns {
				t := &turns[(i+round)%len(turns)] // nobody is always the first
				runs, err := b.measure(ctx, t.name, t.scene, t.candidate, round+1)
				if ctx.Err() != nil {
					return all, errors.Join(append(failed, context.Cause(ctx))...)
				}
				if err != nil {
					failed = append(failed, fmt.Errorf("%s, %s, round %d: %w", t.name, t.candidate.name, round+1, err))
				}
				for _, r := range runs {
					fmt.Fprintf(os.Stderr, "%s, %s, %s, round %d: %.2f CPU-s per million spans, %d lost\n", r.Pair, r.Candidate, r.Mode, r.Round, r.cost(), r.lost())
				}
				if err := appendRuns(results, runs); err != nil {
					return all, err
				}
				all = append(all, runs...)
			}
		}
	}
	return all, errors.Join(failed...)
}

func (c *choice) print(out io.Writer, runs []run, markdown bool) {
	if len(c.sweeps) > 0 {
		printMachines(out, runs)
		printSweeps(out, c.sweeps, runs, markdown)
		return
	}
	printPairs(out, c.pairs, runs, markdown)
}
