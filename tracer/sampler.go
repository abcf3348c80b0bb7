// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

// Tags that the samplers give the first span of a trace, as Jaeger's clients do:
// by them its backend works out how many spans there were.
const (
	samplerTypeTag  = "sampler.type"
	samplerParamTag = "sampler.param"
)

func samplerTags(kind string, param any) []Tag {
	return []Tag{{samplerTypeTag, kind}, {samplerParamTag, param}}
}

// ConstSampler decides always the same.
type ConstSampler struct{ decision Decision }

// NewConstSampler samples every trace, or none.
func NewConstSampler(sampled bool) *ConstSampler {
	s := &ConstSampler{Decision{Sampled: sampled}}
	if sampled {
		s.decision.Tags = samplerTags("const", true)
	}
	return s
}

// Sample is the decision.
func (s *ConstSampler) Sample(span.TraceID, string) Decision { return s.decision }

// ProbabilisticSampler samples a share of all traces. It decides by the trace id
// alone, so all nodes with the same rate decide alike, and those of Jaeger's
// clients too: the last 63 bits are compared with rate × 2⁶³.
type ProbabilisticSampler struct {
	rate     float64
	boundary uint64
	tags     []Tag
}

const most63 = 1<<63 - 1

// NewProbabilisticSampler samples traces at a rate from 0 to 1.
func NewProbabilisticSampler(rate float64) (*ProbabilisticSampler, error) {
	if !(rate >= 0 && rate <= 1) {
		return nil, fmt.Errorf("probabilistic sampler: a rate of %v, want 0 to 1", rate)
	}
	return newProbabilistic(rate), nil
}

func newProbabilistic(rate float64) *ProbabilisticSampler {
	return &ProbabilisticSampler{rate, uint64(most63 * rate), samplerTags("probabilistic", rate)}
}

// Rate is the share of traces that are sampled.
func (s *ProbabilisticSampler) Rate() float64 { return s.rate }

// Sample decides by the trace id.
func (s *ProbabilisticSampler) Sample(trace span.TraceID, _ string) Decision {
	if s.boundary >= trace.Lo&most63 {
		return Decision{true, s.tags}
	}
	return Decision{}
}

// RateLimitingSampler samples so many traces a second, those that come first.
type RateLimitingSampler struct {
	limit bucket
	tags  []Tag
}

// NewRateLimitingSampler samples at most that many traces a second; a number
// below 1 is one trace in so many seconds. After a quiet time up to a second's
// traces, or one, may come at once, as with Jaeger's clients.
func NewRateLimitingSampler(tracesPerSecond float64) *RateLimitingSampler {
	s := &RateLimitingSampler{tags: samplerTags("ratelimiting", tracesPerSecond)}
	s.limit.init(tracesPerSecond)
	return s
}

// Sample takes one trace from what the rate allows.
func (s *RateLimitingSampler) Sample(span.TraceID, string) Decision {
	if s.limit.take() {
		return Decision{true, s.tags}
	}
	return Decision{}
}

// bucket is a leaky bucket: so many a second, and no more than a second's worth,
// or one, at once. It holds the moment at which all that was taken has leaked.
type bucket struct {
	rate     float64
	interval time.Duration // 0 for a bucket that gives nothing
	window   time.Duration // that it takes to leak when it is full
	empty    atomic.Int64  // ns since epoch
	elapsed  func() time.Duration
}

// Buckets count from here, by the clock that never jumps.
var epoch = time.Now()

func sinceEpoch() time.Duration { return time.Since(epoch) }

func (b *bucket) init(rate float64) {
	b.rate, b.elapsed = rate, sinceEpoch
	if !(rate > 0) {
		return
	}
	interval := float64(time.Second) / min(rate, float64(time.Second))
	b.interval = time.Duration(min(interval, math.MaxInt64/4))
	b.window = max(b.interval, time.Second)
}

func (b *bucket) take() bool {
	if b.interval == 0 {
		return false
	}
	now := int64(b.elapsed())
	for {
		had := b.empty.Load()
		empty := max(had, now) + int64(b.interval)
		if empty > now+int64(b.window) {
			return false
		}
		if b.empty.CompareAndSwap(had, empty) {
			return true
		}
	}
}

// follow fills the bucket as full as another one is, so that a change of the
// rate does not let everybody begin anew at once.
func (b *bucket) follow(o *bucket) {
	if b.interval == 0 || o.interval == 0 {
		return
	}
	now := b.elapsed()
	full := float64(max(time.Duration(o.empty.Load())-now, 0)) / float64(o.window)
	b.empty.Store(int64(now) + int64(full*float64(b.window)))
}

// SkyWalkingSampler samples so many traces in every three seconds, as
// SkyWalking's agents do by agent.sample_n_per_3_secs.
type SkyWalkingSampler struct {
	n       uint32
	tags    []Tag
	windows atomic.Uint64 // number of the window and how many were sampled in it
	elapsed func() time.Duration
}

// NewSkyWalkingSampler samples the first n traces of every three seconds, all
// if n is 0 or less. A trace that a caller has sampled is recorded always, as
// with every sampler.
func NewSkyWalkingSampler(n int) *SkyWalkingSampler {
	return &SkyWalkingSampler{n: uint32(min(max(n, 0), math.MaxInt32)), tags: samplerTags("skywalking", n), elapsed: sinceEpoch}
}

// Sample takes one trace from what the present three seconds allow.
func (s *SkyWalkingSampler) Sample(span.TraceID, string) Decision {
	if s.n == 0 {
		return Decision{true, s.tags}
	}
	window := uint64(s.elapsed() / (3 * time.Second))
	for {
		had := s.windows.Load()
		next := had + 1
		if had>>32 < window {
			next = window<<32 | 1
		} else if uint32(had) >= s.n {
			return Decision{}
		}
		if s.windows.CompareAndSwap(had, next) {
			return Decision{true, s.tags}
		}
	}
}
