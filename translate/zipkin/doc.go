// SPDX-License-Identifier: Apache-2.0

// Package zipkin is Zipkin's protocol: v2 JSON and proto3, v1 JSON and Thrift
// in; v2 JSON out, and proto3 for senders. The reference is the server
// (openzipkin/zipkin 3.x) rather than the OpenAPI file: what it takes is taken,
// what it refuses is refused, save for these deviations:
//
//   - a span that cannot be read costs only itself; the others are kept and
//     the answer is 400 all the same;
//   - the span id 0 is refused (the server stores "0" as sixteen zeros);
//   - v1 and v2 bodies are told apart by the keys of the spans, not by a search
//     for substrings in the whole body;
//   - times after the year 2262 are refused: they have no form in nanoseconds;
//   - typed values of v1 Thrift are kept, where the server keeps strings alone;
//   - a v1 span of more than 64 services is refused.
//
// In: ids, kind, name, times, endpoints, annotations, tags, debug and shared.
// Names keep their case, which the server does not. Numbers as tag values are
// kept as their text, as the server does. The tag error gives a status besides
// staying a tag.
//
// The tags and annotations in which OpenTelemetry's exporters write what Zipkin
// has no field for are read: otel.scope.*, otel.library.*, w3c.tracestate,
// otel.status_*, span.kind=internal, otlp.link.N and name|{fields}|dropped; the
// service OTLPResourceNoServiceName is none.
//
// Out: what Zipkin has no field for becomes a tag where a tag can say it
// (attributes of the resource, scope, typed values as text). Types of values,
// repeated keys, links and everything below a microsecond go into the residue
// (package translate/residue), or are lost in the modes without it.
//
// In the mode for the Collector (translate.OTel) links become tags, and nothing
// is written that its receiver refuses a request for: annotations with two
// separators, the time 0, a tracestate of a link with a separator. Such a name
// is whole in the field event; such a tracestate is lost.
//
// A v2 span in the normal form is copied as it is (span.Exact). The normal form
// here means that readers stricter than the server take it too: no null, no
// number in place of a string, full ids, addresses under the right key,
// annotations sorted.
package zipkin
