// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// Tracer is an opentracing.Tracer. It may be used by several goroutines.
type Tracer struct {
	process    Process
	reporter   Reporter
	sampler    Sampler
	propagator *propagation.Propagator
	sw8        bool // is written
	shared     bool
	short      bool // new trace ids have 64 bits
	maxValue   int
	maxTags    int
	maxLogs    int
	clock      clock
	born       time.Time

	rings  [numRings]ring
	starts sync.Pool // of opentracing.StartSpanOptions
	counts [numCounts]counts
	cut    atomic.Int64
	closed atomic.Bool
	ended  chan struct{} // closed when all is
	fault  error         // of closing
}

var (
	_ opentracing.Tracer                         = (*Tracer)(nil)
	_ opentracing.TracerContextWithSpanExtension = (*Tracer)(nil)
)

// counts are what Counts shows, in parts so that processors do not wait for
// each other.
type counts struct {
	started, notSampled, finished, takenBack atomic.Int64
	_                                        [32]byte // to a cache line
}

const numCounts = 8

func (t *Tracer) count(id span.ID) *counts { return &t.counts[id%numCounts] }

// Counts are the numbers of a tracer's spans.
type Counts struct {
	Started    int64 // recorded spans
	NotSampled int64 // spans that were not recorded
	Finished   int64 // recorded spans that went to the reporter
	TakenBack  int64 // recorded spans that did not, since sampling.priority was set to 0
	Cut        int64 // tags, logs and values that were cut or left out
	Headers    propagation.Counts
}

// Counts gives the numbers so far.
func (t *Tracer) Counts() Counts {
	c := Counts{Cut: t.cut.Load(), Headers: t.propagator.Counts()}
	for i := range t.counts {
		part := &t.counts[i]
		c.Started += part.started.Load()
		c.NotSampled += part.notSampled.Load()
		c.Finished += part.finished.Load()
		c.TakenBack += part.takenBack.Load()
	}
	return c
}

// Propagator is what reads and writes the headers.
func (t *Tracer) Propagator() *propagation.Propagator { return t.propagator }

// Process is what the spans of the tracer have in common. It must not be changed.
func (t *Tracer) Process() *Process { return &t.process }

// Close sends what the reporter still has. Spans that finish later are dropped
// and counted by the reporter. To wait no longer than a moment, use Shutdown.
func (t *Tracer) Close() error { return t.Shutdown(context.Background()) }

// Shutdown is Close with an end. When the tracer is being closed already, it waits
// for that.
func (t *Tracer) Shutdown(ctx context.Context) error {
	if t.closed.Swap(true) {
		select {
		case <-t.ended:
			return t.fault
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	defer close(t.ended)
	var err error
	if c, ok := t.sampler.(interface{ Close() error }); ok {
		err = c.Close()
	}
	t.fault = errors.Join(t.reporter.Close(ctx), err)
	return t.fault
}

func (t *Tracer) newTraceID() span.TraceID {
	id := span.TraceID{Lo: rand.Uint64()}
	if !t.short {
		id.Hi = rand.Uint64()
	}
	if id.Lo == 0 {
		id.Lo = 1
	}
	return id
}

func newID() span.ID {
	if id := rand.Uint64(); id != 0 {
		return span.ID(id)
	}
	return 1
}

// ContextWithSpanHook keeps the memory of a span that is not sampled from being
// used again while a context.Context may still lead to it.
func (t *Tracer) ContextWithSpanHook(ctx context.Context, s opentracing.Span) context.Context {
	if f, ok := s.(*unsampled); ok {
		f.keep()
	}
	return ctx
}
