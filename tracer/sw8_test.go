// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"net/http"
	"runtime"
	"testing"
	"weak"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// A header as the Java agent writes it: its trace has a name that no id can hold.
const (
	sw8Header = "1-NTZhNWUxYzUxOWFlNGM3NmEyYjhiMTFkOTJjZWFkN2YuMTIuMTY1NjM0NzQyOTY0MzAwMDE=-NTZhNWUxYzUxOWFlNGM3NmEyYjhiMTFkOTJjZWFkN2YuMTIuMTY1NjM0NzQyOTY0MzAwMDI=-2-ZnJvbnRlbmQ=-MTAuMC4wLjU=-R0U6L2hvbWU=-b3JkZXI6ODA4MA=="
	javaTrace = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001"
)

// sw8Of parses the header that a span writes.
func sw8Of(t *testing.T, tr *tracer.Tracer, c opentracing.SpanContext) (propagation.Context, propagation.Caller) {
	t.Helper()
	got, err := propagation.ParseSW8(inject(t, tr, c).Get("sw8"))
	if err != nil {
		t.Fatal(err)
	}
	caller, _ := got.Caller()
	return got, caller
}

func sw8Tracer() (*tracer.Tracer, *tracer.InMemoryReporter) {
	return newTracer(tracer.WithInstance("ship-1"), tracer.WithPropagator(propagation.New(propagation.Write(propagation.SW8))))
}

// The endpoint is the operation that this process was called by, and the
// address is how the callee is called.
func TestEndpointAndAddress(t *testing.T) {
	tr, m := sw8Tracer()
	server := tr.StartSpan("GET /orders", ext.RPCServerOption(extract(t, tr, "sw8", sw8Header)))
	local := tr.StartSpan("local", opentracing.ChildOf(server.Context()))
	for _, e := range []struct {
		tags    opentracing.Tags
		address string
	}{
		{opentracing.Tags{"peer.address": "orders:8080", "peer.hostname": "x"}, "orders:8080"},
		{opentracing.Tags{"peer.hostname": "orders", "peer.port": uint16(80), "peer.ipv4": "192.0.2.1"}, "orders:80"},
		{opentracing.Tags{"peer.ipv6": "2001:db8::1", "peer.port": 80}, "[2001:db8::1]:80"},
		{opentracing.Tags{"peer.ipv4": uint32(0xc0000201)}, "192.0.2.1"},
		{opentracing.Tags{"peer.ipv4": 0xc0000201, "peer.port": 0}, "192.0.2.1"},
		{opentracing.Tags{"peer.ipv4": []byte{192, 0, 2, 1}, "peer.port": 80}, "192.0.2.1:80"},
		{opentracing.Tags{"http.url": "https://user:secret@orders:8443/path?q#f", "peer.service": "orders"}, "orders:8443"},
		{opentracing.Tags{"http.url": "/path", "peer.service": "orders"}, "orders"},
		{nil, "unknown"},
	} {
		m.Reset()
		s := tr.StartSpan("POST", opentracing.ChildOf(local.Context()), ext.SpanKindRPCClient, e.tags)
		got, caller := sw8Of(t, tr, s.Context())
		same(t, "caller", caller, propagation.Caller{Service: "planet-express", Instance: "ship-1", Endpoint: "GET:/orders", Address: e.address})
		c := contextOf(s.Context())
		if segment, n, _ := got.ParentSegment(); segment != span.SegmentName(c.Trace, c.Span) || n != 0 || got.Name() != javaTrace {
			t.Errorf("segment %s/%d of trace %q, want %s/0 of %q", segment, n, got.Name(), span.SegmentName(c.Trace, c.Span), javaTrace)
		}
		s.Finish()
		r := only(t, m)
		want := e.address
		if want == "unknown" {
			want = ""
		}
		if !r.Injected || r.Callee != want || r.TraceName != javaTrace || r.ParentTag != "" {
			t.Errorf("record %+v, want injected to %q in %q", r, want, javaTrace)
		}
	}
	server.SetOperationName("GET /orders/{id}")
	if _, caller := sw8Of(t, tr, local.Context()); caller.Endpoint != "GET:/orders/{id}" {
		t.Errorf("endpoint %q, want the new name", caller.Endpoint)
	}
	// A consumer is called too, even from within.
	consumer := tr.StartSpan("queue", opentracing.FollowsFrom(local.Context()), ext.SpanKindConsumer)
	if _, caller := sw8Of(t, tr, consumer.Context()); caller.Endpoint != "queue" {
		t.Errorf("endpoint %q, want the consumer's", caller.Endpoint)
	}
	m.Reset()
	server.Finish()
	if r := only(t, m); r.Injected || r.TraceName != javaTrace || r.ParentTag != contextOf(extract(t, tr, "sw8", sw8Header)).ParentTag() || r.ParentTag == "" {
		t.Errorf("record %+v, want the place of its caller", r)
	}
}

// A worker whose every span follows from the one before keeps none of them but
// the first, which all are told of as their endpoint.
func TestChainIsNotKept(t *testing.T) {
	tr := tracer.New("x", tracer.WithReporter(drain{}))
	var early []weak.Pointer[tracer.Span]
	var last opentracing.SpanContext
	for i := range 50 {
		s := tr.StartSpan("work", opentracing.FollowsFrom(last))
		if i > 0 && i < 40 {
			early = append(early, weak.Make(s.(*tracer.Span)))
		}
		last = s.Context()
		_ = inject(t, tr, last)
		s.Finish()
	}
	runtime.GC()
	for i, p := range early {
		if p.Value() != nil {
			t.Fatalf("span %d is kept by one far below", i+1)
		}
	}
	if _, caller := sw8Of(t, tr, last); caller.Endpoint != "work" {
		t.Errorf("endpoint %q, want work", caller.Endpoint)
	}
}

// A span that injects for ever does not grow.
func TestProducerDoesNotGrow(t *testing.T) {
	tr, _ := newTracer()
	s := tr.StartSpan("produce", ext.SpanKindProducer)
	h := http.Header{}
	live := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	inject := func(n int) {
		for range n {
			_ = tr.Inject(s.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h))
		}
	}
	inject(100)
	before := live()
	inject(10_000)
	if after := live(); after > before+500_000 {
		t.Errorf("%d bytes more after 10,000 headers", after-before)
	}
	s.Finish()
}
