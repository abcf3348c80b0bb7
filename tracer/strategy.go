// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"encoding/json"
	"errors"
	"fmt"
)

// strategy is an answer of Jaeger's sampling endpoints (jaeger-idl:
// thrift/sampling.thrift and proto/api_v2/sampling.proto). The type is a name
// at /sampling and a number at / and from older agents. It says nothing that
// does not follow from what is there: Jaeger's clients ignore it too.
type strategy struct {
	StrategyType          strategyType `json:"strategyType"`
	ProbabilisticSampling *struct {
		SamplingRate float64 `json:"samplingRate"`
	} `json:"probabilisticSampling"`
	RateLimitingSampling *struct {
		MaxTracesPerSecond float64 `json:"maxTracesPerSecond"`
	} `json:"rateLimitingSampling"`
	OperationSampling *struct {
		DefaultSamplingProbability       float64 `json:"defaultSamplingProbability"`
		DefaultLowerBoundTracesPerSecond float64 `json:"defaultLowerBoundTracesPerSecond"`
		PerOperationStrategies           []struct {
			Operation             string `json:"operation"`
			ProbabilisticSampling *struct {
				SamplingRate float64 `json:"samplingRate"`
			} `json:"probabilisticSampling"`
		} `json:"perOperationStrategies"`
	} `json:"operationSampling"`

	operations *OperationStrategies
}

type strategyType uint8

const (
	typeProbabilistic strategyType = iota
	typeRateLimiting
)

func (t *strategyType) UnmarshalJSON(d []byte) error {
	switch string(d) {
	case `0`, `"PROBABILISTIC"`, `null`:
		*t = typeProbabilistic
	case `1`, `"RATE_LIMITING"`:
		*t = typeRateLimiting
	default:
		return fmt.Errorf("sampling strategy: strategyType: %.40s, want 0, 1, PROBABILISTIC or RATE_LIMITING", d)
	}
	return nil
}

func parseStrategy(d []byte) (*strategy, error) {
	s := new(strategy)
	if err := json.Unmarshal(d, s); err != nil {
		return nil, fmt.Errorf("sampling strategy: %w", err)
	}
	switch p, r, o := s.ProbabilisticSampling, s.RateLimitingSampling, s.OperationSampling; {
	case o != nil:
		n := &OperationStrategies{
			DefaultRate: o.DefaultSamplingProbability, LowerBound: o.DefaultLowerBoundTracesPerSecond,
			Rates: make(map[string]float64, len(o.PerOperationStrategies)),
		}
		for _, each := range o.PerOperationStrategies {
			if each.ProbabilisticSampling == nil {
				return nil, fmt.Errorf("sampling strategy: operation %.80q: nothing, want probabilisticSampling", each.Operation)
			}
			n.Rates[each.Operation] = each.ProbabilisticSampling.SamplingRate
		}
		s.operations = n
		if err := n.check(); err != nil {
			return nil, fmt.Errorf("sampling strategy: %w", err)
		}
	case p != nil && (s.StrategyType == typeProbabilistic || r == nil):
		if !(p.SamplingRate >= 0 && p.SamplingRate <= 1) {
			return nil, fmt.Errorf("sampling strategy: samplingRate: %v, want 0 to 1", p.SamplingRate)
		}
	case r != nil:
		if !(r.MaxTracesPerSecond >= 0) {
			return nil, fmt.Errorf("sampling strategy: maxTracesPerSecond: %v, want 0 or more", r.MaxTracesPerSecond)
		}
	default:
		return nil, errors.New("sampling strategy: none of operationSampling, probabilisticSampling and rateLimitingSampling, want one")
	}
	return s, nil
}

// sampler does what the strategy says. What the one before had used up of a
// rate stays used up.
func (s *strategy) sampler(before Sampler, maxOperations int) Sampler {
	switch {
	case s.operations != nil:
		n := *s.operations
		n.MaxOperations = maxOperations
		old, _ := before.(*OperationSampler)
		return newOperationSampler(&n, old)
	case s.ProbabilisticSampling != nil && (s.StrategyType == typeProbabilistic || s.RateLimitingSampling == nil):
		return newProbabilistic(s.ProbabilisticSampling.SamplingRate)
	}
	next := NewRateLimitingSampler(s.RateLimitingSampling.MaxTracesPerSecond)
	if old, ok := before.(*RateLimitingSampler); ok {
		next.limit.follow(&old.limit)
	}
	return next
}
