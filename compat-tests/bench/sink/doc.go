// SPDX-License-Identifier: Apache-2.0

// Package sink is the backend of the benchmark: it takes what gateways send, by
// Zipkin (JSON, protobuf), OTLP (gRPC, HTTP), Jaeger (gRPC) and SkyWalking (gRPC),
// and what the pass-throughs forward, and counts spans without decoding them. One
// request in a number it decodes with the official library of the protocol; what
// differs from the cheap count is a fault.
package sink
