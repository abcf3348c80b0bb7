// SPDX-License-Identifier: Apache-2.0

package span

import (
	"net/netip"
	"strings"
)

// halfSeed keeps ids derived here apart from ids that other programs derive by
// the same mixing function. It is part of the wire contract between nodes of
// the gateway: changing it changes every derived id.
const halfSeed = 0x6272696467653a73 // "bridge:s"

// ServerHalf is the id of the server half of a span that a client and a server
// share on the wire under the id wire. It depends on nothing but the wire id
// and the server's own service and address, so every node that sees the half,
// or a child reported by the same process, derives the same id. The port is
// left out because children often omit it; service is compared without case,
// as Zipkin does.
func ServerHalf(wire ID, service string, ip netip.Addr) ID {
	h := fnvLower(service)
	if ip.IsValid() {
		if ip.Is4() || ip.Is4In6() {
			a := ip.As4()
			h = fnv(h, a[:])
		} else {
			a := ip.As16()
			h = fnv(h, a[:])
		}
	}
	id := ID(mix(mix(uint64(wire)^halfSeed) ^ h))
	for id == 0 || id == wire {
		id = ID(mix(uint64(id) + halfSeed))
	}
	return id
}

// mix is the finaliser of splitmix64: a bijection that spreads every bit.
func mix(v uint64) uint64 {
	v ^= v >> 30
	v *= 0xbf58476d1ce4e5b9
	v ^= v >> 27
	v *= 0x94d049bb133111eb
	return v ^ v>>31
}

const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
)

func fnv(h uint64, p []byte) uint64 {
	for _, c := range p {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

func fnvLower(s string) uint64 {
	h := uint64(fnvOffset)
	for i := range len(s) {
		c := s[i]
		if c >= 0x80 {
			return fnv(fnvOffset, []byte(strings.ToLower(s)))
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}
