// SPDX-License-Identifier: Apache-2.0

// Package metrics holds every metric of the gateway in one list: name, kind,
// labels and meaning. docs/metrics.md is made from it. The packages that move
// a metric take it from a Set, which belongs to one registry.
package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Kind is the kind of a metric.
type Kind string

// Kinds.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Metric describes one metric.
type Metric struct {
	Name   string
	Kind   Kind
	Labels []string
	Help   string
}

// The metrics. For every target and every protocol that spans came by they add up,
// whenever none is between two of the counters:
//
//	received - absent + resumed + revived = exported (all outcomes) + repeated + merged + dropped + dead + held
//
// summed over the protocol's bridge_spans_received_total and the
// bridge_spans_absent_total, bridge_spans_resumed_total and
// bridge_spans_revived_total of both on the left, and
// over bridge_export_spans_total, bridge_spans_repeated_total,
// bridge_spans_merged_total, bridge_spans_dropped_total, bridge_spans_dead_total and
// bridge_spans_held of both on the right.
var (
	spansReceived = Metric{
		"bridge_spans_received_total", Counter,
		[]string{"protocol", "format", "transport"},
		"Spans taken from clients: each of them waits for every target from then on.",
	}
	tenantSpans = Metric{
		"bridge_tenant_spans_total", Counter,
		[]string{"tenant"},
		"With tenant.header: spans taken from clients, by the tenant that the header names, empty for none. From the tenant on that is one more than tenant.labels they are counted together, as \"all others\".",
	}
	spansResumed = Metric{
		"bridge_spans_resumed_total", Counter,
		[]string{"target", "protocol"},
		"Spans that the queue on disk held for a target when the process started, which an earlier process has received; and those that a target has taken and is sent once more because a reload replaced it while others of their message were on their way.",
	}
	spansAbsent = Metric{
		"bridge_spans_absent_total", Counter,
		[]string{"target", "protocol"},
		"Spans received while the target was not there: before a reload added it, or after one has removed it. They are not for it.",
	}
	sampledOut = Metric{
		"bridge_sampled_out_spans_total", Counter,
		[]string{"protocol"},
		"Spans left out by the setting sampling.gateway. They were answered as taken and count neither as received nor as rejected.",
	}
	spansRejected = Metric{
		"bridge_spans_rejected_total", Counter,
		[]string{"protocol", "reason"},
		"Spans not taken: malformed ones, and those of messages that were answered busy. Spans of a message that could not be read at all are not known; see bridge_messages_total.",
	}
	messages = Metric{
		"bridge_messages_total", Counter,
		[]string{"protocol", "format", "transport", "verdict"},
		"Messages from clients (HTTP requests, gRPC messages and streams, datagrams) by what became of them.",
	}
	datagramsLost = Metric{
		"bridge_datagrams_lost_total", Counter,
		[]string{"port"},
		"Datagrams for which the socket of a UDP port had no room, as Linux counts them; elsewhere nobody does. It is known with the next datagram that comes.",
	}
	aside = Metric{
		"bridge_messages_aside_total", Counter,
		[]string{"protocol", "method"},
		"Messages that carry no spans and were answered without being kept: meters, logs, profiles, questions.",
	}
	unknownCalls = Metric{
		"bridge_unknown_calls_total", Counter,
		[]string{"port"},
		"Calls of gRPC methods that are not served, by the name of the port. They were answered UNIMPLEMENTED.",
	}
	forwardedCalls = Metric{
		"bridge_forwarded_calls_total", Counter,
		[]string{"port", "outcome"},
		"Calls without spans that came to a gRPC port with a backend behind it: answered (by the backend, also with an error), unreachable (the gateway answered).",
	}
	bytesReceived = Metric{
		"bridge_received_bytes_total", Counter,
		[]string{"protocol", "transport"},
		"Bytes of message bodies after decompression.",
	}
	exportSpans = Metric{
		"bridge_export_spans_total", Counter,
		[]string{"target", "protocol", "outcome"},
		"Spans that left the queue of a target, by the protocol that they came by: delivered, refused (by a target that took the rest of the request and did not say which; of each protocol as large a part), malformed (they have no form there), or expired (given up after trying).",
	}
	spansRepeated = Metric{
		"bridge_spans_repeated_total", Counter,
		[]string{"target", "protocol", "reason"},
		"Spans that were not sent because the target has them: acknowledged (an earlier process had brought them to their end before it ended, while others of their message still waited), recognized (they were written for this target before: somebody reported them twice, or sent a message again).",
	}
	spansMerged = Metric{
		"bridge_spans_merged_total", Counter,
		[]string{"target", "protocol"},
		"Spans that became a part of another one, which counts as delivered: the pieces in which a Zipkin client reported a span, where the target takes a span only once.",
	}
	spansSuspected = Metric{
		"bridge_spans_suspected_total", Counter,
		[]string{"target", "protocol"},
		"Of the spans delivered: those that a target may have twice, since an earlier request with them ended without an answer or with one that does not say that nothing was taken. They are a part of bridge_export_spans_total and no column of the sum.",
	}
	exportRequests = Metric{
		"bridge_export_requests_total", Counter,
		[]string{"target", "outcome"},
		"Requests to a target: delivered, refused (its parts are sent then, until the guilty span stands alone), or retried.",
	}
	exportSeconds = Metric{
		"bridge_export_latency_seconds", Histogram,
		[]string{"target"},
		"From the receipt of a message to its delivery, for the oldest message of each request.",
	}
	spansDropped = Metric{
		"bridge_spans_dropped_total", Counter,
		[]string{"target", "protocol", "reason"},
		"Spans that a target will never get: queue_full (its queue was full and its policy is to drop the oldest), memory (limits.memory was taken, and its policy is that), retention (the queue on disk has reached queue.max_bytes or queue.max_age), damaged (the disk has changed or lost them), removed (a reload has removed the target, and the queue keeps them no longer), reread (a message of an earlier process has fewer spans by the rules or the version of this one).",
	}
	spansHeld = Metric{
		"bridge_spans_held", Gauge,
		[]string{"target", "protocol"},
		"Spans that wait for a target or are on their way to it.",
	}
	queueBytes = Metric{
		"bridge_queue_bytes", Gauge,
		[]string{"target"},
		"Bytes of the messages that are held for a target.",
	}
	batchSpans = Metric{
		"bridge_target_batch_spans", Gauge,
		[]string{"target"},
		"The most spans of a request to a target: batch.spans, or less for ten minutes after the target has refused a request for its length (413, RESOURCE_EXHAUSTED) and taken so many of its spans.",
	}
	targetFailing = Metric{
		"bridge_target_failing", Gauge,
		[]string{"target"},
		"1 while a target does not take what it is sent, else 0.",
	}
	windowWaiting = Metric{
		"bridge_window_waiting", Gauge,
		[]string{"target"},
		"Spans that wait in a target's window for others of their trace.",
	}
	windowReleased = Metric{
		"bridge_window_released_spans_total", Counter,
		[]string{"target", "reason"},
		"Spans that waited to learn who their parent is, by why they went on: complete (it came), quiet (it did not in time), size, memory (bounds of the window), shutdown.",
	}
	windowGroups = Metric{
		"bridge_window_closed_total", Counter,
		[]string{"target", "reason"},
		"Groups of spans of one trace and service that were collected for SkyWalking, by why they were closed: complete, quiet (after the longest wait), size, memory, shutdown.",
	}
	windowSplit = Metric{
		"bridge_window_split_total", Counter,
		[]string{"target", "half"},
		"Spans that shared an id on the wire and got one of their own: the server half, or the client half where the server had left before.",
	}
	windowRemembered = Metric{
		"bridge_window_remembered", Gauge,
		[]string{"target"},
		"Ids of which a window remembers who used them.",
	}
	windowEvicted = Metric{
		"bridge_window_evicted_total", Counter,
		[]string{"target"},
		"Ids forgotten before their time because the window remembers only so many.",
	}
	lostFields = Metric{
		"bridge_lost_fields_total", Counter,
		[]string{"from", "to", "field"},
		"Spans delivered without something that the target's protocol has no place for: the protocol they came by, the kind of target, and which part of the span. bridge convert --loss says what each field means.",
	}
	residueStale = Metric{
		"bridge_residue_stale_total", Counter,
		[]string{"entry"},
		"Spans received with a tag bridge.x of which an entry was ignored because somebody changed on the way what it restores; the change counts. Entries are those of docs/adr/0008-residue.md.",
	}
	viewTraces  = Metric{"bridge_view_traces", Gauge, nil, "Traces in the built-in view."}
	viewSpans   = Metric{"bridge_view_spans", Gauge, nil, "Spans in the built-in view."}
	viewBytes   = Metric{"bridge_view_bytes", Gauge, nil, "Memory of the built-in view's spans, in bytes."}
	viewEvicted = Metric{
		"bridge_view_evicted_spans_total", Counter, nil,
		"Spans that the built-in view has let go to make room for newer ones.",
	}
	panics = Metric{
		"bridge_panics_total", Counter,
		[]string{"where"},
		"Panics that were caught. Any is a bug: please report it with the log line.",
	}
)

