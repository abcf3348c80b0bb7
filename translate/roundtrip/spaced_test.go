// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

var jsonStrings = []string{
	`""`, `"a"`, `"error"`, `"true"`, `"10.0.0.1"`, `"010.0.0.1"`, `"255.255.255.255"`, `"256.1.1.1"`, `"::1"`, `"1.2.3.4.5"`, `"1.2.3"`,
	`"\u0061"`, `"\n"`, `"a\"b"`, `"\\"`, "\"\x01\"", "\"ü\"", "\"\xff\"", `"binaryAnnotations"`, `"http.path"`, `"http.method"`, `"\q"`, `"\u12"`,
	`"otel.status_code"`, `"ERROR"`, `"span.kind"`, `"server"`, `"w3c.tracestate"`, `"bridge.x"`, `"1234567"`, `"12345678"`, `"123456\"8"`, `"1234567\\"`, `"unknown"`,
	`"000000000000000a"`, `"0000000000000000000000000000000b"`, `"CLIENT"`, `"x\u0000y"`,
}

func jsonValue(t *rapid.T, depth int) []string {
	switch k := rapid.IntRange(0, 12).Draw(t, "value"); {
	case k < 7 || depth > 2:
		return []string{rapid.SampledFrom(jsonStrings).Draw(t, "string")}
	case k == 7:
		return []string{rapid.SampledFrom([]string{"1", "0", "-1", "65535", "65536", "1700000000000000", "1e3", "1.5", "99999999999999999999"}).Draw(t, "number")}
	case k == 8:
		return []string{rapid.SampledFrom([]string{"null", "true", "false", "nul", ""}).Draw(t, "literal")}
	case k == 9:
		return jsonObject(t, []string{`"serviceName"`, `"ipv4"`, `"ipv6"`, `"port"`, `"x"`}, 4, depth)
	case k == 10:
		return []string{"[", "]"}
	default:
		return jsonObject(t, jsonStrings, 4, depth)
	}
}

func jsonObject(t *rapid.T, keys []string, most, depth int) []string {
	out := []string{"{"}
	for i := range rapid.IntRange(0, most).Draw(t, "members") {
		if i > 0 {
			out = append(out, ",")
		}
		out = append(out, rapid.SampledFrom(keys).Draw(t, "key"), ":")
		out = append(out, jsonValue(t, depth+1)...)
	}
	return append(out, "}")
}

func jsonSpan(t *rapid.T) []string {
	out := []string{"{"}
	add := func(key string, value ...string) {
		if len(out) > 1 {
			out = append(out, ",")
		}
		out = append(append(out, key, ":"), value...)
	}
	end := func() []string {
		return jsonObject(t, []string{`"serviceName"`, `"serviceName"`, `"ipv4"`, `"ipv4"`, `"ipv6"`, `"port"`, `"x"`}, 4, 0)
	}
	add(`"traceId"`, `"000000000000000a"`)
	add(`"id"`, `"000000000000000b"`)
	for range rapid.IntRange(0, 8).Draw(t, "fields") {
		switch rapid.IntRange(0, 12).Draw(t, "field") {
		case 0:
			add(`"name"`, jsonValue(t, 0)...)
		case 1:
			add(`"kind"`, rapid.SampledFrom([]string{`"CLIENT"`, `"SERVER"`, `"x"`, "null"}).Draw(t, "kind"))
		case 2:
			add(rapid.SampledFrom([]string{`"timestamp"`, `"duration"`}).Draw(t, "time"), rapid.SampledFrom([]string{"0", "1", "null", `"5"`, "1.0"}).Draw(t, "v"))
		case 3, 4:
			add(`"localEndpoint"`, end()...)
		case 5, 6:
			add(`"remoteEndpoint"`, end()...)
		case 7, 8, 9:
			add(`"tags"`, jsonObject(t, jsonStrings, 6, 1)...)
		case 10:
			add(rapid.SampledFrom([]string{`"shared"`, `"debug"`}).Draw(t, "flag"), rapid.SampledFrom([]string{"true", "false", "null", "1"}).Draw(t, "v"))
		case 11:
			add(`"annotations"`, append(append([]string{"[", "{", `"timestamp"`, ":", "1", ",", `"value"`, ":"}, rapid.SampledFrom(jsonStrings).Draw(t, "value")), "}", "]")...)
		default:
			add(rapid.SampledFrom([]string{`"parentId"`, `"trace"`, `"i"`, `"tag"`, `"tags2"`, `"na\u006de"`, `"loca"`}).Draw(t, "odd"), jsonValue(t, 0)...)
		}
	}
	return append(out, "}")
}

var quotation = regexp.MustCompile(`"(\\.|[^"\\])*"…?`)

func TestSpaced(t *testing.T) {
	t.Parallel()
	decode := decoder(zipkin.Protocol, "zipkin.v2.json")
	rapid.Check(t, func(t *rapid.T) {
		tokens := []string{"["}
		for i := range rapid.IntRange(1, 4).Draw(t, "spans") {
			if i > 0 {
				tokens = append(tokens, ",")
			}
			tokens = append(tokens, jsonSpan(t)...)
		}
		tokens = append(tokens, "]")
		read := func(sep string) string {
			b, err := decode([]byte(strings.Join(tokens, sep)))
			said := ""
			if b != nil {
				said = spantest.Dump(b)
				for _, s := range b.Spans() {
					if s.Has&span.Exact != 0 {
						said += "exact\n"
					}
				}
			}
			if err != nil {
				said += strings.ReplaceAll(places.ReplaceAllString(quotation.ReplaceAllString(err.Error(), "…"), "…"), " ", "")
			}
			return said
		}
		if plain, spaced := read(""), read(" "); plain != spaced {
			t.Fatalf("%s\n%s\nspaced:\n%s", strings.Join(tokens, ""), plain, spaced)
		}
	})
}
