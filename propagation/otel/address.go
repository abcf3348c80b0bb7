// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"net"
	"net/url"

	"go.opentelemetry.io/otel/attribute"
)

// address is the other side of a call as a gateway finds it in the span: both
// must agree.
func address(attributes []attribute.KeyValue) string {
	var service, host, port, full string
	for _, a := range attributes {
		switch v := a.Value.String(); string(a.Key) {
		case "peer.service":
			service = v
		case "server.address", "net.peer.name":
			host = v
		case "server.port", "net.peer.port":
			port = v
		case "url.full", "http.url":
			full = v
		}
	}
	switch {
	case service != "":
		return service
	case host != "" && port != "" && port != "0":
		return net.JoinHostPort(host, port)
	case host != "":
		return host
	}
	u, err := url.Parse(full)
	if err != nil {
		return ""
	}
	return u.Host
}
