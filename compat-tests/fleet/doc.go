// SPDX-License-Identifier: Apache-2.0

// Package fleet makes fleets of services with tracers of every protocol, has
// them report random traces to running gateways by the real protocols, and
// compares what comes out at the backends with what is true.
//
// In: Options with a seed. New makes the services and all spans; the same
// options make the same fleet. Each span knows its true parent, which is more
// than its wire form says: where a client and a server share one id, a child
// that names the id may mean either. The only thing that a span carries beyond
// what its tracer would write is the tag fleet.id, its own number.
//
// Send reports the spans in the order and grouping of an arrival pattern: with
// the flushes of each instance, or each span by itself. Backend takes what
// the gateways send on, in Zipkin's, Jaeger's, OpenTelemetry's and SkyWalking's
// protocol. Judge maps the ids of the output back to the spans by their tag and
// counts: right parents, duplicate ids, parents that are nowhere, spans lost or
// doubled, and which kind of call each wrong parent belongs to.
//
// Nothing of the gateway's own code is used: the wire forms are written and read
// with upstream's types or with the standard library, and the mapping of
// SkyWalking's names to numbers, which every bridge of headers must share, is
// written here a second time.
//
// Not made: clients that report one half in several pieces, processes without an
// address, two servers at one address that share one id, an application that
// joins an id which a proxy has joined before it. What is true of those is not
// to be had from what is on the wire.
package fleet
