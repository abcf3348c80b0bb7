// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"math"

	"pgregory.net/rapid"
)

// keys are those that some protocol gives a meaning to, and others.
var keys = rapid.SampledFrom([]string{
	"a", "b", "http.method", "http.status_code", "error", "error", "otel.status_code", "otel.status_description",
	"span.kind", "peer.service", "peer.ipv4", "peer.ipv6", "peer.port", "otel.scope.name", "otel.scope.version",
	"otel.library.name", "w3c.tracestate", "otel.dropped_events_count", "ip", "service.name", "host.ip", "host.name",
	"network.peer.address", "network.peer.port", "server.address", "net.host.ip", "network.local.address", "db.name",
	"otlp.link.0", "otlp.link.x", "bridge.x", "bridge.x.user", "sw8.trace_id", "event", "@jaeger@warnings", "", "ключ", "a\"b\\c\n",
	"service.instance.id",
})

var texts = rapid.OneOf(
	rapid.SampledFrom([]string{
		"", "x", "GET /X", "true", "false", "500", "2.0", "NaN", "-1", "server", "internal", "OK", "ERROR", "STATUS_CODE_ERROR",
		"10.0.0.1", "::1", "2001:db8::1", "::ffff:1.2.3.4", "16909060", "8080", "foo|bar", `a|{"b":1}|0`, `ev|{"s":"t","f":2.0}|3`, `{"v":1}`,
		`{"v":1,"p":"z"}`, `{"v":1,"p":"z","h":0,"d":["a"]}`, `[1,2.0,{"a":null}]`, "AP8=", "boom", "null", "k=v", "yAnnotations", "OTLPResourceNoServiceName",
		"0000000000000001|0000000000000002|k=v|{\"a\":1}|2", "00000000000000010000000000000002|0000000000000003||null|0",
	}),
	rapid.StringN(0, 12, 24),
)

var services = rapid.SampledFrom([]string{"", "front", "Front", "order", "имя", "User DB"})

var kindNames = rapid.SampledFrom([]string{"client", "server", "producer", "consumer", "internal", "weird", "SERVER"})

// few draws a small number, most often 0.
func few(t *rapid.T, most int) int {
	return max(0, rapid.IntRange(-most, most).Draw(t, "n"))
}

func yes(t *rapid.T, inN int) bool { return rapid.IntRange(1, inN).Draw(t, "yes") == 1 }

func id(t *rapid.T) uint64 {
	return rapid.OneOf(rapid.Uint64Range(1, 6), rapid.Uint64Range(1, math.MaxUint64)).Draw(t, "id")
}

const second = int64(1_000_000_000)

func instant(t *rapid.T) int64 {
	return 1_700_000_000*second + rapid.Int64Range(0, 3000).Draw(t, "ns")
}

func span64(t *rapid.T) int64 {
	return rapid.OneOf(rapid.Int64Range(0, 3000), rapid.Int64Range(0, 1_000_000_000)).Draw(t, "duration")
}

var ints = rapid.OneOf(rapid.Int64Range(-2, 3), rapid.SampledFrom([]int64{1 << 60, math.MinInt64, math.MaxInt64, 8080, 70000, 16909060, 1 << 53}))

var floats = rapid.SampledFrom([]float64{0, 2, 0.1, -1.5e300, 5e-324, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 1e21, 9007199254740993})
