// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"crypto/tls"
	"log/slog"
	"time"
)

// Settings are what the options of the reporters set. Those about requests
// mean nothing where a protocol has none (UDP).
type Settings struct {
	Queue      int           // spans that wait at most
	BatchSpans int           // spans of a batch at most
	BatchBytes int           // about the bytes of a message at most
	Interval   time.Duration // how long a span waits for others
	Timeout    time.Duration // of a request
	Retry      time.Duration // for how long a batch is tried again
	Logger     *slog.Logger

	Headers        map[string]string // of HTTP, or the metadata of gRPC
	User, Password string            // HTTP's basic authentication
	TLS            *tls.Config       // nil: the system's roots
	Gzip           bool
	Resolve        time.Duration // how long the address of an agent holds (UDP); 0: for ever
}

// Option is a setting of a reporter.
type Option func(*Settings)

// What holds without options.
const (
	DefaultQueue      = 10_000
	DefaultBatchSpans = 1000
	DefaultBatchBytes = 1 << 20
	DefaultInterval   = time.Second
	DefaultTimeout    = 10 * time.Second
	DefaultRetry      = 30 * time.Second
	DefaultResolve    = 30 * time.Second
)

// NewSettings are the settings that options make of the defaults.
func NewSettings(options ...Option) *Settings {
	s := &Settings{
		Queue: DefaultQueue, BatchSpans: DefaultBatchSpans, BatchBytes: DefaultBatchBytes,
		Interval: DefaultInterval, Timeout: DefaultTimeout, Retry: DefaultRetry, Resolve: DefaultResolve,
		Headers: make(map[string]string),
	}
	for _, o := range options {
		o(s)
	}
	s.Queue = max(s.Queue, 1)
	s.BatchSpans = min(max(s.BatchSpans, 1), s.Queue)
	s.BatchBytes = max(s.BatchBytes, 1)
	s.Interval = max(s.Interval, time.Millisecond)
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	return s
}

// WithQueue sets how many spans wait at most; more are dropped and counted.
func WithQueue(spans int) Option { return func(s *Settings) { s.Queue = spans } }

// WithBatch sets how many spans go out in one message at most, and about how
// many bytes.
func WithBatch(spans, bytes int) Option {
	return func(s *Settings) { s.BatchSpans, s.BatchBytes = spans, bytes }
}

// WithInterval sets how long a span waits for others that go with it.
func WithInterval(d time.Duration) Option { return func(s *Settings) { s.Interval = d } }

// WithTimeout sets how long a request may take; 0 for any time.
func WithTimeout(d time.Duration) Option { return func(s *Settings) { s.Timeout = d } }

// WithRetry sets for how long a batch that failed is tried again, with pauses
// that grow from a tenth of a second to five seconds; 0 for not at all.
func WithRetry(d time.Duration) Option { return func(s *Settings) { s.Retry = d } }

// WithLogger sets where warnings go, slog.Default otherwise: one a minute at
// most for each reason.
func WithLogger(l *slog.Logger) Option { return func(s *Settings) { s.Logger = l } }

// WithHeader adds a header to requests by HTTP, or an entry to the metadata of
// calls by gRPC.
func WithHeader(key, value string) Option { return func(s *Settings) { s.Headers[key] = value } }

// WithBasicAuth sets user and password of requests by HTTP.
func WithBasicAuth(user, password string) Option {
	return func(s *Settings) { s.User, s.Password = user, password }
}

// WithTLS sets whom to trust, and who we are, where the backend is called by
// TLS. For gRPC it asks for TLS as well.
func WithTLS(c *tls.Config) Option { return func(s *Settings) { s.TLS = c } }

// WithGzip compresses the messages.
func WithGzip() Option { return func(s *Settings) { s.Gzip = true } }

// WithResolve sets how often the name of an agent that is reported to by UDP is
// looked up again; 0 for only when a datagram cannot be sent.
func WithResolve(d time.Duration) Option { return func(s *Settings) { s.Resolve = d } }
