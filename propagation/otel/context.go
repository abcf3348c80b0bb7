// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// visit is what Extract keeps in the context of a request.
type visit struct {
	came     propagation.Context
	left     propagation.Baggage // which OpenTelemetry does not take
	ownState bool                // it does not take the tracestate
	endpoint atomic.Pointer[string]
}

type visitKey struct{}

func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// SetEndpoint tells the operation by which this process was called, such as
// "GET /bills/{id}": sw8 hands it on, and OAP draws the calls between endpoints
// from it. The context is one that Extract returned, or one below.
func SetEndpoint(ctx context.Context, name string) {
	if v := visitOf(ctx); v != nil {
		v.endpoint.Store(&name)
	}
}

// enter makes the context of a request. The ids of a denial without ids are made
// up, so that samplers which go by the parent record nothing.
func (o *Propagator) enter(ctx context.Context, in *propagation.Context) context.Context {
	v := &visit{came: *in}
	ctx = context.WithValue(ctx, visitKey{}, v)
	ctx, v.left = withBaggage(ctx, in.Baggage)
	if !in.HasIDs() {
		if in.Sampling != propagation.Deny {
			return ctx
		}
		made := *in
		made.Trace, made.Span = span.TraceID{Hi: rand.Uint64() | 1, Lo: rand.Uint64() | 1}, span.ID(rand.Uint64()|1)
		in = &made
	}
	config := trace.SpanContextConfig{Remote: true}
	binary.BigEndian.PutUint64(config.TraceID[:8], in.Trace.Hi)
	binary.BigEndian.PutUint64(config.TraceID[8:], in.Trace.Lo)
	binary.BigEndian.PutUint64(config.SpanID[:], uint64(in.Span))
	if in.Sampling.Sampled() || in.Sampling == propagation.Defer && o.undecided(config.TraceID) {
		config.TraceFlags = trace.FlagsSampled
	}
	var err error
	if config.TraceState, err = trace.ParseTraceState(in.State); err != nil {
		v.ownState = true
	}
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(config))
}

// leave is the context of a call, and what the span that calls says of both
// sides.
func leave(ctx context.Context) (out propagation.Context, from propagation.Caller) {
	sc := trace.SpanContextFromContext(ctx)
	v := visitOf(ctx)
	if v == nil {
		v = &visit{}
	}
	came := &v.came
	if !sc.IsValid() {
		if !came.HasIDs() {
			out = *came
		}
		out.Baggage = baggageOf(ctx, v)
		return out, from
	}
	id, at := ids(sc)
	passed := came.Trace == id && came.Span == at
	switch {
	case passed:
		out = *came
	case !came.HasIDs() || came.Trace == id:
		out = came.Child(at)
	}
	out.Trace, out.Span, out.Parent = id, at, 0
	if passed {
		out.Parent = came.Parent
	}
	switch {
	case sc.IsSampled() && out.Sampling > propagation.Accept:
	case sc.IsSampled():
		out.Sampling = propagation.Accept
	case passed && came.Sampling == propagation.Defer:
	default:
		out.Sampling = propagation.Deny
	}
	if !v.ownState {
		out.State = sc.TraceState().String()
	}
	out.Baggage = baggageOf(ctx, v)
	if s, ok := trace.SpanFromContext(ctx).(readable); ok {
		if parent := s.Parent(); parent.TraceID() == sc.TraceID() && parent.SpanID().IsValid() {
			_, out.Parent = ids(parent)
		}
		if s.SpanKind() == trace.SpanKindServer || s.SpanKind() == trace.SpanKindConsumer {
			from.Endpoint = s.Name()
		} else {
			from.Address = address(s.Attributes())
		}
	}
	if name := v.endpoint.Load(); name != nil {
		from.Endpoint = *name
	}
	return out, from
}

func ids(sc trace.SpanContext) (span.TraceID, span.ID) {
	t, s := sc.TraceID(), sc.SpanID()
	return span.TraceID{Hi: binary.BigEndian.Uint64(t[:8]), Lo: binary.BigEndian.Uint64(t[8:])}, span.ID(binary.BigEndian.Uint64(s[:]))
}

// readable is what the SDK's spans that are recorded say of themselves.
type readable interface {
	Name() string
	Parent() trace.SpanContext
	SpanKind() trace.SpanKind
	Attributes() []attribute.KeyValue
}

// Attributes are what the server's span should say of its caller, for
// trace.WithAttributes. A gateway makes SkyWalking's references from them; a text
// by which a person wants to find a debug trace is among them.
func Attributes(ctx context.Context) (attributes []attribute.KeyValue) {
	v := visitOf(ctx)
	if v == nil {
		return nil
	}
	if tag := v.came.ParentTag(); tag != "" {
		attributes = append(attributes, attribute.String("sw8.parent", tag))
	}
	if v.came.IsNamed() {
		attributes = append(attributes, attribute.String("sw8.trace_id", v.came.Name()))
	}
	if v.came.DebugID != "" {
		attributes = append(attributes, attribute.String("jaeger-debug-id", v.came.DebugID))
	}
	return attributes
}
