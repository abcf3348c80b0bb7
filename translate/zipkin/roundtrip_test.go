// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

// sameNormal compares two lists of v2 spans in the normal form.
func sameNormal(tb rapid.TB, what string, got, want []byte) {
	tb.Helper()
	if d := cmp.Diff(normal(tb, want), normal(tb, got), cmpopts.EquateEmpty(), cmpopts.EquateComparable(normalEndpoint{})); d != "" {
		tb.Fatalf("%s: N(in) and N(out) differ (-in +out):\n%s\nin:  %s\nout: %s", what, d, want, got)
	}
}

// checkV2 checks that a body of v2 spans comes out with the same meaning,
// copied, written anew, and by way of proto3.
func checkV2(tb rapid.TB, body []byte) {
	tb.Helper()
	b := sound(tb, formatV2JSON, body)
	sameNormal(tb, "copy", encode(b), body)
	sameNormal(tb, "write", rewrite(b), body)

	again := sound(tb, formatV2JSON, rewrite(b))
	if d := cmp.Diff(dumpOnce(b), spantest.Dump(again)); d != "" {
		tb.Fatalf("decode(encode(b)) differs from b:\n%s\n%s", d, body)
	}
	proto := AppendProto3(nil, spantest.Items(b))
	back := sound(tb, formatProto3, proto)
	if protoCan(b) {
		sameNormal(tb, "proto3", rewrite(back), body)
		if copied := AppendProto3(nil, spantest.Items(back)); string(copied) != string(proto) {
			tb.Fatalf("proto3 changes when it is written again:\n%x\n%x", copied, proto)
		}
	}
}

// dumpOnce is the dump of a batch in which the last tag of a key stands at the
// place of the first, as the encoder leaves it.
func dumpOnce(b *span.Batch) string {
	lines := strings.SplitAfter(spantest.Dump(b), "\n")
	at := make(map[string]int)
	var out []string
	for _, l := range lines {
		if strings.HasPrefix(l, "span ") {
			clear(at)
		}
		if rest, ok := strings.CutPrefix(l, "  attr "); ok {
			key, _ := strconv.QuotedPrefix(rest)
			if i, dup := at[key]; dup {
				out[i] = l
				continue
			}
			at[key] = len(out)
		}
		out = append(out, l)
	}
	return strings.Join(out, "")
}

// protoCan is true if every detail has a form in proto3, where an annotation
// needs a time and a text, and a tag a key.
func protoCan(b *span.Batch) bool {
	for i := range b.Spans() {
		s := &b.Spans()[i]
		for _, e := range b.Events(s.Events) {
			if e.Time == 0 || e.Name.Len() == 0 {
				return false
			}
		}
		for _, a := range b.Attrs(s.Attrs) {
			if a.Key.Len() == 0 {
				return false
			}
		}
		for _, e := range []*span.Endpoint{&s.Local, &s.Remote} {
			// In bytes ::1.2.3.4 is an IPv4 address.
			if a := e.IP6(); a.IsValid() && strings.HasPrefix(string(a.AsSlice()), strings.Repeat("\x00", 12)) {
				return false
			}
		}
	}
	return true
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		b.WriteByte('[')
		for i := range rapid.IntRange(0, 4).Draw(t, "spans") {
			if i > 0 {
				b.WriteString(space.Draw(t, "space") + "," + space.Draw(t, "space"))
			}
			b.WriteString(randomSpan(t))
		}
		b.WriteByte(']')
		checkV2(t, []byte(b.String()))
	})
}

// The generators below draw any v2 span that the server takes, in any writing
// that its reader takes.

var (
	space  = rapid.SampledFrom([]string{"", "", "", " ", "\n\t", "\r\n  "})
	texts  = rapid.OneOf(rapid.SampledFrom([]string{"", "a", "GET /X", "ünï", "世界", "🚀", "\"q\\", "tab\t", "nul\x00", "error", "binaryAnnotations", "\u2028", "\u007f", "true"}), rapid.StringN(0, 12, 60))
	times  = rapid.SampledFrom([]string{"1700000000000001", `"1700000000000002"`, "1.7e15", "1700000000000003.0", "0", "-5", "null", "1", "9223372036854775", `"17"`, "12E2"})
	places = rapid.SampledFrom([]string{"1.2.3.4", "::1", "2001:db8::c001", "2001:0DB8:0:0:0:0:0:C001", "::ffff:9.8.7.6", "::FFFF:1.2.3.4", "::5.6.7.8", "::ffff:102:304", "::102:304", "::", "bad", "", "1.2.3", "fe80::1%eth0", "255.255.255.255", "0.0.0.0"})
	ports  = rapid.SampledFrom([]string{"80", "0", "-1", "65535", `"8080"`, "8e1", "null"})
	keys   = rapid.OneOf(rapid.SampledFrom([]string{"error", "otel.status_code", "http.path", "a", "b", "", "binaryAnnotations", "lc", "otel.status_description"}), texts)
	hexes  = rapid.SampledFrom([]int{1, 4, 15, 16, 16, 16})
)

