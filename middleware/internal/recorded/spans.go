// SPDX-License-Identifier: Apache-2.0

// Package recorded is for the tests of middleware: a tracer goes in, the spans
// that it has reported come out.
package recorded

import (
	"fmt"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// Spans keeps what is reported.
type Spans struct{ *tracer.InMemoryReporter }

// Wait waits for n spans: those of a server end after the answer.
func (r *Spans) Wait(t *testing.T, n int) []*tracer.Record {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if s := r.Records(); len(s) >= n {
			if len(s) > n {
				t.Fatalf("%d spans, want %d", len(s), n)
			}
			return s
		}
	}
	t.Fatalf("%d spans, want %d", len(r.Records()), n)
	return nil
}

// Only waits for the one span.
func (r *Spans) Only(t *testing.T) *tracer.Record {
	t.Helper()
	return r.Wait(t, 1)[0]
}

// Kind waits for n spans and gives the one of the kind.
func (r *Spans) Kind(t *testing.T, n int, k span.Kind) *tracer.Record {
	t.Helper()
	for _, s := range r.Wait(t, n) {
		if s.Kind == k {
			return s
		}
	}
	t.Fatalf("no span of kind %v", k)
	return nil
}

// NewTracer makes a tracer, and what keeps its spans.
func NewTracer(options ...tracer.Option) (*tracer.Tracer, *Spans) {
	r := &Spans{tracer.NewInMemoryReporter(10_000)}
	return tracer.New("test", append([]tracer.Option{tracer.WithReporter(r)}, options...)...), r
}

// Tag is the value of a tag as text, "" if there is none.
func Tag(s *tracer.Record, key string) string {
	for _, t := range s.Tags {
		if t.Key == key {
			return fmt.Sprint(t.Value)
		}
	}
	return ""
}

// Logged is the value of a field of the first log of an event.
func Logged(s *tracer.Record, event, key string) string {
	for _, l := range s.Logs {
		of, value := "", ""
		for _, f := range l.Fields {
			switch f.Key {
			case "event":
				of = fmt.Sprint(f.Value)
			case key:
				value = fmt.Sprint(f.Value)
			}
		}
		if of == event {
			return value
		}
	}
	return ""
}

// Never is the option to sample nothing.
var Never = tracer.WithSampler(tracer.NewConstSampler(false))
