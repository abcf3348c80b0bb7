// SPDX-License-Identifier: Apache-2.0

package skywalking_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/opentracing/opentracing-go/log"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	common "skywalking.apache.org/repo/goapi/collect/common/v3"
	agent "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
	management "skywalking.apache.org/repo/goapi/collect/management/v3"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/skywalking"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// oap keeps what agents report.
type oap struct {
	agent.UnimplementedTraceSegmentReportServiceServer
	management.UnimplementedManagementServiceServer
	address string

	mu         sync.Mutex
	segments   []*agent.SegmentObject
	properties []*management.InstanceProperties
	pings      []*management.InstancePingPkg
	tokens     []string
	away       int // so many reports are answered with UNAVAILABLE
}

func newOAP(t *testing.T) *oap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &oap{address: l.Addr().String()}
	s := grpc.NewServer()
	agent.RegisterTraceSegmentReportServiceServer(s, o)
	management.RegisterManagementServiceServer(s, o)
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() {
		s.Stop()
		wg.Wait()
	})
	return o
}

func (o *oap) Collect(stream agent.TraceSegmentReportService_CollectServer) error {
	var list []*agent.SegmentObject
	for {
		s, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		list = append(list, s)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	md, _ := metadata.FromIncomingContext(stream.Context())
	o.tokens = append(o.tokens, md.Get("authentication")...)
	if o.away > 0 {
		o.away--
		return status.Error(codes.Unavailable, "later")
	}
	o.segments = append(o.segments, list...)
	return stream.SendAndClose(&common.Commands{})
}

func (o *oap) ReportInstanceProperties(_ context.Context, p *management.InstanceProperties) (*common.Commands, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.properties = append(o.properties, p)
	return &common.Commands{}, nil
}

func (o *oap) KeepAlive(_ context.Context, p *management.InstancePingPkg) (*common.Commands, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pings = append(o.pings, p)
	return &common.Commands{}, nil
}

func newTracer(t *testing.T, o *oap, service string, options ...reporter.Option) (*tracer.Tracer, *reporter.Reporter) {
	t.Helper()
	r, err := skywalking.New(o.address, options...)
	if err != nil {
		t.Fatal(err)
	}
	return tracer.New(service, tracer.WithReporter(r), tracer.WithInstance(service+"-1")), r
}

// segment finds the segment whose first span has the name.
func (o *oap) segment(t *testing.T, operation string) *agent.SegmentObject {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.segments {
		if s.Spans[0].OperationName == operation {
			return s
		}
	}
	t.Fatalf("no segment begins with %s", operation)
	return nil
}

func contextOf(s opentracing.Span) *tracer.SpanContext { return s.Context().(*tracer.SpanContext) }

func segmentOf(s opentracing.Span) string {
	c := contextOf(s)
	return span.SegmentName(c.Trace, c.Span)
}

func tag(key string, value any) opentracing.Tag { return opentracing.Tag{Key: key, Value: value} }

var start = time.UnixMilli(1_700_000_000_000)

func finish(s opentracing.Span) {
	s.FinishWithOptions(opentracing.FinishOptions{FinishTime: start.Add(5 * time.Millisecond)})
}

// Two services that call each other by sw8 report segments that are joined, with
// entries, exits and local spans as an agent has them.
func TestSegments(t *testing.T) {
	t.Parallel()
	o := newOAP(t)
	shop, r := newTracer(t, o, "shop", skywalking.WithToken("secret"))
	at := opentracing.StartTime(start)
	entry := shop.StartSpan("/cart/17", at, ext.SpanKindRPCServer,
		tag("http.method", "GET"), tag("component", "net/http"))
	local := shop.StartSpan("price", at, opentracing.ChildOf(entry.Context()))
	db := shop.StartSpan("select", at, opentracing.ChildOf(local.Context()), ext.SpanKindRPCClient,
		tag("db.type", "mysql"), tag("db.statement", "select 1"), tag("peer.address", "db:3306"))
	call := shop.StartSpan("GET /pay", at, opentracing.ChildOf(local.Context()), ext.SpanKindRPCClient,
		tag("http.url", "http://bank:8080/pay?a=b"), tag("http.method", "GET"), tag("peer.service", "bank"), tag("count", 42))
	h := http.Header{}
	if err := shop.Inject(call.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h)); err != nil {
		t.Fatal(err)
	}
	ext.Error.Set(call, true)
	call.LogKV("event", "error", "message", "sold out ünï")

	bank, r2 := newTracer(t, o, "bank")
	parent, err := bank.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(http.Header{"Sw8": h["Sw8"]}))
	if err != nil {
		t.Fatal(err)
	}
	serve := bank.StartSpan("/pay", at, ext.RPCServerOption(parent), opentracing.Tags{"http.method": "GET"})
	for _, s := range []opentracing.Span{db, call, local, entry, serve} {
		finish(s)
	}
	if err := errors.Join(shop.Close(), bank.Close()); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*reporter.Reporter{r, r2} {
		if n := r.Counts(); n.Sent != n.Reported || n.Reported == 0 {
			t.Errorf("%+v", n)
		}
	}

	trace := contextOf(entry).Trace.String()
	mark := func(s opentracing.Span) []*common.KeyStringValuePair {
		c := contextOf(s)
		list := []*common.KeyStringValuePair{{Key: "bridge.span_id", Value: c.Span.String()}}
		if c.Parent != 0 {
			list = append(list, &common.KeyStringValuePair{Key: "bridge.parent_id", Value: c.Parent.String()})
		}
		return list
	}
	tags := func(s opentracing.Span, pairs ...string) (list []*common.KeyStringValuePair) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, &common.KeyStringValuePair{Key: pairs[i], Value: pairs[i+1]})
		}
		return append(list, mark(s)...)
	}
	ms := start.UnixMilli()
	f := func(want *agent.SegmentObject) {
		t.Helper()
		want.TraceId = trace
		for _, s := range want.Spans {
			s.StartTime, s.EndTime = ms, ms+5
			for _, l := range s.Logs {
				l.Time = 0
			}
		}
		got := o.segment(t, want.Spans[0].OperationName)
		for _, s := range got.Spans {
			for _, l := range s.Logs {
				l.Time = 0
			}
		}
		if d := cmp.Diff(want, got, protocmp.Transform()); d != "" {
			t.Errorf("%s: -want +got:\n%s", want.Spans[0].OperationName, d)
		}
	}
	f(&agent.SegmentObject{TraceSegmentId: segmentOf(entry), Service: "shop", ServiceInstance: "shop-1", Spans: []*agent.SpanObject{
		{
			SpanId: 0, ParentSpanId: -1, OperationName: "GET:/cart/{id}", SpanType: agent.SpanType_Entry, SpanLayer: agent.SpanLayer_Http,
			ComponentId: 5004, Tags: tags(entry, "http.method", "GET", "component", "net/http"),
		},
		{SpanId: 1, ParentSpanId: 0, OperationName: "price", SpanType: agent.SpanType_Local, Tags: tags(local)},
		{
			SpanId: 2, ParentSpanId: 1, OperationName: "select", Peer: "db:3306", SpanType: agent.SpanType_Exit, SpanLayer: agent.SpanLayer_Database,
			ComponentId: 5, Tags: tags(db, "db.type", "mysql", "db.statement", "select 1", "peer.address", "db:3306"),
		},
	}})
	f(&agent.SegmentObject{TraceSegmentId: segmentOf(call), Service: "shop", ServiceInstance: "shop-1", Spans: []*agent.SpanObject{{
		SpanId: 0, ParentSpanId: -1, OperationName: "GET /pay", Peer: "bank:8080", SpanType: agent.SpanType_Exit, SpanLayer: agent.SpanLayer_Http,
		ComponentId: 49, IsError: true,
		Tags: tags(call, "url", "http://bank:8080/pay?a=b", "http.method", "GET", "peer.service", "bank", "count", "42"),
		Logs: []*agent.Log{{Data: []*common.KeyStringValuePair{{Key: "event", Value: "error"}, {Key: "message", Value: "sold out ünï"}}}},
		Refs: []*agent.SegmentReference{{
			RefType: agent.RefType_CrossThread, TraceId: trace, ParentTraceSegmentId: segmentOf(entry), ParentSpanId: 1,
			ParentService: "shop", ParentServiceInstance: "shop-1", ParentEndpoint: "GET:/cart/{id}",
		}},
	}}})
	f(&agent.SegmentObject{TraceSegmentId: segmentOf(serve), Service: "bank", ServiceInstance: "bank-1", Spans: []*agent.SpanObject{{
		SpanId: 0, ParentSpanId: -1, OperationName: "GET:/pay", SpanType: agent.SpanType_Entry, SpanLayer: agent.SpanLayer_Http,
		ComponentId: 49, Tags: tags(serve, "http.method", "GET"),
		Refs: []*agent.SegmentReference{{
			RefType: agent.RefType_CrossProcess, TraceId: trace, ParentTraceSegmentId: segmentOf(call), ParentSpanId: 0,
			ParentService: "shop", ParentServiceInstance: "shop-1", ParentEndpoint: "GET:/cart/{id}", NetworkAddressUsedAtPeer: "bank:8080",
		}},
	}}})
	if len(o.segments) != 3 || len(o.tokens) != 1 || o.tokens[0] != "secret" {
		t.Errorf("%d segments, tokens %q", len(o.segments), o.tokens)
	}
}

