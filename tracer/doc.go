// SPDX-License-Identifier: Apache-2.0

// Package tracer is an opentracing-go Tracer for fleets that speak several
// tracing headers. It continues a trace from whatever header the caller sent
// and writes the headers that the callee understands (package propagation), and
// it reports finished spans to Zipkin, Jaeger, SkyWalking or OTLP backends by
// the reporters below tracer/reporter, or to several of them (Composite).
//
// In come calls of the OpenTracing API, out go Records of finished spans to a
// Reporter, off the request path. What a caller decided holds; about traces that
// begin here, and those that nobody has decided on, a Sampler is asked. A span
// that is not sampled is not recorded and costs no memory; its decision and its
// baggage travel on, and its context is that of the span above it. What is
// beyond the limits (WithMaxTagValueLength, WithMaxTagsPerSpan,
// WithMaxLogsPerSpan) is cut and counted (Counts).
//
// NewLogHandler puts the ids of trace and span on the lines of log/slog. Package
// tracer/env makes a tracer by the environment names of Jaeger's clients.
package tracer
