// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"context"
	"os"

	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanbridge/spanbridge/propagation"
)

// Propagator is an OpenTelemetry TextMapPropagator. It may be used by several
// goroutines at once.
type Propagator struct {
	p                 *propagation.Propagator
	service, instance string
	undecided         func(trace.TraceID) bool
}

var _ otel.TextMapPropagator = (*Propagator)(nil)

// Option is a setting of a Propagator.
type Option func(*Propagator)

// Headers sets which headers are read and written. By default all are read,
// W3C's before the others, and b3, sw8, w3c and uber are written.
func Headers(p *propagation.Propagator) Option { return func(o *Propagator) { o.p = p } }

// Instance is the name of this process in SkyWalking. By default it is the name
// of the host.
func Instance(name string) Option { return func(o *Propagator) { o.instance = name } }

// Undecided decides on traces that came with ids and without a decision, as B3
// allows. By default they are not sampled.
func Undecided(sampled func(trace.TraceID) bool) Option {
	return func(o *Propagator) { o.undecided = sampled }
}

// New makes a propagator for a service.
func New(service string, options ...Option) *Propagator {
	o := &Propagator{service: service, undecided: func(trace.TraceID) bool { return false }}
	o.instance, _ = os.Hostname()
	for _, set := range options {
		set(o)
	}
	if o.p == nil {
		o.p = propagation.New(propagation.Prefer(propagation.W3C))
	}
	return o
}

// Fields implements otel.TextMapPropagator: the headers that Inject may write;
// baggage in headers of its own comes besides.
func (o *Propagator) Fields() []string { return o.p.Keys() }

// Extract implements otel.TextMapPropagator. Headers that cannot be read are as
// if they were not there, and the propagation.Propagator counts them.
func (o *Propagator) Extract(ctx context.Context, carrier otel.TextMapCarrier) context.Context {
	in := o.p.Extract(readerOf(carrier))
	if in.IsEmpty() {
		return ctx
	}
	return o.enter(ctx, &in)
}

// Inject implements otel.TextMapPropagator.
func (o *Propagator) Inject(ctx context.Context, carrier otel.TextMapCarrier) {
	out, from := leave(ctx)
	if out.IsEmpty() {
		return
	}
	from.Service, from.Instance = o.service, o.instance
	o.p.Inject(&out, from, writerOf(carrier))
}
