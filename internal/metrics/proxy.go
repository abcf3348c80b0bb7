// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// The metrics of bridge proxy. A direction is inward (to the service), outward
// (from the service) or tunnel.
var (
	proxyRequests = Metric{
		"bridge_proxy_requests_total", Counter,
		[]string{"direction", "code"},
		"Requests by the status that the caller was given; aborted for those whose caller went away first.",
	}
	proxyActive = Metric{
		"bridge_proxy_active", Gauge,
		[]string{"direction"},
		"Requests, upgraded connections and tunnels that are open.",
	}
	proxyBytes = Metric{
		"bridge_proxy_bytes_total", Counter,
		[]string{"direction", "part"},
		"Bytes of bodies: request (from the caller) and response (to the caller), upgraded connections and tunnels included.",
	}
	proxyErrors = Metric{
		"bridge_proxy_errors_total", Counter,
		[]string{"direction", "reason"},
		"Requests that the other side did not answer whole: unreachable (no connection), timeout, protocol (no HTTP, or not the version that was spoken), broken (the connection ended before the answer or in it), aborted (by the caller), refused (not for this port, or it would come back to the proxy for ever).",
	}
	proxyUpgrades = Metric{
		"bridge_proxy_upgrades_total", Counter,
		[]string{"direction"},
		"Connections that were upgraded to another protocol, such as WebSocket.",
	}
	proxyTunnels = Metric{
		"bridge_proxy_tunnels_total", Counter,
		[]string{"outcome"},
		"CONNECT requests: opened, unreachable, or refused. What goes through a tunnel is encrypted as a rule: no header is read or written there.",
	}
	proxyHeaders = Metric{
		"bridge_proxy_headers_total", Counter,
		[]string{"direction", "format", "outcome"},
		"Tracing headers of requests, by format: read, malformed (left out), disagreed (named another trace or span than the format that is preferred), written.",
	}
	proxyUntraced = Metric{
		"bridge_proxy_untraced_total", Counter,
		[]string{"direction"},
		"Requests in which no tracing header was found that could be read.",
	}
	proxyCut = Metric{
		"bridge_proxy_baggage_cut_total", Counter,
		[]string{"direction"},
		"Items of baggage that did not fit: over a bound, or without a form in a format that was written.",
	}
	proxyRestored = Metric{
		"bridge_proxy_restored_total", Counter,
		[]string{"what"},
		"What calls of the service got back from the memory because the service had not carried it: name (SkyWalking's name of the trace), baggage, decision, state (tracestate), high (the first half of a trace id of 128 bits).",
	}
	proxyRemembered = Metric{
		"bridge_proxy_remembered", Gauge, nil,
		"Traces in the memory.",
	}
	proxyForgotten = Metric{
		"bridge_proxy_forgotten_total", Counter, nil,
		"Traces forgotten before their time because the memory holds only so many.",
	}
	proxySpans = Metric{
		"bridge_proxy_spans_total", Counter,
		[]string{"outcome"},
		"Spans of the proxy itself (--spans): sent, or dropped because the queue was full (queue), because the backend refused them (refused) or could not be reached in time (failed), or at the end of the process (closed).",
	}
	proxyData = Metric{
		"bridge_proxy_data_total", Counter,
		[]string{"direction", "outcome"},
		"Requests in whose data the field of --data-field was looked for or written: read, written, malformed, or left as they were because of their length, encoding (compressed), or because they are no object (form).",
	}
)

// ProxyList is the metrics of bridge proxy in the order of the documentation.
var ProxyList = []Metric{
	proxyRequests, proxyActive, proxyBytes, proxyErrors, proxyUpgrades, proxyTunnels,
	proxyHeaders, proxyUntraced, proxyCut, proxyRestored, proxyRemembered, proxyForgotten, proxyData, proxySpans,
}

// Proxy is the metrics of a proxy.
type Proxy struct {
	Requests  *prometheus.CounterVec
	Active    *prometheus.GaugeVec
	Bytes     *prometheus.CounterVec
	Errors    *prometheus.CounterVec
	Upgrades  *prometheus.CounterVec
	Tunnels   *prometheus.CounterVec
	Untraced  *prometheus.CounterVec
	Restored  *prometheus.CounterVec
	Forgotten prometheus.Counter
	Data      *prometheus.CounterVec

	set *Set
}

// NewProxy makes the metrics of a proxy and registers them.
func NewProxy(reg prometheus.Registerer) *Proxy {
	s := &Set{reg: reg}
	p := &Proxy{
		Requests: s.counter(proxyRequests),
		Active:   s.gauges(proxyActive),
		Bytes:    s.counter(proxyBytes),
		Errors:   s.counter(proxyErrors),
		Upgrades: s.counter(proxyUpgrades),
		Tunnels:  s.counter(proxyTunnels),
		Untraced: s.counter(proxyUntraced),
		Restored: s.counter(proxyRestored),
		Data:     s.counter(proxyData),
		set:      s,
	}
	p.Forgotten = prometheus.NewCounter(prometheus.CounterOpts{Name: proxyForgotten.Name, Help: proxyForgotten.Help})
	reg.MustRegister(p.Forgotten)
	return p
}

// Remembered registers how many traces the memory holds, asked for when the
// metrics are read.
func (p *Proxy) Remembered(held func() int) {
	p.set.gauge(proxyRemembered, nil, func() float64 { return float64(held()) })
}

// Spans registers the counts of the proxy's own spans by outcome, asked for when
// the metrics are read.
func (p *Proxy) Spans(counts func() map[string]int64) {
	p.set.reg.MustRegister(spanCounts(counts))
}

type spanCounts func() map[string]int64

// Describe describes nothing: the outcomes are the caller's.
func (spanCounts) Describe(chan<- *prometheus.Desc) {}

// Collect gives the counts.
func (c spanCounts) Collect(to chan<- prometheus.Metric) {
	desc := prometheus.NewDesc(proxySpans.Name, proxySpans.Help, proxySpans.Labels, nil)
	for outcome, n := range c() {
		to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), outcome)
	}
}

// HeaderCount is a number of tracing headers.
type HeaderCount struct {
	Format, Outcome string
	N               int64
}

// Headers registers the counts of one direction, asked for when the metrics are
// read.
func (p *Proxy) Headers(direction string, counts func() (headers []HeaderCount, cut int64)) {
	p.set.reg.MustRegister(&headerCounts{direction, counts})
}

type headerCounts struct {
	direction string
	counts    func() ([]HeaderCount, int64)
}

// Describe describes nothing: which formats there are is not known before.
func (c *headerCounts) Describe(chan<- *prometheus.Desc) {}

// Collect gives the counts.
func (c *headerCounts) Collect(to chan<- prometheus.Metric) {
	headers, cut := c.counts()
	desc := prometheus.NewDesc(proxyHeaders.Name, proxyHeaders.Help, proxyHeaders.Labels, nil)
	for _, h := range headers {
		to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(h.N), c.direction, h.Format, h.Outcome)
	}
	to <- prometheus.MustNewConstMetric(prometheus.NewDesc(proxyCut.Name, proxyCut.Help, proxyCut.Labels, nil),
		prometheus.CounterValue, float64(cut), c.direction)
}