// quote writes a string with any mix of escapes.
func quote(t *rapid.T, s string) string {
	var b strings.Builder
	b.WriteByte('"')
	style := rapid.IntRange(0, 3).Draw(t, "escapes")
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < 0x20 || style == 1 && r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		case style == 1:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04X\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		case style == 2 && r == '/':
			b.WriteString(`\/`)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func hexID(t *rapid.T, digits int) string {
	s := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789abcdef")), digits, digits, -1).Draw(t, "hex")
	if strings.Trim(s, "0") == "" {
		s = s[1:] + "1"
	}
	return `"` + s + `"`
}

func randomSpan(t *rapid.T) string {
	var members []string
	add := func(key, value string) {
		members = append(members, quote(t, key)+space.Draw(t, "space")+":"+space.Draw(t, "space")+value)
	}
	maybe := func() bool { return rapid.Bool().Draw(t, "has") }

	add("traceId", hexID(t, rapid.SampledFrom([]int{1, 15, 16, 16, 17, 31, 32, 32}).Draw(t, "digits")))
	id := hexID(t, hexes.Draw(t, "digits"))
	add("id", id)
	if maybe() {
		add("parentId", rapid.SampledFrom([]string{hexID(t, hexes.Draw(t, "digits")), id, "null", `"0"`, `"0000000000000000"`}).Draw(t, "parent"))
	}
	if maybe() {
		add("kind", rapid.SampledFrom([]string{`"CLIENT"`, `"SERVER"`, `"PRODUCER"`, `"CONSUMER"`, "null"}).Draw(t, "kind"))
	}
	if maybe() {
		add("name", quote(t, texts.Draw(t, "name")))
	}
	if maybe() {
		add("timestamp", times.Draw(t, "timestamp"))
	}
	if maybe() {
		add("duration", times.Draw(t, "duration"))
	}
	for _, key := range []string{"localEndpoint", "remoteEndpoint"} {
		if maybe() {
			add(key, randomEndpoint(t))
		}
	}
	if maybe() {
		add("annotations", randomAnnotations(t))
	}
	for range rapid.IntRange(0, 2).Draw(t, "tags") {
		add("tags", randomTags(t))
	}
	for _, key := range []string{"debug", "shared"} {
		if maybe() {
			add(key, rapid.SampledFrom([]string{"true", "false", "null"}).Draw(t, key))
		}
	}
	if maybe() {
		add("unknown", rapid.SampledFrom([]string{"1", "null", `{"tags":{"a":[{}]}}`, `[[],{"id":"x"}]`, `"yAnnotations"`}).Draw(t, "unknown"))
	}
	members = rapid.Permutation(members).Draw(t, "order")
	return "{" + space.Draw(t, "space") + strings.Join(members, ",") + space.Draw(t, "space") + "}"
}

func randomEndpoint(t *rapid.T) string {
	var members []string
	for _, m := range rapid.SliceOfN(rapid.IntRange(0, 4), 0, 5).Draw(t, "endpoint") {
		switch m {
		case 0:
			members = append(members, `"serviceName":`+quote(t, texts.Draw(t, "service")))
		case 1:
			members = append(members, `"ipv4":`+quote(t, places.Draw(t, "ipv4")))
		case 2:
			members = append(members, `"ipv6":`+quote(t, places.Draw(t, "ipv6")))
		case 3:
			members = append(members, `"port":`+ports.Draw(t, "port"))
		case 4:
			members = append(members, `"x":[{}]`)
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func randomAnnotations(t *rapid.T) string {
	var list []string
	for range rapid.IntRange(0, 5).Draw(t, "annotations") {
		at := rapid.SampledFrom([]string{"1", "2", `"2"`, "1700000000000001", "0", "-3", "1.7e15"}).Draw(t, "time")
		list = append(list, `{"timestamp":`+at+`,"value":`+quote(t, texts.Draw(t, "value"))+`}`)
	}
	return "[" + strings.Join(list, ",") + "]"
}

func randomTags(t *rapid.T) string {
	var members []string
	for range rapid.SampledFrom([]int{0, 1, 3, 5, 40}).Draw(t, "tags") {
		value := rapid.SampledFrom([]string{"1", "-2.50e3", quote(t, texts.Draw(t, "tag"))}).Draw(t, "value")
		members = append(members, quote(t, keys.Draw(t, "key"))+":"+value)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestRoundTripOfSamples(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t) {
		if s.format == formatV2JSON {
			checkV2(t, s.body)
		}
	}
}
