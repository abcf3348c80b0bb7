// SPDX-License-Identifier: Apache-2.0

// Package receivers is the ways in: HTTP, gRPC and UDP servers that mount
// whatever routes the protocols state. There is no Jaeger or SkyWalking
// receiver here; look into translate/<protocol>/protocol.go for what a port
// takes and answers. A receiver reads a body within its limits, decompresses
// it, has it decoded, gives the batch to the Sink and lets the protocol word the
// answer.
//
// Everything from the network is bounded: body bytes as sent and after
// decompression, message sizes, spans, tags and texts, connections and calls,
// header, read and idle times, and the memory of all that is on its way in (see
// Budget). A panic in a decoder
// costs one message and is counted. Each message counts once under one verdict.
package receivers
