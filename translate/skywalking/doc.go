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
// Out: a segment that came by this protocol leaves as its own bytes; spans of an
// agent that took a detour by another protocol, and whose residues tell what it
// said, leave as its segment again. Any other span is number 0 of a segment that
// span.SegmentName names, if another process may refer to it (entries, remote
// calls, whatever has a child elsewhere), or is packed into the segment of its
// parent (see layout.go). So a header that knows an id and nothing else resolves.
// A span that comes late, or beyond 300 of a segment, has a segment of its own,
// with a reference to the place of its parent. None is sent twice: OAP counts
// both and keeps one (see memory.go).
//
// What OAP cannot bear is changed on the way (see name.go and tag.go): names are
// cut, ids in paths are masked, since names of calls become endpoints; tags that
// lose a whole segment are left out; keys that OAP knows by another name are
// renamed. What is changed, and what has no field (types of values, times below a
// millisecond, references other than the parent, an absent start or duration,
// which is the time of receipt and none here), is told by a residue; without one
// it is lost and counted. A decoder that reads such segments gives the spans their
// own ids and parents again (see mark.go). Of several reports of one span that
// come together the one that says most is told of by its fields, the others by
// their tags and events; such a span has no residue.
//
// A body is refused in pieces: a segment that cannot be read costs only itself,
// and a span of a sound segment likewise. In strings, what is not UTF-8 is
// replaced, since an OAP refuses a message that holds it.
package skywalking
