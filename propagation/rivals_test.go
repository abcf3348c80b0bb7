// SPDX-License-Identifier: Apache-2.0

package propagation_test

import (
	"net/http"
	"testing"

	sky "github.com/SkyAPM/go2sky/propagation"
	"github.com/opentracing/opentracing-go"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/propagation/b3"
	"github.com/uber/jaeger-client-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// BenchmarkRivals measures each library's own reading and writing beside this
// package's of the same headers among those of an ordinary request:
//
//	go test -run '^$' -bench Rivals -count 10 ./propagation
func BenchmarkRivals(b *testing.B) {
	ctx := propagation.Context{
		Trace: span.TraceID{Hi: 0x463ac35c9f6413ad, Lo: 0x48485a3953bb6124}, Long: true,
		Span: 0x00f067aa0ba902b7, Parent: 0x48485a3953bb6124, Sampling: propagation.Accept,
	}
	request := func(formats ...propagation.Format) http.Header {
		h := http.Header{
			"Accept": {"application/json"}, "Accept-Encoding": {"gzip, deflate, br"}, "Accept-Language": {"en"}, "Authorization": {"Bearer 0123456789"},
			"Cache-Control": {"no-cache"}, "Content-Length": {"120"}, "Content-Type": {"application/json"}, "Cookie": {"session=1"},
			"Origin": {"https://shop.example"}, "User-Agent": {"curl/8.0"}, "X-Forwarded-For": {"10.0.0.1"}, "X-Request-Id": {"7d1f"},
		}
		propagation.New(propagation.Write(formats...)).Inject(&ctx, frontend, propagation.HTTP(h))
		return h
	}
	run := func(name string, h http.Header, work func(h http.Header)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				work(h)
			}
		})
	}
	ours := func(name string, f propagation.Format) {
		p := propagation.New(propagation.Write(f)) // and reads all
		run(name+"/extract/ours", request(f), func(h http.Header) { p.Extract(propagation.HTTP(h)) })
		run(name+"/inject/ours", request(), func(h http.Header) { p.Inject(&ctx, frontend, propagation.HTTP(h)) })
		var m propagation.Memory
		run(name+"/inject/ours in memory", request(), func(h http.Header) {
			m.Reset()
			p.InjectIn(&m, &ctx, frontend, propagation.HTTP(h))
		})
	}

	ours("uber", propagation.Uber)
	j := jaegerPropagator()
	run("uber/extract/jaeger-client-go", request(propagation.Uber), func(h http.Header) { _, _ = j.Extract(opentracing.HTTPHeadersCarrier(h)) })
	sc := jaeger.NewSpanContext(jaeger.TraceID{High: ctx.Trace.Hi, Low: ctx.Trace.Lo}, jaeger.SpanID(ctx.Span), jaeger.SpanID(ctx.Parent), true, nil)
	run("uber/inject/jaeger-client-go", request(), func(h http.Header) { _ = j.Inject(sc, opentracing.HTTPHeadersCarrier(h)) })

	yes, parent := true, model.ID(ctx.Parent)
	zc := model.SpanContext{TraceID: model.TraceID{High: ctx.Trace.Hi, Low: ctx.Trace.Lo}, ID: model.ID(ctx.Span), ParentID: &parent, Sampled: &yes}
	for _, f := range []propagation.Format{propagation.B3Multi, propagation.B3} {
		ours(f.String(), f)
		run(f.String()+"/extract/zipkin-go", request(f), func(h http.Header) { _, _ = b3.ExtractHTTP(&http.Request{Header: h})() })
		option := func(*b3.InjectOptions) {}
		if f == propagation.B3 {
			option = b3.WithSingleHeaderOnly()
		}
		run(f.String()+"/inject/zipkin-go", request(), func(h http.Header) { _ = b3.InjectHTTP(&http.Request{Header: h}, option)(zc) })
	}

	ours("sw8", propagation.SW8)
	run("sw8/extract/go2sky", request(propagation.SW8), func(h http.Header) {
		var c sky.SpanContext
		_ = c.Decode(func(key string) (string, error) { return h.Get(key), nil })
	})
	kc := sky.SpanContext{
		TraceID: string(ctx.Trace.AppendHex32(nil)), ParentSegmentID: span.SegmentName(ctx.Trace, ctx.Span), Sample: 1,
		ParentService: frontend.Service, ParentServiceInstance: frontend.Instance, ParentEndpoint: frontend.Endpoint, AddressUsedAtClient: frontend.Address,
	}
	run("sw8/inject/go2sky", request(), func(h http.Header) {
		_ = kc.Encode(func(k, v string) error { h.Set(k, v); return nil })
	})
}
