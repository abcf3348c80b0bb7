// SPDX-License-Identifier: Apache-2.0

// Package otlp is OpenTelemetry's protocol for traces: an
// ExportTraceServiceRequest in protobuf or in OTLP's JSON comes in, the same
// message in protobuf goes out, by gRPC and by HTTP. The reference is the
// specification of OTLP 1.x (opentelemetry-proto, docs/specification.md) and,
// where that is silent, the OpenTelemetry Collector's receiver.
//
// # In
//
// Every field of a span, its scope and its resource. A span without a valid
// trace id or span id is refused, the others are taken. Arrays and maps as
// values become JSON text (see [span.JSON]). Withdrawn forms of the protocol
// are read too: instrumentation_library_spans and Status.deprecated_code.
//
// Attributes that name the two ends of a call fill the endpoints of the span;
// of those only the ones that say exactly what the field says are mirrored:
// service.name, peer.service, addresses in their usual spelling and the ports
// that belong to them. Others (server.address, db.name) merely stand in for a
// name that is not known and stay attributes for every protocol.
//
// A start or end that makes no sense (zero, end before start, beyond the year
// 2262) is absent. In OTLP it comes back as it was, from the raw bytes of the
// span, which are protobuf also when the body is JSON.
//
// # Out
//
// What came by OTLP goes out as it came: the span's own bytes where its
// identity is unchanged, else the same fields written anew. This is lost or
// changed on the way:
//
//   - groups without spans; two neighbours without resource become one group,
//     and so do two without scope; a schema URL without a resource or scope
//     gets an empty one;
//   - a parent id of zeros or the span's own id becomes none;
//   - text that is not UTF-8 gets U+FFFD in place of each bad sequence;
//   - withdrawn forms become their successors;
//   - in what is written anew: a key without a value gets an empty value,
//     references into a dictionary of strings (profiles) become empty, kinds
//     and status codes without a name become unset, ids of links that have the
//     wrong length become none, unknown fields are left out and the bits of a
//     NaN are not kept.
//
// Spans of other protocols: the service is the first attribute of the resource
// and never invented, resource attributes and process tags follow, addresses
// become network.local.* and network.peer.*, references besides the parent
// become links with opentracing.ref_type (as does a parent that the span only
// follows from), what a SkyWalking agent says becomes attributes (see package
// translate). A start that is absent is 0, a duration that is absent is 0; no
// end lies before its start. Keys that repeat in the source repeat here, though
// OTLP wants them to differ; none is made to repeat. Zipkin's tag error=false
// is an attribute of a span without an error.
//
// In the residue (package translate/residue), or lost in the modes without it:
// the flags debug and firehose (both count as sampled), shared ids, the absence
// of start and duration, times before 1970, a process tag service.name besides
// the service, and a part of an endpoint whose attribute the span has already
// with another value.
//
// Metrics and logs are refused in so many words: see refuseSignal.
package otlp
