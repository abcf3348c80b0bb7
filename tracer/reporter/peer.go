// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"math"
	"net/netip"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

const peerPrefix = "peer."

// peer is what the tags peer.* say of the other side.
type peer struct {
	service, host string
	address       string
	ip4, ip6      netip.Addr
	port          uint16
}

// take takes the value of a tag, whose key is given without its prefix. It is
// false for those that say more than Zipkin's remote endpoint, which stay tags.
func (p *peer) take(key string, value any) (whole bool) {
	switch key {
	case "service":
		p.service = textOf(value)
		return true
	case "hostname":
		p.host = textOf(value)
	case "address":
		p.address = textOf(value)
	case "port":
		n, ok := integer(value)
		if !ok {
			v, err := strconv.ParseUint(textOf(value), 10, 16)
			n, ok = int64(v), err == nil
		}
		if ok && n > 0 && n <= math.MaxUint16 {
			p.port = uint16(n)
			return true
		}
	case "ipv4", "ipv6":
		ip := addressOf(value)
		switch {
		case ip.Is4():
			p.ip4 = ip
		case ip.Is6():
			p.ip6 = ip
		}
		return ip.IsValid()
	}
	return false
}

// addressOf reads an address in the forms that OpenTracing allows: a text, the
// 32 bits of an IPv4 address, and bytes.
func addressOf(value any) netip.Addr {
	switch v := value.(type) {
	case string:
		ip, err := netip.ParseAddr(v)
		if err == nil && ip.Zone() == "" {
			return ip.Unmap()
		}
	case []byte:
		ip, _ := netip.AddrFromSlice(v)
		return ip.Unmap()
	default:
		if n, ok := integer(value); ok && n != 0 && n >= math.MinInt32 && n <= math.MaxUint32 {
			return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		}
	}
	return netip.Addr{}
}

// setRemote sets the other side of a call.
func (c *Converter) setRemote(s *span.Span, r *tracer.Record, p *peer) {
	if p.service != "" {
		s.Remote.Service = c.text(p.service)
	}
	if p.ip4.IsValid() {
		s.Remote.SetIP4(p.ip4.As4())
	}
	if p.ip6.IsValid() {
		s.Remote.SetIP6(p.ip6.As16())
	}
	s.Remote.Port = p.port
	if to, err := netip.ParseAddrPort(p.address); err == nil && !s.Remote.IP().IsValid() {
		s.Remote.SetIP(to.Addr())
		s.Remote.Port = to.Port()
		if c.protocol == span.OTLP { // whose conventions have no attribute for both
			c.stringAttr("network.peer.address", to.Addr().Unmap().String())
			c.w.Attr(span.IntAttr(c.w.Copy("network.peer.port"), int64(to.Port())))
		}
	}
	// A name of the server stands for that of the service, as in
	// OpenTelemetry's rules for Zipkin exporters.
	if calls := s.Kind == span.KindClient || s.Kind == span.KindProducer; calls && c.protocol == span.Zipkin && p.service == "" && p.host != "" {
		if ip := addressOf(p.host); !ip.IsValid() {
			s.Remote.Service = c.text(p.host)
		} else if !s.Remote.IP().IsValid() {
			s.Remote.SetIP(ip)
		}
	}
	if c.protocol == span.SkyWalking {
		c.setCallee(s, r)
	}
}
