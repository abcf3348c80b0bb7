// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/propagation/payload"
)

// direction is one way through the proxy: which headers are read and written,
// and the numbers of it.
type direction struct {
	name       string // inward or outward
	propagator *propagation.Propagator
	strays     []stray
	memory     *memory // nil when there are no calls to remember for
	data       *data   // nil when the service has its headers in headers
	spans      *spans  // nil when the proxy makes none
	caller     propagation.Caller

	metrics  *metrics.Proxy
	active   prometheus.Gauge
	request  prometheus.Counter // bytes
	response prometheus.Counter
	upgrades prometheus.Counter
	untraced prometheus.Counter
	codes    [600]atomic.Pointer[prometheus.Counter]
}

// Names of directions.
const (
	inward  = "inward"
	outward = "outward"
)

// stray is a format that is read but not written: its headers go on beside the
// others unless they contradict them.
type stray struct {
	format propagation.Format
	// ids are headers that name a span, rest those that mean nothing without.
	ids, rest []string
}

func newDirection(name string, formats, preferred []propagation.Format, o *Options, memory *memory) *direction {
	d := &direction{
		name:       name,
		propagator: propagation.New(propagation.Prefer(preferred...), propagation.Write(formats...)),
		memory:     memory,
		metrics:    o.Metrics,
		active:     o.Metrics.Active.WithLabelValues(name),
		request:    o.Metrics.Bytes.WithLabelValues(name, "request"),
		response:   o.Metrics.Bytes.WithLabelValues(name, "response"),
		upgrades:   o.Metrics.Upgrades.WithLabelValues(name),
		untraced:   o.Metrics.Untraced.WithLabelValues(name),
	}
	if o.DataField != "" {
		d.data = &data{payload.Field{Name: o.DataField, MaxBody: int(o.DataLimit)}, d}
	}
	for _, s := range idHeaders {
		if !slices.Contains(formats, s.format) {
			d.strays = append(d.strays, s)
		}
	}
	o.Metrics.Headers(name, d.counts)
	return d
}

// idHeaders are the headers that name a span, as net/http writes them. Baggage in
// headers of its own contradicts nothing and is no part of them.
var idHeaders = []stray{
	{propagation.B3, []string{"B3"}, nil},
	{propagation.B3Multi, []string{"X-B3-Traceid", "X-B3-Spanid", "X-B3-Sampled", "X-B3-Flags"}, []string{"X-B3-Parentspanid"}},
	{propagation.SW8, []string{"Sw8"}, []string{"Sw8-Correlation", "Sw8-X"}},
	{propagation.W3C, []string{"Traceparent"}, []string{"Tracestate"}},
	{propagation.Uber, []string{"Uber-Trace-Id", "Jaeger-Debug-Id"}, nil},
	{propagation.OT, []string{"Ot-Tracer-Traceid", "Ot-Tracer-Spanid"}, []string{"Ot-Tracer-Sampled"}},
	{propagation.LightStep, []string{"X-Ot-Span-Context"}, nil},
}

func (d *direction) counts() (headers []metrics.HeaderCount, cut int64) {
	c := d.propagator.Counts()
	for outcome, by := range map[string]map[propagation.Format]int64{
		"read": c.Read, "malformed": c.Malformed, "disagreed": c.Disagreed, "written": c.Written,
	} {
		for f, n := range by {
			headers = append(headers, metrics.HeaderCount{Format: f.String(), Outcome: outcome, N: n})
		}
	}
	return headers, c.Cut
}

// cross rewrites the headers of a request that goes to host.
func (d *direction) cross(x *exchange, r *http.Request, host string) {
	c := &x.context
	*c = d.propagator.Extract(propagation.HTTP(r.Header))
	var at *carrier
	if d.data != nil {
		var inData propagation.Context
		if inData, at = d.data.read(r); inData.HasIDs() {
			*c = with(inData, *c)
		}
	}
	from := d.caller
	switch {
	case !c.HasIDs():
		d.untraced.Inc()
	case d.memory != nil && d.name == outward:
		var got restored
		from.Endpoint, got = d.memory.restore(c)
		d.count(got)
	}
	if d.spans != nil {
		if x.record = d.spans.start(c, r, host); x.record != nil && d.name == inward {
			// The caller is this proxy now.
			from = d.spans.instance
			from.Endpoint = endpointOf(r)
		}
	}
	from.Address = host
	if d.memory != nil && d.name == inward && c.HasIDs() {
		d.memory.remember(c, endpointOf(r))
	}
	d.removeStrays(r.Header, c, x.record != nil)
	x.headers = propagation.NewMemory(x.text[:0], x.values[:0])
	d.propagator.InjectIn(&x.headers, c, from, propagation.HTTP(r.Header))
	if at != nil && !c.IsEmpty() && (d.name == inward || at.found && x.record != nil) {
		d.data.write(r, at, c, from)
	}
}

func (d *direction) count(got restored) {
	for _, g := range [...]struct {
		yes  bool
		what string
	}{{got.name, "name"}, {got.baggage, "baggage"}, {got.decision, "decision"}, {got.state, "state"}, {got.high, "high"}} {
		if g.yes {
			d.metrics.Restored.WithLabelValues(g.what).Inc()
		}
	}
}

// removeStrays takes out what is not written anew and contradicts what is:
// headers that name another trace or span, and those that cannot be read, which
// some agents answer with an error. Where the proxy has a span of its own, all
// others name another.
func (d *direction) removeStrays(h http.Header, c *propagation.Context, own bool) {
	for i := range d.strays {
		s := &d.strays[i]
		there := false
		for _, key := range s.ids {
			if _, ok := h[key]; ok {
				there = true
				break
			}
		}
		if there && !own && c.Found.Has(s.format) && !lost(c, s.format) {
			continue
		}
		if there {
			for _, key := range s.ids {
				delete(h, key)
			}
		}
		for _, key := range s.rest {
			delete(h, key)
		}
	}
}

// lost is true for a format that named something else than what was taken.
func lost(c *propagation.Context, f propagation.Format) bool {
	for i := range c.Others {
		if c.Others[i].Format == f {
			return true
		}
	}
	return false
}

// answered counts a request by the status of its answer.
func (d *direction) answered(code int) {
	if code < 100 || code >= len(d.codes) {
		d.metrics.Requests.WithLabelValues(d.name, "other").Inc()
		return
	}
	c := d.codes[code].Load()
	if c == nil {
		counter := d.metrics.Requests.WithLabelValues(d.name, strconv.Itoa(code))
		c = &counter
		d.codes[code].Store(c)
	}
	(*c).Inc()
}
