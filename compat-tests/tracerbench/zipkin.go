// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/openzipkin/zipkin-go"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/propagation/b3"
)

func zipkinSpan(b *testing.B)   { zipkinStart(b, newZipkin(true)) }
func zipkinDenied(b *testing.B) { zipkinStart(b, newZipkin(false)) }

func zipkinStart(b *testing.B, t *zipkin.Tracer) {
	b.ReportAllocs()
	for b.Loop() {
		t.StartSpan(operationName).Finish()
	}
}

func zipkinOneTagged(t *zipkin.Tracer) {
	s := t.StartSpan(operationName, zipkin.Kind(model.Server))
	s.Tag("component", "net/http")
	s.Tag("http.method", "GET")
	s.Tag("http.url", eachSpan)
	s.Tag("http.status_code", "200")
	s.Annotate(time.Now(), "cache miss size=17")
	s.Finish()
}

func zipkinTagged(b *testing.B) {
	t := newZipkin(true)
	b.ReportAllocs()
	for b.Loop() {
		zipkinOneTagged(t)
	}
}

func zipkinTaggedParallel(b *testing.B) {
	t := newZipkin(true)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			zipkinOneTagged(t)
		}
	})
}

func zipkinChild(b *testing.B) {
	t := newZipkin(true)
	parent := t.StartSpan(operationName)
	b.ReportAllocs()
	for b.Loop() {
		t.StartSpan(operationName, zipkin.Parent(parent.Context())).Finish()
	}
}

func zipkinInject(b *testing.B) {
	s := newZipkin(true).StartSpan(operationName)
	r := &http.Request{Header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		if err := b3.InjectHTTP(r)(s.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func zipkinCall(b *testing.B) {
	t := newZipkin(true)
	parent := t.StartSpan(operationName, zipkin.Kind(model.Server))
	r := &http.Request{Header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		s := t.StartSpan(operationName, zipkin.Parent(parent.Context()), zipkin.Kind(model.Client))
		if err := b3.InjectHTTP(r)(s.Context()); err != nil {
			b.Fatal(err)
		}
		s.Finish()
	}
}

func zipkinExtract(b *testing.B) {
	t := newZipkin(true)
	r := &http.Request{Header: b3Headers}
	b.ReportAllocs()
	for b.Loop() {
		if c := t.Extract(b3.ExtractHTTP(r)); c.Err != nil {
			b.Fatal(c.Err)
		}
	}
}
