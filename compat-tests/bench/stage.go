// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/bench/load"
	"github.com/spanbridge/spanbridge/compat-tests/bench/sink"
	"github.com/spanbridge/spanbridge/compat-tests/bench/traffic"
)

// programs are what is built.
type programs struct {
	bridge    string
	collector func(context.Context) (string, error)
	satellite string
}

// stage is where a gateway runs: a folder, and a sink behind it.
type stage struct {
	scene
	byGRPC   bool // clients speak gRPC
	programs *programs
	starter  *starter
	dir      string
	sink     addresses

	backend *part
	gateway *gateway
}

// open starts the sink and the gateway.
func (b *bench) open(ctx context.Context, sc scene, c candidate) (s *stage, err error) {
	s = &stage{scene: sc, programs: &b.programs, starter: b.starter}
	s.byGRPC = sc.encoding == traffic.JaegerGRPC || sc.encoding == traffic.SkyWalking || sc.encoding == traffic.OTLP
	if s.dir, err = os.MkdirTemp(b.dir, "run-"); err != nil {
		return nil, err
	}
	s.backend, err = b.starter.startRole(loadCore, filepath.Join(s.dir, "sink.log"), roleSink, b.check, &s.sink)
	if err == nil {
		s.gateway, err = c.start(ctx, s)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) close() {
	if s.gateway != nil {
		s.gateway.stop()
	}
	if s.backend != nil {
		s.backend.stop()
	}
	_ = os.RemoveAll(s.dir)
}

// counts are what the sink has got.
func (s *stage) counts(ctx context.Context) (c sink.Counts, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.sink.HTTP+"/counts", http.NoBody)
	if err != nil {
		return c, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return c, err
	}
	defer answer.Body.Close()
	return c, json.NewDecoder(answer.Body).Decode(&c)
}

// delivered is how many spans have come out. What goes into the view alone is
// counted by the gateway.
func (s *stage) delivered(ctx context.Context) (int64, error) {
	if s.target == "" {
		m, err := s.gateway.metrics(ctx, metricExports)
		return int64(m[metricExports]), err
	}
	c, err := s.counts(ctx)
	return c.Spans, err
}

// overtime is how much longer than its plan a generator may take.
const overtime = 3 * time.Minute

// send runs the generator. Begin is called when it is ready.
func (s *stage) send(ctx context.Context, p load.Plan, begin func() error) (report load.Report, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.Duration+overtime)
	defer cancel()
	p.Encoding, p.Address = s.encoding, s.gateway.address
	var word string
	generator, err := s.starter.startRole(loadCore, filepath.Join(s.dir, "load.log"), roleLoad, p, &word)
	if err != nil {
		return report, err
	}
	defer generator.stop()
	late := context.AfterFunc(ctx, generator.kill)
	defer late()
	if err := begin(); err != nil {
		return report, err
	}
	if _, err := generator.input.Write([]byte("\n")); err != nil {
		return report, err
	}
	if err := generator.read(&report); err != nil {
		return report, errors.Join(context.Cause(ctx), fmt.Errorf("the generator: %w: %s", err, generator.lastWords()))
	}
	return report, nil
}

// drain waits until so many spans have come out, or none has for some time, and a
// bridge holds no more than it is to hold.
func (s *stage) drain(ctx context.Context, want int64, quiet time.Duration) (got int64, err error) {
	const pause = 20 * time.Millisecond
	for last, moved := int64(-1), time.Now(); ; time.Sleep(pause) {
		if got, err = s.delivered(ctx); err != nil {
			return got, err
		}
		if got != last {
			last, moved = got, time.Now()
		}
		if got >= want || time.Since(moved) > quiet {
			break
		}
		if s.gateway.over() {
			return got, fmt.Errorf("the gateway has ended: %w: %s", s.gateway.err, s.gateway.lastWords())
		}
	}
	if s.gateway.admin == "" {
		return got, nil
	}
	return got, s.gateway.await(ctx, time.Minute, "empty", func() error {
		m, err := s.gateway.metrics(ctx, metricHeld)
		if err == nil && int(m[metricHeld]) > s.open*s.targets {
			err = fmt.Errorf("%v spans are held", m[metricHeld])
		}
		return err
	})
}
