// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net/http"
	"strings"

	"github.com/spanbridge/spanbridge/translate/skywalking"
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
	return skywalking.Endpoint(r.Method, path)
}

// isGRPC is true for calls of gRPC, but not of gRPC-Web, which is plain HTTP.
func isGRPC(h http.Header) bool {
	v := h["Content-Type"]
	if len(v) != 1 {
		return false
	}
	rest, ok := strings.CutPrefix(v[0], "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}
