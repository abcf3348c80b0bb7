// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
)

// nobody takes no spans.
type nobody struct{}

func (nobody) Report(*Record)              {}
func (nobody) Close(context.Context) error { return nil }

// Composite makes one reporter of several: each record goes to all of them, and
// Close closes them all at once, each with the whole time that there is.
func Composite(reporters ...Reporter) Reporter {
	if len(reporters) == 1 {
		return reporters[0]
	}
	return composite(append([]Reporter(nil), reporters...))
}

type composite []Reporter

func (c composite) Start(p *Process) {
	for _, each := range c {
		if s, ok := each.(Starter); ok {
			s.Start(p)
		}
	}
}

func (c composite) Report(r *Record) {
	for _, each := range c {
		each.Report(r)
	}
}

func (c composite) Close(ctx context.Context) error {
	errs := make([]error, len(c))
	var all sync.WaitGroup
	for i, each := range c {
		all.Go(func() { errs[i] = each.Close(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// InMemoryReporter keeps records, for tests.
type InMemoryReporter struct {
	most    int
	mu      sync.Mutex
	records []*Record
	dropped int
	closed  bool
}

// NewInMemoryReporter keeps the first records up to that many, all if it is 0.
func NewInMemoryReporter(most int) *InMemoryReporter { return &InMemoryReporter{most: most} }

// Report keeps the record if there is room.
func (m *InMemoryReporter) Report(r *Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.most > 0 && len(m.records) >= m.most {
		m.dropped++
		return
	}
	m.records = append(m.records, r)
}

// Records are the records in the order in which their spans finished.
func (m *InMemoryReporter) Records() []*Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*Record(nil), m.records...)
}

// Dropped is how many records there was no room for, or came after Close.
func (m *InMemoryReporter) Dropped() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dropped
}

// Reset forgets the records.
func (m *InMemoryReporter) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records, m.dropped = nil, 0
}

// Close takes no more records and keeps those that are there.
func (m *InMemoryReporter) Close(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// LoggingReporter writes a line for each span.
type LoggingReporter struct {
	logger  *slog.Logger
	level   slog.Level
	dropped atomic.Int64
	closed  atomic.Bool
}

// NewLoggingReporter logs spans at a level. The logger's handler runs on the
// request path: it must be quick.
func NewLoggingReporter(logger *slog.Logger, level slog.Level) *LoggingReporter {
	if logger == nil {
		logger = slog.Default()
	}
	return &LoggingReporter{logger: logger, level: level}
}

// Report logs the record.
func (l *LoggingReporter) Report(r *Record) {
	if l.closed.Load() {
		l.dropped.Add(1)
		return
	}
	ctx := context.Background()
	if !l.logger.Enabled(ctx, l.level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 12),
		slog.String(TraceIDKey, r.traceID()), slog.String(SpanIDKey, r.ID.String()))
	if r.Parent != 0 {
		attrs = append(attrs, slog.String("parent_id", r.Parent.String()))
	}
	attrs = append(attrs, slog.String("service", r.Process.Service), slog.String("operation", r.Operation))
	if kind := r.Kind.String(); kind != "" {
		attrs = append(attrs, slog.String("kind", kind))
	}
	attrs = append(attrs, slog.Time("start", r.Start), slog.Duration("duration", r.Duration))
	if len(r.Tags) > 0 {
		attrs = append(attrs, slog.Attr{Key: "tags", Value: group(r.Tags)})
	}
	if len(r.Logs) > 0 {
		logs := make([]slog.Attr, len(r.Logs))
		for i := range r.Logs {
			logs[i] = slog.Attr{Key: r.Logs[i].Time.Sub(r.Start).String(), Value: group(r.Logs[i].Fields)}
		}
		attrs = append(attrs, slog.Attr{Key: "logs", Value: slog.GroupValue(logs...)})
	}
	l.logger.LogAttrs(ctx, l.level, "span", attrs...)
}

func group(tags []Tag) slog.Value {
	attrs := make([]slog.Attr, len(tags))
	for i := range tags {
		attrs[i] = slog.Any(tags[i].Key, tags[i].Value)
	}
	return slog.GroupValue(attrs...)
}

// traceID is the trace id at the width at which it is written.
func (r *Record) traceID() string {
	if r.Long {
		return string(r.Trace.AppendHex32(nil))
	}
	return r.Trace.String()
}

// Dropped is how many records came after Close.
func (l *LoggingReporter) Dropped() int64 { return l.dropped.Load() }

// Close logs no more.
func (l *LoggingReporter) Close(context.Context) error {
	l.closed.Store(true)
	return nil
}
