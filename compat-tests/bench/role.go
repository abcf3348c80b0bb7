// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spanbridge/spanbridge/compat-tests/bench/limit"
	"github.com/spanbridge/spanbridge/compat-tests/bench/load"
	"github.com/spanbridge/spanbridge/compat-tests/bench/sink"
)

// roleVariable and planVariable make this program one of the parts, so that each
// is a process of its own. A part says on standard output, as JSON in a line, what
// it is, and ends with its standard input.
const (
	roleVariable = "BENCH_ROLE"
	planVariable = "BENCH_PLAN"
)

// The roles.
const (
	roleLoad  = "load"
	roleSink  = "sink"
	roleLimit = "limit"
)

// addresses are where a part listens.
type addresses struct{ HTTP, GRPC string }

// play is the main function of a part.
func play(role, plan string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	say := json.NewEncoder(os.Stdout).Encode
	switch role {
	case roleSink:
		var check int64
		if err := json.Unmarshal([]byte(plan), &check); err != nil {
			return err
		}
		s, err := sink.Start(check)
		if err != nil {
			return err
		}
		defer s.Close()
		return untilTold(ctx, say(addresses{s.HTTP, s.GRPC}))
	case roleLimit:
		var p limit.Plan
		if err := json.Unmarshal([]byte(plan), &p); err != nil {
			return err
		}
		l, err := limit.Start(p)
		if err != nil {
			return err
		}
		defer l.Close()
		return untilTold(ctx, say(addresses{HTTP: l.Address}))
	case roleLoad:
		var p load.Plan
		if err := json.Unmarshal([]byte(plan), &p); err != nil {
			return err
		}
		l, err := load.New(p)
		if err != nil {
			return err
		}
		defer l.Close()
		if err := say("ready"); err != nil {
			return err
		}
		// A line is the word to begin.
		if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
			return err
		}
		return say(l.Run(ctx))
	}
	return fmt.Errorf("%s=%s", roleVariable, role)
}

// untilTold waits for a signal or the end of standard input.
func untilTold(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(done)
	}()
	select {
	case <-ctx.Done():
	case <-done:
	}
	return nil
}

// part is a process of a role, and what it says.
type part struct {
	*process
	output *os.File
	lines  *bufio.Reader
}

// startRole starts this program as a part and reads its first line.
func (s *starter) startRole(core int, logFile, role string, plan, first any) (*part, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	// Not a pipe of package exec: that one is closed when the process ends, though
	// its last line may not have been read.
	output, into, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer into.Close()
	environment := append(os.Environ(), roleVariable+"="+role, planVariable+"="+string(text), "GOMAXPROCS=1")
	p, err := s.start(core, logFile, into, environment, self)
	if err != nil {
		output.Close()
		return nil, err
	}
	r := &part{p, output, bufio.NewReader(output)}
	if err := r.read(first); err != nil {
		r.stop()
		return nil, fmt.Errorf("%s: %w: %s", role, err, p.lastWords())
	}
	return r, nil
}

// read reads a line of JSON.
func (p *part) read(v any) error {
	line, err := p.lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, v)
}

func (p *part) stop() {
	p.process.stop()
	p.output.Close()
}
