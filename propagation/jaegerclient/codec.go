// SPDX-License-Identifier: Apache-2.0

package jaegerclient

import (
	"os"
	"sync/atomic"

	"github.com/opentracing/opentracing-go"
	"github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/config"

	"github.com/spanbridge/spanbridge/propagation"
)

// Codec reads and writes headers for a tracer. It may be used by several
// goroutines at once.
type Codec struct {
	p                 *propagation.Propagator
	service, instance string
	tracer            atomic.Pointer[jaeger.Tracer]
}

// Option is a setting of a Codec.
type Option func(*Codec)

// Propagator sets which headers are read and written. By default all are read,
// Jaeger's own before the others, and b3, sw8, w3c and uber are written.
func Propagator(p *propagation.Propagator) Option { return func(c *Codec) { c.p = p } }

// Instance is the name of this process in SkyWalking. By default it is the name
// of the host.
func Instance(name string) Option { return func(c *Codec) { c.instance = name } }

// New makes a codec for the tracer of a service.
func New(service string, options ...Option) *Codec {
	c := &Codec{service: service}
	c.instance, _ = os.Hostname()
	for _, o := range options {
		o(c)
	}
	if c.p == nil {
		c.p = propagation.New(propagation.Prefer(propagation.Uber))
	}
	return c
}

// Options are for jaeger.NewTracer.
func (c *Codec) Options() []jaeger.TracerOption {
	return []jaeger.TracerOption{
		jaeger.TracerOptions.Injector(opentracing.HTTPHeaders, c.HTTPHeaders()),
		jaeger.TracerOptions.Extractor(opentracing.HTTPHeaders, c.HTTPHeaders()),
		jaeger.TracerOptions.Injector(opentracing.TextMap, c.TextMap()),
		jaeger.TracerOptions.Extractor(opentracing.TextMap, c.TextMap()),
		jaeger.TracerOptions.ContribObserver(c.Observer()),
		c.Bind,
	}
}

// Config is for NewTracer of jaeger-client-go's config package.
func (c *Codec) Config() []config.Option {
	return []config.Option{
		config.Injector(opentracing.HTTPHeaders, c.HTTPHeaders()),
		config.Extractor(opentracing.HTTPHeaders, c.HTTPHeaders()),
		config.Injector(opentracing.TextMap, c.TextMap()),
		config.Extractor(opentracing.TextMap, c.TextMap()),
		config.ContribObserver(c.Observer()),
	}
}

// Bind tells whose sampler decides on traces that came undecided. Options do so;
// with Config, the codec knows the tracer when it has started its first span,
// and until then such traces are not sampled, as with jaeger-client-go's own
// codec for B3.
func (c *Codec) Bind(t *jaeger.Tracer) { c.tracer.Store(t) }

// HTTPHeaders is the injector and extractor for opentracing.HTTPHeaders.
func (c *Codec) HTTPHeaders() Format { return Format{c, false} }

// TextMap is the injector and extractor for opentracing.TextMap. As in
// jaeger-client-go, the values of uberctx-* are not escaped.
func (c *Codec) TextMap() Format { return Format{c, true} }

// Format is a jaeger.Injector and a jaeger.Extractor.
type Format struct {
	c   *Codec
	raw bool
}

var (
	_ jaeger.Injector  = Format{}
	_ jaeger.Extractor = Format{}
)
