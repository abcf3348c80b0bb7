// SPDX-License-Identifier: Apache-2.0

package zipkingo

import (
	"context"
	"net/http"

	"github.com/spanbridge/spanbridge/propagation"
)

// b3 writes what zipkin-go's middleware reads.
var b3 = propagation.New(propagation.Write(propagation.B3Multi))

// b3Read reads what it writes.
var b3Read = propagation.New(propagation.Read(propagation.B3Multi, propagation.B3))

type baggageKey struct{}

// Handler goes around zipkin-go's HTTP server middleware, which reads X-B3
// headers: it finds them there, whatever the format that came.
func (c *Codec) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in := c.p.Extract(propagation.HTTP(r.Header))
		r = r.WithContext(context.WithValue(r.Context(), baggageKey{}, &Baggage{came: in, items: in.Baggage}))
		r.Header = r.Header.Clone()
		propagation.Strip(r.Header, propagation.B3, propagation.B3Multi)
		in.Baggage = nil
		b3.Inject(&in, propagation.Caller{}, propagation.HTTP(r.Header))
		next.ServeHTTP(w, r)
	})
}

// FromContext is the baggage that Handler took from a request; nil without it.
// FromContext(ctx).SetEndpoint names the operation that sw8 hands on.
func FromContext(ctx context.Context) *Baggage {
	b, _ := ctx.Value(baggageKey{}).(*Baggage)
	return b
}

// Transport goes below zipkin-go's HTTP transport, as its RoundTripper: it
// writes the chosen formats in place of B3, with what Handler found in the
// request that is served.
func (c *Codec) Transport(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return transport{c, next}
}

type transport struct {
	c    *Codec
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	out := b3Read.Extract(propagation.HTTP(r.Header))
	ctx := r.Context()
	r = r.Clone(ctx)
	propagation.Strip(r.Header, propagation.B3, propagation.B3Multi)
	sc := spanContext(&out)
	if b := FromContext(ctx); b != nil {
		sc.Baggage = b
	}
	if err := t.c.InjectHTTP(r)(*sc); err != nil {
		return nil, err
	}
	return t.next.RoundTrip(r)
}
