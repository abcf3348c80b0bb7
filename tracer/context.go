// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"strings"

	"github.com/spanbridge/spanbridge/propagation"
)

// SpanContext is the identity of a span, and what travels with it. It does not
// change.
type SpanContext struct {
	propagation.Context
	// remote: it was read from a carrier.
	remote bool
	span   *Span // nil for one that is remote or not sampled
	// entry is the span by which the process was called: its operation is the
	// endpoint that callees are told of (sw8).
	entry *Span
}

// ForeachBaggageItem gives each item of baggage until f says no.
func (c *SpanContext) ForeachBaggageItem(f func(key, value string) bool) {
	for i := range c.Baggage {
		if !f(c.Baggage[i].Key, c.Baggage[i].Value) {
			return
		}
	}
}

// IsSampled is true for the context of a trace that is recorded.
func (c *SpanContext) IsSampled() bool { return c.Sampling.Sampled() }

// String is trace and span id, as logs show them.
func (c *SpanContext) String() string {
	d := c.Trace.AppendHex(nil)
	return string(c.Span.AppendHex(append(d, ':')))
}

func (c *SpanContext) baggageItem(key string) string {
	if v, ok := c.Baggage.Get(key); ok {
		return v
	}
	for i := range c.Baggage {
		if strings.EqualFold(c.Baggage[i].Key, key) {
			return c.Baggage[i].Value
		}
	}
	return ""
}

// traceName is the trace id in SkyWalking's words where it does not follow from
// the id.
func (c *SpanContext) traceName() string {
	if c.span != nil {
		return c.span.record.TraceName // was set before the context was given out
	}
	if c.IsNamed() {
		return c.Name()
	}
	return ""
}
