// SPDX-License-Identifier: Apache-2.0

package reporter_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/SkyAPM/go2sky"
	"github.com/SkyAPM/go2sky/propagation"
	skyreporter "github.com/SkyAPM/go2sky/reporter"
	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	otlog "github.com/opentracing/opentracing-go/log"
	"github.com/openzipkin/zipkin-go/model"
	zipkinreporter "github.com/openzipkin/zipkin-go/reporter"
	zipkinhttp "github.com/openzipkin/zipkin-go/reporter/http"
	"github.com/uber/jaeger-client-go"
	"google.golang.org/grpc"
	common "skywalking.apache.org/repo/goapi/collect/common/v3"
	agent "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	bridgejaeger "github.com/spanbridge/spanbridge/tracer/reporter/jaeger"
	"github.com/spanbridge/spanbridge/tracer/reporter/otlp"
	"github.com/spanbridge/spanbridge/tracer/reporter/skywalking"
	"github.com/spanbridge/spanbridge/tracer/reporter/zipkin"
)

// The benchmarks here report spans with six tags and a log, made beforehand, to
// servers that throw them away, by our reporters and by those of Zipkin's,
// Jaeger's and SkyWalking's own libraries. cpu-ns/span is the processor time of
// the whole process, the server's included, which is the same for both.

const (
	benchTraces = 300 // of three spans
	// ahead is how many spans are reported before they are sent, at most.
	ahead = 8000
)

// sink counts spans that came.
type sink struct{ spans atomic.Int64 }

func (s *sink) zipkin(b *testing.B) string {
	b.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.spans.Add(int64(bytes.Count(body, []byte(`"traceId"`))))
		w.WriteHeader(http.StatusAccepted)
	}))
	b.Cleanup(server.Close)
	return server.URL
}

// udp is a port that nobody reads from.
func udp(b *testing.B) string {
	b.Helper()
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	return l.LocalAddr().String()
}

// oap takes segments of three spans.
func (s *sink) oap(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(rawgrpc.Codec{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(stream)
		for {
			var m rawgrpc.Message
			if err := stream.RecvMsg(&m); err != nil {
				if errors.Is(err, io.EOF) {
					return stream.SendMsg(rawgrpc.New(nil))
				}
				return err
			}
			m.Free()
			if method == "/skywalking.v3.TraceSegmentReportService/collect" {
				s.spans.Add(3)
			}
		}
	}))
	go func() { _ = server.Serve(l) }()
	b.Cleanup(server.Stop)
	return l.Addr().String()
}

// bench reports b.N spans and waits until done has counted them.
func bench(b *testing.B, report func(i int), done func() int64, flush func()) {
	b.Helper()
	b.ReportAllocs()
	before := processorTime(b)
	b.ResetTimer()
	n := int64(b.N)
	for i := range n {
		for i%256 == 0 && i-done() > ahead {
			time.Sleep(100 * time.Microsecond)
		}
		report(int(i))
	}
	flush()
	for end := time.Now().Add(time.Minute); done() < n; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			b.Fatalf("%d of %d spans came", done(), n)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(processorTime(b)-before)/float64(n), "cpu-ns/span")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// records are those of traces of three spans: an entry, a local span and a call
// to a database.
func records() []*tracer.Record {
	p := &tracer.Process{Service: "shop", Instance: "shop-1"}
	at := time.Now()
	list := make([]*tracer.Record, 0, 3*benchTraces)
	for range benchTraces {
		trace := span.TraceID{Hi: rand.Uint64(), Lo: rand.Uint64()}
		parent := span.ID(0)
		for k := range 3 {
			r := &tracer.Record{
				Trace: trace, ID: span.ID(rand.Uint64()), Parent: parent, Operation: [...]string{"GET /cart", "price", "select"}[k],
				Kind: [...]span.Kind{span.KindServer, span.KindInternal, span.KindClient}[k], Start: at, Duration: time.Millisecond, Process: p,
				Tags: []tracer.Tag{
					{Key: "db.type", Value: "mysql"},
					{Key: "db.statement", Value: "select * from items where id = ?"},
					{Key: "peer.address", Value: "db:3306"},
					{Key: "component", Value: "database/sql"},
					{Key: "rows", Value: 42},
					{Key: "cached", Value: false},
				},
				Logs: []tracer.Log{{Time: at, Fields: []tracer.Tag{{Key: "event", Value: "retry"}, {Key: "attempt", Value: 2}}}},
			}
			if k > 0 {
				r.References = []tracer.Reference{{Trace: trace, Span: parent, Parent: true}}
			}
			parent = r.ID
			list = append(list, r)
		}
		// As they end: the inner ones first.
		n := len(list)
		list[n-1], list[n-3] = list[n-3], list[n-1]
	}
	return list
}

