// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanbridge/spanbridge/translate/jaeger"
)

// strategies are the sampling strategies of a file that may change.
type strategies struct {
	log *slog.Logger
	now atomic.Pointer[jaeger.Strategies]

	mu   sync.Mutex
	file string // "": there is none
	data []byte
}

// current is what the file says now; nil without a file.
func (s *strategies) current() *jaeger.Strategies { return s.now.Load() }

// readStrategies reads a file; nil for none.
func readStrategies(file string) (*jaeger.Strategies, []byte, error) {
	if file == "" {
		return nil, nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := jaeger.ParseStrategies(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return parsed, data, nil
}

// prepare reads a file; the function puts what it says in force.
func (s *strategies) prepare(file string) (use func(), err error) {
	parsed, data, err := readStrategies(file)
	if err != nil {
		return nil, fmt.Errorf("sampling.strategies_file: %w", err)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.file, s.data = file, data
		s.now.Store(parsed)
	}, nil
}

// read reads the file again.
func (s *strategies) read() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	parsed, data, err := readStrategies(s.file)
	if err == nil && !bytes.Equal(data, s.data) {
		s.data = data
		s.now.Store(parsed)
	}
	return err
}

// watchEvery is how often the file is looked at. Clients ask once a minute.
const watchEvery = 10 * time.Second

// watch reads the file again when it changes; a faulty one leaves the last good
// one in force.
func (s *strategies) watch(ctx context.Context) {
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
