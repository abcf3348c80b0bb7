// SPDX-License-Identifier: Apache-2.0

package jaeger

// defaultProbability is what Jaeger answers when it has no strategies.
const defaultProbability = 0.001

// Strategies are the sampling strategies of a strategies file: one for each of
// some services, one for all others. They do not change once parsed. A nil
// *Strategies has Jaeger's default for every service.
type Strategies struct {
	fallback Strategy
	services map[string]Strategy
}

// Strategy is how the tracers of one service sample.
type Strategy struct {
	limited     bool
	probability float64 // 0 to 1, unless limited
	perSecond   int16   // traces a second and tracer, when limited
	operations  *operations
}

// operations are probabilities of their own for some operations of a service.
type operations struct {
	fallback float64 // for all others
	list     []operation
}

type operation struct {
	name        string
	probability float64
}

// For is the strategy of a service.
func (s *Strategies) For(service string) Strategy {
	if s == nil {
		return Strategy{probability: defaultProbability}
	}
	if one, ok := s.services[service]; ok {
		return one
	}
	return s.fallback
}
