// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"log"
	"testing"
	"time"

	"github.com/SkyAPM/go2sky"
	go2skyreporter "github.com/SkyAPM/go2sky/reporter"
	"github.com/openzipkin/zipkin-go"
	zipkinhttp "github.com/openzipkin/zipkin-go/reporter/http"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	reportjaeger "github.com/spanbridge/spanbridge/tracer/reporter/jaeger"
	reportskywalking "github.com/spanbridge/spanbridge/tracer/reporter/skywalking"
	reportzipkin "github.com/spanbridge/spanbridge/tracer/reporter/zipkin"
	"github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/transport"
)

// reportRows take a span with 4 tags and a log all the way to a server that
// drops it: until the last one has arrived. Each library has its own batches,
// and a queue that holds all, so that none is lost.
func reportRows(b *backend) []row {
	return []row{
		{"report to Zipkin, JSON by HTTP", []entry{
			{nameOurs, b.ours(func(n int) (*reporter.Reporter, error) {
				return reportzipkin.New("http://"+b.http, reporter.WithQueue(n))
			})},
			{nameZipkin, b.zipkin},
		}},
		{"report to Jaeger, Thrift by HTTP", []entry{
			{nameOurs, b.ours(func(n int) (*reporter.Reporter, error) {
				return reportjaeger.NewHTTP("http://"+b.http, reporter.WithQueue(n))
			})},
			{nameJaeger, b.jaeger},
		}},
		{"report to SkyWalking by gRPC", []entry{
			{nameOurs, b.ours(func(n int) (*reporter.Reporter, error) { return reportskywalking.New(b.grpc, reporter.WithQueue(n)) })},
			{nameGo2sky, b.go2sky},
		}},
	}
}

func (b *backend) ours(open func(queue int) (*reporter.Reporter, error)) func(*testing.B) {
	return func(t *testing.B) {
		had := b.count(t)
		r, err := open(t.N)
		if err != nil {
			t.Fatal(err)
		}
		tr := opentraced{tracer.New(serviceName, tracer.WithInstance("bench"), tracer.WithReporter(r))}
		t.ReportAllocs()
		t.ResetTimer()
		for range t.N {
			tr.oneTagged()
		}
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.wait(t, had+int64(t.N))
	}
}

func (b *backend) zipkin(t *testing.B) {
	had := b.count(t)
	r := zipkinhttp.NewReporter("http://"+b.http+"/api/v2/spans", zipkinhttp.MaxBacklog(t.N))
	tr, err := zipkin.NewTracer(r, zipkin.WithTraceID128Bit(true))
	if err != nil {
		t.Fatal(err)
	}
	t.ReportAllocs()
	t.ResetTimer()
	for range t.N {
		zipkinOneTagged(tr)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	b.wait(t, had+int64(t.N))
}

func (b *backend) jaeger(t *testing.B) {
	had := b.count(t)
	r := jaeger.NewRemoteReporter(transport.NewHTTPTransport("http://"+b.http+"/api/traces"), jaeger.ReporterOptions.QueueSize(t.N))
	tr, closer := jaeger.NewTracer(serviceName, jaeger.NewConstSampler(true), r, jaeger.TracerOptions.Gen128Bit(true))
	t.ReportAllocs()
	t.ResetTimer()
	for range t.N {
		opentraced{tr}.oneTagged()
	}
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	b.wait(t, had+int64(t.N))
}

func (b *backend) go2sky(t *testing.B) {
	had := b.count(t)
	r, err := go2skyreporter.NewGRPCReporter(b.grpc, go2skyreporter.WithMaxSendQueueSize(t.N+1), go2skyreporter.WithCheckInterval(time.Hour),
		go2skyreporter.WithLogger(log.New(io.Discard, "", 0)))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := go2sky.NewTracer(serviceName, go2sky.WithReporter(r), go2sky.WithInstance("bench"))
	if err != nil {
		t.Fatal(err)
	}
	t.ReportAllocs()
	t.ResetTimer()
	for range t.N {
		go2skyOneTagged(t, tr)
	}
	// It sends as it goes, from a goroutine for each span; closed, it would drop
	// those that have not come that far.
	b.wait(t, had+int64(t.N))
	t.StopTimer()
	r.Close()
}
