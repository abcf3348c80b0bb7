// SPDX-License-Identifier: Apache-2.0

package span

import (
	"math/rand/v2"
	"net/netip"
	"strings"
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

// Names that differ behind the first kilobyte are one: to hash an endless one
// for every span would be quadratic.
func TestPlaceOfEndlessName(t *testing.T) {
	t.Parallel()
	f := func(length int, differs bool) {
		t.Helper()
		name := strings.Repeat("x", length)
		if got := PlaceOf(name, netip.Addr{}) != PlaceOf(name+"y", netip.Addr{}); got != differs {
			t.Errorf("%d bytes and one more: differ %v, want %v", length, got, differs)
		}
	}
	f(1, true)
	f(1023, true)
	f(1024, false)
	f(1<<20, false)
}

func TestCommon(t *testing.T) {
	t.Parallel()
	f := func(want int, fill func(*Builder)) {
		t.Helper()
		w := NewBuilder(nil, Origin{})
		fill(w)
		if got := w.Batch().Common(); got != want {
			t.Errorf("%d bytes, want %d", got, want)
		}
	}
	f(0, func(w *Builder) { w.Span(Span{Name: w.Copy("name")}) })
	f(7, func(w *Builder) {
		w.Attr(StringAttr(w.Copy("key"), w.Copy("text")))
		w.Attr(IntAttr(w.Copy("number"), 1))
		w.Resource(Resource{Attrs: Range{0, 1}})
		w.Resource(Resource{Attrs: Range{1, 1}})
	})
	f(5, func(w *Builder) { w.Scope(Scope{Name: w.Copy("lib"), Version: w.Copy("v1")}) })
	f(6, func(w *Builder) { w.Segment(Segment{Service: w.Copy("abc"), Instance: w.Copy("def")}) })
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
