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

// lateSeed is the same for clients that get another id (see LateClient).
const lateSeed = 0x6272696467653a68 // "bridge:h"

// Place is where a span was reported, as far as the rules for shared ids look
// at it: a service, compared without case as Zipkin does, and an address. The
// port is left out because children often omit it.
type Place struct {
	Service uint64 // hash of the name
	All     uint64 // hash of name and address; Service itself without an address
}

// maxHashed is how much of the name of a service counts. All spans of a message
// may have the same one, so an endless name would cost its length for every span.
const maxHashed = 1 << 10

// PlaceOf makes a place; an invalid ip stands for none.
func PlaceOf(service string, ip netip.Addr) Place {
	h := fnvLower(service[:min(len(service), maxHashed)])
	p := Place{h, h}
	switch {
	case !ip.IsValid():
	case ip.Is4() || ip.Is4In6():
		a := ip.As4()
		p.All = fnv(h, a[:])
	default:
		a := ip.As16()
		p.All = fnv(h, a[:])
	}
	return p
}

// Place is where the span of the item was reported.
func (it Item) Place() Place {
	l := &it.Span().Local
	return PlaceOf(it.Batch.Str(l.Service), l.IP())
}

// Named is true when the service is known.
func (p Place) Named() bool { return p.Service != fnvOffset }

// Fits is true when the places may be the same: the service is, and the address
// is or one of them has none.
func (p Place) Fits(o Place) bool {
	return p.All == o.All || p.Service == o.Service && (p.All == p.Service || o.All == o.Service)
}

// Half is the id of the server half that was reported from this place of a span
// that a client and a server share on the wire under the id wire. It depends on
// nothing but the wire id and the place, so every node that sees the half, or a
// child reported by the same process, derives the same id.
func (p Place) Half(wire ID) ID {
	return derive(mix(mix(uint64(wire)^halfSeed)^p.All), wire)
}

// ServerHalf is Place.Half of a service and an address.
func ServerHalf(wire ID, service string, ip netip.Addr) ID {
	return PlaceOf(service, ip).Half(wire)
}

// LateClient is the id of a client half that was reported after a server had
// left under the id that both use, without a flag that said so.
func LateClient(wire ID) ID { return derive(mix(uint64(wire)^lateSeed), wire) }

// derive is an id of those bits that is neither 0 nor taken.
func derive(bits uint64, taken ID) ID {
	id := ID(bits)
	for id == 0 || id == taken {
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
