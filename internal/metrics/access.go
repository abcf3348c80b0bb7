// SPDX-License-Identifier: Apache-2.0

package metrics

// The metrics of who is let in.
var (
	accessRefused = Metric{
		"bridge_access_refused_total", Counter,
		[]string{"port", "reason"},
		"HTTP requests and gRPC calls that were refused for what the client said of itself: missing (nothing), or wrong.",
	}
	handshakesFailed = Metric{
		"bridge_tls_handshakes_failed_total", Counter,
		[]string{"port"},
		"Connections that were closed in the handshake of TLS: no or a wrong certificate of the client, a client that does not trust the port's, or one that does not speak TLS.",
	}
)
