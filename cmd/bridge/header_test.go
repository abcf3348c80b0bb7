// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/propagation"
)

// FuzzHeader: whatever is pasted is explained or refused.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{
		"> b3: 463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-d-a2fb4a1d1a96d312", `"traceparent": "00-463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-01",`,
		"1:2:0:1", "sw8: 1-YQ==-Yg==-0-Yw==-ZA==-ZQ==-Zg==", "sw8-correlation: a:b,:", "map[X-B3-Traceid:[1] X-B3-Spanid:[2]]",
		`{\"X-B3-TraceId\": \"6b\"}`, "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001", "baggage: a=b;c,%zz", "uberctx-: x", "-H", "b3", "ot-baggage-br: h:1;n:x", "jaeger-debug-id: x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var p pasted
		for line := range strings.Lines(s) {
			p.line(line)
		}
		e := explain(&p, propagation.Caller{})
		e.print(io.Discard)
		if len(p.headers) == 0 && !e.empty() {
			t.Errorf("%q: nothing was found, and yet %+v", s, e)
		}
	})
}
