// SPDX-License-Identifier: Apache-2.0

package span

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestEndpoint(t *testing.T) {
	t.Parallel()
	four, six, mapped := netip.MustParseAddr("1.2.3.4"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:1.2.3.4")
	f := func(set func(e *Endpoint), zero bool, ip4, ip6, ip netip.Addr) {
		t.Helper()
		var e Endpoint
		set(&e)
		if e.IsZero() != zero || e.IP4() != ip4 || e.IP6() != ip6 || e.IP() != ip {
			t.Errorf("%v %v %v %v", e.IsZero(), e.IP4(), e.IP6(), e.IP())
		}
	}
	var none netip.Addr
	f(func(*Endpoint) {}, true, none, none, none)
	f(func(e *Endpoint) { e.SetIP(none) }, true, none, none, none)
	f(func(e *Endpoint) { e.Port = 1 }, false, none, none, none)
	f(func(e *Endpoint) { e.Service = Empty }, false, none, none, none)
	f(func(e *Endpoint) { e.SetIP(four) }, false, four, none, four)
	f(func(e *Endpoint) { e.SetIP(six) }, false, none, six, six)
	f(func(e *Endpoint) { e.SetIP(mapped) }, false, four, none, four)
	f(func(e *Endpoint) { e.SetIP6(mapped.As16()) }, false, none, mapped, mapped)
	f(func(e *Endpoint) { e.SetIP(six); e.SetIP(four) }, false, four, six, four)
	f(func(e *Endpoint) { e.SetIP4([4]byte{}) }, false, netip.IPv4Unspecified(), none, netip.IPv4Unspecified())
	f(func(e *Endpoint) { e.SetIP(netip.MustParseAddr("fe80::1%eth0")) }, false, none, netip.MustParseAddr("fe80::1"), netip.MustParseAddr("fe80::1"))
}

func TestSameIP(t *testing.T) {
	t.Parallel()
	f := func(a, b string, want bool) {
		t.Helper()
		var x, y Endpoint
		for e, s := range map[*Endpoint]string{&x: a, &y: b} {
			if s != "" {
				e.SetIP(netip.MustParseAddr(s))
			}
		}
		x.Port, y.Service = 1, Empty // neither matters
		if x.SameIP(&y) != want || y.SameIP(&x) != want {
			t.Errorf("%q, %q", a, b)
		}
	}
	f("", "", true)
	f("1.2.3.4", "1.2.3.4", true)
	f("1.2.3.4", "1.2.3.5", false)
	f("1.2.3.4", "", false)
	f("0.0.0.0", "", false)
	f("::1", "::1", true)
	f("::1", "1.2.3.4", false)
}

func TestParseIP4(t *testing.T) {
	t.Parallel()
	f := func(text string) {
		t.Helper()
		a, ok := ParseIP4(text)
		want, err := netip.ParseAddr(text)
		if ok != (err == nil && want.Is4()) || ok && netip.AddrFrom4(a) != want {
			t.Errorf("%q: %v %v, want %v %v", text, a, ok, want, err)
		}
	}
	for i := range 1000 {
		for _, form := range []string{"%d.1.1.1", "1.%d.1.1", "1.1.1.%d", "255.255.255.%d", "%02d.1.1.1", "1.1.1.%03d", "1.1.1.%d.1", "1.1.%d"} {
			f(fmt.Sprintf(form, i))
		}
	}
	for _, text := range []string{"", ".", "1", "1.", "1.1.1.", "1.1.1.1.", "a.1.1.1", "1.1.1.1:", "::1", "1..1.1", "-1.1.1.1", "1.1.1.1 ", "1.1.1.99999999999999999999"} {
		f(text)
	}
}
