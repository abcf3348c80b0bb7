// SPDX-License-Identifier: Apache-2.0

package jaegerclient

import (
	"net/http"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/propagation"
)

// Carrier is a carrier that knows where it goes. The address stands in sw8, and
// OAP finds the service behind the caller's exit span by it.
type Carrier struct {
	opentracing.TextMapWriter
	Address string // host:port, or a name
}

// Request is the carrier of an outgoing request:
//
//	tracer.Inject(span.Context(), opentracing.HTTPHeaders, jaegerclient.Request(r))
func Request(r *http.Request) Carrier {
	address := r.Host
	if address == "" && r.URL != nil {
		address = r.URL.Host
	}
	return Carrier{opentracing.HTTPHeadersCarrier(r.Header), address}
}

// reader is an OpenTracing carrier in the propagator's words.
type reader struct{ opentracing.TextMapReader }

func (r reader) Each(f func(key, value string)) {
	_ = r.ForeachKey(func(k, v string) error {
		f(k, v)
		return nil
	})
}

// reader finds how a carrier is read.
func (f Format) reader(carrier any) (propagation.Reader, error) {
	switch m := carrier.(type) {
	case opentracing.HTTPHeadersCarrier:
		if !f.raw {
			return propagation.HTTP(m), nil
		}
	case opentracing.TextMapCarrier:
		if f.raw {
			return propagation.TextMap(m), nil
		}
	}
	m, ok := carrier.(opentracing.TextMapReader)
	if !ok {
		return nil, opentracing.ErrInvalidCarrier
	}
	if !f.raw {
		return reader{m}, nil
	}
	texts := propagation.TextMap{}
	reader{m}.Each(func(k, v string) {
		if _, twice := texts[k]; !twice { // the first value counts
			texts[k] = v
		}
	})
	return texts, nil
}

// inject writes a context into a carrier.
func (f Format) inject(c *propagation.Context, from propagation.Caller, carrier any) error {
	switch m := carrier.(type) {
	case opentracing.HTTPHeadersCarrier:
		if m == nil {
			return opentracing.ErrInvalidCarrier
		}
		if !f.raw {
			f.c.p.Inject(c, from, propagation.HTTP(m))
			return nil
		}
	case opentracing.TextMapCarrier:
		if m == nil {
			return opentracing.ErrInvalidCarrier
		}
		if f.raw {
			f.c.p.Inject(c, from, propagation.TextMap(m))
			return nil
		}
	}
	m, ok := carrier.(opentracing.TextMapWriter)
	if !ok {
		return opentracing.ErrInvalidCarrier
	}
	if !f.raw {
		f.c.p.Inject(c, from, m)
		return nil
	}
	texts := propagation.TextMap{}
	f.c.p.Inject(c, from, texts)
	for k, v := range texts {
		m.Set(k, v)
	}
	return nil
}
