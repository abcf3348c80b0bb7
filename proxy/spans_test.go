// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// kept is a reporter that keeps the records.
type kept struct {
	mu      sync.Mutex
	records []*tracer.Record
}

func (k *kept) Report(r *tracer.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.records = append(k.records, r)
}

func (k *kept) Close(context.Context) error { return nil }

// all are the records, when there are as many.
func (k *kept) all(t *testing.T, n int) []*tracer.Record {
	t.Helper()
	eventually(t, fmt.Sprint(n, " spans"), func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return len(k.records) >= n
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.records) != n {
		t.Fatalf("%d spans, want %d", len(k.records), n)
	}
	return k.records
}

func tags(r *tracer.Record) map[string]any {
	m := make(map[string]any)
	for _, t := range r.Tags {
		m[t.Key] = t.Value
	}
	return m
}

// copies is a service that traces nothing and hands on the headers that it got.
func copies(t *testing.T, client **http.Client, next string) http.HandlerFunc {
	return func(w http.ResponseWriter, in *http.Request) {
		out := request(t, "GET", next, nil) //nolint:contextcheck // its own time
		for k, vs := range in.Header {
			if propagation.IsHeader(k, propagation.AllFormats()...) {
				out.Header[k] = vs
			}
		}
		_, body := answer(t, *client, out)
		_, _ = w.Write([]byte(body))
	}
}

// TestSpans: the caller's span, the server's and the client's of the proxy, and
// what the last service reads are one chain.
func TestSpans(t *testing.T) {
	last := serve(t, echo)
	var client *http.Client
	service := serve(t, copies(t, &client, last.URL+"/stock/17?x=1"))
	k := &kept{}
	r := start(t, service.URL, func(o *Options) { o.Spans = k })
	client = r.through()
	_, body := answer(t, r.client, request(t, "POST", r.inbound+"/orders/42", strings.NewReader("x"), "sw8: "+sw8J, "uber-trace-id: 1:2:0:1"))
	records := k.all(t, 2)
	out, in := records[0], records[1]
	if in.Kind == span.KindClient {
		out, in = in, out
	}
	j := span.TraceOf(traceJ)
	if in.Kind != span.KindServer || in.Trace != j || in.Parent != propagationSpan(t) || in.Operation != "POST /orders/{id}" || in.TraceName != traceJ || !strings.HasPrefix(in.ParentTag, segmentJ+"|2|") || in.Process.Service != "middle" || in.Duration <= 0 {
		t.Errorf("server %+v", in)
	}
	if got := tags(in); got["http.method"] != "POST" || got["http.path"] != "/orders/42" || got["http.status_code"] != int64(200) || got["peer.ipv4"] != "127.0.0.1" || got["error"] != nil {
		t.Errorf("tags of the server %v", got)
	}
	if len(in.References) != 2 || !in.References[0].Parent || in.References[1].Trace.Lo != 1 {
		t.Errorf("references %+v, want the parent and what lost", in.References)
	}
	if out.Kind != span.KindClient || out.Trace != j || out.Parent != in.ID || out.ID == in.ID || out.Operation != "GET /stock/{id}" || out.TraceName != traceJ {
		t.Errorf("client %+v", out)
	}
	if got := tags(out); got["peer.address"] != strings.TrimPrefix(last.URL, "http://") || got["peer.hostname"] != nil {
		t.Errorf("tags of the client %v", got)
	}
	c, err := propagation.ParseSW8(header(body, "sw8"))
	if err != nil || c.Span != out.ID || c.Name() != traceJ {
		t.Errorf("the last service got %+v, %v, want the client's span %v", c, err, out.ID)
	}
	if caller, _ := c.Caller(); caller.Endpoint != "POST:/orders/{id}" {
		t.Errorf("caller %+v", caller)
	}
	if strings.Contains(body, "uber-trace-id") || header(body, "b3") != fmt.Sprintf("%s-%s-1-%s", j, out.ID, in.ID) {
		t.Errorf("the last service got\n%s", body)
	}
}

// TestSpanToAgent: an agent is told that the proxy called it.
func TestSpanToAgent(t *testing.T) {
	service := serve(t, echo)
	k := &kept{}
	r := start(t, service.URL, func(o *Options) { o.Spans, o.Inward = k, []propagation.Format{propagation.SW8} })
	_, body := answer(t, r.client, request(t, "GET", r.inbound+"/a", nil, "b3: 1-2-1"))
	c, err := propagation.ParseSW8(header(body, "sw8"))
	if err != nil {
		t.Fatalf("%v in\n%s", err, body)
	}
	if caller, _ := c.Caller(); caller != (propagation.Caller{Service: "middle", Instance: "one@host", Endpoint: "GET:/a", Address: strings.TrimPrefix(r.inbound, "http://")}) {
		t.Errorf("%+v", caller)
	}
	if in := k.all(t, 1)[0]; c.Span != in.ID || in.Parent != 2 {
		t.Errorf("%+v, want %v below 2", c, in.ID)
	}
}

