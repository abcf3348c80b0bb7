// SPDX-License-Identifier: Apache-2.0

// Package jaeger is Jaeger's protocol: Thrift batches (by HTTP, and in the
// datagrams that agents take) and protobuf batches (PostSpans) in, protobuf
// batches out, Thrift batches out for senders; besides, what clients ask about
// sampling. The references are jaeger-idl's .thrift and .proto files, Jaeger's
// v1.76 collector and, where that does not decide, the OpenTelemetry
// Collector's Jaeger receiver, which is what Jaeger v2 runs.
//
// # In
//
// The tags of a span stay as they came: in order, typed, keys repeated. Some of
// them say what a field of the canonical span says and are marked mirrored:
// span.kind, error, otel.status_code and otel.status_description, otel.scope.*
// and otel.library.*, w3c.tracestate, peer.service, peer.ipv4, peer.ipv6 and
// peer.port, the counters otel.dropped_*, and the process tag ip. Where a key
// repeats the last one counts. An error is never derived from an HTTP status.
//
//   - The process becomes the resource; its service name becomes
//     Local.Service, absent when empty or OTLPResourceNoServiceName, the name
//     that OpenTelemetry invents for none. A span's own process comes before
//     that of its batch, as in the collector.
//   - Span.Parent is parentSpanId (Thrift), else the first CHILD_OF of the same
//     trace, else the first FOLLOWS_FROM of it. A span that names itself has no
//     parent. References without a trace or span id, which clients write for a
//     jaeger-debug-id, are dropped.
//   - A server span that is CHILD_OF its own id shares it with its client, as
//     Jaeger's clients do when told to be like Zipkin: it is flagged as shared
//     and split like Zipkin's.
//   - A log's first string field "event" is the name of the event.
//   - A start of 0 is absent, and so is Go's zero time; a duration of 0 is
//     present.
//   - Warnings of a protobuf span become string attributes "@jaeger@warnings",
//     Jaeger's own key for them, and warnings again on the way out.
//
// A span that cannot be read costs only itself: no trace or span id, no field
// that jaeger.thrift requires, times beyond 64-bit nanoseconds (the year 2262).
// The collector refuses the whole batch for most of these; the answer here is
// the collector's, but the other spans are kept.
//
// Not kept: seqNo and stats of a Thrift batch (counters of the client, which
// have no place in a batch of spans), process_id of a protobuf span (a number
// local to Jaeger's storage).
//
// # Out
//
// Spans that came by Jaeger are written with their own tags. For others the
// fields become the tags above, the other attributes of the resource become
// process tags, events become logs whose first field is event, what a
// SkyWalking agent said becomes the tags of package translate. The parent
// becomes a reference CHILD_OF, every other reference FOLLOWS_FROM; it comes
// first where Jaeger would take another one for the parent. Jaeger takes the
// first FOLLOWS_FROM of the same trace for the parent of a span that has none:
// a link of a root span to its own trace cannot be said otherwise.
//
// In the residue (package translate/residue), or lost in the modes without it and
// in Thrift: absence of start and duration (0 stands for both), the local port, an
// IPv6 address beside an IPv4 one of the local side, attributes, tracestate and
// flags of links, attributes and schema of scope and resource, arrays and maps
// (their JSON text), Zipkin's shared ids (the split ones are written); in
// Thrift also all below a microsecond.
//
// A service without a name stays without: the v1 collector stores it as
// "empty-service-name", or "null-process-and-service-name" when there is no
// process at all; v2 stores "missing-service-name".
package jaeger
