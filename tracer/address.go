// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"math"
	"net"
	"net/netip"
	"strings"
)

// injected notes that a header names the span, and gives the address of the
// callee if that is to stand in it.
func (s *Span) injected(addressed bool) (address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if addressed {
		address = s.record.Address()
	}
	if !s.done() {
		s.record.Injected = true
		if address != "" {
			s.record.Callee = address
		}
	}
	return address
}

// Address is how the tags of a client's span call the other side: of those of
// OpenTracing's conventions the one that says most, host:port or a name. It is
// what sw8 says and Callee is set from, if a header is written.
func (r *Record) Address() string {
	var host, port, service, url string
	for i := range r.Tags {
		tag := &r.Tags[i]
		switch tag.Key {
		case "peer.address":
			if v, ok := tag.Value.(string); ok && v != "" {
				return v
			}
		case "peer.hostname":
			host = textOf(tag.Value)
		case "peer.ipv4", "peer.ipv6":
			if host == "" {
				host = hostText(tag.Value)
			}
		case "peer.port":
			port = textOf(tag.Value)
		case "peer.service":
			service = textOf(tag.Value)
		case "http.url":
			url = textOf(tag.Value)
		}
	}
	switch {
	case host != "" && port != "" && port != "0":
		return net.JoinHostPort(host, port)
	case host != "":
		return host
	case url != "":
		if h := hostOf(url); h != "" {
			return h
		}
	}
	return service
}

// hostText is an address as text. OpenTracing's ext.PeerHostIPv4 is a number, and
// some set bytes.
func hostText(value any) string {
	if p, ok := value.([]byte); ok {
		if ip, ok := netip.AddrFromSlice(p); ok {
			return ip.Unmap().String()
		}
	}
	if n, ok := numberOf(value); ok && n != 0 && n >= math.MinInt32 && n <= math.MaxUint32 {
		v := uint32(int64(n))
		return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}).String()
	}
	return textOf(value)
}

// hostOf is the host and the port of a URL.
func hostOf(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	if at := strings.IndexAny(rest, "/?#"); at >= 0 {
		rest = rest[:at]
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	return rest
}
