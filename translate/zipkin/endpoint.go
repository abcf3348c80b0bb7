// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// The rules of the server's Endpoint.parseIp: the text says which kind of
// address it is, not the key it stands under; text that is no address is
// ignored. An IPv4 address inside an IPv6 one counts as IPv4 where it is
// written with dots, and in bytes where it is IPv4-compatible; IPv4-mapped
// bytes and ::ffff:102:304 stay IPv6.

// setIPText sets an address given as text. It says whether the text is a plain
// one of the kind that the key promises.
func setIPText(e *span.Endpoint, text string, six bool) (plain bool) {
	if a, exact, ok := parseIP4(text); ok { // most are
		e.SetIP4(a)
		return exact && !six
	}
	colon := strings.LastIndexByte(text, ':')
	if strings.IndexByte(text, '.') < 0 {
		a, err := netip.ParseAddr(text)
		if err != nil || !a.Is6() || a.Zone() != "" {
			return false
		}
		e.SetIP6(a.As16())
		return six
	}
	a, exact, ok := parseIP4(text[colon+1:])
	if !ok || !embeds(text[:colon+1]) {
		return false
	}
	e.SetIP4(a)
	return exact && colon < 0 && !six
}

// embeds is true for what may stand before an IPv4 address: nothing, "::", and
// "::ffff:" with zeros in place of any f.
func embeds(prefix string) bool {
	switch len(prefix) {
	case 0:
		return true
	case 2:
		return prefix == "::"
	case 7:
		return prefix[:2] == "::" && strings.Trim(prefix[2:6], "fF0") == ""
	}
	return false
}

// usualIP4 reads an IPv4 address in quotes that comes next, in the form without
// leading zeros; false, and nothing is read, for all else.
func (r *reader) usualIP4() (a [4]byte, ok bool) {
	a, end, ok := plainIP4(r.j.Buf, r.j.Pos)
	if ok {
		r.j.Pos = end
	}
	return a, ok
}

// plainIP4 is usualIP4 of the address at a place, with the place behind it.
func plainIP4(buf []byte, from int) (a [4]byte, end int, ok bool) {
	const longest = len(`"255.255.255.255"`)
	if from > len(buf)-longest || buf[from] != '"' {
		return a, 0, false
	}
	p := buf[from+1 : from+longest]
	at := 0
	for part := range a {
		// One to three figures, then a dot, or the quote behind the last.
		v := p[at] - '0'
		if v > 9 {
			return a, 0, false
		}
		at++
		if d := p[at] - '0'; d <= 9 && v > 0 {
			v = v*10 + d
			at++
			if d := p[at] - '0'; d <= 9 {
				if v > 25 || v == 25 && d > 5 {
					return a, 0, false
				}
				v = v*10 + d
				at++
			}
		}
		end := byte('.')
		if part == 3 {
			end = '"'
		}
		if p[at] != end {
			return a, 0, false
		}
		at++
		a[part] = v
	}
	return a, from + 1 + at, true
}

// parseIP4 reads four decimal numbers. They may have leading zeros, which
// netip.ParseAddr refuses; exact is false then.
func parseIP4(s string) (a [4]byte, exact, ok bool) {
	exact = true
	part, digits, v := 0, 0, 0
	for i := range len(s) {
		c := s[i]
		if c == '.' {
			if digits == 0 || part == 3 {
				return a, false, false
			}
			a[part] = byte(v)
			part++
			digits, v = 0, 0
			continue
		}
		if c < '0' || c > '9' {
			return a, false, false
		}
		if digits > 0 && v == 0 {
			exact = false
		}
		v = v*10 + int(c-'0')
		if digits++; digits > 3 || v > 255 {
			return a, false, false
		}
	}
	a[3] = byte(v)
	return a, exact, part == 3 && digits > 0
}

// setIPBytes sets an address given as bytes. Other lengths than 4 and 16 mean
// nothing.
func setIPBytes(e *span.Endpoint, p []byte) (plain bool) {
	switch len(p) {
	case 4:
		e.SetIP4([4]byte(p))
		return true
	case 16:
		// ::1 is an address of its own.
		if [12]byte(p[:12]) == [12]byte{} && binary.BigEndian.Uint32(p[12:]) != 1 {
			e.SetIP4([4]byte(p[12:]))
			return false
		}
		e.SetIP6([16]byte(p))
		return true
	}
	return false
}

// appendIP6 writes an address that maps IPv4 without dots: in text with dots
// Zipkin takes it for IPv4.
func appendIP6(d []byte, a netip.Addr) []byte {
	if !a.Is4In6() {
		return a.AppendTo(d)
	}
	p := a.As16()
	d = append(d, "::ffff:"...)
	d = strconv.AppendUint(d, uint64(binary.BigEndian.Uint16(p[12:])), 16)
	d = append(d, ':')
	return strconv.AppendUint(d, uint64(binary.BigEndian.Uint16(p[14:])), 16)
}
