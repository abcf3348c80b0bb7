// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// spans makes the proxy's own spans: a server's for a request to the service, a
// client's for one of the service. The headers that are written name them.
type spans struct {
	reporter tracer.Reporter
	sampler  tracer.Sampler
	process  *tracer.Process
	kind     span.Kind
	instance propagation.Caller
	skip     string // host:port that spans are sent to: reports are no spans
}

func newSpans(o *Options, kind span.Kind) *spans {
	if o.Spans == nil {
		return nil
	}
	s := &spans{
		reporter: o.Spans, sampler: o.Sampler, kind: kind, skip: o.SpansHost,
		process:  &tracer.Process{Service: o.Service, Instance: o.Instance},
		instance: propagation.Caller{Service: o.Service, Instance: o.Instance},
	}
	if s.sampler == nil {
		s.sampler = tracer.NewConstSampler(true)
	}
	return s
}

// start decides about a request and gives its span an identity in c. It is nil
// for one that is not recorded; a trace that begins here gets its ids all the
// same, so that nobody else decides anew.
func (s *spans) start(c *propagation.Context, r *http.Request, host string) *tracer.Record {
	if host == s.skip || isReport(r.URL.Path) {
		return nil
	}
	var tags []tracer.Tag
	began := !c.HasIDs()
	if began {
		c.Trace, c.Long = span.TraceID{Hi: rand.Uint64(), Lo: rand.Uint64() | 1}, true
	}
	operation := operationOf(r)
	if c.Sampling == propagation.Defer {
		d := s.sampler.Sample(c.Trace, operation)
		if c.Sampling, tags = propagation.Deny, d.Tags; d.Sampled {
			c.Sampling = propagation.Accept
		}
	}
	if !c.Sampling.Sampled() {
		if began {
			c.Span = newID()
		}
		return nil
	}
	record := &tracer.Record{
		Trace: c.Trace, Parent: c.Span, Sampling: c.Sampling, Long: c.Long, Kind: s.kind, Operation: operation,
		Start: time.Now(), State: c.State, ParentTag: c.ParentTag(), Injected: true, Callee: cut(host), Process: s.process,
		Tags: append(make([]tracer.Tag, 0, 8+len(tags)), tags...),
	}
	if c.IsNamed() {
		record.TraceName = c.Name()
	}
	if !began {
		record.References = append(record.References, tracer.Reference{Kind: span.ChildOf, Trace: c.Trace, Span: c.Span, Parent: true})
	}
	for _, o := range c.Others {
		record.References = append(record.References, tracer.Reference{Kind: span.FollowsFrom, Trace: o.Trace, Span: o.Span})
	}
	if c.DebugID != "" {
		record.Tags = append(record.Tags, tracer.Tag{Key: "jaeger-debug-id", Value: strings.Clone(cut(c.DebugID))})
	}
	record.Tags = append(record.Tags, tracer.Tag{Key: "http.method", Value: cut(r.Method)}, tracer.Tag{Key: "http.path", Value: cut(r.URL.Path)})
	s.peer(record, r, host)
	others := c.Others
	*c = c.Child(newID())
	c.Others = others // they are still in the request
	record.ID = c.Span
	return record
}

// isReport is true for the paths that tracers report to: a span for each report
// would be reported, too.
func isReport(path string) bool {
	return strings.HasSuffix(path, "/api/v2/spans") || strings.HasSuffix(path, "/api/v1/spans")
}

func newID() span.ID {
	for {
		if id := span.ID(rand.Uint64()); id != 0 {
			return id
		}
	}
}

// peer says who is on the other side.
func (s *spans) peer(record *tracer.Record, r *http.Request, host string) {
	if s.kind == span.KindClient {
		host = cut(host)
		record.Tags = append(record.Tags, tracer.Tag{Key: "peer.address", Value: host})
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if _, err := netip.ParseAddr(host); err != nil {
			record.Tags = append(record.Tags, tracer.Tag{Key: "peer.hostname", Value: host})
		}
		return
	}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		key := "peer.ipv6"
		if from.Addr().Unmap().Is4() {
			key = "peer.ipv4"
		}
		record.Tags = append(record.Tags, tracer.Tag{Key: key, Value: from.Addr().Unmap().String()}, tracer.Tag{Key: "peer.port", Value: int64(from.Port())})
	}
}

// finish reports the span of an exchange.
func (s *spans) finish(x *exchange) {
	record := x.record
	record.Duration = time.Since(record.Start)
	fault := x.reason
	if x.code != 0 {
		record.Tags = append(record.Tags, tracer.Tag{Key: "http.status_code", Value: int64(x.code)})
		if fault == "" && x.code >= http.StatusInternalServerError {
			fault = strconv.Itoa(x.code)
		}
	}
	if status := grpcStatus(x.w.Header()); status != "" {
		record.Tags = append(record.Tags, tracer.Tag{Key: "grpc.status_code", Value: status})
		if fault == "" && status != "0" {
			fault = status
		}
	}
	if fault != "" {
		record.Tags = append(record.Tags, tracer.Tag{Key: "error", Value: fault})
	}
	s.reporter.Report(record)
}

// grpcStatus is the status of a call: in a trailer that was not announced, or in
// the head of an answer that has nothing else.
func grpcStatus(h http.Header) string {
	for _, key := range [...]string{http.TrailerPrefix + "Grpc-Status", "Grpc-Status"} {
		if v := h[key]; len(v) > 0 {
			return strings.Clone(cut(v[0]))
		}
	}
	return ""
}
