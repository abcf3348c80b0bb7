// SPDX-License-Identifier: Apache-2.0

// Package jaegerclient lets services that trace with jaeger-client-go read every
// tracing header and write a chosen set. It plugs in where the tracer is made;
// nothing else changes:
//
//	codec := jaegerclient.New("billing")
//	tracer, closer, err := cfg.NewTracer(codec.Config()...)
//
// In go headers of any format, out come the formats of the Propagator. The
// formats HTTPHeaders and TextMap are replaced, Binary stays as it is. Ids,
// parent, sampled, debug and firehose, baggage and jaeger-debug-id are in
// Jaeger's span context. The rest, such as tracestate, lies in the sampling state
// that all spans of a trace in this process share, and goes with it.
// SkyWalking's name of the trace is also an item of baggage, bridge-tn, for
// codecs that know nothing of it. The service's first span gets the tags
// sw8.trace_id and sw8.parent, from which a gateway makes SkyWalking's reference.
//
// sw8 names the caller. Service and instance come from New. The endpoint is the
// name of the first span of the trace in this process, the address is what the
// span that calls says of its peer (peer.service, peer.ipv4, peer.hostname,
// peer.address, http.url), or what a Carrier says.
//
// What Jaeger has no form for: a trace that nobody has decided on is decided by
// the tracer's sampler when it is extracted; "b3: 1", a decision for a trace
// that has no id yet, is lost. Properties of W3C's baggage get lost when a span
// changes the item.
package jaegerclient
