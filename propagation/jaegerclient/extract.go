// SPDX-License-Identifier: Apache-2.0

package jaegerclient

import (
	"math/rand/v2"

	"github.com/opentracing/opentracing-go"
	"github.com/uber/jaeger-client-go"

	"github.com/spanbridge/spanbridge/propagation"
)

// Extract reads the headers of a request. Headers that cannot be read are as if
// they were not there: the propagator counts them.
func (f Format) Extract(carrier any) (jaeger.SpanContext, error) {
	r, err := f.reader(carrier)
	if err != nil {
		return jaeger.SpanContext{}, err
	}
	in := f.c.p.Extract(r)
	if in.IsEmpty() {
		return jaeger.SpanContext{}, opentracing.ErrSpanContextNotFound
	}
	if !in.HasIDs() {
		return withoutIDs(&in)
	}
	sc := f.c.spanContext(&in)
	local := sc.ExtendedSamplingState(stateKey{}, newLocal).(*local)
	local.came = in
	return sc, nil
}

// spanContext is the context in Jaeger's form.
func (c *Codec) spanContext(in *propagation.Context) jaeger.SpanContext {
	baggage := make(map[string]string, len(in.Baggage)+1)
	for _, it := range in.Baggage {
		baggage[it.Key] = it.Value
	}
	if in.IsNamed() {
		baggage[propagation.NameKey] = in.Name()
	}
	sampled := in.Sampling.Sampled() || in.Sampling == propagation.Defer && c.decide()
	sc := jaeger.NewSpanContext(jaeger.TraceID{High: in.Trace.Hi, Low: in.Trace.Lo}, jaeger.SpanID(in.Span), jaeger.SpanID(in.Parent), sampled, baggage)
	switch in.Sampling {
	case propagation.Firehose:
		sc.SetFirehose()
	case propagation.Debug:
		// Only the text form can set the flag. It has no baggage.
		if text, err := jaeger.ContextFromString(string(in.AppendUber(nil))); err == nil {
			sc = text
			for k, v := range baggage {
				sc = sc.WithBaggageItem(k, v)
			}
		}
	}
	return sc
}

// decide asks the tracer's sampler, by a span that is never finished. Contexts
// from outside are final to Jaeger, so the span that continues this one will not
// ask.
func (c *Codec) decide() bool {
	t := c.tracer.Load()
	if t == nil {
		return false
	}
	sc, ok := t.StartSpan("undecided").Context().(jaeger.SpanContext)
	return ok && sc.IsSampled()
}

// withoutIDs is a context that names no trace: a text by which a person wants to
// find the trace that begins here, a decision, or baggage.
func withoutIDs(in *propagation.Context) (jaeger.SpanContext, error) {
	baggage := make(map[string]string, len(in.Baggage))
	for _, it := range in.Baggage {
		baggage[it.Key] = it.Value
	}
	switch {
	case in.DebugID != "" || in.Sampling == propagation.Debug:
		// The field has no other way in. Keys of baggage become lower case.
		m := opentracing.TextMapCarrier{jaeger.JaegerDebugHeader: in.DebugID}
		if in.DebugID == "" {
			m[jaeger.JaegerDebugHeader] = "debug"
		}
		for k, v := range baggage {
			m[jaeger.TraceBaggageHeaderPrefix+k] = v
		}
		return jaeger.NewTextMapPropagator((&jaeger.HeadersConfig{}).ApplyDefaults(), *jaeger.NewNullMetrics()).Extract(m)
	case in.Sampling == propagation.Deny:
		// A denial needs a trace in Jaeger. Nobody will see this one.
		return jaeger.NewSpanContext(jaeger.TraceID{Low: rand.Uint64() | 1}, jaeger.SpanID(rand.Uint64()|1), 0, false, baggage), nil
	case len(baggage) > 0:
		return jaeger.NewSpanContext(jaeger.TraceID{}, 0, 0, false, baggage), nil
	}
	return jaeger.SpanContext{}, opentracing.ErrSpanContextNotFound
}
