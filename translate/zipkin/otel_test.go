// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// What the Collector's Zipkin exporter writes (pkg/translator/zipkin).
func TestRow35ContribOutput(t *testing.T) {
	t.Parallel()
	f := func(fields string, lines ...string) {
		t.Helper()
		body := `[{"traceId":"000000000000000a","id":"0000000000000001",` + fields + `}]`
		b := sound(t, formatV2JSON, []byte(body))
		dump := spantest.Dump(b)
		for _, line := range lines {
			if text, no := strings.CutPrefix(line, "!"); no == strings.Contains(dump, "\n  "+text) {
				t.Errorf("%s: line %q in\n%s", fields, line, dump)
			}
		}
		// Zipkin gets it back as it was.
		if out := string(rewrite(b)); out != body && !strings.Contains(strings.ToLower(body), strings.ToLower(noServiceName)) {
			t.Errorf("rewritten:\n%s\n%s", out, body)
		}
	}
	f(`"tags":{"error":"true","otel.status_code":"STATUS_CODE_ERROR"}`, "status error by code message -", `attr "otel.status_code" string "STATUS_CODE_ERROR" mirrored`)
	f(`"tags":{"otel.status_code":"STATUS_CODE_OK"}`, "status ok by code")
	f(`"annotations":[{"timestamp":5,"value":"retry|{\"attempt\":2,\"why\":\"a|b\",\"f\":2.0,\"t\":true,\"l\":[1]}|3"}]`,
		`event 5000 "retry" dropped 3`, `  field "attempt" int "2"`, `  field "why" string "a|b"`, `  field "f" float "2.0"`, `  field "t" bool "true"`, `  field "l" json "[1]"`)
	// Strings and numbers as Go's encoding/json spells them.
	f(`"annotations":[{"timestamp":5,"value":"e|{\"a\":\"\\u003cinit\\u003e \\u0026\",\"b\":1e-7,\"c\":1234567.5,\"d\":100000000000000000000,\"e\":1e+21,\"f\":-2.0,\"g\":[\"\\u003c\"]}|0"}]`,
		`  field "a" string "<init> &"`, `  field "b" float "1e-07"`, `  field "c" float "1.2345675e+06"`, `  field "d" float "1e+20"`, `  field "e" float "1e+21"`, `  field "f" float "-2.0"`, `  field "g" json "[\"\\u003c\"]"`)
	f(`"annotations":[{"timestamp":5,"value":"|{\"message\":\"m\"}|0"}]`, `event 5000 "" dropped 0`, `  field "message" string "m"`)
	// Text that is not just that stays a text.
	for _, text := range []string{"foo|bar", "a|b|c", "a|{}|0", "a|{\\\"b\\\": 1}|0", "a|{\\\"b\\\":1}|x", "a|{\\\"b\\\":1|0", "a|{\\\"b\\\":01}|0", "|||0"} {
		f(`"annotations":[{"timestamp":5,"value":"`+text+`"}]`, "!  field", `event 5000 "`+text)
	}
	f(`"tags":{"otlp.link.0":"0000000000000000000000000000000b|0000000000000002|k=v|{\"a\":1}|2"}`,
		`ref link 000000000000000b/0000000000000002 state "k=v" flags 0x0 dropped 2`, `  attr "a" int "1"`, `attr "otlp.link.0" string "0000000000000000000000000000000b|0000000000000002|k=v|{\"a\":1}|2" mirrored`)
	f(`"tags":{"otlp.link.0":"b|2|k=v|{w,x=|{\"a\":\"|{}\"}|1"}`, `ref link 000000000000000b/0000000000000002 state "k=v|{w,x=" flags 0x0 dropped 1`, `  attr "a" string "|{}"`)
	f(`"tags":{"otlp.link.0":"b|2|`+strings.Repeat("|{", 9)+`|{}|0"}`, "!ref")
	f(`"tags":{"otlp.link.0":"b|2||{}|0","otlp.link.1":"x|2||{}|0","otlp.link.y":"b|2||{}|0"}`,
		`ref link 000000000000000b/0000000000000002 state -`, `attr "otlp.link.1" string "x|2||{}|0"`, `!attr "otlp.link.1" string "x|2||{}|0" mirrored`, `!attr "otlp.link.y" string "b|2||{}|0" mirrored`)
	f(`"tags":{"otlp.link.10":"b|3||{}|0","otlp.link.0":"b|1||{}|0","otlp.link.2":"b|2||{}|0"}`,
		"ref link 000000000000000b/0000000000000001 state - flags 0x0 dropped 0\n  ref link 000000000000000b/0000000000000002 state - flags 0x0 dropped 0\n  ref link 000000000000000b/0000000000000003")
	f(`"tags":{"w3c.tracestate":"a=b","otel.library.name":"lib","otel.library.version":"1","span.kind":"internal"}`,
		`tracestate "a=b"`, `scope "lib" version "1"`, "name - kind internal")
	f(`"kind":"CLIENT","tags":{"span.kind":"internal"}`, "name - kind client", `!attr "span.kind" string "internal" mirrored`)
	f(`"localEndpoint":{"serviceName":"otlpresourcenoservicename","ipv4":"1.2.3.4"}`, "local - ip4 1.2.3.4")
	f(`"localEndpoint":{"serviceName":"OTLPResourceNoServiceName","ipv4":"1.2.3.4"}`, "local - ip4 1.2.3.4")
}