// A local span for which a header was written is number 0 of a segment, where
// the header says that it is.
func TestInjectedLocal(t *testing.T) {
	t.Parallel()
	o := newOAP(t)
	tr, _ := newTracer(t, o, "shop")
	entry := tr.StartSpan("/", ext.SpanKindRPCServer)
	local := tr.StartSpan("work", opentracing.ChildOf(entry.Context()))
	h := http.Header{}
	if err := tr.Inject(local.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h)); err != nil {
		t.Fatal(err)
	}
	child := tr.StartSpan("more", opentracing.ChildOf(local.Context()))
	for _, s := range []opentracing.Span{child, local, entry} {
		s.Finish()
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	c := propagation.New().Extract(propagation.HTTP(http.Header{"Sw8": h["Sw8"]}))
	if s := o.segment(t, "work"); s.TraceSegmentId != segmentOf(local) || len(s.Spans) != 2 || s.Spans[1].OperationName != "more" ||
		!strings.HasPrefix(c.ParentTag(), s.TraceSegmentId+"|0|") {
		t.Errorf("%v, and the header names %s", s, c.ParentTag())
	}
}

// A child that ends in a later batch than its parent refers to the place that the
// parent has.
func TestLateChild(t *testing.T) {
	t.Parallel()
	o := newOAP(t)
	tr, r := newTracer(t, o, "shop")
	entry := tr.StartSpan("/", ext.SpanKindRPCServer)
	local := tr.StartSpan("work", opentracing.ChildOf(entry.Context()))
	late := tr.StartSpan("late", opentracing.ChildOf(local.Context()))
	local.Finish()
	entry.Finish()
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	late.Finish()
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	refs := o.segment(t, "late").Spans[0].Refs
	if len(refs) != 1 || refs[0].ParentTraceSegmentId != segmentOf(entry) || refs[0].ParentSpanId != 1 || refs[0].RefType != agent.RefType_CrossThread {
		t.Errorf("%v", refs)
	}
}

