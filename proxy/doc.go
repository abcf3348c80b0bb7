// SPDX-License-Identifier: Apache-2.0

// Package proxy is a header bridge that stands beside a service which nobody
// will touch. Requests to the service go in by one port, requests of the service
// go out by others; what comes out at the far side is the same request with the
// tracing headers that the receiver understands:
//
//	caller ──any format──▶ Inbound  ──Inward formats──▶ service
//	callee ◀─Outward formats── Forward, Outbound ◀─its own format── service
//
// HTTP/1.1, HTTP/2 without TLS (h2c) and so gRPC pass in both directions; bodies,
// trailers, upgrades and informational answers pass as they come, nothing is
// collected. A CONNECT request becomes a tunnel whose content is not looked at.
//
// What the service's own headers cannot carry is remembered by trace id, for a
// bounded time and number, and given back to the calls that the service makes in
// the same trace: SkyWalking's name of the trace, baggage, a debug decision,
// tracestate, and the endpoint by which the service was called.
//
// What is lost: everything, for a service that hands on no trace at all; for
// calls in a tunnel the translation; the memory, with the process. Headers that
// cannot be read are counted and taken out, and fail no request.
package proxy
