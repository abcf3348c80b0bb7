// SPDX-License-Identifier: Apache-2.0

package env

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/jaeger"
)

// Settings are what the environment says. Fields may be changed before NewTracer.
type Settings struct {
	Service  string
	Disabled bool
	Tags     []tracer.Tag
	// Short: new trace ids have 64 bits.
	Short bool
	// Write are the formats of the headers that are written; nil for
	// propagation.New's, empty for none.
	Write []propagation.Format

	Sampler  SamplerSettings
	Reporter ReporterSettings
}

// SamplerSettings choose a sampler.
type SamplerSettings struct {
	Type          string  // const, probabilistic, ratelimiting or remote
	Param         float64 // NaN if there is none
	Endpoint      string  // of the remote sampler
	Interval      time.Duration
	MaxOperations int
}

// ReporterSettings choose a reporter.
type ReporterSettings struct {
	LogSpans       bool
	Queue          int           // 0 for the reporter's own
	Interval       time.Duration // 0 for the reporter's own
	Endpoint       string        // of a collector; empty for an agent
	User, Password string
	Agent          string        // host:port
	Resolve        time.Duration // how long the agent's address holds; 0 for ever
}

// Samplers' ports and the agent's, as Jaeger's clients have them.
const (
	defaultHost  = "localhost"
	agentPort    = "6831"
	samplingPort = "5778"
)

// Read reads the environment. The error names every variable that is wrong,
// with what was found and what was wanted.
func Read() (*Settings, error) { return read(os.Getenv) }

// NewTracer makes a tracer by the environment, and what to close at the end of
// the process. The service is that of JAEGER_SERVICE_NAME, else the one given.
// Options come after what the environment says; for another reporter or sampler
// use Read, and Settings.Options with tracer.New.
func NewTracer(service string, options ...tracer.Option) (opentracing.Tracer, io.Closer, error) {
	s, err := Read()
	if err != nil {
		return nil, nil, err
	}
	if s.Service == "" {
		s.Service = service
	}
	return s.NewTracer(options...)
}

// NewTracer makes a tracer by the settings; OpenTracing's NoopTracer if they say
// disabled.
func (s *Settings) NewTracer(options ...tracer.Option) (opentracing.Tracer, io.Closer, error) {
	if s.Disabled {
		return opentracing.NoopTracer{}, nothing{}, nil
	}
	if s.Service == "" {
		return nil, nil, errors.New("JAEGER_SERVICE_NAME: nothing, want the name of the service")
	}
	sampler, err := s.NewSampler()
	if err != nil {
		return nil, nil, err
	}
	r, err := s.NewReporter()
	if err != nil {
		if c, ok := sampler.(io.Closer); ok {
			_ = c.Close()
		}
		return nil, nil, err
	}
	all := append(s.Options(), tracer.WithSampler(sampler), tracer.WithReporter(r))
	t := tracer.New(s.Service, append(all, options...)...)
	return t, t, nil
}

type nothing struct{}

func (nothing) Close() error { return nil }

// Options are the settings of the tracer itself: tags, width of ids, headers.
func (s *Settings) Options() []tracer.Option {
	options := []tracer.Option{tracer.WithTags(s.Tags...)}
	if s.Short {
		options = append(options, tracer.With64BitTraceIDs())
	}
	if s.Write != nil {
		options = append(options, tracer.WithPropagator(propagation.New(propagation.Prefer(s.Write...), propagation.Write(s.Write...))))
	}
	return options
}

// NewSampler makes the sampler. A remote one begins to ask at once.
func (s *Settings) NewSampler() (tracer.Sampler, error) {
	p := &s.Sampler
	switch p.Type {
	case "const":
		return tracer.NewConstSampler(p.Param != 0), nil
	case "probabilistic":
		return tracer.NewProbabilisticSampler(p.Param)
	case "ratelimiting":
		return tracer.NewRateLimitingSampler(p.Param), nil
	case "remote":
		how := tracer.RemoteSampling{Endpoint: p.Endpoint, Interval: p.Interval, MaxOperations: p.MaxOperations}
		if p.Param == p.Param { // not NaN
			initial, err := tracer.NewProbabilisticSampler(p.Param)
			if err != nil {
				return nil, err
			}
			how.Initial = initial
		}
		return tracer.NewRemoteSampler(s.Service, how)
	}
	return nil, fmt.Errorf("JAEGER_SAMPLER_TYPE: %q, want const, probabilistic, ratelimiting or remote", p.Type)
}

// NewReporter makes the reporter: to the collector if there is one, else to the
// agent.
func (s *Settings) NewReporter() (tracer.Reporter, error) {
	p := &s.Reporter
	options := []reporter.Option{reporter.WithResolve(p.Resolve)}
	if p.Queue > 0 {
		options = append(options, reporter.WithQueue(p.Queue))
	}
	if p.Interval > 0 {
		options = append(options, reporter.WithInterval(p.Interval))
	}
	var r tracer.Reporter
	if p.Endpoint != "" {
		if p.User != "" {
			options = append(options, reporter.WithBasicAuth(p.User, p.Password))
		}
		collector, err := jaeger.NewHTTP(p.Endpoint, options...)
		if err != nil {
			return nil, fmt.Errorf("JAEGER_ENDPOINT: %w", err)
		}
		r = collector
	} else {
		agent, err := jaeger.NewUDP(p.Agent, options...)
		if err != nil {
			return nil, fmt.Errorf("JAEGER_AGENT_HOST, JAEGER_AGENT_PORT: %w", err)
		}
		r = agent
	}
	if p.LogSpans {
		r = tracer.Composite(r, tracer.NewLoggingReporter(nil, slog.LevelInfo))
	}
	return r, nil
}

// samplingURL is the URL that a host and port, or a URL, of a server means.
func samplingURL(s string) (string, bool) {
	if u, err := url.Parse(s); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		return s, true
	}
	if host, port, err := net.SplitHostPort(s); err == nil && port != "" {
		return "http://" + net.JoinHostPort(host, port) + "/sampling", true
	}
	return "", false
}
