// SPDX-License-Identifier: Apache-2.0

package zipkingo

import (
	"github.com/openzipkin/zipkin-go/model"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// spanContext is a context in Zipkin's form.
func spanContext(in *propagation.Context) *model.SpanContext {
	sc := &model.SpanContext{
		TraceID: model.TraceID{High: in.Trace.Hi, Low: in.Trace.Lo},
		ID:      model.ID(in.Span),
		Debug:   in.Sampling == propagation.Debug,
		Baggage: &Baggage{came: *in, items: in.Baggage},
	}
	if in.Parent != 0 {
		parent := model.ID(in.Parent)
		sc.ParentID = &parent
	}
	if in.Sampling != propagation.Defer && in.Sampling != propagation.Debug {
		sampled := in.Sampling.Sampled()
		sc.Sampled = &sampled
	}
	return sc
}

// contextOf is Zipkin's span context with what came and has no place in it.
func contextOf(sc *model.SpanContext) (out propagation.Context, endpoint string) {
	id := span.TraceID{Hi: sc.TraceID.High, Lo: sc.TraceID.Low}
	b, _ := sc.Baggage.(*Baggage)
	switch {
	case b == nil:
		out.Baggage = foreign(sc.Baggage)
	case b.came.HasIDs() && b.came.Trace != id:
	case b.came.HasIDs() && b.came.Span == span.ID(sc.ID):
		out = b.came
	default:
		out = b.came.Child(span.ID(sc.ID))
	}
	out.Trace, out.Span, out.Parent = id, span.ID(sc.ID), 0
	if sc.ParentID != nil {
		out.Parent = span.ID(*sc.ParentID)
	}
	switch {
	case sc.Debug:
		out.Sampling = propagation.Debug
	case sc.Sampled == nil:
		out.Sampling = propagation.Defer
	case !*sc.Sampled:
		out.Sampling = propagation.Deny
	case out.Sampling != propagation.Firehose:
		out.Sampling = propagation.Accept
	}
	if b != nil {
		out.Baggage, endpoint = b.now()
	}
	return out, endpoint
}

// foreign is baggage of zipkin-go's own making: names and values of headers.
func foreign(fields model.BaggageFields) (b propagation.Baggage) {
	if fields == nil {
		return nil
	}
	fields.Iterate(func(key string, values []string) {
		if len(values) > 0 {
			b = append(b, propagation.Item{Key: key, Value: values[0]})
		}
	})
	return b
}

// Tags from which a gateway makes SkyWalking's reference to the caller, and the
// text by which a person wants to find a debug trace.
const (
	tagTraceName = "sw8.trace_id"
	tagParent    = "sw8.parent"
	tagDebugID   = "jaeger-debug-id"
)

// Tags are what the server's span should say of its caller, for zipkin.Tags. A
// gateway makes SkyWalking's references from them.
func Tags(sc model.SpanContext) map[string]string {
	b, ok := sc.Baggage.(*Baggage)
	if !ok {
		return nil
	}
	tags := make(map[string]string)
	if tag := b.came.ParentTag(); tag != "" {
		tags[tagParent] = tag
	}
	if b.came.IsNamed() {
		tags[tagTraceName] = b.came.Name()
	}
	if b.came.DebugID != "" {
		tags[tagDebugID] = b.came.DebugID
	}
	return tags
}
