// SPDX-License-Identifier: Apache-2.0

// Package otel lets services that trace with OpenTelemetry for Go read every
// tracing header and write a chosen set. Out comes a propagator for
// otel.SetTextMapPropagator, in place of TraceContext and Baggage, which it
// includes:
//
//	otel.SetTextMapPropagator(bridge.New("billing"))
//
// Ids, the sampled flag and tracestate are in OpenTelemetry's span context, and
// baggage in its baggage. The rest (debug, firehose, SkyWalking's name of the
// trace, baggage that OpenTelemetry does not take) stays in the context.Context
// that Extract returns.
//
// sw8 names the caller: the service and instance of New, the endpoint that
// SetEndpoint told, else the name of a server's span, and the address that the
// attributes of the span that calls say (peer.service, server.address,
// net.peer.name, url.full, http.url). Attributes are what the server's span
// should say of its caller.
//
// OpenTelemetry has no undecided state: such a trace is not sampled, as with
// OpenTelemetry's own propagator for B3, unless Undecided says otherwise. A debug
// trace is one that is sampled; a request for one, without ids, cannot overrule
// the sampler. The flag for random ids of W3C's level 2 is not handed on.
package otel
