// SPDX-License-Identifier: Apache-2.0

package jaegerclient

import (
	"slices"
	"strings"

	"github.com/uber/jaeger-client-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// Inject writes the context of a span into the headers of a call.
func (f Format) Inject(sc jaeger.SpanContext, carrier any) error {
	from := propagation.Caller{Service: f.c.service, Instance: f.c.instance}
	if to, ok := carrier.(Carrier); ok {
		carrier, from.Address = to.TextMapWriter, to.Address
	}
	var out propagation.Context
	if sc.IsValid() {
		local := sc.ExtendedSamplingState(stateKey{}, newLocal).(*local)
		endpoint, address := local.about(sc.SpanID())
		from.Endpoint = endpoint
		if from.Address == "" {
			from.Address = address
		}
		out = context(sc, &local.came)
	} else {
		out.Baggage, _ = baggage(sc, nil)
	}
	return f.inject(&out, from, carrier)
}

// context is Jaeger's span context with what came and has no place in it.
func context(sc jaeger.SpanContext, came *propagation.Context) propagation.Context {
	var out propagation.Context
	trace := span.TraceID{Hi: sc.TraceID().High, Lo: sc.TraceID().Low}
	passed := came.Trace == trace && came.Span == span.ID(sc.SpanID())
	switch {
	case passed:
		out = *came
	case came.Trace == trace:
		out = came.Child(span.ID(sc.SpanID()))
	}
	out.Trace, out.Span, out.Parent = trace, span.ID(sc.SpanID()), span.ID(sc.ParentID())
	switch {
	case sc.IsDebug():
		out.Sampling = propagation.Debug
	case sc.IsSampled() && sc.IsFirehose():
		out.Sampling = propagation.Firehose
	case sc.IsSampled():
		out.Sampling = propagation.Accept
	case passed && came.Sampling == propagation.Defer && !sc.IsSamplingFinalized():
	default:
		out.Sampling = propagation.Deny
	}
	var name string
	if out.Baggage, name = baggage(sc, came.Baggage); name != "" && span.TraceOf(name) == trace {
		out.TraceName = name
	}
	return out
}

// baggage is that of a span context, in the order in which it came and then by
// key; and SkyWalking's name of the trace.
func baggage(sc jaeger.SpanContext, came propagation.Baggage) (b propagation.Baggage, name string) {
	sc.ForeachBaggageItem(func(k, v string) bool {
		if k == propagation.NameKey {
			name = v
		} else {
			b = append(b, propagation.Item{Key: k, Value: v})
		}
		return true
	})
	if len(b) == 0 {
		return b, name
	}
	place := make(map[string]int, len(came))
	for i, it := range came {
		place[it.Key] = i - len(came)
	}
	for i := range b {
		if at, ok := place[b[i].Key]; ok && came[at+len(came)].Value == b[i].Value {
			b[i].Properties = came[at+len(came)].Properties
		}
	}
	slices.SortFunc(b, func(x, y propagation.Item) int {
		if d := place[x.Key] - place[y.Key]; d != 0 {
			return d
		}
		return strings.Compare(x.Key, y.Key)
	})
	return b, name
}
