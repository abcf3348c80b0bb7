// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// p3 is a table of proto3 spans, written field by field.
type p3 struct{ *testing.T }

func field(n int, value string) string { return string(wire.AppendStringAlways(nil, n, value)) }

func varint(n int, v uint64) string { return string(wire.AppendVarintAlways(nil, n, v)) }

// fixed is a fixed64 field, with the zero that wire.AppendFixed64 leaves out.
func fixed(n int, v uint64) string {
	b := wire.AppendTag(nil, n, wire.TypeFixed64)
	for range 8 {
		b = append(b, byte(v))
		v >>= 8
	}
	return string(b)
}

var (
	ids16 = field(1, "\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x01") + field(3, "\x00\x00\x00\x00\x00\x00\x00\x02")
	ids8  = field(1, "\x00\x00\x00\x00\x00\x00\x00\x01") + field(3, "\x00\x00\x00\x00\x00\x00\x00\x02")
)

// is expects lines of the dump, "!" before a start that no line may have.
func (t p3) is(fields string, lines ...string) *span.Batch {
	t.Helper()
	b, err := decode(t, formatProto3, []byte(field(1, fields)))
	if err != nil {
		t.Errorf("%x: %v", fields, err)
		return b
	}
	dump := spantest.Dump(b)
	for _, line := range lines {
		if start, no := strings.CutPrefix(line, "!"); no {
			if strings.Contains(dump, "\n  "+start) {
				t.Errorf("%x: there is a line %q:\n%s", fields, start, dump)
			}
		} else if !hasLine(dump, line) {
			t.Errorf("%x: no line %q in\n%s", fields, line, dump)
		}
	}
	return b
}

func (t p3) bad(fields, want string) {
	t.Helper()
	body := field(1, ids8) + field(1, fields) + field(1, ids8)
	b, err := decode(t, formatProto3, []byte(body))
	if b.Len() != 2 || err == nil || err.Error() != "zipkin proto3: span 2"+want {
		t.Errorf("%.60x: %d spans, %v\nwant %s", fields, b.Len(), err, want)
	}
}

func TestRow24Proto3IDs(t *testing.T) {
	t.Parallel()
	p3{t}.is(ids8, "span 0000000000000001/0000000000000002 parent -")
	p3{t}.is(ids16, "span 00000000000000090000000000000001/0000000000000002 parent -")
	p3{t}.is(field(1, "\xff")+field(3, "\x01\x02"), "span 00000000000000ff/0000000000000102 parent -")
	p3{t}.is(field(1, strings.Repeat("\x00", 15)+"\x01")+field(3, "\x01")+field(2, "\x02"), "span 0000000000000001/0000000000000001 parent 0000000000000002")
	p3{t}.is(ids8+field(2, ""), "span 0000000000000001/0000000000000002 parent -")
	p3{t}.is(ids8+field(2, strings.Repeat("\x00", 8)), "span 0000000000000001/0000000000000002 parent -")
	p3{t}.is(ids8+field(2, "\x00\x00\x00\x00\x00\x00\x00\x02"), "span 0000000000000001/0000000000000002 parent -")
	p3{t}.is(ids16+ids8, "span 0000000000000001/0000000000000002 parent -") // the last one counts
	p3{t}.bad(``, ": trace_id: nothing or zeros, want 8 or 16 bytes")
	p3{t}.bad(field(1, strings.Repeat("\x00", 16)), ": trace_id: nothing or zeros, want 8 or 16 bytes")
	p3{t}.bad(field(1, ""), ": trace_id: 0 bytes, want 8 or 16")
	p3{t}.bad(field(1, strings.Repeat("\x01", 17)), ": trace_id: 17 bytes, want 8 or 16")
	p3{t}.bad(field(1, "\x01"), ": id: nothing or zeros, want 8 bytes")
	p3{t}.bad(field(1, "\x01")+field(3, "\x00"), ": id: nothing or zeros, want 8 bytes")
	p3{t}.bad(ids8+field(3, "123456789"), ": id: 9 bytes, want 8")
	p3{t}.bad(ids8+field(2, "123456789"), ": parent_id: 9 bytes, want 8")
}