// List is all metrics in the order of the documentation.
var List = []Metric{
	messages, datagramsLost, bytesReceived, spansReceived, tenantSpans, spansResumed, spansAbsent, sampledOut, spansRejected, aside, unknownCalls, forwardedCalls, accessRefused, handshakesFailed,
	spansHeld, queueBytes, exportSpans, exportRequests, exportSeconds, spansRepeated, spansMerged, spansSuspected, spansDropped,
	spansDead, spansRevived, deadLost, deadLetters, deadSpans, deadBytes, targetFailing, batchSpans, lostFields, residueStale,
	windowWaiting, windowReleased, windowGroups, windowSplit, windowRemembered, windowEvicted,
	diskBytes, diskSegments, diskRecords, diskSync, diskFailures, diskDamaged, diskForgotten,
	connectionsOpen, connectionsRefused, memoryOnWay, memoryLimit, waitingNow, waited, reloads, reloadGood, reloadTime,
	viewTraces, viewSpans, viewBytes, viewEvicted, panics,
}

// Set is the metrics of one process.
type Set struct {
	SpansReceived *prometheus.CounterVec
	TenantSpans   *prometheus.CounterVec
	SpansResumed  *prometheus.CounterVec
	// SampledOutSpans is moved by cmd/bridge, where the rules are.
	SampledOutSpans  *prometheus.CounterVec
	SpansRejected    *prometheus.CounterVec
	Messages         *prometheus.CounterVec
	Aside            *prometheus.CounterVec
	UnknownCalls     *prometheus.CounterVec
	ForwardedCalls   *prometheus.CounterVec
	AccessRefused    *prometheus.CounterVec
	HandshakesFailed *prometheus.CounterVec
	BytesReceived    *prometheus.CounterVec
	DatagramsLost    *prometheus.CounterVec
	ExportSpans      *prometheus.CounterVec
	ExportRequests   *prometheus.CounterVec
	ExportSeconds    *prometheus.HistogramVec
	SpansRepeated    *prometheus.CounterVec
	SpansMerged      *prometheus.CounterVec
	SpansSuspected   *prometheus.CounterVec
	SpansDropped     *prometheus.CounterVec
	SpansDead        *prometheus.CounterVec
	SpansRevived     *prometheus.CounterVec
	DeadLost         *prometheus.CounterVec
	TargetFailing    *prometheus.GaugeVec
	ViewEvicted      prometheus.Counter

	WindowWaiting    *prometheus.GaugeVec
	WindowReleased   *prometheus.CounterVec
	WindowGroups     *prometheus.CounterVec
	WindowSplit      *prometheus.CounterVec
	WindowRemembered *prometheus.GaugeVec
	WindowEvicted    *prometheus.CounterVec

	LostFields   *prometheus.CounterVec
	ResidueStale *prometheus.CounterVec
	Panics       *prometheus.CounterVec

	// Limits are what the receivers hold back.
	Limits Limits
	// Reloads is how the configuration was read again.
	Reloads Reloads

	held, heldBytes, absent, batch *byTarget

	reg prometheus.Registerer
}

