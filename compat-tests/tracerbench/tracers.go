// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/opentracing/opentracing-go"
	zipkinot "github.com/openzipkin-contrib/zipkin-go-opentracing"
	"github.com/openzipkin/zipkin-go"
	"github.com/openzipkin/zipkin-go/reporter"
	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/uber/jaeger-client-go"
	jaegerzipkin "github.com/uber/jaeger-client-go/zipkin"
)

// drain drops spans, as the null reporters of the others do.
type drain struct{}

func (drain) Report(*tracer.Record)       {}
func (drain) Close(context.Context) error { return nil }

type never struct{}

func (never) Sample(span.TraceID, string) tracer.Decision { return tracer.Decision{} }

func newOurs(formats ...propagation.Format) opentraced {
	return opentraced{tracer.New(serviceName, oursOptions(formats, tracer.WithReporter(drain{}))...)}
}

func newOursDenied(formats ...propagation.Format) opentraced {
	return opentraced{tracer.New(serviceName, oursOptions(formats, tracer.WithReporter(drain{}), tracer.WithSampler(never{}))...)}
}

func oursOptions(formats []propagation.Format, options ...tracer.Option) []tracer.Option {
	if len(formats) > 0 {
		options = append(options, tracer.WithPropagator(propagation.New(propagation.Write(formats...))))
	}
	return options
}

func newJaeger(options ...jaeger.TracerOption) opentraced {
	return jaegerSampling(true, append(options, jaeger.TracerOptions.Gen128Bit(true))...)
}

func newJaegerDenied() opentraced { return jaegerSampling(false) }

func jaegerSampling(sampled bool, options ...jaeger.TracerOption) opentraced {
	t, _ := jaeger.NewTracer(serviceName, jaeger.NewConstSampler(sampled), jaeger.NewNullReporter(), options...)
	return opentraced{t}
}

// newJaegerB3 speaks B3, by Jaeger's own package for it.
func newJaegerB3() opentraced {
	p := jaegerzipkin.NewZipkinB3HTTPHeaderPropagator()
	return newJaeger(jaeger.TracerOptions.Injector(opentracing.HTTPHeaders, p), jaeger.TracerOptions.Extractor(opentracing.HTTPHeaders, p))
}

func newZipkin(sampled bool) *zipkin.Tracer {
	sampler := zipkin.AlwaysSample
	if !sampled {
		sampler = zipkin.NeverSample
	}
	t, err := zipkin.NewTracer(reporter.NewNoopReporter(), zipkin.WithSampler(sampler), zipkin.WithTraceID128Bit(true), zipkin.WithNoopTracer(false))
	if err != nil {
		panic(err)
	}
	return t
}

func newZipkinOT() opentraced       { return opentraced{zipkinot.Wrap(newZipkin(true))} }
func newZipkinOTDenied() opentraced { return opentraced{zipkinot.Wrap(newZipkin(false))} }