// await waits for a sign of life of a service.
func (o *oap) await(t *testing.T, service string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		o.mu.Lock()
		lives := slices.ContainsFunc(o.pings, func(p *management.InstancePingPkg) bool { return p.Service == service })
		o.mu.Unlock()
		if lives {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no sign of life of %s after a minute", service)
		}
	}
}

// An OAP lists the instance before its first span, with its properties.
func TestAlive(t *testing.T) {
	t.Parallel()
	o := newOAP(t)
	r, err := skywalking.New(o.address)
	if err != nil {
		t.Fatal(err)
	}
	tr := tracer.New("shop", tracer.WithReporter(r), tracer.WithInstance("shop-1"), tracer.WithTags(tracer.Tag{Key: "env", Value: "lab"}))
	o.await(t, "shop")
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	p := o.properties[0]
	got := map[string]string{}
	for _, kv := range p.Properties {
		got[kv.Key] = kv.Value
	}
	if p.Service != "shop" || p.ServiceInstance != "shop-1" || got["language"] != "go" || got["OS Name"] == "" || got["hostname"] == "" ||
		got["Process No."] == "" || got["env"] != "lab" || len(o.properties) != 1 {
		t.Errorf("%v", p)
	}
	if p := o.pings[0]; p.Service != "shop" || p.ServiceInstance != "shop-1" {
		t.Errorf("%v", p)
	}
}

// Two tracers that share a reporter are two instances.
func TestTwoAlive(t *testing.T) {
	t.Parallel()
	o := newOAP(t)
	tr, r := newTracer(t, o, "shop")
	tracer.New("bank", tracer.WithReporter(r)).StartSpan("pay").Finish()
	o.await(t, "shop")
	o.await(t, "bank")
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
}

// An OAP that is away for a while gets each segment once.
func TestAway(t *testing.T) {
	t.Parallel()
	o := newOAP(t)
	o.away = 2
	tr, r := newTracer(t, o, "shop")
	for range 50 {
		tr.StartSpan("/", ext.SpanKindRPCServer).Finish()
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	if n := r.Counts(); n.Sent != 50 || n.FailedRequests != 2 || len(o.segments) != 50 {
		t.Errorf("%+v, %d segments", n, len(o.segments))
	}
}

// Of several addresses those that are there get the segments.
func TestSeveral(t *testing.T) {
	t.Parallel()
	o, gone := newOAP(t), "127.0.0.1:1"
	o.address = gone + "," + o.address
	tr, r := newTracer(t, o, "shop")
	tr.StartSpan("/", ext.SpanKindRPCServer).Finish()
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	if n := r.Counts(); n.Sent != 1 {
		t.Errorf("%+v", n)
	}
}

func TestBadAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "oap", "oap:", "oap:11800,other", "http://oap/path"} {
		if _, err := skywalking.New(address); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}

// Values that are no UTF-8 do not cost the stream.
func TestBrokenText(t *testing.T) {
	t.Parallel()
	o := newOAP(t)
	tr, r := newTracer(t, o, "shop\xff")
	s := tr.StartSpan("a\xffb", opentracing.Tags{"k\xff": "v\xff"})
	s.LogFields(log.String("event", "e\xff"))
	s.Finish()
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	if n := r.Counts(); n.Sent != 1 || o.segment(t, "a\uFFFDb").Service != "shop\uFFFD" {
		t.Errorf("%+v", n)
	}
}
