// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"strconv"

	"github.com/spanbridge/spanbridge/translate/wire"
)

// AppendJSON appends the strategy as clients of the /sampling endpoints read
// it, with the type by name: PROBABILISTIC or RATE_LIMITING. Members that are
// zero are there all the same: the Node and Python clients compare the type,
// the C++ client wants every member.
func (s Strategy) AppendJSON(dst []byte) []byte {
	if s.limited {
		return s.appendJSON(dst, `"RATE_LIMITING"`)
	}
	return s.appendJSON(dst, `"PROBABILISTIC"`)
}

// AppendNumericJSON appends the strategy as the agent answered at its root
// path, with the type as a number: 0 or 1.
func (s Strategy) AppendNumericJSON(dst []byte) []byte {
	if s.limited {
		return s.appendJSON(dst, "1")
	}
	return s.appendJSON(dst, "0")
}

func (s Strategy) appendJSON(d []byte, typ string) []byte {
	d = append(d, `{"strategyType":`...)
	d = append(d, typ...)
	if s.limited {
		d = append(d, `,"rateLimitingSampling":{"maxTracesPerSecond":`...)
		d = strconv.AppendInt(d, int64(s.perSecond), 10)
		d = append(d, '}')
	} else {
		d = append(d, `,"probabilisticSampling":{"samplingRate":`...)
		d = appendNumber(d, s.probability)
		d = append(d, '}')
	}
	if o := s.operations; o != nil {
		d = append(d, `,"operationSampling":{"defaultSamplingProbability":`...)
		d = appendNumber(d, o.fallback)
		d = append(d, `,"defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[`...)
		for i, one := range o.list {
			if i > 0 {
				d = append(d, ',')
			}
			d = append(d, `{"operation":`...)
			d = wire.AppendJSON(d, one.name)
			d = append(d, `,"probabilisticSampling":{"samplingRate":`...)
			d = appendNumber(d, one.probability)
			d = append(d, `}}`...)
		}
		d = append(d, `],"defaultUpperBoundTracesPerSecond":0}`...)
	}
	return append(d, '}')
}

func appendNumber(d []byte, v float64) []byte {
	return strconv.AppendFloat(d, v, 'g', -1, 64)
}

// AppendProto appends the strategy as a SamplingStrategyResponse. A message
// that is there without a content says something: a probability of 0.
func (s Strategy) AppendProto(dst []byte) []byte {
	if s.limited {
		dst = wire.AppendVarint(dst, 1, 1)
		m := 0
		dst, m = wire.Open(dst, 3)
		dst = wire.AppendVarint(dst, 1, uint64(s.perSecond))
		dst = wire.Close(dst, m)
	} else {
		dst = appendProbability(dst, 2, s.probability)
	}
	if o := s.operations; o != nil {
		m := 0
		dst, m = wire.Open(dst, 4)
		if o.fallback != 0 {
			dst = wire.AppendDoubleAlways(dst, 1, o.fallback)
		}
		for _, one := range o.list {
			e := 0
			dst, e = wire.Open(dst, 3)
			dst = wire.AppendString(dst, 1, one.name)
			dst = appendProbability(dst, 2, one.probability)
			dst = wire.Close(dst, e)
		}
		dst = wire.Close(dst, m)
	}
	return dst
}

// appendProbability appends a ProbabilisticSamplingStrategy.
func appendProbability(dst []byte, field int, v float64) []byte {
	dst, m := wire.Open(dst, field)
	if v != 0 {
		dst = wire.AppendDoubleAlways(dst, 1, v)
	}
	return wire.Close(dst, m)
}