// TestDecisions: who begins a trace, and what is not recorded.
func TestDecisions(t *testing.T) {
	service := serve(t, echo)
	k := &kept{}
	for _, tc := range []struct {
		sample bool
		given  string
		spans  int
		want   string // the end of b3
	}{
		{true, "", 1, "-1"},
		{false, "", 0, "-0"},
		{true, "b3: 1-2-0", 0, "0000000000000001-0000000000000002-0"},
		{true, "b3: 1-2", 1, "-1-0000000000000002"},
		{false, "b3: 1-2-d", 1, "-d-0000000000000002"},
		{false, "b3: 1", 1, "-1"},
		{true, "b3: 0", 0, "-0"},
	} {
		*k = kept{}
		r := start(t, service.URL, func(o *Options) { o.Spans, o.Sampler = k, tracer.NewConstSampler(tc.sample) })
		var headers []string
		if tc.given != "" {
			headers = []string{tc.given}
		}
		_, body := answer(t, r.client, request(t, "GET", r.inbound, nil, headers...))
		if got := header(body, "b3"); !strings.HasSuffix(got, tc.want) || len(got) < 35 {
			t.Errorf("%v %q: b3 %q, want …%s", tc.sample, tc.given, got, tc.want)
		}
		k.all(t, tc.spans)
	}
}

// TestReportsAreNoSpans, or each would make another one.
func TestReportsAreNoSpans(t *testing.T) {
	collector := serve(t, echo)
	k := &kept{}
	r := start(t, "", func(o *Options) { o.Spans, o.SpansHost = k, strings.TrimPrefix(collector.URL, "http://") })
	answer(t, r.through(), request(t, "POST", collector.URL+"/api/traces", nil))
	other := serve(t, echo)
	answer(t, r.through(), request(t, "POST", other.URL+"/api/v2/spans", nil))
	answer(t, r.through(), request(t, "GET", other.URL+"/", nil))
	if got := k.all(t, 1)[0]; got.Operation != "GET /" {
		t.Errorf("a span for %s", got.Operation)
	}
}

// TestSpansOfFailures say what went wrong.
func TestSpansOfFailures(t *testing.T) {
	k := &kept{}
	r := start(t, "http://127.0.0.1:1", func(o *Options) { o.Spans = k })
	answer(t, r.client, request(t, "GET", r.inbound, nil))
	if got := tags(k.all(t, 1)[0]); got["error"] != "unreachable" || got["http.status_code"] != int64(502) {
		t.Errorf("%v", got)
	}
	service, _ := serveGRPC(t)
	k = &kept{}
	r = start(t, service, func(o *Options) { o.Spans = k })
	var trail metadata.MD
	_, err := stub(t, r.inbound).UnaryCall(asking(t), &testpb.SimpleRequest{ResponseStatus: &testpb.EchoStatus{Code: int32(codes.NotFound)}}, grpc.Trailer(&trail))
	if status.Code(err) != codes.NotFound {
		t.Error(err)
	}
	got := k.all(t, 1)[0]
	if m := tags(got); m["error"] != "5" || m["grpc.status_code"] != "5" || got.Operation != "grpc.testing.TestService/UnaryCall" {
		t.Errorf("%s %v", got.Operation, m)
	}
	if b3 := trail.Get("saw-b3")[0]; !strings.Contains(b3, got.ID.String()) {
		t.Errorf("b3 %s, want span %v", b3, got.ID)
	}
}

// TestSpansAreBounded: thousands may wait, and the head of a request is long.
func TestSpansAreBounded(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, len(r.URL.Path)) })
	k := &kept{}
	r := start(t, service.URL, func(o *Options) { o.Spans = k })
	path := "/" + strings.Repeat("ä", 5_000)
	_, body := answer(t, r.client, request(t, strings.Repeat("M", 5_000), r.inbound+path, nil, "jaeger-debug-id: "+strings.Repeat("d", 5_000)))
	if body != fmt.Sprint(len(path)) {
		t.Errorf("the service got a path of %s bytes, want %d", body, len(path))
	}
	got := k.all(t, 1)[0]
	if n := len(got.Operation); n < 1000 || n > 4<<10 {
		t.Errorf("an operation of %d bytes", n)
	}
	for key, v := range tags(got) {
		if s, ok := v.(string); ok && (len(s) > 2<<10 || !utf8.ValidString(s)) {
			t.Errorf("tag %s of %d bytes: %.20q…", key, len(s), s)
		}
	}
}