// New makes the metrics and registers them.
func New(reg prometheus.Registerer) *Set {
	s := &Set{reg: reg}
	s.SpansReceived = s.counter(spansReceived)
	s.TenantSpans = s.counter(tenantSpans)
	s.SpansResumed = s.counter(spansResumed)
	s.SampledOutSpans = s.counter(sampledOut)
	s.SpansRejected = s.counter(spansRejected)
	s.Messages = s.counter(messages)
	s.Aside = s.counter(aside)
	s.UnknownCalls = s.counter(unknownCalls)
	s.ForwardedCalls = s.counter(forwardedCalls)
	s.AccessRefused = s.counter(accessRefused)
	s.HandshakesFailed = s.counter(handshakesFailed)
	s.BytesReceived = s.counter(bytesReceived)
	s.DatagramsLost = s.counter(datagramsLost)
	s.ExportSpans = s.counter(exportSpans)
	s.ExportRequests = s.counter(exportRequests)
	s.ExportSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: exportSeconds.Name, Help: exportSeconds.Help,
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
	}, exportSeconds.Labels)
	reg.MustRegister(s.ExportSeconds)
	s.SpansRepeated = s.counter(spansRepeated)
	s.SpansMerged = s.counter(spansMerged)
	s.SpansSuspected = s.counter(spansSuspected)
	s.SpansDropped = s.counter(spansDropped)
	s.SpansDead = s.counter(spansDead)
	s.SpansRevived = s.counter(spansRevived)
	s.DeadLost = s.counter(deadLost)
	s.WindowWaiting = s.gauges(windowWaiting)
	s.WindowReleased = s.counter(windowReleased)
	s.WindowGroups = s.counter(windowGroups)
	s.WindowSplit = s.counter(windowSplit)
	s.WindowRemembered = s.gauges(windowRemembered)
	s.WindowEvicted = s.counter(windowEvicted)
	s.TargetFailing = s.gauges(targetFailing)
	s.ViewEvicted = prometheus.NewCounter(prometheus.CounterOpts{Name: viewEvicted.Name, Help: viewEvicted.Help})
	reg.MustRegister(s.ViewEvicted)
	s.LostFields = s.counter(lostFields)
	s.ResidueStale = s.counter(residueStale)
	s.Panics = s.counter(panics)
	s.Limits = s.limits()
	s.Reloads = s.reloads()
	s.held, s.heldBytes, s.absent, s.batch = s.byTarget(spansHeld), s.byTarget(queueBytes), s.byTarget(spansAbsent), s.byTarget(batchSpans)
	return s
}

