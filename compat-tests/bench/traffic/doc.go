// SPDX-License-Identifier: Apache-2.0

// Package traffic makes traces and encodes them, once, in what clients of Zipkin,
// Jaeger, SkyWalking and OpenTelemetry send. The encoders are the official
// libraries, so that what the gateway reads was not written by its own codecs. An
// encoded [Message] knows where its ids and times are: [Message.Fresh] writes
// others there, so that the generator sends new spans at the cost of a few stores.
package traffic
