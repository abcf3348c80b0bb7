// SPDX-License-Identifier: Apache-2.0

// Package rules is what the operator wants done to every span on its way in:
// other names for services and instances, and fewer traces. A decoded batch
// goes in; the same batch comes out when no rule touches it, else a changed
// copy that shares its memory. The rules are pure: the same batch gives the
// same result on every node and when a message is decoded again.
//
// # Names
//
// Zipkin's clients write the names of services in lower case and SkyWalking's
// agents as they are configured, so that one service is two in every backend.
// A name is looked up once; what comes of it is not looked up again. Renamed
// are the service that reported a span, the service at the other end, callers
// that a SkyWalking reference names, and notices of processes, also in the
// bytes of native SkyWalking segments. Addresses are not: a host called like a
// service stays, as do names inside other attributes.
//
// The id of the server half of a shared Zipkin span is derived from the name of
// its service (span.ServerHalf), which is the new one. Names that differ only
// in case give one id; nodes that rename more than that must have the same
// rules.
//
// # Sampling
//
// A trace is kept or left out by a hash of the low 64 bits of its id, which
// reports of 64 and of 128 bits have in common. Spans with the debug flag are
// always kept.
package rules
