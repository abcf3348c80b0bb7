// SPDX-License-Identifier: Apache-2.0

package grpcgo_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// recorder keeps what is reported.
type recorder struct{ *tracer.InMemoryReporter }

func (r *recorder) spans() []*tracer.Record { return r.Records() }

// wait waits for n spans: those of a server end after the answer.
func (r *recorder) wait(t *testing.T, n int) []*tracer.Record {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if s := r.spans(); len(s) >= n {
			if len(s) > n {
				t.Fatalf("%d spans, want %d", len(s), n)
			}
			return s
		}
	}
	t.Fatalf("%d spans, want %d", len(r.spans()), n)
	return nil
}

// only waits for the one span.
func (r *recorder) only(t *testing.T) *tracer.Record {
	t.Helper()
	return r.wait(t, 1)[0]
}

// kind waits for n spans and gives the one of the kind.
func (r *recorder) kind(t *testing.T, n int, k span.Kind) *tracer.Record {
	t.Helper()
	for _, s := range r.wait(t, n) {
		if s.Kind == k {
			return s
		}
	}
	t.Fatalf("no span of kind %v", k)
	return nil
}

func newTracer(options ...tracer.Option) (*tracer.Tracer, *recorder) {
	r := &recorder{tracer.NewInMemoryReporter(10_000)}
	return tracer.New("test", append([]tracer.Option{tracer.WithReporter(r)}, options...)...), r
}

// tag is the value of a tag as text, "" if there is none.
func tag(s *tracer.Record, key string) string {
	for _, t := range s.Tags {
		if t.Key == key {
			return fmt.Sprint(t.Value)
		}
	}
	return ""
}

// logged is the value of a field of the first log of an event.
func logged(s *tracer.Record, event, key string) string {
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

// never is the option to sample nothing.
var never = tracer.WithSampler(tracer.NewConstSampler(false))
