// SPDX-License-Identifier: Apache-2.0

// Package view is the built-in view of the gateway: recent spans in memory,
// Zipkin's query API, and a page. Parcels go in, answers to questions come out.
//
// # The store
//
// Batches are kept as they are, with an index beside them, up to a bound of
// memory that counts both. The oldest batches go first; a trace that lost spans
// so says how many. Spans are found by the low 64 bits of their trace id: a
// trace that some processes report under 64 bits and others under 128 is one
// trace, unless two different high halves are present. Then each is a trace of
// its own, and so are the spans with the short id, of which nobody can say to
// which one they belong. Options.Strict keeps every id apart.
//
// Shared spans are split, and every span finds its parent, when somebody asks
// (package assemble): then the whole trace is at hand.
//
// # Zipkin's query API
//
// Paths below /api/v2 and /zipkin/api/v2 answer as openzipkin/zipkin does,
// with the same statuses and texts. Spans have the identity that they had on
// the wire and are not merged; an exact repetition is left out. Beyond Zipkin:
//
//   - ids=unique gives spans of which no two share an id, under one trace id;
//   - /api/v2/trace/{id} finds the trace in any header and in any form of id
//     (package propagation);
//   - a limit above 10000 counts as 10000, and a list of traces ends at 32 MiB.
//
// Spans of other protocols are written as translate/zipkin writes them. What
// is lost there is in the API below. Zipkin's /metrics and /prometheus are not
// here: the gateway's metrics are at its admin port.
//
// # The page's API
//
// GET only, JSON. Times are nanoseconds since 1970 and durations nanoseconds,
// both as decimal numbers in strings; a member that is not known or not set is
// absent. Errors are text with a status of 4xx or 5xx.
//
//	/view/status
//	    version, traces, spans, bytes (held), memory (bound of bytes),
//	    taken (spans that ever came), gone (spans let go), strict,
//	    ports: [{protocol, network, address, about}]; account, the path of the page of every span
//	/view/names?service=S
//	    services, and of service S: names (of spans), remotes (services called)
//	/view/identify?text=T
//	    the trace id in any text: trace, found
//	/view/traces?P
//	    P: the parameters of /api/v2/traces; with neither endTs nor lookback
//	    the time does not matter.
//	    traces: [SUMMARY], newest first; more: true when the limit cut the list
//	/view/trace/{id}
//	    SUMMARY and ids (forms of the trace id in reports), traceName
//	    (SkyWalking's), rows: [ROW], left (rows beyond 100000).
//	    Rows stand before the rows below them, siblings in order of time.
//	/view/trace/{id}/match?text=T
//	    ids of the spans that hold the text anywhere: names, ids, tags as
//	    key=value, events; case does not matter
//	/view/trace/{id}/span/{span}
//	    reports: [REPORT] of the spans with this unique id, at most 50; more
//
//	SUMMARY
//	    trace, service and name (of the root), start, duration (first start to
//	    last end), spans, errors, cut (spans let go),
//	    services and protocols: [{name, spans, errors}]
//	ROW
//	    id, parent       unique ids, 16 hex digits
//	    up               number of the parent's row, -1 for none
//	    depth, below     rows above, rows below at any depth
//	    service, instance, name, kind, remote, start, duration, error
//	    format, transport    as in span.Origin
//	    marks            what is odd, see below
//	    reports          how many reports it was made of, when several
//	    twin             its number among the spans of one id, when several
//	REPORT
//	    twin, trace, id, parent, wire: {id, parent, shared}
//	    name, kind, start, duration, status: {code, message, byCode}
//	    local, remote: {service, ipv4, ipv6, port}
//	    tags: [{key, value, type, mirrored}], value always as text
//	    events: [{time, name, fields: [TAG], dropped}]
//	    refs: [{kind, trace, span, parent, tracestate, flags, tags, agent}]
//	    resource: {tags, schema, dropped}, scope: {name, version, …}
//	    agent: {trace, segment, service, instance, number, parent, type, layer,
//	           component, peer, skipAnalysis, sizeLimited} (SkyWalking)
//	    sampling, flags, tracestate, dropped: {tags, events, refs}
//	    format, transport, received, bytes, raw (the report when it is JSON)
//
// Marks of a row:
//
//	shared    it shares its id on the wire with a server half
//	split     it is the server half; its id was derived
//	moved     it named the shared id as its parent and belongs to the server half
//	lifted    its client half is missing: it hangs below the client's parent
//	orphan    its parent is missing
//	loop      its parents form a circle, which was opened here
//	twin      another span has the same id
//	parts     it came in parts, merged here
//	repeat    it came more than once
//	width     its trace id has 64 bits, others of the trace have 128
//	early     it began before its parent, in another service: clocks differ
//	untimed   it does not say when it began
package view
