// SPDX-License-Identifier: Apache-2.0

// Package span is the canonical span: the one form between every protocol
// that comes in and every protocol that goes out. It knows no wire format and
// imports only the standard library.
//
// # A batch and its memory
//
// A [Batch] holds what one message carried. It owns the body as it was
// received; a [Text] is a place in that body (or in a side memory for what the
// wire had to escape), eight bytes and no pointer. Spans, attributes, events
// and references lie in slabs of pointer-free structs, so that a batch of a
// thousand spans is a handful of allocations that the garbage collector need
// not look into. A batch is built by a [Builder] and never changes afterwards:
// it may be read by any number of targets at once. Strings taken from it
// (Batch.Str) point into its memory and must be copied by whoever keeps them
// longer than the batch.
//
// That memory may be a [Buffer], which is used for another message as soon as nobody
// holds the batch. Whoever is given a batch for a call has it held until the call
// returns; who keeps it calls [Batch.Hold].
//
// # The fields
//
// Times are nanoseconds since 1970, durations nanoseconds. What is absent is
// never the same as zero: Span.Has says whether a start and a duration were
// given, and an absent Text differs from an empty one.
//
//	identity   Trace (128 bit; Hi = 0: the wire said 64 bit), ID, Parent,
//	           Wire (the identity in a Zipkin report, where two spans may
//	           share an id; see package assemble for the split)
//	place      Local, Remote: service, IPv4, IPv6, port; Resource (Jaeger's
//	           process, OTLP's resource), Scope, Segment and Agent (SkyWalking)
//	what       Kind, Name, Start, Duration, Status with a message
//	details    Attrs: ordered, typed, repeated keys allowed; Events; Refs;
//	           State (W3C tracestate), Sampling, TraceFlags, Dropped
//	origin     Raw: the span's own bytes in the body; Batch.Origin: format,
//	           transport and sender
//
// # Mirrored attributes
//
// Some attributes say what a field of the span says as well: Jaeger's tag
// span.kind, OTLP's service.name, Zipkin's error. They stay in Attrs at their
// place, marked [Attr.Mirrored], so that the protocol they came from gets them
// back in order; a writer of another protocol leaves them out and writes the
// field in its own way.
//
// A span that came on a detour through another protocol follows the conventions
// of the one that it came by first: see [Span.Home] and package
// translate/residue.
//
// # What each protocol lacks
//
//	Zipkin      types of values, repeated keys, references, resource, scope,
//	            status apart from the tag error, nanoseconds
//	Jaeger      absent start or duration, endpoints (tags by convention),
//	            shared ids, kinds and status (tags by convention)
//	SkyWalking  trace and span ids as numbers (names instead; see [TraceOf],
//	            [SpanOf], [SegmentName]), times below a millisecond, types
//	OTLP        absent start or duration, endpoints (attributes by
//	            convention), shared ids, the debug flag
package span