func (s *Set) counter(m Metric) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.Labels)
	s.reg.MustRegister(v)
	return v
}

func (s *Set) gauges(m Metric) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: m.Name, Help: m.Help}, m.Labels)
	s.reg.MustRegister(v)
	return v
}

// Held says what a target holds, asked for when the metrics are read: the spans of
// each of the protocols, and the bytes of all.
func (s *Set) Held(target string, protocols []string, spans func(protocol int) int64, bytes func() int64) {
	for p, name := range protocols {
		s.held.set(func() int64 { return spans(p) }, target, name)
	}
	s.heldBytes.set(bytes, target)
}

// Absent says how many spans came while a target was not there.
func (s *Set) Absent(target string, protocols []string, spans func(protocol int) int64) {
	for p, name := range protocols {
		s.absent.set(func() int64 { return spans(p) }, target, name)
	}
}

// Batch says how many spans a request to a target may have.
func (s *Set) Batch(target string, most func() int) {
	s.batch.set(func() int64 { return int64(most()) }, target)
}

// View registers what the built-in view holds.
func (s *Set) View(held func() (traces, spans, bytes int64)) {
	s.gauge(viewTraces, nil, func() float64 { n, _, _ := held(); return float64(n) })
	s.gauge(viewSpans, nil, func() float64 { _, n, _ := held(); return float64(n) })
	s.gauge(viewBytes, nil, func() float64 { _, _, n := held(); return float64(n) })
}

func (s *Set) gauge(m Metric, labels prometheus.Labels, f func() float64) {
	s.reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: m.Name, Help: m.Help, ConstLabels: labels}, f))
}

// Protocol is the protocol of a format's name: what stands before the first
// dot.
func Protocol(format string) string {
	p, _, _ := strings.Cut(format, ".")
	return p
}