func TestRow24Proto3Fields(t *testing.T) {
	t.Parallel()
	for kind, name := range []string{"-", "client", "server", "producer", "consumer", "-", "-", "-", "-", "-"} {
		p3{t}.is(ids8+varint(4, uint64(kind)), "name - kind "+name+" start - duration -")
	}
	p3{t}.is(ids8+varint(4, 1<<64-1), "name - kind - start - duration -")
	p3{t}.is(ids8+field(5, "Get"), `name "Get" kind - start - duration -`)
	p3{t}.is(ids8+field(5, ""), `name - kind - start - duration -`)
	p3{t}.is(ids8+field(5, "a\xffb"), "name \"a\uFFFDb\" kind - start - duration -")
	p3{t}.is(ids8+fixed(6, 5)+varint(7, 7), `name - kind - start 5000 duration 7000`)
	p3{t}.is(ids8+fixed(6, 0)+varint(7, 0), `name - kind - start - duration -`)
	p3{t}.is(ids8+fixed(6, 1<<64-5)+varint(7, 1<<64-5), `name - kind - start - duration -`) // -5
	p3{t}.bad(ids8+fixed(6, 1<<62), ": timestamp: 4611686018427387904, want microseconds up to 9223372036854775")
	p3{t}.bad(ids8+varint(7, 1<<62), ": duration: 4611686018427387904, want microseconds up to 9223372036854775")
	p3{t}.is(ids8+varint(12, 1)+varint(13, 1), "span 0000000000000001/0000000000000002 parent - shared", "sampling 3 flags 0x0")
	p3{t}.is(ids8+varint(12, 0)+varint(13, 0), "span 0000000000000001/0000000000000002 parent -", "!sampling")
	p3{t}.is(ids8+varint(4, 1)+varint(13, 1), "span 0000000000000001/0000000000000002 parent -")
}

func TestRow24Proto3Endpoint(t *testing.T) {
	t.Parallel()
	f := func(fields, want string) {
		t.Helper()
		line := "!local"
		if want != "" {
			line = "local " + want
		}
		p3{t}.is(ids8+field(8, fields), line)
		p3{t}.is(ids8+field(9, fields), strings.Replace(line, "local", "remote", 1))
	}
	mapped := strings.Repeat("\x00", 10) + "\xff\xff\x09\x08\x07\x06"
	f(field(1, "Fe")+field(2, "\x01\x02\x03\x04")+field(3, "0123456789abcdef")+varint(4, 80), `"Fe" ip4 1.2.3.4 ip6 3031:3233:3435:3637:3839:6162:6364:6566 port 80`)
	f(``, ``)
	f(field(1, "")+field(2, "")+field(3, "")+varint(4, 0), ``)
	f(field(2, "\x00\x00\x00\x00"), `- ip4 0.0.0.0`)
	f(field(2, mapped), `- ip6 ::ffff:9.8.7.6`)
	f(field(3, mapped), `- ip6 ::ffff:9.8.7.6`)
	f(field(3, strings.Repeat("\x00", 12)+"\x09\x08\x07\x06"), `- ip4 9.8.7.6`) // IPv4-compatible
	f(field(3, strings.Repeat("\x00", 15)+"\x01"), `- ip6 ::1`)
	f(field(3, strings.Repeat("\x00", 16)), `- ip4 0.0.0.0`)
	f(field(3, "\x01\x02\x03\x04"), `- ip4 1.2.3.4`)
	f(field(2, "\x01\x02\x03"), ``)
	f(varint(4, 65535), `- port 65535`)
	f(varint(4, 1<<64-1), ``) // -1 as an int32
	f(varint(4, 1<<32-1), ``)
	p3{t}.bad(ids8+field(8, varint(4, 65536)), ": local_endpoint.port: 65536, want at most 65535")
	p3{t}.bad(ids8+field(9, varint(4, 1<<31-1)), ": remote_endpoint.port: 2147483647, want at most 65535")
	p3{t}.is(ids8+field(8, field(1, "a")+varint(4, 1))+field(8, field(1, "b")), `local "b"`) // the last one counts, as in the server
}

