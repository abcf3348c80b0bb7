// SPDX-License-Identifier: Apache-2.0

// Package translate says what a protocol is: forms of bodies that become span
// batches, routes by which those bodies come in, and encoders that write spans
// for a target. Each folder below holds one protocol as plain functions over
// bytes; none of them opens a socket or a file. The transports (packages
// receivers and exporters) read the lists that the protocols state here, and
// cmd/bridge alone knows all protocols.
//
// To add a protocol is to add a folder and one line in
// cmd/bridge/protocols.go.
package translate
