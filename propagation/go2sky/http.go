// SPDX-License-Identifier: Apache-2.0

package go2sky

import (
	"net/http"

	headers "github.com/SkyAPM/go2sky/propagation"

	"github.com/spanbridge/spanbridge/propagation"
)

// Handler goes around the middleware of go2sky's HTTP plugin, which looks for
// sw8 in the request: it finds one there, whatever the format that came.
func (c *Codec) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, extract := c.entry(r.Context(), propagation.HTTP(r.Header), r.Host)
		r = r.WithContext(ctx)
		r.Header = r.Header.Clone()
		propagation.Strip(r.Header, propagation.SW8)
		for _, key := range []string{headers.Header, headers.HeaderCorrelation} {
			if value, _ := extract(key); value != "" {
				r.Header.Set(key, value)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// Transport goes below the client of go2sky's HTTP plugin, as the transport of
// the client that it is given: it writes the chosen formats in place of sw8.
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
	out := r.Clone(r.Context())
	sw8, correlation := out.Header.Get(headers.Header), out.Header.Get(headers.HeaderCorrelation)
	propagation.Strip(out.Header, propagation.SW8)
	inject := t.c.Exit(r.Context(), propagation.HTTP(out.Header))
	if sw8 != "" {
		_ = inject(headers.Header, sw8)
		_ = inject(headers.HeaderCorrelation, correlation)
	}
	return t.next.RoundTrip(out)
}
