// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/opentracing/opentracing-go/log"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/otlp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func text(key, v string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}}
}

func number(key string, v int64) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v}}}
}

// A span says in OpenTelemetry's words what the application said in
// OpenTracing's.
func TestSpan(t *testing.T) {
	t.Parallel()
	var got trace.TracesData // an ExportTraceServiceRequest has the same field
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		z, err := gzip.NewReader(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%v: %s %s %v", err, r.Method, r.URL, r.Header)
			return
		}
		body, _ := io.ReadAll(z)
		if err := proto.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
	}))
	defer s.Close()
	r, err := otlp.New(s.URL, reporter.WithGzip())
	if err != nil {
		t.Fatal(err)
	}
	tr := tracer.New("shop", tracer.WithReporter(r), tracer.WithInstance("shop-1"), tracer.WithIP(netip.MustParseAddr("10.0.0.1")),
		tracer.WithTags(tracer.Tag{Key: "env", Value: "lab"}))
	start := time.Unix(0, 1_700_000_000_000_000_001)
	at := opentracing.StartTime(start)
	other := tr.StartSpan("other", at)
	root := tr.StartSpan("GET /cart", at, ext.SpanKindRPCServer)
	call := tr.StartSpan("pay", at, opentracing.ChildOf(root.Context()), ext.SpanKindRPCClient, opentracing.ChildOf(other.Context()))
	call.SetTag("peer.service", "bank").SetTag("count", 42).SetTag("error", true).SetTag("bad", "a\xffb")
	call.FinishWithOptions(opentracing.FinishOptions{FinishTime: start.Add(5), LogRecords: []opentracing.LogRecord{
		{Timestamp: start.Add(1), Fields: []log.Field{log.String("event", "error"), log.String("message", "sold out ünï"), log.String("stack", "line 1")}},
		{Timestamp: start.Add(2), Fields: []log.Field{log.String("event", "retry"), log.Int("n", 2)}},
		{Timestamp: start.Add(3), Fields: []log.Field{log.String("message", "plain")}},
	}})
	index := tr.StartSpan("index", at, opentracing.FollowsFrom(root.Context()))
	for _, s := range []opentracing.Span{index, root, other} {
		s.FinishWithOptions(opentracing.FinishOptions{FinishTime: start.Add(10)})
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}

	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.ResourceSpans) != 1 || len(got.ResourceSpans[0].ScopeSpans) != 1 {
		t.Fatalf("%v", &got)
	}
	if d := cmp.Diff([]*common.KeyValue{
		text("service.name", "shop"), text("service.instance.id", "shop-1"), text("host.name", host), text("host.ip", "10.0.0.1"),
		text("telemetry.sdk.name", "spanbridge"), text("telemetry.sdk.language", "go"), text("env", "lab"),
	}, got.ResourceSpans[0].Resource.Attributes, protocmp.Transform()); d != "" {
		t.Error(d)
	}
	spans := got.ResourceSpans[0].ScopeSpans[0].Spans
	if len(spans) != 4 {
		t.Fatalf("%d spans, want 4", len(spans))
	}
	pay, cart, rest := spans[0], spans[2], spans[3]
	ns := uint64(start.UnixNano())
	want := &trace.Span{
		TraceId: cart.TraceId, SpanId: pay.SpanId, ParentSpanId: cart.SpanId, Name: "pay", Kind: trace.Span_SPAN_KIND_CLIENT, Flags: 1,
		StartTimeUnixNano: ns, EndTimeUnixNano: ns + 5,
		Attributes: []*common.KeyValue{text("peer.service", "bank"), number("count", 42), text("bad", "a\uFFFDb")},
		Events: []*trace.Span_Event{
			{TimeUnixNano: ns + 1, Name: "exception", Attributes: []*common.KeyValue{text("exception.message", "sold out ünï"), text("exception.stacktrace", "line 1")}},
			{TimeUnixNano: ns + 2, Name: "retry", Attributes: []*common.KeyValue{number("n", 2)}},
			{TimeUnixNano: ns + 3, Name: "log", Attributes: []*common.KeyValue{text("message", "plain")}},
		},
		Links: []*trace.Span_Link{{
			TraceId: rest.TraceId, SpanId: rest.SpanId,
			Attributes: []*common.KeyValue{text("opentracing.ref_type", "child_of")},
		}},
		Status: &trace.Status{Code: trace.Status_STATUS_CODE_ERROR, Message: "sold out ünï"},
	}
	if d := cmp.Diff(want, pay, protocmp.Transform()); d != "" {
		t.Error(d)
	}
	if s := spans[1]; s.Name != "index" || !bytes.Equal(s.ParentSpanId, cart.SpanId) || len(s.Links) != 1 || !bytes.Equal(s.Links[0].SpanId, cart.SpanId) ||
		s.Links[0].Attributes[0].Value.GetStringValue() != "follows_from" || s.Status != nil {
		t.Errorf("%v", s)
	}
	if n := r.Counts(); n.Sent != 4 || n.Dropped() != 0 {
		t.Errorf("%+v", n)
	}
}

// A backend that takes a request but for some spans says so, and it counts.
func TestPartly(t *testing.T) {
	t.Parallel()
	// An ExportTraceServiceResponse with rejected_spans and error_message.
	partial := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 2)
	partial = protowire.AppendString(protowire.AppendTag(partial, 2, protowire.BytesType), "too old")
	answer := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), partial)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(answer)
	}))
	defer s.Close()
	r, err := otlp.New(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	tr := tracer.New("shop", tracer.WithReporter(r))
	for range 5 {
		tr.StartSpan("a").Finish()
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := r.Counts(); n.Sent != 3 || n.Refused != 2 || n.Requests != 1 {
		t.Errorf("%+v", n)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
}
