// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// Option is a setting of a Tracer.
type Option func(*Tracer)

// Limits without options.
const (
	DefaultMaxTagValueLength = 64 << 10
	DefaultMaxTagsPerSpan    = 1000
	DefaultMaxLogsPerSpan    = 1000
)

// New makes a tracer of a service. Without options it samples every trace that
// begins here, makes trace ids of 128 bits, reads all headers, and reports to
// nobody.
func New(service string, options ...Option) *Tracer {
	host, _ := os.Hostname()
	t := &Tracer{
		process:  Process{Service: service, Instance: host},
		maxValue: DefaultMaxTagValueLength,
		maxTags:  DefaultMaxTagsPerSpan,
		maxLogs:  DefaultMaxLogsPerSpan,
		born:     time.Now(),
		ended:    make(chan struct{}),
	}
	for _, o := range options {
		o(t)
	}
	if t.reporter == nil {
		t.reporter = nobody{}
	}
	if t.sampler == nil {
		t.sampler = always{}
	}
	if t.propagator == nil {
		t.propagator = propagation.New()
	}
	t.sw8 = slices.Contains(t.propagator.Writes(), propagation.SW8)
	for i := range t.process.Tags {
		tag := &t.process.Tags[i]
		tag.Value = t.tagValue(tag.Value)
	}
	for i := range t.rings {
		t.rings[i].tracer = t
	}
	if r, ok := t.reporter.(Starter); ok {
		r.Start(&t.process)
	}
	return t
}

// WithReporter sets where finished spans go. Several reporters are one by
// Composite.
func WithReporter(r Reporter) Option { return func(t *Tracer) { t.reporter = r } }

// WithSampler sets who decides about traces that begin here.
func WithSampler(s Sampler) Option { return func(t *Tracer) { t.sampler = s } }

// WithPropagator sets which headers are read and written.
func WithPropagator(p *propagation.Propagator) Option { return func(t *Tracer) { t.propagator = p } }

// WithInstance sets the name of this process among those of the service, by
// default the name of the host.
func WithInstance(name string) Option { return func(t *Tracer) { t.process.Instance = name } }

// WithIP sets the address that spans are reported from.
func WithIP(ip netip.Addr) Option { return func(t *Tracer) { t.process.IP = ip } }

// WithTags adds tags that all spans of the process have in common.
func WithTags(tags ...Tag) Option {
	return func(t *Tracer) { t.process.Tags = append(t.process.Tags, tags...) }
}

// WithSharedSpans gives the span of a server the id of its client's span, as
// Zipkin's own tracers do. Use it for backends of Zipkin alone.
func WithSharedSpans() Option { return func(t *Tracer) { t.shared = true } }

// With64BitTraceIDs makes new trace ids of 64 bits, for fleets that cannot take
// longer ones. Ids that come from elsewhere stay as they are.
func With64BitTraceIDs() Option { return func(t *Tracer) { t.short = true } }

// WithMaxTagValueLength sets after how many bytes the value of a tag, or of a
// log's field, is cut.
func WithMaxTagValueLength(bytes int) Option { return func(t *Tracer) { t.maxValue = max(bytes, 1) } }

// WithMaxTagsPerSpan sets how many tags a span keeps, and a log fields; the
// first ones stay.
func WithMaxTagsPerSpan(tags int) Option { return func(t *Tracer) { t.maxTags = max(tags, 0) } }

// WithMaxLogsPerSpan sets how many logs a span keeps; the first ones stay.
func WithMaxLogsPerSpan(logs int) Option { return func(t *Tracer) { t.maxLogs = max(logs, 0) } }

// always samples everything.
type always struct{}

func (always) Sample(span.TraceID, string) Decision { return Decision{Sampled: true} }
