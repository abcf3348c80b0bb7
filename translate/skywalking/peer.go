// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// setPeer reads the peer of a span, n bytes at a place of the buffer: a host or
// an address, with or without a port. Agents also write lists, of which the
// first address counts ("a:9092;b:9092", "a:9092,b:9092"), and URLs. A host's
// name is the name of the service there; the peer as written is in span.Agent.
func (r *reader) setPeer(e *span.Endpoint, at, n int) {
	text := r.w.Str(r.textAt(at, n))
	if r.side {
		r.readPeer(e, text, at)
		return
	}
	if known := r.peers.find(text); known != nil {
		*e = *known
		return
	}
	r.readPeer(e, text, at)
	r.peers.add(text, e)
}

// peerMemory holds the peers that came last: a process has few.
type peerMemory struct {
	known [4]struct {
		text string
		e    span.Endpoint
	}
	next uint8 // to be overwritten
}

func (m *peerMemory) find(text string) *span.Endpoint {
	for i := range m.known {
		if m.known[i].text == text {
			return &m.known[i].e
		}
	}
	return nil
}

func (m *peerMemory) add(text string, e *span.Endpoint) {
	m.known[m.next].text, m.known[m.next].e = text, *e
	m.next = (m.next + 1) % uint8(len(m.known))
}

// readPeer reads a peer at a place of the buffer.
func (r *reader) readPeer(e *span.Endpoint, text string, at int) {
	host, port := splitPeer(text)
	e.Port = port
	if host.end == host.start {
		return
	}
	name := r.textAt(at+host.start, host.end-host.start)
	if ip, ok := parseIP(r.w.Str(name)); ok {
		e.SetIP(ip)
		return
	}
	e.Service = name
}

// part is a part of a text.
type part struct{ start, end int }

// splitPeer finds the first host of a peer and its port, 0 for none.
func splitPeer(s string) (host part, port uint16) {
	h := part{0, len(s)}
	url := false
	if i := strings.Index(s, "://"); i >= 0 {
		h.start, url = i+3, true
	}
	for h.start < h.end && isSeparator(s[h.start]) {
		h.start++
	}
	for i := h.start; i < h.end; i++ {
		if c := s[i]; isSeparator(c) || url && (c == '/' || c == '?') {
			h.end = i
		}
	}
	if url {
		if i := strings.LastIndexByte(s[h.start:h.end], '@'); i >= 0 {
			h.start += i + 1 // user and password
		}
	}
	text := s[h.start:h.end]
	if strings.HasPrefix(text, "[") {
		if i := strings.IndexByte(text, ']'); i > 0 {
			if p, ok := parsePort(strings.TrimPrefix(text[i+1:], ":")); ok {
				port = p
			}
			return part{h.start + 1, h.start + i}, port
		}
		return h, 0
	}
	colon := strings.IndexByte(text, ':')
	if colon < 0 || strings.LastIndexByte(text, ':') != colon {
		return h, 0 // a name, or an IPv6 address
	}
	if p, ok := parsePort(text[colon+1:]); ok {
		return part{h.start, h.start + colon}, p
	}
	return h, 0
}

func isSeparator(c byte) bool { return c == ',' || c == ';' || c == ' ' }

func parsePort(s string) (uint16, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	v, err := strconv.ParseUint(s, 10, 16)
	return uint16(v), err == nil
}

// parseIP reads an address. Names, which are more common, cost no error.
func parseIP(s string) (netip.Addr, bool) {
	dots := false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.' || c == ':':
			dots = true
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return netip.Addr{}, false
		}
	}
	if !dots {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(s)
	return ip, err == nil
}

// setInstanceIP takes the address from an instance's name: the Java and Go
// agents name it "<uuid>@10.0.0.5", and some name it by the address alone.
func setInstanceIP(e *span.Endpoint, instance string) {
	if ip, ok := parseIP(instance[strings.LastIndexByte(instance, '@')+1:]); ok {
		e.SetIP(ip)
	}
}
