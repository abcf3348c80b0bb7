// SPDX-License-Identifier: Apache-2.0

package zipkingo

import (
	"net/http"
	"os"

	"github.com/openzipkin/zipkin-go/model"
	zipkin "github.com/openzipkin/zipkin-go/propagation"

	"github.com/spanbridge/spanbridge/propagation"
)

// Codec reads and writes headers for a tracer. It may be used by several
// goroutines at once.
type Codec struct {
	p                 *propagation.Propagator
	service, instance string
}

// Option is a setting of a Codec.
type Option func(*Codec)

// Propagator sets which headers are read and written. By default all are read,
// B3 before the others, and b3, sw8, w3c and uber are written.
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
		c.p = propagation.New()
	}
	return c
}

// ExtractHTTP reads the headers of a request.
func (c *Codec) ExtractHTTP(r *http.Request) zipkin.Extractor {
	return c.Extract(propagation.HTTP(r.Header))
}

// ExtractGRPC reads gRPC's metadata.
func (c *Codec) ExtractGRPC(md map[string][]string) zipkin.Extractor {
	return c.Extract(propagation.Metadata(md))
}

// ExtractMap reads a map, such as the attachments of a message.
func (c *Codec) ExtractMap(m map[string]string) zipkin.Extractor {
	return c.Extract(propagation.TextMap(m))
}

// Extract reads any carrier. The extractor gives no error: headers that cannot
// be read are as if they were not there, and the propagator counts them.
func (c *Codec) Extract(r propagation.Reader) zipkin.Extractor {
	return func() (*model.SpanContext, error) {
		in := c.p.Extract(r)
		return spanContext(&in), nil
	}
}

// InjectHTTP writes the headers of a request.
func (c *Codec) InjectHTTP(r *http.Request) zipkin.Injector {
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	return c.Inject(propagation.HTTP(r.Header), addressOf(r))
}

func addressOf(r *http.Request) string {
	if r.Host == "" && r.URL != nil {
		return r.URL.Host
	}
	return r.Host
}

// InjectGRPC writes gRPC's metadata for a call to an address.
func (c *Codec) InjectGRPC(md map[string][]string, address string) zipkin.Injector {
	return c.Inject(propagation.Metadata(md), address)
}

// InjectMap writes a map. The address is that of the broker for a message, else
// that of the service that is called.
func (c *Codec) InjectMap(m map[string]string, address string) zipkin.Injector {
	return c.Inject(propagation.TextMap(m), address)
}

// Inject writes to any carrier.
func (c *Codec) Inject(w propagation.Writer, address string) zipkin.Injector {
	return func(sc model.SpanContext) error {
		out, endpoint := contextOf(&sc)
		c.p.Inject(&out, propagation.Caller{Service: c.service, Instance: c.instance, Endpoint: endpoint, Address: address}, w)
		return nil
	}
}
