// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"net/netip"
	"time"
)

// Protocol is how a service reports.
type Protocol uint8

// Protocols.
const (
	ZipkinJSON Protocol = iota
	ZipkinProto
	ZipkinThrift // version 1: a server half that joined leaves the times to its client; consumers cannot say it
	JaegerHTTP   // Thrift binary
	JaegerUDP    // Thrift compact
	SkyWalking
	OTLPGRPC
	OTLPHTTP
)

func (p Protocol) zipkin() bool { return p <= ZipkinThrift }

// Service is a program of the fleet.
type Service struct {
	Name     string
	Protocol Protocol
	Proxy    bool // joins every id and hands it on as it is
	Joins    bool // its servers share the id of their client
	Flags    bool // and say so

	first int32 // number of its first instance
}

// Instance is a process of a service, on a host of its own.
type Instance struct {
	Service int32
	Name    string
	IP      netip.Addr
	Port    uint16
	Skew    time.Duration // of the host's clock

	phase  time.Duration // of its reports
	thread int64         // numbers for SkyWalking's names
	hex    string
}

// services is what the fleet runs: half of it with Zipkin's clients. The last
// column says which join without a flag where some do.
var services = []struct {
	name      string
	protocol  Protocol
	unflagged bool
}{
	{"web", ZipkinJSON, false},
	{"order", ZipkinJSON, false},
	{"cart", ZipkinJSON, true},
	{"price", ZipkinJSON, true},
	{"user", ZipkinProto, false},
	{"stock", ZipkinProto, false},
	{"search", ZipkinProto, false},
	{"mail", ZipkinThrift, false},
	{"ledger", ZipkinThrift, false},
	{"payment", JaegerHTTP, false},
	{"fraud", JaegerHTTP, false},
	{"geo", JaegerHTTP, true},
	{"offer", JaegerUDP, false},
	{"catalog", SkyWalking, false},
	{"review", SkyWalking, false},
	{"billing", SkyWalking, false},
	{"shipping", SkyWalking, false},
	{"media", OTLPGRPC, false},
	{"notify", OTLPGRPC, false},
	{"export", OTLPHTTP, false},
	{"edge", ZipkinJSON, false}, // the proxy
}

// joinShare is the share of joins without a flag when all services of the table
// that may leave it out do: 3 of the 10 that join.
const joinShare = 0.3

// deploy makes the services and their instances.
func (f *Fleet) deploy(o Options) {
	for n, s := range services {
		v := Service{Name: s.name, Protocol: s.protocol, Proxy: s.name == "edge", first: int32(len(f.Instances))}
		unflagged := s.unflagged && o.Unflagged > 0
		v.Joins = s.protocol.zipkin() || unflagged
		v.Flags = v.Joins && !unflagged
		f.Services = append(f.Services, v)
		for i := range o.Instances {
			ip := netip.AddrFrom4([4]byte{10, 0, byte(n + 1), byte(i + 1)})
			if n%5 == 4 && s.protocol <= ZipkinProto {
				a := [16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 14: byte(n + 1), 15: byte(i + 1)}
				ip = netip.AddrFrom16(a)
			}
			skew := time.Duration(f.rng.Int64N(int64(400*time.Microsecond))) - 200*time.Microsecond
			if f.rng.Float64() > sameHostClock {
				skew = time.Duration(f.rng.Int64N(int64(100*time.Millisecond))) - 50*time.Millisecond
			}
			inst := Instance{
				Service: int32(n), Name: fmt.Sprintf("%s-%d@%s", s.name, i, ip), IP: ip, Port: 8080, Skew: skew,
				hex: fmt.Sprintf("%016x%016x", f.rng.Uint64(), f.rng.Uint64()),
			}
			if o.Interval > 0 {
				inst.phase = time.Duration(f.rng.Int64N(int64(o.Interval)))
			}
			f.Instances = append(f.Instances, inst)
		}
	}
}
