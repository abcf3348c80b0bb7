// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/spanbridge/spanbridge/translate/jaeger"
)

// strategies are the sampling strategies of a file that may change.
type strategies struct {
	file string
	log  *slog.Logger
	data []byte
	now  atomic.Pointer[jaeger.Strategies]
}

// current is what the file says now; nil without a file.
func (s *strategies) current() *jaeger.Strategies { return s.now.Load() }

// open reads the file for the first time, when a fault ends the start.
func (s *strategies) open(file string, log *slog.Logger) error {
	s.file, s.log = file, log
	if file == "" {
		return nil
	}
	return s.read()
}

func (s *strategies) read() error {
	data, err := os.ReadFile(s.file)
	if err != nil {
		return fmt.Errorf("sampling.strategies_file: %w", err)
	}
	if s.now.Load() != nil && bytes.Equal(data, s.data) {
		return nil
	}
	parsed, err := jaeger.ParseStrategies(data)
	if err != nil {
		return fmt.Errorf("sampling.strategies_file: %s: %w", s.file, err)
	}
	s.data = data
	s.now.Store(parsed)
	return nil
}

// watchEvery is how often the file is looked at. Clients ask once a minute.
const watchEvery = 10 * time.Second

// watch reads the file again when it changes; a faulty one leaves the last good
// one in force.
func (s *strategies) watch(ctx context.Context) {
	if s.file == "" {
		return
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		err := s.read()
		if err == nil {
			last = ""
			continue
		}
		if err.Error() != last {
			last = err.Error()
			s.log.Error("the last good sampling strategies stay in force", "err", err)
		}
	}
}