func benchOurs(b *testing.B, open func() (*reporter.Reporter, error)) {
	b.Helper()
	r, err := open()
	if err != nil {
		b.Fatal(err)
	}
	list := records()
	bench(b, func(i int) { r.Report(list[i%len(list)]) }, func() int64 { return r.Counts().Sent }, func() { _ = r.Flush(context.Background()) })
	if n := r.Counts(); n.Dropped() > 0 {
		b.Fatalf("%+v", n)
	}
	if err := r.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func queue() reporter.Option { return reporter.WithQueue(2 * ahead) }

func BenchmarkZipkin(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		var s sink
		url := s.zipkin(b)
		benchOurs(b, func() (*reporter.Reporter, error) { return zipkin.New(url, queue()) })
	})
	b.Run("zipkin-go", func(b *testing.B) {
		var s sink
		r := zipkinhttp.NewReporter(s.zipkin(b)+"/api/v2/spans", zipkinhttp.BatchSize(1000), zipkinhttp.MaxBacklog(4*ahead), zipkinhttp.BatchInterval(10*time.Millisecond))
		parent := model.ID(7)
		debug := false
		m := model.SpanModel{
			SpanContext: model.SpanContext{TraceID: model.TraceID{High: 1 << 60, Low: 1 << 61}, ID: 1 << 62, ParentID: &parent, Debug: debug},
			Name:        "select", Kind: model.Client, Timestamp: time.Now(), Duration: time.Millisecond,
			LocalEndpoint: &model.Endpoint{ServiceName: "shop"},
			Tags: map[string]string{
				"db.type": "mysql", "db.statement": "select * from items where id = ?", "peer.address": "db:3306", "component": "database/sql",
				"rows": "42", "cached": "false", "service.instance.id": "shop-1",
			},
			Annotations: []model.Annotation{{Timestamp: time.Now(), Value: `retry|{"attempt":2}|0`}},
		}
		benchZipkinGo(b, r, &m, &s)
	})
}

func benchZipkinGo(b *testing.B, r zipkinreporter.Reporter, m *model.SpanModel, s *sink) {
	b.Helper()
	bench(b, func(int) { r.Send(*m) }, s.spans.Load, func() {})
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkJaegerUDP(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		address := udp(b)
		benchOurs(b, func() (*reporter.Reporter, error) { return bridgejaeger.NewUDP(address, queue()) })
	})
	b.Run("jaeger-client-go", func(b *testing.B) {
		transport, err := jaeger.NewUDPTransport(udp(b), 0)
		if err != nil {
			b.Fatal(err)
		}
		counted := &countedTransport{Transport: transport}
		r := jaeger.NewRemoteReporter(counted, jaeger.ReporterOptions.QueueSize(2*ahead), jaeger.ReporterOptions.BufferFlushInterval(10*time.Millisecond))
		t, closer := jaeger.NewTracer("shop", jaeger.NewConstSampler(true), jaeger.NewNullReporter(), jaeger.TracerOptions.Gen128Bit(true))
		root := t.StartSpan("GET /cart")
		s := t.StartSpan("select", opentracing.ChildOf(root.Context()), ext.SpanKindRPCClient, opentracing.Tags{
			"db.type": "mysql", "db.statement": "select * from items where id = ?", "peer.address": "db:3306", "component": "database/sql",
			"rows": 42, "cached": false,
		}).(*jaeger.Span)
		s.LogKV("event", "retry", "attempt", 2)
		s.Finish()
		bench(b, func(int) { r.Report(s) }, counted.sent.Load, func() {})
		r.Close()
		_ = closer.Close()
	})
}

type countedTransport struct {
	jaeger.Transport
	sent atomic.Int64
}

func (c *countedTransport) Append(s *jaeger.Span) (int, error) {
	n, err := c.Transport.Append(s)
	c.sent.Add(int64(n))
	return n, err
}

func (c *countedTransport) Flush() (int, error) {
	n, err := c.Transport.Flush()
	c.sent.Add(int64(n))
	return n, err
}

func BenchmarkSkyWalking(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		var s sink
		address := s.oap(b)
		benchOurs(b, func() (*reporter.Reporter, error) { return skywalking.New(address, queue()) })
	})
	b.Run("go2sky", func(b *testing.B) {
		var s sink
		r, err := skyreporter.NewGRPCReporter(s.oap(b), skyreporter.WithCDS(-1), skyreporter.WithLogger(log.New(io.Discard, "", 0)))
		if err != nil {
			b.Fatal(err)
		}
		r.Boot("shop", "shop-1", nil)
		segment := []go2sky.ReportedSpan{skySpan(2), skySpan(1), skySpan(0)}
		var flushed atomic.Int64
		bench(b, func(i int) {
			if i%3 == 2 {
				r.Send(segment)
			}
		}, func() int64 { return s.spans.Load() + flushed.Load() }, func() { flushed.Store(int64(b.N % 3)) })
		r.Close()
	})
}

