// SPDX-License-Identifier: Apache-2.0

// Package skywalking is SkyWalking's native protocol, version 3: segments,
// instance properties and pings in, by gRPC and by HTTP; the same out by gRPC
// for an OAP. The references are apache/skywalking-data-collect-protocol for
// the messages and the OAP for what is taken and how it is answered.
//
// In: a segment becomes spans whose ids are derived from its name and their
// numbers (span.TraceOf, span.SpanOf). What has no canonical field stands in
// span.Segment, span.Agent and span.AgentRef, and the segment itself is kept as
// received. Every other method and path of the protocol (metrics, logs,
// events, profiling, questions) is answered as an OAP without such data would.
//
// Lost on the way to other protocols: the place of the pair "event" in a log
// (it becomes the event's name), an end before the start (the span then has no
// length) and times beyond the year 2262 (absent).
//
// Out: a segment that came by this protocol leaves as its own bytes. Any other
// span becomes a segment of its own, named by span.SegmentName, with number 0.
// What OAP cannot bear is changed on the way (see name.go and tag.go): names
// are cut, tags that lose a whole segment are left out; keys that OAP knows by
// another name are renamed. Lost: types of values, times below a millisecond,
// references other than the parent, the ends of cut names, and that a start (the
// time of receipt stands in) or a duration was absent.
//
// A body is refused in pieces: a segment that cannot be read costs only itself,
// and a span of a sound segment likewise. In strings, what is not UTF-8 is
// replaced, since an OAP refuses a message that holds it.
package skywalking
