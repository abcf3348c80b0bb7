// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"net"
	"net/netip"
	"strings"

	"github.com/opentracing/opentracing-go"
)

// SetPeer sets the tags of whom a span calls, from a host with or without a
// port. Do so before Inject: sw8 names the address of the callee.
func SetPeer(s opentracing.Span, address string) {
	if address == "" {
		return
	}
	host := address
	if h, _, err := net.SplitHostPort(address); err == nil {
		host = h
	}
	// Zipkin names a callee without a tracer by it. A path is that of a socket.
	if !isIP(host) && strings.IndexByte(address, '/') < 0 {
		s.SetTag("peer.hostname", host)
	}
	// Last, since it says the most.
	s.SetTag("peer.address", address)
}

func isIP(host string) bool {
	if host == "" || host[0] > '9' && host[0] != '[' && host[0]|0x20 > 'f' {
		return false // without an error, which is an allocation
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}
