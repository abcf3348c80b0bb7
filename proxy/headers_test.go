// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

const (
	traceJ   = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001" // a Java agent's
	segmentJ = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430002"
	sw8J     = "1-NTZhNWUxYzUxOWFlNGM3NmEyYjhiMTFkOTJjZWFkN2YuMTIuMTY1NjM0NzQyOTY0MzAwMDE=-NTZhNWUxYzUxOWFlNGM3NmEyYjhiMTFkOTJjZWFkN2YuMTIuMTY1NjM0NzQyOTY0MzAwMDI=-2-ZnJvbnRlbmQ=-MTAuMC4wLjU=-R0VUOi9ob21l-b3JkZXI="
)

// written are the headers by which a request of each format comes.
var written = map[propagation.Format][]string{
	propagation.B3:      {"b3: 463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-1-a2fb4a1d1a96d312"},
	propagation.B3Multi: {"X-B3-TraceId: 463ac35c9f6413ad48485a3953bb6124", "X-B3-SpanId: 00f067aa0ba902b7", "X-B3-Sampled: 1"},
	propagation.SW8:     {"sw8: " + sw8J},
	propagation.W3C:     {"traceparent: 00-463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-01", "tracestate: rojo=00f067aa0ba902b7"},
	propagation.Uber:    {"uber-trace-id: 463ac35c9f6413ad48485a3953bb6124:f067aa0ba902b7:0:1"},
	propagation.OT:      {"ot-tracer-traceid: 48485a3953bb6124", "ot-tracer-spanid: 00f067aa0ba902b7", "ot-tracer-sampled: true"},
}

// header is the first value of a header in what echo answered.
func header(body, name string) string {
	for line := range strings.Lines(body) {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func headersOf(body string) http.Header {
	h := http.Header{}
	for line := range strings.Lines(body) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
		h.Add(k, v)
	}
	return h
}

// TestEachFormatToEach: whatever the caller writes, the service reads the same
// trace and span in its own format, and nothing else that says otherwise.
func TestEachFormatToEach(t *testing.T) {
	service := serve(t, echo)
	for _, to := range propagation.AllFormats() {
		r := start(t, service.URL, func(o *Options) { o.Inward = []propagation.Format{to} })
		for _, from := range propagation.AllFormats() {
			want := propagation.New().Extract(headersAs(written[from]))
			_, body := answer(t, r.client, request(t, "GET", r.inbound+"/x", nil, written[from]...))
			got := propagation.New(propagation.Read(to)).Extract(propagation.HTTP(headersOf(body)))
			if got.Trace.Lo != want.Trace.Lo || got.Span != want.Span || got.Sampling != want.Sampling {
				t.Errorf("%s to %s: %+v, want %+v; the service got\n%s", from, to, got, want, body)
			}
			// OpenTracing's own headers have 64 bits, and a member of baggage for the rest.
			if got.Trace != want.Trace {
				t.Errorf("%s to %s: trace %v, want %v", from, to, got.Trace, want.Trace)
			}
			if to != propagation.SW8 && to != propagation.B3Multi && from == propagation.SW8 && got.Name() != traceJ && to != propagation.B3 {
				t.Errorf("%s to %s: name %q, want %q", from, to, got.Name(), traceJ)
			}
		}
	}
}

func headersAs(lines []string) propagation.HTTP {
	h := http.Header{}
	for _, l := range lines {
		k, v, _ := strings.Cut(l, ": ")
		h.Set(k, v)
	}
	return propagation.HTTP(h)
}

// TestContradictionsAreTakenOut: what names the same span stays, what names
// another one or cannot be read goes.
func TestContradictionsAreTakenOut(t *testing.T) {
	service := serve(t, echo)
	r := start(t, service.URL)
	_, body := answer(t, r.client, request(t, "GET", r.inbound, nil,
		"b3: 463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-1",
		"traceparent: 00-463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-01", "tracestate: rojo=1",
		"uber-trace-id: 1:2:0:1",
		"sw8: 1-x", "sw8-correlation: ",
		"baggage: user=bob"))
	for _, want := range []string{"b3: 463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-1\n", "traceparent: 00-463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-01\n", "tracestate: rojo=1\n", "baggage: user=bob\n", "baggage-user: bob\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	for _, not := range []string{"uber-trace-id", "sw8"} {
		if strings.Contains(body, not) {
			t.Errorf("%s is still in\n%s", not, body)
		}
	}
	for label, want := range map[string]float64{
		"format=b3 outcome=read": 1, "format=w3c outcome=read": 1, "format=uber outcome=disagreed": 1, "format=sw8 outcome=malformed": 1, "format=b3 outcome=written": 1,
	} {
		if n := r.metric("bridge_proxy_headers_total", append(strings.Fields(label), "direction=inward")...); n != want {
			t.Errorf("%s: %v, want %v", label, n, want)
		}
	}
}

// TestBadHeadersFailNothing: requests pass, whatever their headers say.
func TestBadHeadersFailNothing(t *testing.T) {
	service := serve(t, echo)
	r := start(t, service.URL)
	for _, h := range []string{"b3: zzz", "b3: -----", "X-B3-TraceId: 1", "sw8: ", "sw8: 1-------", "sw8: " + strings.Repeat("A", 9000), "traceparent: 00-0-0-0", "uber-trace-id: ::::", "tracestate: ,,,=", "baggage: %%%=;;;", "jaeger-baggage: ===", "ot-tracer-traceid: \xff"} {
		resp, body := answer(t, r.client, request(t, "GET", r.inbound, nil, h))
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%.40q: %s", h, resp.Status)
		}
		if name, _, _ := strings.Cut(h, ":"); name == "sw8" && strings.Contains(body, "sw8") {
			t.Errorf("%.40q reached the service", h)
		}
	}
	if n := r.metric("bridge_proxy_untraced_total"); n != 12 {
		t.Errorf("%v requests without a trace, want 12", n)
	}
}

