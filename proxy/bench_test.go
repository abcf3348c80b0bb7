// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/spanbridge/spanbridge/propagation"
)

// BenchmarkCross is what the headers of a request cost, without HTTP. make
// bench-proxy measures the whole.
func BenchmarkCross(b *testing.B) {
	for _, tc := range []struct {
		name   string
		change func(*Options)
	}{
		{"b3 to b3", func(o *Options) { o.Inward, o.Forward = []propagation.Format{propagation.B3Multi}, "" }},
		{"b3 to sw8", func(o *Options) { o.Inward, o.Forward = []propagation.Format{propagation.SW8}, "" }},
		{"b3 to sw8, remembered", func(o *Options) { o.Inward = []propagation.Format{propagation.SW8} }},
		{"b3 to sw8, remembered, a span", func(o *Options) {
			o.Inward, o.Spans = []propagation.Format{propagation.SW8}, &kept{}
		}},
	} {
		b.Run(tc.name, func(b *testing.B) {
			r := start(b, "http://127.0.0.1:1", tc.change)
			d := r.ports[0].server.Handler.(*handler).d
			given := http.Header(headersAs(written[propagation.B3Multi]))
			given["User-Agent"], given["Accept"] = []string{"bench"}, []string{"*/*"}
			in := httptest.NewRequest(http.MethodGet, "/orders/17", nil)
			b.ReportAllocs()
			for b.Loop() {
				clear(in.Header)
				maps.Copy(in.Header, given)
				x := &exchange{d: d}
				d.cross(x, in, "127.0.0.1:8080")
			}
		})
	}
}
