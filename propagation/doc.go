// SPDX-License-Identifier: Apache-2.0

// Package propagation reads and writes the headers by which tracers hand a
// trace to the next service: B3 in many headers and in one, SkyWalking's sw8
// with sw8-correlation and sw8-x, Jaeger's uber-trace-id with its baggage, W3C
// Trace Context and Baggage, and OpenTracing's ot-tracer-*.
//
// A Propagator extracts a Context from any of them and injects it in a chosen
// set. Extract is lenient where the real tracers are: any case, ids without
// leading zeros, headers that came twice. What cannot be read is counted and
// never fails a request; where two formats disagree the first in the order of
// precedence wins, and Context.Others keeps the rest. Inject writes strictly
// what the real parsers take, above all never a malformed sw8, which breaks
// requests in some agents. What a format cannot say is lost, unless another one
// beside it can, or baggage can carry it: docs/headers.md has the table.
//
// ParseB3 and its like read a single header, and say what was found and what
// was wanted. Identify finds the trace in whatever a person pastes: an id in any
// form, or a whole header.
package propagation
