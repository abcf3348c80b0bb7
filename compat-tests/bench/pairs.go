// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"strings"

	"github.com/spanbridge/spanbridge/compat-tests/bench/limit"
	"github.com/spanbridge/spanbridge/compat-tests/bench/traffic"
)

// The kinds of targets, as bridge names them.
const (
	targetZipkin     = "zipkin"
	targetOTLP       = "otlp-grpc"
	targetSkyWalking = "skywalking"
)

// scene is what comes in and what goes out.
type scene struct {
	encoding, target string
	rate             float64 // spans a second, of the runs that have a fixed rate
	fixed            bool    // there are no other runs
	spans, tags      int     // of a request, of a span
	connections      int
	targets          int // how often every span is delivered
	open             int // how many traces wait in the window from the start
}

// pair is a way through a gateway, and who goes it.
type pair struct {
	name, about string
	scene
	candidates []candidate
}

// key is the name for those who have no arrows on their keyboard.
func (p *pair) key() string { return strings.NewReplacer("→", "-", " ", "-").Replace(p.name) }

// way is a scene as most pairs have it.
func way(encoding, target string) scene {
	return scene{encoding: encoding, target: target, rate: 8000, spans: 100, connections: 8, targets: 1}
}

// slow is a scene for those that write to the disk.
func slow(s scene) scene {
	s.rate = 4000
	return s
}

const (
	nameBridge    = "bridge"
	nameDurable   = "bridge, queue.dir"
	nameCollector = "otelcol"
)

// pairs are what docs/performance.md shows.
func pairs() []pair {
	viaHTTP, viaGRPC := passThrough("pass-through http", limit.HTTP, false), passThrough("pass-through grpc", limit.GRPC, false)
	tcp := passThrough("pass-through tcp", limit.TCP, false)
	ours, otel := bridge(nameBridge, bridgeOptions{}), collector(nameCollector, inMemory)
	durable := bridge(nameDurable, bridgeOptions{disk: true})
	datagrams := scene{encoding: traffic.JaegerUDP, target: targetZipkin, rate: 100_000, fixed: true, spans: 20, connections: 4, targets: 1}
	return []pair{
		{
			"zipkin→zipkin memory", "Zipkin v2 JSON in and out",
			way(traffic.ZipkinJSON, targetZipkin),
			[]candidate{viaHTTP, tcp, ours, otel},
		},
		{
			"skywalking→skywalking", "SkyWalking gRPC in (a stream for each 100 spans in 40 segments) and out",
			way(traffic.SkyWalking, targetSkyWalking),
			[]candidate{viaGRPC, tcp, ours, satellite()},
		},
		{
			"jaeger http→zipkin", "Jaeger Thrift over HTTP in, Zipkin v2 JSON out",
			way(traffic.JaegerHTTP, targetZipkin),
			[]candidate{viaHTTP, ours, durable, otel},
		},
		{
			"jaeger grpc→zipkin", "Jaeger gRPC in, Zipkin v2 JSON out; the pass-through sends on what came",
			way(traffic.JaegerGRPC, targetZipkin),
			[]candidate{viaGRPC, ours, durable, otel},
		},
		{
			"skywalking→zipkin", "SkyWalking gRPC in, Zipkin v2 JSON out; the pass-through sends on what came",
			way(traffic.SkyWalking, targetZipkin),
			[]candidate{viaGRPC, ours, durable, otel},
		},
		{
			"zipkin→skywalking", "Zipkin v2 JSON in, SkyWalking gRPC out, by way of the window; the pass-through sends on what came",
			way(traffic.ZipkinJSON, targetSkyWalking),
			[]candidate{viaHTTP, ours, durable},
		},
		{
			"zipkin→otlp", "Zipkin v2 JSON in, OTLP gRPC out, by way of the window; the pass-through sends on what came",
			way(traffic.ZipkinJSON, targetOTLP),
			[]candidate{viaHTTP, ours, durable, otel},
		},
		{
			"zipkin→zipkin disk", "Zipkin v2 JSON in and out; answered when it is on disk, save for what otelcol does without fsync",
			slow(way(traffic.ZipkinJSON, targetZipkin)),
			[]candidate{
				passThrough("pass-through http, durable", limit.HTTP, true),
				durable,
				collector("otelcol, file_storage, fsync", onDiskNow), collector("otelcol, file_storage", onDisk),
			},
		},
		{
			"skywalking→skywalking disk", "SkyWalking gRPC in and out; answered when it is on disk",
			slow(way(traffic.SkyWalking, targetSkyWalking)),
			[]candidate{
				passThrough("pass-through grpc, durable", limit.GRPC, true),
				durable,
			},
		},
		{
			"otlp→otlp", "OTLP gRPC in and out",
			way(traffic.OTLP, targetOTLP),
			[]candidate{viaGRPC, ours, durable, otel},
		},
		{
			"udp→zipkin", "Jaeger Thrift compact over UDP in (20 spans a datagram, 100,000 spans a second), Zipkin v2 JSON out",
			datagrams,
			[]candidate{passThrough("pass-through udp", limit.UDP, false), ours, otel},
		},
		{
			"zipkin→view", "Zipkin v2 JSON in, the built-in view as the only target",
			way(traffic.ZipkinJSON, ""),
			[]candidate{bridge("bridge, view", bridgeOptions{view: true, none: true})},
		},
	}
}
