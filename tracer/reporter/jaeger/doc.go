// SPDX-License-Identifier: Apache-2.0

// Package jaeger holds the reporters of package tracer that speak Jaeger's
// Thrift: by UDP to an agent ([NewUDP]), and by HTTP to a collector ([NewHTTP]).
// Jaeger itself takes OTLP besides; see tracer/reporter/otlp.
//
// Records go in, spans come out as Jaeger's own clients write them: tags and logs
// with the types that they were set with, references of both kinds, debug and
// firehose flags, and a process with hostname, ip and the tracer's tags. Times
// are cut to microseconds. A span of which one value is too long for a datagram
// is lost by UDP, and counted: WithMaxTagValueLength of package tracer bounds
// values.
package jaeger
