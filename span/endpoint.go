// SPDX-License-Identifier: Apache-2.0

package span

import (
	"encoding/binary"
	"net/netip"
)

// Endpoint is one side of a call. Each part may be absent.
type Endpoint struct {
	Service Text
	ip6     [16]byte
	ip4     [4]byte
	// Port is 0 when absent: no protocol here has a port 0.
	Port uint16
	has  uint8
}

const (
	hasIP4 = 1 << iota
	hasIP6
)

// IsZero is true when nothing is known of the endpoint.
func (e *Endpoint) IsZero() bool {
	return !e.Service.Present() && e.has == 0 && e.Port == 0
}

// Spread is a number in which endpoints usually differ, for tables that remember a
// few of them.
func (e *Endpoint) Spread() uint32 {
	return e.Service.pos + uint32(e.ip4[3]) + uint32(e.ip4[2])*31 + uint32(e.ip6[15])*31 + uint32(e.Port)
}

// IP4 is the IPv4 address; invalid when absent.
func (e *Endpoint) IP4() netip.Addr {
	if e.has&hasIP4 == 0 {
		return netip.Addr{}
	}
	return netip.AddrFrom4(e.ip4)
}

// IP6 is the IPv6 address; invalid when absent.
func (e *Endpoint) IP6() netip.Addr {
	if e.has&hasIP6 == 0 {
		return netip.Addr{}
	}
	return netip.AddrFrom16(e.ip6)
}

// IP4Bits are the four bytes of the IPv4 address, the first of them lowest; false when
// absent.
func (e *Endpoint) IP4Bits() (v uint32, ok bool) {
	return binary.LittleEndian.Uint32(e.ip4[:]), e.has&hasIP4 != 0
}

// IP6Bits are the halves of the IPv6 address, in the same manner.
func (e *Endpoint) IP6Bits() (first, last uint64, ok bool) {
	return binary.LittleEndian.Uint64(e.ip6[:8]), binary.LittleEndian.Uint64(e.ip6[8:]), e.has&hasIP6 != 0
}

// IP is the IPv4 address if there is one, else the IPv6 address, else invalid.
func (e *Endpoint) IP() netip.Addr {
	if a := e.IP4(); a.IsValid() {
		return a
	}
	return e.IP6()
}

// SetIP4 sets the IPv4 address.
func (e *Endpoint) SetIP4(a [4]byte) {
	e.ip4 = a
	e.has |= hasIP4
}

// SetIP6 sets the IPv6 address as it is, also when it maps an IPv4 address.
func (e *Endpoint) SetIP6(a [16]byte) {
	e.ip6 = a
	e.has |= hasIP6
}

// SetIP sets the part that a belongs to; an IPv4 address mapped into IPv6 sets
// the IPv4 part. An invalid address changes nothing.
func (e *Endpoint) SetIP(a netip.Addr) {
	switch {
	case a.Is4() || a.Is4In6():
		e.SetIP4(a.As4())
	case a.Is6():
		e.SetIP6(a.As16())
	}
}

// SameIP is true when both endpoints have the same addresses.
func (e *Endpoint) SameIP(o *Endpoint) bool {
	return e.has == o.has && e.ip4 == o.ip4 && e.ip6 == o.ip6
}

// ParseIP4 reads an IPv4 address in its one usual form, four numbers without leading
// zeros: half of the time of netip.ParseAddr, and no error to be made for what is
// none.
func ParseIP4(text string) (a [4]byte, ok bool) {
	at := 0
	for part := range a {
		v, digits := 0, 0
		for ; at < len(text); at++ {
			d := text[at] - '0'
			if d > 9 {
				break
			}
			if digits > 0 && v == 0 {
				return a, false
			}
			v = v*10 + int(d)
			if digits++; v > 255 {
				return a, false
			}
		}
		if digits == 0 {
			return a, false
		}
		a[part] = byte(v)
		if part < 3 {
			if at >= len(text) || text[at] != '.' {
				return a, false
			}
			at++
		}
	}
	return a, at == len(text)
}
