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
	path := cut(r.URL.Path)
	if isGRPC(r.Header) {
		return strings.TrimPrefix(path, "/")
	}
	if path == "" {
		path = "/"
	}
	return span.EndpointName(cut(r.Method), path)
}

// maxText bounds what is kept of a request's texts: the head of a request may
// have many times as much, and spans and endpoints are kept by the thousand.
const maxText = 1024

// cut is as much of a text as is kept.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.Clone(strings.ToValidUTF8(s[:maxText], ""))
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
