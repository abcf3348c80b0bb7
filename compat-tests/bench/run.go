// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/bench/load"
)

// The modes of a run.
const (
	modeClosed = "closed" // every connection sends as soon as it is answered
	modeRate   = "rate"   // a fixed number of spans a second
	modeHalf   = "half"   // half of what it took in the closed loop just before
)

// bench is what all runs have in common.
type bench struct {
	programs
	starter  *starter
	dir      string
	duration time.Duration
	warm     time.Duration // before it is measured
	quiet    time.Duration // for which nothing must come out until what is not there counts as lost
	check    int64         // of so many requests the sink decodes one
	modes    []string
	profiles string // a folder for profiles of bridge
	session  string
	machine  string

	first uint32 // the number of the next request
}

// requests is more than a run sends.
const requests = 1 << 22

func (b *bench) plan(s scene, duration time.Duration, rate float64) load.Plan {
	b.first += requests
	return load.Plan{Connections: s.connections, Rate: rate, Duration: duration, Spans: s.spans, Tags: s.tags, First: b.first}
}

// measure runs a candidate, in each mode that the scene has.
func (b *bench) measure(ctx context.Context, name string, sc scene, c candidate, round int) ([]run, error) {
	s, err := b.open(ctx, sc, c)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if sc.open > 0 {
		if err := b.fill(ctx, s); err != nil {
			return nil, err
		}
	}
	if b.warm > 0 {
		if err := b.warmUp(ctx, s); err != nil {
			return nil, err
		}
	}
	var runs []run
	modes := b.modes
	if sc.fixed {
		modes = []string{modeRate}
	}
	saturation := 0.0 // spans a second
	for _, mode := range modes {
		rate := map[string]float64{modeRate: s.rate, modeHalf: saturation / 2}[mode]
		r, err := b.one(ctx, s, rate, name+" "+c.name+" "+mode)
		if err != nil {
			return runs, err
		}
		if mode == modeClosed {
			saturation = float64(r.Acknowledged) / r.Seconds
		}
		r.Session, r.Machine, r.Pair, r.Candidate, r.Mode, r.Round = b.session, b.machine, name, c.name, mode, round
		runs = append(runs, r)
	}
	return runs, nil
}

func (b *bench) warmUp(ctx context.Context, s *stage) error {
	before, err := s.delivered(ctx)
	if err != nil {
		return err
	}
	report, err := s.send(ctx, b.plan(s.scene, b.warm, s.rate), func() error { return nil })
	if err != nil {
		return err
	}
	_, err = s.drain(ctx, before+report.Acknowledged*int64(s.targets), b.quiet)
	return err
}

// fill sends spans that wait for a parent that does not come.
func (b *bench) fill(ctx context.Context, s *stage) error {
	p := b.plan(s.scene, 0, 0)
	p.Spans, p.Orphans, p.Requests = min(s.open, 1000), true, int64(max(1, s.open/1000))
	if _, err := s.send(ctx, p, func() error { return nil }); err != nil {
		return err
	}
	return s.gateway.await(ctx, overtime, "full", func() error {
		m, err := s.gateway.metrics(ctx, metricWaiting)
		if err == nil && int(m[metricWaiting]) < s.open*s.targets {
			err = fmt.Errorf("%v spans wait, want %d", m[metricWaiting], s.open*s.targets)
		}
		return err
	})
}

// one measures sending at a rate, 0 for a closed loop, and draining.
func (b *bench) one(ctx context.Context, s *stage, rate float64, name string) (r run, err error) {
	ours := s.gateway.admin != ""
	counts, err := s.counts(ctx)
	if err != nil {
		return r, err
	}
	before, err := s.delivered(ctx)
	if err != nil {
		return r, err
	}
	var allocations counter
	if ours {
		if allocations, err = s.gateway.allocations(ctx); err != nil {
			return r, err
		}
	}
	var profile chan error
	var began time.Duration
	report, err := s.send(ctx, b.plan(s.scene, b.duration, rate), func() (err error) {
		if b.profiles != "" && ours {
			profile = make(chan error, 1)
			go func() { profile <- b.profile(ctx, s.gateway, name) }()
		}
		began, err = s.gateway.processorTime()
		return err
	})
	if err != nil {
		return r, err
	}
	sent, err := s.gateway.processorTime()
	if err != nil {
		return r, err
	}
	after, err := s.drain(ctx, before+report.Acknowledged*int64(s.targets), b.quiet)
	if err != nil {
		return r, err
	}
	drained, err := s.gateway.processorTime()
	if err != nil {
		return r, err
	}
	if ours {
		made, err := allocations.since(ctx, s.gateway)
		if err != nil {
			return r, err
		}
		r.Allocations = made / float64(max(1, report.Acknowledged))
	}
	now, err := s.counts(ctx)
	if err != nil {
		return r, err
	}
	if r.PeakMemory, err = s.gateway.peakMemory(); err != nil {
		return r, err
	}
	if profile != nil {
		err = errors.Join(<-profile, b.keep(ctx, s.gateway.admin+"/debug/pprof/allocs", name+" allocations"))
	}
	r.Seconds, r.Sent, r.Acknowledged, r.Refused, r.Fault = report.Seconds, report.Sent, report.Acknowledged, report.Refused, report.Fault
	r.P50, r.P99 = report.P50, report.P99
	r.ProcessorSeconds, r.Share = (drained - began).Seconds(), (sent-began).Seconds()/report.Seconds
	// Each target has them all; what counts is how many spans went the way.
	r.Delivered = (after - before) / int64(s.targets)
	r.BytesOut, r.Checked, r.Faults = now.Bytes-counts.Bytes, now.Checked-counts.Checked, now.Faults-counts.Faults
	if r.Faults > 0 {
		r.Fault = now.Fault
	}
	return r, err
}

// profile keeps what a bridge does while it is measured.
func (b *bench) profile(ctx context.Context, g *gateway, name string) error {
	return b.keep(ctx, fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", g.admin, max(1, int(b.duration.Seconds()))), name)
}

// keep keeps a profile that a bridge gives.
func (b *bench) keep(ctx context.Context, url, name string) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	f, err := os.Create(filepath.Join(b.profiles, fileName(name)+".pprof"))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, answer.Body)
	return errors.Join(err, f.Close())
}
