// SPDX-License-Identifier: Apache-2.0

// Package roundtrip holds the tests of the promise that a span comes back as it
// went: A→B→A gives the normal form of A, for all pairs of protocols. It has no
// code of its own.
//
// What a span goes through before the first hop, its own protocol's decoder and
// encoder, is its normal form:
//
//   - Zipkin: ids in full width, no zero or self parent, no zero time, sorted
//     annotations without repeats, canonical addresses, flags only when true,
//     whole microseconds. The order of tags and the case of names stay.
//   - Jaeger: one reference to the parent (where a Thrift span gives it apart,
//     it comes first when Jaeger would take another one), no reference without
//     ids, a log's field event first, no operation name, service and process
//     tag that is empty text; the values of unknown types are text, a time of
//     the year 1 is 0, warnings come last; a process without name and tags is none. Thrift's microseconds are protobuf's
//     nanoseconds.
//   - OTLP: what the doc of package otlp lists under Out. Times that make no
//     sense are 0, an end before its start is the start. A resource and a scope
//     belong to each span: how spans are grouped is no part of the form, and
//     neither are fields and entity references that have no place outside of the
//     bytes.
//
// Text that is no UTF-8, and the bits of a NaN, are no part of any of them.
//
// go test -spans N sets how many spans go over each pair.
package roundtrip
