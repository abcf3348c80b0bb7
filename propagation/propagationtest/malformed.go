// SPDX-License-Identifier: Apache-2.0

package propagationtest

import (
	"net/http"
	"strings"
)

// Malformed are requests whose headers say nothing that can be read.
func Malformed() map[string]http.Header {
	one := func(key, value string) http.Header {
		h := http.Header{}
		h.Set(key, value)
		return h
	}
	return map[string]http.Header{
		"b3: no hex":                one("b3", "zz-zz-1"),
		"b3: five fields":           one("b3", "1-2-1-3-4"),
		"b3: long":                  one("b3", strings.Repeat("1", 100<<10)),
		"X-B3: trace alone":         one("X-B3-TraceId", "463ac35c9f6413ad"),
		"X-B3: sampled":             one("X-B3-Sampled", "maybe"),
		"sw8: short":                one("sw8", "1-x"),
		"sw8: empty fields":         one("sw8", "1-------"),
		"sw8: base64":               one("sw8", "1-!!-YQ==-0-YQ==-YQ==-YQ==-YQ=="),
		"sw8: number":               one("sw8", "1-YQ==-YQ==-0x10-YQ==-YQ==-YQ==-YQ=="),
		"sw8-correlation alone":     one("sw8-correlation", ":::,,,"),
		"traceparent: zero":         one("traceparent", "00-00000000000000000000000000000000-0000000000000000-01"),
		"traceparent: version ff":   one("traceparent", "ff-463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-01"),
		"tracestate alone":          one("tracestate", "a=b"),
		"uber-trace-id: fields":     one("uber-trace-id", "1:2:3"),
		"uber-trace-id: flags":      one("uber-trace-id", "1:2:3:999"),
		"ot-tracer: no hex":         one("ot-tracer-traceid", "xyz"),
		"baggage: no list":          one("baggage", ";;;,,,=,"),
		"x-ot-span-context: fields": one("x-ot-span-context", "a;b"),
	}
}
