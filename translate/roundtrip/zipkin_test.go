// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/translate/wire"
)

// zipkinBody is a list of spans in v2 JSON.
func zipkinBody(t *rapid.T) []byte {
	var b strings.Builder
	trace := fmt.Sprintf("%016x", id(t))
	if yes(t, 2) {
		trace = fmt.Sprintf("%016x", id(t)) + trace
	}
	for i := range rapid.IntRange(1, perCheck).Draw(t, "spans") {
		sep := ","
		if i == 0 {
			sep = "["
		}
		fmt.Fprintf(&b, `%s{"traceId":"%s","id":"%016x"`, sep, trace, id(t))
		if yes(t, 2) {
			fmt.Fprintf(&b, `,"parentId":"%016x"`, id(t))
		}
		if yes(t, 2) {
			fmt.Fprintf(&b, `,"kind":"%s"`, rapid.SampledFrom([]string{"CLIENT", "SERVER", "PRODUCER", "CONSUMER"}).Draw(t, "kind"))
		}
		if yes(t, 2) {
			fmt.Fprintf(&b, `,"name":%s`, quote(texts.Draw(t, "name")))
		}
		if !yes(t, 4) {
			fmt.Fprintf(&b, `,"timestamp":%d`, instant(t)/1000)
		}
		if !yes(t, 4) {
			fmt.Fprintf(&b, `,"duration":%d`, span64(t))
		}
		if !yes(t, 4) {
			fmt.Fprintf(&b, `,"localEndpoint":%s`, zipkinEndpoint(t))
		}
		if yes(t, 2) {
			fmt.Fprintf(&b, `,"remoteEndpoint":%s`, zipkinEndpoint(t))
		}
		annotations := 0
		for range few(t, 3) {
			sep := ","
			if annotations == 0 {
				sep = `,"annotations":[`
			}
			annotations++
			fmt.Fprintf(&b, `%s{"timestamp":%d,"value":%s}`, sep, instant(t)/1000, quote(texts.Draw(t, "value")))
		}
		if annotations > 0 {
			b.WriteString("]")
		}
		tags := 0
		for range few(t, 5) {
			sep := ","
			if tags == 0 {
				sep = `,"tags":{`
			}
			tags++
			fmt.Fprintf(&b, "%s%s:%s", sep, quote(keys.Draw(t, "key")), quote(texts.Draw(t, "value")))
		}
		if tags > 0 {
			b.WriteString("}")
		}
		if yes(t, 5) {
			b.WriteString(`,"debug":true`)
		}
		if yes(t, 3) {
			b.WriteString(`,"shared":true`)
		}
		b.WriteString("}")
	}
	b.WriteString("]")
	return []byte(b.String())
}

func zipkinEndpoint(t *rapid.T) string {
	parts := []string{`"serviceName":` + quote(services.Draw(t, "service"))}
	if yes(t, 2) {
		parts = append(parts, `"ipv4":"10.0.0.5"`)
	}
	if yes(t, 3) {
		parts = append(parts, `"ipv6":"2001:db8::c001"`)
	}
	if yes(t, 3) {
		parts = append(parts, `"port":8080`)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func quote(s string) string { return string(wire.AppendJSON(nil, s)) }
