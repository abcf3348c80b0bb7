// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"fmt"
	"sync"

	"github.com/spanbridge/spanbridge/span"
)

// OperationStrategies say how many traces are sampled by the operation that they
// begin with.
type OperationStrategies struct {
	// DefaultRate is the share of traces of operations that are not in Rates.
	DefaultRate float64
	// LowerBound is how many traces a second of each operation are sampled in
	// any case; below 1, one in so many seconds.
	LowerBound float64
	// Rates are the shares of operations, from 0 to 1.
	Rates map[string]float64
	// MaxOperations is how many operations have a lower bound of their own, those
	// that come first; others are sampled at the default rate. 0 stands for 2000.
	MaxOperations int
}

const defaultMaxOperations = 2000

func (s *OperationStrategies) check() error {
	if !(s.DefaultRate >= 0 && s.DefaultRate <= 1) {
		return fmt.Errorf("per operation sampler: a default rate of %v, want 0 to 1", s.DefaultRate)
	}
	if !(s.LowerBound >= 0) {
		return fmt.Errorf("per operation sampler: a lower bound of %v traces a second, want 0 or more", s.LowerBound)
	}
	for operation, rate := range s.Rates {
		if !(rate >= 0 && rate <= 1) {
			return fmt.Errorf("per operation sampler: operation %q: a rate of %v, want 0 to 1", operation, rate)
		}
	}
	return nil
}

// OperationSampler samples each operation at its own rate, and some traces a
// second of each in any case, so that a rare one is seen beside a frequent one.
type OperationSampler struct {
	usual *ProbabilisticSampler
	lower float64
	most  int

	mu         sync.RWMutex
	operations map[string]*guaranteed
}

// NewOperationSampler samples by operation.
func NewOperationSampler(strategies OperationStrategies) (*OperationSampler, error) {
	if err := strategies.check(); err != nil {
		return nil, err
	}
	return newOperationSampler(&strategies, nil), nil
}

// newOperationSampler takes over what the buckets of an older one hold.
func newOperationSampler(n *OperationStrategies, old *OperationSampler) *OperationSampler {
	s := &OperationSampler{
		usual: newProbabilistic(n.DefaultRate), lower: n.LowerBound, most: n.MaxOperations,
		operations: make(map[string]*guaranteed, len(n.Rates)),
	}
	if s.most <= 0 {
		s.most = defaultMaxOperations
	}
	for operation, rate := range n.Rates {
		s.operations[operation] = newGuaranteed(newProbabilistic(rate), s.lower)
	}
	if old == nil {
		return s
	}
	old.mu.RLock()
	defer old.mu.RUnlock()
	for operation, was := range old.operations {
		g := s.operations[operation]
		if g == nil && len(s.operations) < s.most {
			g = newGuaranteed(s.usual, s.lower)
			s.operations[operation] = g
		}
		if g != nil {
			g.limit.follow(&was.limit)
		}
	}
	return s
}

// Sample decides by the trace id and by what the operation's lower bound allows.
func (s *OperationSampler) Sample(trace span.TraceID, operation string) Decision {
	s.mu.RLock()
	g := s.operations[operation]
	s.mu.RUnlock()
	if g == nil {
		if g = s.add(operation); g == nil {
			return s.usual.Sample(trace, operation)
		}
	}
	return g.Sample(trace, operation)
}

// add begins to know an operation; nil if there are too many.
func (s *OperationSampler) add(operation string) *guaranteed {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.operations[operation]
	if g == nil && len(s.operations) < s.most {
		g = newGuaranteed(s.usual, s.lower)
		s.operations[operation] = g
	}
	return g
}

// guaranteed is a share of traces, and some a second at least.
type guaranteed struct {
	share *ProbabilisticSampler
	limit bucket
	tags  []Tag
}

func newGuaranteed(share *ProbabilisticSampler, lower float64) *guaranteed {
	g := &guaranteed{share: share, tags: samplerTags("lowerbound", share.rate)}
	g.limit.init(lower)
	return g
}

func (g *guaranteed) Sample(trace span.TraceID, operation string) Decision {
	d := g.share.Sample(trace, operation)
	// What the share samples counts for the lower bound.
	if taken := g.limit.take(); taken && !d.Sampled {
		return Decision{true, g.tags}
	}
	return d
}
