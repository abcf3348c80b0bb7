// SPDX-License-Identifier: Apache-2.0

// Package faultnet is a network that breaks on command, for tests and for bridge
// soak: a Proxy before a TCP port that delays, trickles, stalls, cuts and resets,
// a Relay that does the like to datagrams, and servers (HTTPTarget, GRPCTarget)
// that answer wrong, late, half, twice or not at all.
//
// In goes what a client sends; out comes the same bytes, or less of them. Nothing
// is ever changed: a network that changes bytes is one without TCP.
package faultnet
