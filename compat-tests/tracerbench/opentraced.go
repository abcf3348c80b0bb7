// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/opentracing/opentracing-go/log"
)

// opentraced are the rows of a tracer of the OpenTracing API.
type opentraced struct{ opentracing.Tracer }

func (t opentraced) span(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		t.StartSpan(operationName).Finish()
	}
}

func (t opentraced) oneTagged() {
	s := t.StartSpan(operationName, ext.SpanKindRPCServer)
	s.SetTag("component", "net/http")
	s.SetTag("http.method", "GET")
	s.SetTag("http.url", eachSpan)
	s.SetTag("http.status_code", uint16(200))
	s.LogFields(log.String("event", "cache miss"), log.Int("size", 17))
	s.Finish()
}

func (t opentraced) tagged(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		t.oneTagged()
	}
}

func (t opentraced) taggedParallel(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			t.oneTagged()
		}
	})
}

func (t opentraced) child(b *testing.B) {
	parent := t.StartSpan(operationName)
	b.ReportAllocs()
	for b.Loop() {
		t.StartSpan(operationName, opentracing.ChildOf(parent.Context())).Finish()
	}
}

// request is what a service does that is called and calls: a span that goes
// by a context.Context, a child, and its headers.
func (t opentraced) request(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		server := t.StartSpan(operationName, ext.SpanKindRPCServer)
		ctx := opentracing.ContextWithSpan(b.Context(), server)
		client := t.StartSpan(operationName, opentracing.ChildOf(opentracing.SpanFromContext(ctx).Context()), ext.SpanKindRPCClient)
		h := make(http.Header, 4)
		if err := t.Inject(client.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h)); err != nil {
			b.Fatal(err)
		}
		client.Finish()
		server.Finish()
	}
}

func (t opentraced) inject(b *testing.B) {
	s := t.StartSpan(operationName)
	h := http.Header{}
	b.ReportAllocs()
	for b.Loop() {
		if err := t.Inject(s.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h)); err != nil {
			b.Fatal(err)
		}
	}
	if len(h) == 0 {
		b.Fatal("nothing was injected")
	}
}

// call is a client's span with its headers.
func (t opentraced) call(b *testing.B) {
	parent := t.StartSpan(operationName, ext.SpanKindRPCServer)
	h := http.Header{}
	b.ReportAllocs()
	for b.Loop() {
		s := t.StartSpan(operationName, opentracing.ChildOf(parent.Context()), ext.SpanKindRPCClient)
		if err := t.Inject(s.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h)); err != nil {
			b.Fatal(err)
		}
		s.Finish()
	}
	if len(h) == 0 {
		b.Fatal("nothing was injected")
	}
}

func (t opentraced) extract(h http.Header) func(*testing.B) {
	return func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := t.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h)); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// headers are those of a request, with what else is in one.
func headers(tracing ...string) http.Header {
	h := http.Header{
		"Accept":          {"application/json"},
		"Accept-Encoding": {"gzip"},
		"Content-Type":    {"application/json"},
		"User-Agent":      {"Go-http-client/1.1"},
		"X-Request-Id":    {"7b0e5a2c"},
		"Authorization":   {"Bearer 0123456789"},
	}
	for i := 0; i < len(tracing); i += 2 {
		h.Set(tracing[i], tracing[i+1])
	}
	return h
}

var (
	uberHeaders = headers("uber-trace-id", "463ac35c9f6413ad48485a3953bb6124:a2fb4a1d1a96d312:463ac35c9f6413ad:1")
	b3Headers   = headers("X-B3-TraceId", "463ac35c9f6413ad48485a3953bb6124", "X-B3-SpanId", "a2fb4a1d1a96d312", "X-B3-Sampled", "1")
	sw8Headers  = headers("sw8", "1-NDYzYWMzNWM5ZjY0MTNhZDQ4NDg1YTM5NTNiYjYxMjQ=-ODM4MDU1MjgxNzYxYTNlODAwZjA2N2FhMGJhOTAyYjc=-0-ZnJvbnRlbmQ=-MTAuMC4wLjU=-R0VUOi9ob21l-b3JkZXI=",
		"sw8-correlation", "")
)