// The mode for the Collector's receiver: what it reads, no residue.
func TestOTelMode(t *testing.T) {
	t.Parallel()
	f := newForeign()
	f.s.Attrs = f.attrs("a", 1)
	mark := f.RefMark()
	f.Ref(span.Ref{Kind: span.Link, Trace: span.TraceID{Lo: 11}, Span: 2, State: f.Copy("k=v"), Attrs: f.attrs("x", "y"), Dropped: 3})
	f.Ref(span.Ref{Kind: span.ChildOf, Trace: span.TraceID{Lo: 1}, Span: 3, Parent: true})
	f.Ref(span.Ref{Kind: span.FollowsFrom, Trace: span.TraceID{Lo: 1}, Span: 4})
	f.s.Refs = f.RefsFrom(mark)
	f.s.Scope = f.Scope(span.Scope{Name: f.Copy("lib"), Version: f.Copy("1")})
	f.s.State = f.Copy("s=t")
	f.s.Status, f.s.Has, f.s.Kind = span.StatusError, span.HasStatus, span.KindInternal
	f.Span(f.s)
	e := NewJSONEncoder(translate.EncoderOptions{Residue: translate.OTel}).Fork()
	e.Reset()
	e.Add(spantest.Items(f.Batch()))
	want := `[{"traceId":"0000000000000001","id":"0000000000000002","tags":{"a":"1","otel.scope.name":"lib","otel.scope.version":"1",` +
		`"w3c.tracestate":"s=t","error":"true","otel.status_code":"STATUS_CODE_ERROR","span.kind":"internal","otel.library.name":"lib","otel.library.version":"1",` +
		`"otlp.link.0":"0000000000000000000000000000000b|0000000000000002|k=v|{\"x\":\"y\"}|3",` +
		`"otlp.link.1":"00000000000000000000000000000001|0000000000000004||{}|0"}}]`
	if got := string(e.Messages()[0].Body); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if e.Losses().Empty() {
		t.Error("nothing is lost: the type of a is")
	}
}

// A span of Zipkin goes to the Collector as it came, unless its receiver would
// refuse it or take something else for it.
func TestOTelModeOwn(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		const ids = `[{"traceId":"000000000000000a","id":"0000000000000001",`
		b := sound(t, formatV2JSON, []byte(ids+in+"}]"))
		e := NewJSONEncoder(translate.EncoderOptions{Residue: translate.OTel})
		e.Reset()
		e.Add(spantest.Items(b))
		if got := string(e.Messages()[0].Body); got != ids+want+"}]" {
			t.Errorf("%s:\n%s\nwant\n%s", in, got, ids+want+"}]")
		}
		if lost := !e.Losses().Empty(); lost != strings.Contains(in, "lost") {
			t.Errorf("%s: loss %v", in, lost)
		}
	}
	note := func(time, text string) string {
		return `"annotations":[{"timestamp":` + time + `,"value":"` + text + `"}]`
	}
	for _, same := range []string{
		`"tags":{"error":"timeout"}`, `"tags":{"error":""}`, note("5", "plain"), note("5", `a|{\"b\":\"c|d\"}|2`), `"tags":{"w3c.tracestate":"a=|"}`,
	} {
		f(same, same)
	}
	f(note("0", "x"), note("1", "x"))
	f(note("5", "a|b"), note("5", `a|{\"event\":\"a|b\"}|0`))
	f(note("5", "a|<b>|c"), note("5", `a|{\"event\":\"a|\\u003cb\\u003e|c\"}|0`))
	f(note("5", `a|b|{\"c\":1}|2`), note("5", `a|{\"event\":\"a|b\",\"c\":1}|2`))
	f(note("5", `a|b|{\"event\":1}|2`), note("5", `a|{\"event.name\":\"a|b\",\"event\":1}|2`))
	f(`"tags":{"otel.status_code":"ERROR"}`, `"tags":{"otel.status_code":"STATUS_CODE_ERROR","error":"true"}`)
	f(`"tags":{"error":"x","otel.status_code":"error"}`, `"tags":{"error":"x","otel.status_code":"STATUS_CODE_ERROR"}`)
	f(`"tags":{"otel.status_code":"OK","a":"b"}`, `"tags":{"otel.status_code":"STATUS_CODE_OK","a":"b"}`)
	f(`"tags":{"otlp.link.0":"lost|2||{}|0","otlp.link.1":"b|2|s=t|{}|0"}`, `"tags":{"otlp.link.0":"0000000000000000000000000000000b|0000000000000002|s=t|{}|0"}`)
}
