// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"strings"
	"testing"

	thriftgen "github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

// What tags mean: the lines of the dump that follow the times, joined.
func TestTagMeanings(t *testing.T) {
	t.Parallel()
	f := func(want string, tags ...*thriftgen.Tag) {
		t.Helper()
		body := apacheWrite(&thriftgen.Batch{
			Process: &thriftgen.Process{},
			Spans:   []*thriftgen.Span{{TraceIdLow: 1, SpanId: 2, Tags: tags}},
		}, true)
		lines := strings.Split(spantest.Dump(decodeAll(t, body, formatThrift)), "\n")
		_, kind, _ := strings.Cut(lines[1], "kind ")
		kind, _, _ = strings.Cut(kind, " ")
		got := []string{kind}
		for _, l := range lines[2:] {
			l = strings.TrimSpace(l)
			if l != "" && !strings.HasPrefix(l, "resource") {
				got = append(got, l)
			}
		}
		if got := strings.Join(got, "; "); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
	f(`server; attr "span.kind" string "server" mirrored`, keyed("span.kind", str("server")))
	f(`producer; attr "span.kind" string "Producer" mirrored`, keyed("span.kind", str("Producer")))
	f(`internal; attr "span.kind" string "internal" mirrored`, keyed("span.kind", str("internal")))
	f(`-; attr "span.kind" string "weird"`, keyed("span.kind", str("weird")))
	f(`-; attr "span.kind" int "1"`, keyed("span.kind", num(1)))
	f(`client; attr "span.kind" string "server" mirrored; attr "span.kind" string "client" mirrored`,
		keyed("span.kind", str("server")), keyed("span.kind", str("client")))

	f(`-; status error message -; attr "error" bool "true" mirrored`, keyed("error", truth(true)))
	f(`-; attr "error" bool "false" mirrored`, keyed("error", truth(false)))
	f(`-; status error message -; attr "error" string "true" mirrored`, keyed("error", str("true")))
	f(`-; attr "error" string "False" mirrored`, keyed("error", str("False")))
	f(`-; attr "error" string ""`, keyed("error", str("")))
	f(`-; attr "error" int "1"`, keyed("error", num(1)))
	f(`-; status error message "boom"; attr "error" string "boom" mirrored`, keyed("error", str("boom")))
	f(`-; status error message "boom"; attr "error" bool "false" mirrored; attr "error" string "boom" mirrored`,
		keyed("error", truth(false)), keyed("error", str("boom")))
	f(`-; attr "error" string "boom" mirrored; attr "error" bool "false" mirrored`, keyed("error", str("boom")), keyed("error", truth(false)))
	f(`-; attr "http.status_code" int "500"`, keyed("http.status_code", num(500)))

	f(`-; status error by code message -; attr "otel.status_code" string "ERROR" mirrored`, keyed("otel.status_code", str("ERROR")))
	f(`-; status ok by code message -; attr "otel.status_code" string "STATUS_CODE_OK" mirrored`, keyed("otel.status_code", str("STATUS_CODE_OK")))
	f(`-; status ok by code message -; attr "otel.status_code" string "Ok" mirrored`, keyed("otel.status_code", str("Ok")))
	f(`-; attr "otel.status_code" string "UNSET"`, keyed("otel.status_code", str("UNSET")))
	f(`-; attr "otel.status_code" int "2"`, keyed("otel.status_code", num(2)))
	f(`-; status error by code message "m"; attr "otel.status_description" string "m" mirrored; attr "otel.status_code" string "OK" mirrored; attr "error" bool "true" mirrored`,
		keyed("otel.status_description", str("m")), keyed("otel.status_code", str("OK")), keyed("error", truth(true)))
	f(`-; status error by code message "m"; attr "error" string "text" mirrored; attr "otel.status_code" string "error" mirrored; attr "otel.status_description" string "m" mirrored`,
		keyed("error", str("text")), keyed("otel.status_code", str("error")), keyed("otel.status_description", str("m")))
	f(`-; attr "otel.status_description" string "m"`, keyed("otel.status_description", str("m")))

	f(`-; attr "otel.scope.name" string "n" mirrored; attr "otel.library.version" string "1" mirrored; scope "n" version "1" schema - dropped 0`,
		keyed("otel.scope.name", str("n")), keyed("otel.library.version", str("1")))
	f(`-; attr "otel.library.name" string "l" mirrored; attr "otel.scope.name" string "n" mirrored; scope "n" version - schema - dropped 0`,
		keyed("otel.library.name", str("l")), keyed("otel.scope.name", str("n")))
	f(`-; attr "otel.scope.name" int "1"`, keyed("otel.scope.name", num(1)))
	f(`-; tracestate "a=b"; attr "w3c.tracestate" string "a=b" mirrored`, keyed("w3c.tracestate", str("a=b")))
	f(`-; attr "w3c.tracestate" string ""`, keyed("w3c.tracestate", str("")))
	f(`-; dropped attrs 1 events 2 refs 3; attr "otel.dropped_attributes_count" int "1" mirrored; `+
		`attr "otel.dropped_events_count" int "2" mirrored; attr "otel.dropped_links_count" int "3" mirrored`,
		keyed("otel.dropped_attributes_count", num(1)), keyed("otel.dropped_events_count", num(2)), keyed("otel.dropped_links_count", num(3)))
	f(`-; attr "otel.dropped_events_count" int "-1"`, keyed("otel.dropped_events_count", num(-1)))

	f(`-; remote "Db"; attr "peer.service" string "Db" mirrored`, keyed("peer.service", str("Db")))
	f(`-; attr "peer.service" string ""`, keyed("peer.service", str("")))
	f(`-; attr "peer.hostname" string "h"`, keyed("peer.hostname", str("h")))
	f(`-; remote - port 80; attr "peer.port" int "80" mirrored`, keyed("peer.port", num(80)))
	f(`-; remote - port 65535; attr "peer.port" string "65535" mirrored`, keyed("peer.port", str("65535")))
	f(`-; attr "peer.port" int "65536"`, keyed("peer.port", num(65536)))
	f(`-; attr "peer.port" string "http"`, keyed("peer.port", str("http")))
	f(`-; attr "peer.port" int "0"`, keyed("peer.port", num(0)))

	address := func(key string, v *thriftgen.Tag, want string) {
		t.Helper()
		k := keyed(key, v)
		kind, text := "string", k.GetVStr()
		switch k.VType {
		case thriftgen.TagType_LONG:
			f(want, k)
			return
		case thriftgen.TagType_BINARY:
			f(want, k)
			return
		}
		if want == "" {
			f(`-; attr "`+key+`" `+kind+` "`+text+`"`, k)
			return
		}
		f(`-; remote - `+want+`; attr "`+key+`" `+kind+` "`+text+`" mirrored`, k)
	}
	address("peer.ipv4", str("1.2.3.4"), "ip4 1.2.3.4")
	address("peer.ipv4", str("16909060"), "ip4 1.2.3.4")
	address("peer.ipv4", str("-1062731774"), "ip4 192.168.0.2")
	address("peer.ipv4", str("2001:db8::1"), "ip6 2001:db8::1")
	address("peer.ipv4", str("localhost"), "")
	address("peer.ipv4", str("1.2.3"), "")
	address("peer.ipv4", str("99999999999"), "")
	address("peer.ipv6", str("2001:0DB8:0::C001"), "ip6 2001:db8::c001")
	address("peer.ipv6", str("::ffff:1.2.3.4"), "ip4 1.2.3.4")
	address("peer.ipv6", str("fe80::1%eth0"), "")
	address("peer.ipv4", num(16909060), `-; remote - ip4 1.2.3.4; attr "peer.ipv4" int "16909060" mirrored`)
	address("peer.ipv4", num(-1062731774), `-; remote - ip4 192.168.0.2; attr "peer.ipv4" int "-1062731774" mirrored`)
	address("peer.ipv4", num(3232235522), `-; remote - ip4 192.168.0.2; attr "peer.ipv4" int "3232235522" mirrored`)
	address("peer.ipv4", num(1<<32), `-; attr "peer.ipv4" int "4294967296"`)
	address("peer.ipv4", num(0), `-; attr "peer.ipv4" int "0"`)
	address("peer.ipv4", blob(1, 2, 3, 4), `-; remote - ip4 1.2.3.4; attr "peer.ipv4" bytes "AQIDBA==" mirrored`)
	address("peer.ipv6", blob(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4),
		`-; remote - ip6 ::ffff:1.2.3.4; attr "peer.ipv6" bytes "AAAAAAAAAAAAAP//AQIDBA==" mirrored`)
	address("peer.ipv6", blob(1), `-; attr "peer.ipv6" bytes "AQ=="`)
}

func TestProcessTags(t *testing.T) {
	t.Parallel()
	f := func(service, want string, tags ...*thriftgen.Tag) {
		t.Helper()
		body := apacheWrite(&thriftgen.Batch{
			Process: &thriftgen.Process{ServiceName: service, Tags: tags},
			Spans:   []*thriftgen.Span{{TraceIdLow: 1, SpanId: 2}},
		}, false)
		b := decodeAll(t, body, formatThrift)
		lines := strings.Split(spantest.Dump(b), "\n")
		var got []string
		for _, l := range lines[2:] {
			if l = strings.TrimSpace(l); l != "" && l != "resource 1 schema - dropped 0" {
				got = append(got, l)
			}
		}
		if got := strings.Join(got, "; "); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
	f("Svc", `local "Svc"`)
	f("", ``)
	f(noServiceName, ``)
	f("OTLPResourceNoServiceName2", `local "OTLPResourceNoServiceName2"`)
	f("s", `local "s" ip4 10.0.0.1; attr "ip" string "10.0.0.1" mirrored; attr "hostname" string "h"`,
		keyed("ip", str("10.0.0.1")), keyed("hostname", str("h")))
	f("s", `local "s" ip4 10.0.0.1; attr "ip" int "167772161" mirrored`, keyed("ip", num(167772161)))
	f("s", `local "s" ip6 2001:db8::1; attr "ip" string "2001:db8::1" mirrored`, keyed("ip", str("2001:db8::1")))
	f("s", `local "s"; attr "ip" string "unknown"`, keyed("ip", str("unknown")))
}

// Spans that name the same scope share one.
func TestScopesAreShared(t *testing.T) {
	t.Parallel()
	scoped := func(name string) *thriftgen.Span {
		return &thriftgen.Span{TraceIdLow: 1, SpanId: 2, Tags: []*thriftgen.Tag{keyed("otel.scope.name", str(name))}}
	}
	bad := scoped("c")
	bad.SpanId = 0
	body := apacheWrite(&thriftgen.Batch{Process: &thriftgen.Process{}, Spans: []*thriftgen.Span{
		scoped("a"), scoped("b"), bad, scoped("a"), scoped("c"), scoped("b"),
	}}, true)
	b, _ := decodeThrift(body, span.Origin{Format: formatThrift})
	var got []uint32
	for _, s := range b.Spans() {
		got = append(got, s.Scope)
	}
	if len(got) != 5 || got[0] != 1 || got[1] != 2 || got[2] != 1 || got[3] != 3 || got[4] != 2 {
		t.Errorf("scopes %v", got)
	}
	if name := b.Str(b.Scope(3).Name); name != "c" {
		t.Errorf("scope 3 is %q", name)
	}
}