func TestRow24Proto3Details(t *testing.T) {
	t.Parallel()
	p3{t}.is(ids8+field(11, field(1, "a")+field(2, "b"))+field(11, field(2, "d")+field(1, "c")), `attr "a" string "b"`, `attr "c" string "d"`)
	p3{t}.is(ids8+field(11, field(1, "a")+field(2, "")), `attr "a" string ""`)
	p3{t}.is(ids8+field(11, field(1, "a")), `attr "a" string ""`)
	p3{t}.is(ids8+field(11, field(2, "b"))+field(11, "")+field(11, field(1, "")), "!attr")
	p3{t}.is(ids8+field(11, field(1, "error")+field(2, "x")), `status error message "x"`)
	p3{t}.is(ids8+field(10, fixed(1, 2)+field(2, "b"))+field(10, fixed(1, 1)+field(2, "a"))+field(10, fixed(1, 2)+field(2, "b")),
		`event 1000 "a" dropped 0`, `event 2000 "b" dropped 0`)
	p3{t}.is(ids8+field(10, fixed(1, 2))+field(10, field(2, "b"))+field(10, fixed(1, 0)+field(2, "b"))+field(10, fixed(1, 2)+field(2, ""))+field(10, ""), "!event")
	p3{t}.is(ids8+field(10, fixed(1, 1<<64-3)+field(2, "b")), `event -3000 "b" dropped 0`)
	p3{t}.bad(ids8+field(10, fixed(1, 1<<62)+field(2, "b")), ": annotation.timestamp: 4611686018427387904, want microseconds up to 9223372036854775")
}

