// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net/http"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// endpointOf is the name under which SkyWalking knows what a request asks for:
// METHOD:/path with the ids masked, as the gateway names the server's span too
// (the Java agent's Tomcat plugin writes the same form), and package.Service/Method
// for gRPC.
func endpointOf(r *http.Request) string {
	if isGRPC(r.Header) {
		return strings.TrimPrefix(r.URL.Path, "/")
	}
	path := r.URL.Path
	if path == "" {
		path = "/"
	}
	return span.EndpointName(r.Method, path)
}

// operationOf is the name of a span for a request, which the gateway turns into
// the same endpoint.
func operationOf(r *http.Request) string {
	endpoint := endpointOf(r)
	if isGRPC(r.Header) {
		return endpoint
	}
	return strings.Replace(endpoint, ":", " ", 1)
}
