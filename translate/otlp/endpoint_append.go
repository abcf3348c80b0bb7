// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"net/netip"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// appendEndpoints appends the attributes that say where a span of another
// protocol ran and whom it spoke to, unless attributes that are written anyway
// have their keys. A second address of the same end gets an older key, by
// which it is known again.
func (e *Encoder) appendEndpoints(d []byte, b *span.Batch, s *span.Span) []byte {
	if p := &s.Remote; !p.IsZero() {
		if p.Service.Len() > 0 {
			d = e.appendText(d, b, s, "peer.service", b.Str(p.Service))
		}
		d = e.appendAddress(d, b, s, p, "network.peer.address", "peer.ipv6")
		d = e.appendPort(d, b, s, p.Port, "network.peer.port")
	}
	if p := &s.Local; p.IP().IsValid() || p.Port != 0 {
		d = e.appendAddress(d, b, s, p, "network.local.address", "net.host.ip")
		d = e.appendPort(d, b, s, p.Port, "network.local.port")
	}
	return d
}

func (e *Encoder) appendAddress(d []byte, b *span.Batch, s *span.Span, p *span.Endpoint, key, second string) []byte {
	ip, other := p.IP(), p.IP6()
	if !ip.IsValid() {
		return d
	}
	d = e.appendIP(d, b, s, key, ip)
	if p.IP4().IsValid() && other.IsValid() {
		d = e.appendIP(d, b, s, second, other)
	}
	return d
}

func (e *Encoder) appendIP(d []byte, b *span.Batch, s *span.Span, key string, ip netip.Addr) []byte {
	if written(b, s.Attrs, key) {
		return d
	}
	return appendIPAttr(d, key, ip)
}

func appendIPAttr(d []byte, key string, ip netip.Addr) []byte {
	var room [64]byte
	return appendStringAttr(d, fieldAttribute, key, wire.AppendIP(room[:0], ip))
}

func (e *Encoder) appendPort(d []byte, b *span.Batch, s *span.Span, port uint16, key string) []byte {
	if port == 0 {
		return d
	}
	return e.appendInt(d, b, s, key, int64(port))
}