// middle is a service that hands its trace to the one that it calls, and knows
// nothing but some formats.
func middle(t *testing.T, client **http.Client, next *string, knows ...propagation.Format) http.HandlerFunc {
	p := propagation.New(propagation.Read(knows...), propagation.Write(knows...))
	return func(w http.ResponseWriter, in *http.Request) {
		c := p.Extract(propagation.HTTP(in.Header))
		out := request(t, "GET", *next, nil) //nolint:contextcheck // its own time
		if c.HasIDs() {
			server := c.Child(0x1111111111111111)
			server.Baggage, server.State, server.TraceName = nil, "", ""
			child := server.Child(0x2222222222222222)
			p.Inject(&child, propagation.Caller{Service: "middle", Instance: "i", Endpoint: "e", Address: "a"}, propagation.HTTP(out.Header))
		}
		_, body := answer(t, *client, out)
		_, _ = w.Write([]byte(body))
	}
}

// TestNameSurvivesB3 is case 4 of the SkyWalking notes: sw8 J, a service that only
// knows B3, sw8: the trace keeps the name J, and OAP learns who calls whom.
func TestNameSurvivesB3(t *testing.T) {
	last := serve(t, echo)
	next := last.URL + "/stock/17"
	var client *http.Client
	service := serve(t, middle(t, &client, &next, propagation.B3Multi))
	r := start(t, service.URL, func(o *Options) {
		o.Inward = []propagation.Format{propagation.B3Multi}
		o.Outward = []propagation.Format{propagation.B3Multi, propagation.SW8}
	})
	client = r.through()
	_, body := answer(t, r.client, request(t, "POST", r.inbound+"/orders/42?q=1", strings.NewReader("x"), "sw8: "+sw8J, "sw8-correlation: dXNlcg==:Ym9i,YjNk:MQ=="))
	got := propagation.New(propagation.Read(propagation.SW8)).Extract(propagation.HTTP(headersOf(body)))
	if got.Name() != traceJ {
		t.Errorf("the trace is called %q, want %q; the last service got\n%s", got.Name(), traceJ, body)
	}
	segment, number, _ := got.ParentSegment()
	if want := span.SegmentName(span.TraceOf(traceJ), 0x2222222222222222); segment != want || number != 0 {
		t.Errorf("parent %s %d, want %s 0", segment, number, want)
	}
	caller, _ := got.Caller()
	if want := (propagation.Caller{Service: "middle", Instance: "one@host", Endpoint: "POST:/orders/{id}", Address: strings.TrimPrefix(last.URL, "http://")}); caller != want {
		t.Errorf("caller %+v, want %+v", caller, want)
	}
	if v, _ := got.Baggage.Get("user"); v != "bob" || got.Sampling != propagation.Debug {
		t.Errorf("baggage %v and %v, want user=bob and debug", got.Baggage, got.Sampling)
	}
	if header(body, "x-b3-traceid") != span.TraceOf(traceJ).String() || header(body, "x-b3-spanid") != "2222222222222222" {
		t.Errorf("B3 is not beside it:\n%s", body)
	}
	for _, what := range []string{"name", "baggage"} {
		if n := r.metric("bridge_proxy_restored_total", "what="+what); n != 1 {
			t.Errorf("%s was given back %v times, want 1", what, n)
		}
	}
	if n := r.metric("bridge_proxy_remembered"); n != 1 {
		t.Errorf("%v traces remembered, want 1", n)
	}
}

// TestServiceThatKnowsSW8: B3 comes and goes, an agent is in between.
func TestServiceThatKnowsSW8(t *testing.T) {
	last := serve(t, echo)
	var client *http.Client
	next := last.URL
	service := serve(t, middle(t, &client, &next, propagation.SW8))
	r := start(t, service.URL, func(o *Options) {
		o.Inward = []propagation.Format{propagation.SW8}
		o.Outward = []propagation.Format{propagation.B3}
		o.Caller = "web"
	})
	client = r.through()
	_, body := answer(t, r.client, request(t, "GET", r.inbound, nil, "b3: 463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-d"))
	c, err := propagation.ParseB3(header(body, "b3"))
	if err != nil || c.Trace.String() != "463ac35c9f6413ad48485a3953bb6124" || c.Span != 0x2222222222222222 || c.Sampling != propagation.Debug {
		t.Errorf("%+v, %v; the last service got\n%s", c, err, body)
	}
}