func TestProto3UnknownFields(t *testing.T) {
	t.Parallel()
	group := func(n int, inside string) string {
		return string(wire.AppendTag(nil, n, 3)) + inside + string(wire.AppendTag(nil, n, 4))
	}
	fixed32 := string(wire.AppendFixed32(nil, 21, 7))
	for _, unknown := range []string{
		varint(20, 1<<64-1), fixed(20, 1), field(20, "x"), fixed32, group(20, varint(1, 1)+group(21, "")+field(2, "y")),
		varint(1<<29-1, 0),
		// Known numbers of the wrong type.
		varint(1, 1), fixed(3, 1), field(4, "x"), varint(5, 1), varint(6, 5), fixed(7, 5), varint(8, 5), varint(11, 5), fixed(12, 1), field(13, "\x01"),
	} {
		b := p3{t}.is(unknown+ids16+unknown+field(8, unknown)+field(10, unknown)+field(11, unknown), "span 00000000000000090000000000000001/0000000000000002 parent -")
		if b.Spans()[0].Has&span.Exact != 0 {
			t.Errorf("%x: exact", unknown)
		}
		if list := sound(t, formatProto3, []byte(varint(2, 1)+field(1, ids8)+field(7, unknown))); list.Len() != 1 {
			t.Errorf("%x around the list: %d spans", unknown, list.Len())
		}
	}
	p3{t}.bad(ids8+string(wire.AppendTag(nil, 20, 3)), ", byte 46: a group without an end, want its end tag")
	p3{t}.bad(ids8+string(wire.AppendTag(nil, 20, 6)), ", byte 46: wire type 6 in field 20, want 0, 1, 2 or 5")
	p3{t}.bad(ids8+string(wire.AppendTag(nil, 20, 4)), ", byte 46: wire type 4 in field 20, want 0, 1, 2 or 5")
	p3{t}.bad(ids8+strings.Repeat(string(wire.AppendTag(nil, 20, 3)), 1000), ", byte 247: groups more than 100 deep, want less")
	p3{t}.bad(ids8+"\x00", ", byte 44: field number 0, want 1 to 536870911")
	p3{t}.bad(ids8+"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ", byte 44: field number 2305843009213693951, want 1 to 536870911")
	p3{t}.bad(ids8+"\x38"+strings.Repeat("\xff", 10), ", byte 45: a cut or overlong varint, want 1 to 10 bytes")
	p3{t}.bad(ids8+"\x2a\x05abc", ", byte 46: a length of 5, want at most the 3 bytes left")
	p3{t}.bad(ids8+field(8, "\x0a\x05abc"), ", byte 48: a length of 5, want at most the 3 bytes left")
	p3{t}.bad(ids8+"\x31\x01", ", byte 45: 1 bytes left, want 8 for a fixed64")
}

func TestProto3Bodies(t *testing.T) {
	t.Parallel()
	if b := sound(t, formatProto3, nil); b.Len() != 0 {
		t.Errorf("%d spans", b.Len())
	}
	f := func(body string, spans int, want string) {
		t.Helper()
		b, err := decode(t, formatProto3, []byte(body))
		if b.Len() != spans || err == nil || err.Error() != "zipkin proto3: "+want {
			t.Errorf("%x: %d spans, %v\nwant %d, %s", body, b.Len(), err, spans, want)
		}
	}
	f(field(1, ids8)+"\x0a\x7f", 1, "byte 24: a length of 127, want at most the 0 bytes left")
	f(field(1, ids8)+"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 1, "byte 32: a length of 9223372036854775807, want at most the 0 bytes left")
	f(field(1, ids8)+"\x0a", 1, "byte 23: a cut or overlong varint, want 1 to 10 bytes")
	f(`[{"traceId":"1"}]`, 0, "byte 4: a length of 116, want at most the 13 bytes left")
}

// A plain span is copied; trace ids get 16 bytes.
func TestProto3Append(t *testing.T) {
	t.Parallel()
	again := func(body string) (out string, exact bool) {
		b := sound(t, formatProto3, []byte(body))
		return string(AppendProto3(nil, spantest.Items(b))), b.Spans()[0].Has&span.Exact != 0
	}
	whole := field(1, ids16+field(2, "\x00\x00\x00\x00\x00\x00\x00\x03")+varint(4, 2)+field(5, "get")+fixed(6, 5)+varint(7, 7)+
		field(8, field(1, "fe")+field(2, "\x01\x02\x03\x04")+field(3, "0123456789abcdef")+varint(4, 80))+field(9, field(1, "be"))+
		field(10, fixed(1, 6)+field(2, "x"))+field(11, field(1, "a")+field(2, "b"))+field(11, field(1, "empty"))+varint(12, 1)+varint(13, 1))
	if got, exact := again(whole); got != whole || !exact {
		t.Errorf("%v\n%x\n%x", exact, got, whole)
	}
	for _, odd := range []string{ids8, ids16 + field(5, "\xff"), ids16 + field(8, field(2, "123")), ids16 + field(11, field(2, "x")), ids16 + varint(4, 9)} {
		if _, exact := again(field(1, odd)); exact {
			t.Errorf("%x is exact", odd)
		}
	}
	b := sound(t, formatV2JSON, []byte(`[{"traceId":"1","id":"2","name":"n","timestamp":5,"duration":7,"kind":"SERVER","shared":true,"debug":true,"parentId":"3",`+
		`"localEndpoint":{"serviceName":"fe","ipv4":"1.2.3.4","ipv6":"::ffff:102:304","port":80},"tags":{"a":"b","c":""},"annotations":[{"timestamp":6,"value":"x"}]},`+
		`{"traceId":"90000000000000001","id":"2"}]`))
	want, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(`
		0a 77  0a 10 0000000000000000 0000000000000001  12 08 0000000000000003  1a 08 0000000000000002  20 02  2a 01 6e
		31 0500000000000000  38 07  42 1e 0a 02 6665 12 04 01020304 1a 10 00000000000000000000ffff01020304 20 50
		52 0c 09 0600000000000000 12 01 78  5a 06 0a 01 61 12 01 62  5a 05 0a 01 63 12 00  60 01  68 01
		0a 1c  0a 10 0000000000000009 0000000000000001  1a 08 0000000000000002`))
	if got := AppendProto3([]byte("before"), spantest.Items(b)); err != nil || string(got) != "before"+string(want) {
		t.Errorf("%v\n%x\n%x", err, got[6:], want)
	}
}
