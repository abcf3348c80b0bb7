// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

// RemoteSampling says whom a RemoteSampler asks. The zero value asks Jaeger's
// agent, or a bridge, on this host once a minute.
type RemoteSampling struct {
	// Endpoint is the URL that is asked, with the service as a query added;
	// http://127.0.0.1:5778/sampling if it is empty.
	Endpoint string
	// Interval is how often; a minute if it is 0. Each wait differs by up to a
	// tenth, lest a fleet that was started at once ask at once for ever.
	Interval time.Duration
	// Initial decides until there is an answer; 1 trace in 1000 if it is nil.
	Initial Sampler
	// MaxOperations is as in OperationStrategies.
	MaxOperations int
	// Client sends the requests; nil for one of its own.
	Client *http.Client
	// Logger is told of failures, once when they begin and then every ten
	// minutes; nil for slog's default.
	Logger *slog.Logger
}

// Numbers of the remote sampler.
const (
	defaultEndpoint = "http://127.0.0.1:5778/sampling"
	defaultInterval = time.Minute
	defaultRate     = 0.001
	firstRetry      = time.Second // doubles until there is a first answer
	answerTimeout   = 10 * time.Second
	maxAnswer       = 4 << 20
	quiet           = 10 * time.Minute
)

// RemoteSampler asks a server how to sample and does so. While the server cannot
// be reached, or says what cannot be understood, the last good answer holds.
type RemoteSampler struct {
	url     string
	how     RemoteSampling
	current atomic.Pointer[Sampler]
	stop    context.CancelFunc
	stopped chan struct{}
	counts  struct{ answers, failures, changes atomic.Int64 }

	// What follows belongs to the goroutine that asks.
	last    string // answer that holds
	failing string // since when it was logged; empty while all is well
	told    time.Time
}

// RemoteSamplingCounts are the numbers of a RemoteSampler.
type RemoteSamplingCounts struct {
	Answers  int64 // that were understood
	Failures int64 // requests without such an answer
	Changes  int64 // answers that differed from the one before
}

// NewRemoteSampler begins to ask. Close ends it; the tracer that has it calls
// that when it is closed itself.
func NewRemoteSampler(service string, how RemoteSampling) (*RemoteSampler, error) {
	if how.Endpoint == "" {
		how.Endpoint = defaultEndpoint
	}
	u, err := url.Parse(how.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("remote sampler: endpoint %q, want a URL such as %s", how.Endpoint, defaultEndpoint)
	}
	q := u.Query()
	q.Set("service", service)
	u.RawQuery = q.Encode()
	if how.Interval <= 0 {
		how.Interval = defaultInterval
	}
	if how.Initial == nil {
		how.Initial = newProbabilistic(defaultRate)
	}
	if how.Client == nil {
		how.Client = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}
	}
	if how.Logger == nil {
		how.Logger = slog.Default()
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &RemoteSampler{url: u.String(), how: how, stop: stop, stopped: make(chan struct{})}
	s.current.Store(&how.Initial)
	go s.run(ctx)
	return s, nil
}

// Sample decides as the last good answer says.
func (s *RemoteSampler) Sample(trace span.TraceID, operation string) Decision {
	return (*s.current.Load()).Sample(trace, operation)
}

// Counts gives the numbers so far.
func (s *RemoteSampler) Counts() RemoteSamplingCounts {
	return RemoteSamplingCounts{s.counts.answers.Load(), s.counts.failures.Load(), s.counts.changes.Load()}
}

// Close stops asking. The sampler goes on deciding as before.
func (s *RemoteSampler) Close() error {
	s.stop()
	<-s.stopped
	s.how.Client.CloseIdleConnections()
	return nil
}

func (s *RemoteSampler) run(ctx context.Context) {
	defer close(s.stopped)
	retry := min(firstRetry, s.how.Interval)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err := s.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		s.tell(err)
		wait := s.how.Interval
		if s.last == "" { // the server may just be starting too
			wait, retry = retry, min(2*retry, s.how.Interval)
		}
		timer.Reset(time.Duration(float64(wait) * (0.9 + 0.2*rand.Float64())))
	}
}

// ask takes one answer over.
func (s *RemoteSampler) ask(ctx context.Context) error {
	answer, err := s.fetch(ctx)
	if err != nil {
		return err
	}
	if string(answer) == s.last {
		s.counts.answers.Add(1)
		return nil
	}
	strategy, err := parseStrategy(answer)
	if err != nil {
		return err
	}
	next := strategy.sampler(*s.current.Load(), s.how.MaxOperations)
	s.current.Store(&next)
	s.last = string(answer)
	s.counts.answers.Add(1)
	s.counts.changes.Add(1)
	return nil
}

func (s *RemoteSampler) fetch(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := s.how.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %d: %.200q, want 200", resp.StatusCode, body)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("more than %d bytes, want a sampling strategy", maxAnswer)
	case len(body) == 0:
		return nil, errors.New("an empty answer, want a sampling strategy")
	}
	return body, nil
}

// tell counts failures and logs some of them.
func (s *RemoteSampler) tell(err error) {
	if err == nil {
		if s.failing != "" {
			s.how.Logger.Info("tracer: sampling strategies can be had again", "url", s.url)
		}
		s.failing = ""
		return
	}
	s.counts.failures.Add(1)
	if s.failing == "" || time.Since(s.told) > quiet {
		s.how.Logger.Warn("tracer: no sampling strategy; the last one holds", "url", s.url, "error", err)
		s.told = time.Now()
	}
	s.failing = err.Error()
}
