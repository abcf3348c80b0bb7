// SPDX-License-Identifier: Apache-2.0

package span

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// These ids go out in reports and headers: another value for the same input
// would tear traces apart while old and new nodes run side by side.
func TestServerHalf(t *testing.T) {
	t.Parallel()
	f := func(wire ID, service, ip, want string) {
		t.Helper()
		var a netip.Addr
		if ip != "" {
			a = netip.MustParseAddr(ip)
		}
		if got := ServerHalf(wire, service, a).String(); got != want {
			t.Errorf("%s %q %s: %s, want %s", wire, service, ip, got, want)
		}
	}
	f(0x1b1d2c3e4f5a4b6c, "backend", "10.0.0.2", "ea40008eb45fdca6")
	f(0x1b1d2c3e4f5a4b6c, "BackEnd", "10.0.0.2", "ea40008eb45fdca6")
	f(0x1b1d2c3e4f5a4b6c, "backend", "::ffff:10.0.0.2", "ea40008eb45fdca6")
	f(0x1b1d2c3e4f5a4b6c, "backend", "10.0.0.3", "093912f73dea26ea")
	f(0x1b1d2c3e4f5a4b6c, "backend", "2001:db8::1", "1b85faaa521fd9e5")
	f(0x1b1d2c3e4f5a4b6c, "backend", "", "5a46d4dac8a03809")
	f(0x1b1d2c3e4f5a4b6c, "", "", "f20385a405105e9c")
	f(0x1b1d2c3e4f5a4b6c, "Ünï", "", "6ac85ec736627b2d")
	f(0x1b1d2c3e4f5a4b6c, "ünï", "", "6ac85ec736627b2d")
	f(1, "backend", "10.0.0.2", "45fd4a98f9f83dca")
}

func TestServerHalvesDiffer(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	ip := netip.MustParseAddr("10.0.0.2")
	seen := make(map[ID]bool)
	for range 100_000 {
		wire := ID(rng.Uint64())
		for _, service := range []string{"a", "b"} {
			id := ServerHalf(wire, service, ip)
			if id == 0 || id == wire || seen[id] {
				t.Fatalf("%s %s: %s", wire, service, id)
			}
			seen[id] = true
		}
	}
}
