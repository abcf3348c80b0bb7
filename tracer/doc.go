// SPDX-License-Identifier: Apache-2.0

// Package tracer is an opentracing-go Tracer for fleets that speak several
// tracing headers. It continues a trace from whatever header the caller sent
// and writes the headers that the callee understands (package propagation), and
// it reports finished spans to Zipkin, Jaeger, SkyWalking or OTLP backends by
// the reporters below tracer/reporter, or to several of them.
//
// In come calls of the OpenTracing API, out go Records of finished spans to a
// Reporter, off the request path. A span that is not sampled is not recorded
// and costs no memory; its decision travels on. What is beyond the limits (see
// WithMaxTagValueLength, WithMaxLogsPerSpan) is cut and counted.
package tracer