// BenchmarkSkyWalkingTraces is the way from the API to the server: go2sky makes
// messages of tags when they are set, which BenchmarkSkyWalking leaves out.
func BenchmarkSkyWalkingTraces(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		var s sink
		r, err := skywalking.New(s.oap(b), queue())
		if err != nil {
			b.Fatal(err)
		}
		t := tracer.New("shop", tracer.WithReporter(r))
		bench(b, func(i int) {
			if i%3 != 2 {
				return
			}
			entry := t.StartSpan("GET /cart", ext.SpanKindRPCServer)
			local := t.StartSpan("price", opentracing.ChildOf(entry.Context()))
			exit := t.StartSpan("select", opentracing.ChildOf(local.Context()), ext.SpanKindRPCClient)
			for _, s := range [...]opentracing.Span{exit, local, entry} {
				for _, t := range skyTags {
					s.SetTag(t.Key, t.Value)
				}
				s.LogFields(otlog.String("event", "retry"), otlog.String("attempt", "2"))
				s.Finish()
			}
		}, func() int64 { return r.Counts().Sent + int64(b.N%3) }, func() { _ = r.Flush(context.Background()) })
		if err := t.Close(); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("go2sky", func(b *testing.B) {
		var s sink
		r, err := skyreporter.NewGRPCReporter(s.oap(b), skyreporter.WithCDS(-1), skyreporter.WithLogger(log.New(io.Discard, "", 0)))
		if err != nil {
			b.Fatal(err)
		}
		t, err := go2sky.NewTracer("shop", go2sky.WithReporter(r), go2sky.WithInstance("shop-1"))
		if err != nil {
			b.Fatal(err)
		}
		bench(b, func(i int) {
			if i%3 != 2 {
				return
			}
			entry, ctx, _ := t.CreateEntrySpan(context.Background(), "GET /cart", func(string) (string, error) { return "", nil })
			local, ctx, _ := t.CreateLocalSpan(ctx, go2sky.WithOperationName("price"))
			exit, _, _ := t.CreateExitSpanWithContext(ctx, "select", "db:3306", func(string, string) error { return nil })
			for _, s := range [...]go2sky.Span{exit, local, entry} {
				for _, t := range skyTags {
					s.Tag(go2sky.Tag(t.Key), t.Value)
				}
				s.Log(time.Now(), "event", "retry", "attempt", "2")
				s.End()
			}
		}, func() int64 { return s.spans.Load() + int64(b.N%3) }, func() {})
		r.Close()
	})
}

// What go2sky's spans hold already when they are reported.
var (
	skyTags = []*common.KeyStringValuePair{
		{Key: "db.type", Value: "mysql"},
		{Key: "db.statement", Value: "select * from items where id = ?"},
		{Key: "peer.address", Value: "db:3306"},
		{Key: "component", Value: "database/sql"},
		{Key: "rows", Value: "42"},
		{Key: "cached", Value: "false"},
	}
	skyLogs = []*agent.Log{{Time: 1, Data: []*common.KeyStringValuePair{{Key: "event", Value: "retry"}, {Key: "attempt", Value: "2"}}}}
)

// skySpan is the span of a number as go2sky hands it to its reporter.
type skySpan int

func (k skySpan) Context() *go2sky.SegmentContext {
	return &go2sky.SegmentContext{TraceID: "86d28720299c75a6537eb6166d758461", SegmentID: "2977d146f949d78bbf7144b5fb5814d0", SpanID: int32(k), ParentSpanID: int32(k) - 1}
}
func (skySpan) Refs() []*propagation.SpanContext   { return nil }
func (skySpan) StartTime() int64                   { return time.Now().UnixMilli() }
func (skySpan) EndTime() int64                     { return time.Now().UnixMilli() }
func (k skySpan) OperationName() string            { return [...]string{"GET /cart", "price", "select"}[k] }
func (skySpan) Peer() string                       { return "db:3306" }
func (k skySpan) SpanType() agent.SpanType         { return [...]agent.SpanType{0, 2, 1}[k] }
func (skySpan) SpanLayer() agent.SpanLayer         { return agent.SpanLayer_Database }
func (skySpan) IsError() bool                      { return false }
func (skySpan) ComponentID() int32                 { return 5 }
func (skySpan) Tags() []*common.KeyStringValuePair { return skyTags }
func (skySpan) Logs() []*agent.Log                 { return skyLogs }

// BenchmarkOTLP stands alone: OpenTelemetry's exporter takes spans of its own
// SDK only.
func BenchmarkOTLP(b *testing.B) {
	var s sink
	url := s.zipkin(b)
	benchOurs(b, func() (*reporter.Reporter, error) { return otlp.New(url, queue()) })
}
