// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"errors"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// The tests named TestRow follow the rows of the checklist that was worked out
// by asking a running Zipkin server 3.6; each row says what the server does and
// where this package does something else.

// v2 is a table of single spans.
type v2 struct{ *testing.T }

func (t v2) span(fields string) []byte {
	if !strings.Contains(fields, `"id":`) {
		fields = `"id":"2",` + fields
	}
	if !strings.Contains(fields, `"traceId":`) {
		fields = `"traceId":"1",` + fields
	}
	return []byte("[{" + strings.TrimSuffix(fields, ",") + "}]")
}

// is expects a line of the dump; "!" before it expects that no line starts so.
func (t v2) is(fields string, lines ...string) {
	t.Helper()
	b, err := decode(t, formatV2JSON, t.span(fields))
	if err != nil {
		t.Errorf("%s: %v", fields, err)
		return
	}
	dump := spantest.Dump(b)
	for _, line := range lines {
		if start, no := strings.CutPrefix(line, "!"); no {
			if strings.Contains(dump, "\n  "+start) {
				t.Errorf("%s: there is a line %q:\n%s", fields, start, dump)
			}
		} else if !hasLine(dump, line) {
			t.Errorf("%s: no line %q in\n%s", fields, line, dump)
		}
	}
}

// bad expects that the span is refused with a message.
func (t v2) bad(fields, want string) {
	t.Helper()
	b, err := decode(t, formatV2JSON, t.span(fields))
	if b.Len() != 0 || err == nil || err.Error() != "zipkin v2 json: "+want {
		t.Errorf("%s: %d spans, %v\nwant %s", fields, b.Len(), err, want)
	}
}

func TestRow01ShortIDs(t *testing.T) {
	t.Parallel()
	v2{t}.is(`"traceId":"abc1","id":"1","parentId":"2"`,
		"span 000000000000abc1/0000000000000001 parent 0000000000000002")
	v2{t}.is(`"traceId":15,"id":16,"parentId":17`, // numbers
		"span 0000000000000015/0000000000000016 parent 0000000000000017")
	v2{t}.is(`"traceId":"463ac35c9f6413ad","id":"\u0061"`,
		"span 463ac35c9f6413ad/000000000000000a parent -")
}

func TestRow02OddTraceIDs(t *testing.T) {
	t.Parallel()
	v2{t}.is(`"traceId":"1463ac35c9f6413ad"`, "span 0000000000000001463ac35c9f6413ad/0000000000000002 parent -")
	v2{t}.is(`"traceId":"463ac35c9f6413ad48485a3953bb612"`, "span 0463ac35c9f6413ad48485a3953bb612/0000000000000002 parent -")
}

func TestRow03HighHalfZero(t *testing.T) {
	t.Parallel()
	v2{t}.is(`"traceId":"000000000000000048485a3953bb6124"`, "span 48485a3953bb6124/0000000000000002 parent -")
	v2{t}.is(`"traceId":"000000000000000000000000bb612400"`, "span 00000000bb612400/0000000000000002 parent -")
	v2{t}.is(`"traceId":"00000000000000010000000000000000"`, "span 00000000000000010000000000000000/0000000000000002 parent -")
}

func TestRow04BadIDs(t *testing.T) {
	t.Parallel()
	v2{t}.bad(`"traceId":"463ac35c9f6413ad48485a3953bb61240"`, "span 1: traceId: 33 characters, want 1 to 32 lower-case hex digits")
	v2{t}.bad(`"id":"11b1d2c3e4f5a4b6c"`, "span 1: id: 17 characters, want 1 to 16 lower-case hex digits")
	v2{t}.bad(`"traceId":""`, "span 1: traceId: 0 characters, want 1 to 32 lower-case hex digits")
	v2{t}.bad(`"id":""`, "span 1: id: 0 characters, want 1 to 16 lower-case hex digits")
	v2{t}.bad(`"traceId":"0"`, "span 1: traceId: all zeros, want a digit other than 0")
	v2{t}.bad(`"traceId":"00000000000000000000000000000000"`, "span 1: traceId: all zeros, want a digit other than 0")
	v2{t}.bad(`"id":"0000000000000000"`, "span 1: id: all zeros, want a digit other than 0")
	v2{t}.bad(`"traceId":"0x1"`, `span 1: traceId: 'x' at digit 2, want lower-case hex digits`)
	v2{t}.bad(`"traceId":"463AC35C9F6413AD"`, `span 1: traceId: 'A' at digit 4, want lower-case hex digits`)
	v2{t}.bad(`"id":"é"`, `span 1: id: 'Ã' at digit 1, want lower-case hex digits`)
	v2{t}.bad(`"traceId":null`, `span 1: traceId: "null", want a string`)
	v2{t}.bad(`"id":true`, `span 1: id: "true", want a string`)
	v2{t}.bad(`"id":{"a":[1]}`, `span 1: id: "{\"a\":[1]}", want a string`)
	v2{t}.bad(`"parentId":"11b1d2c3e4f5a4b6c"`, "span 1: parentId: 17 characters, want 1 to 16 lower-case hex digits")
	v2{t}.bad(`"parentId":"G"`, `span 1: parentId: 'G' at digit 1, want lower-case hex digits`)

	missing := func(body, want string) {
		t.Helper()
		if b, err := decode(t, formatV2JSON, []byte(body)); b.Len() != 0 || err == nil || err.Error() != "zipkin v2 json: "+want {
			t.Errorf("%s: %v", body, err)
		}
	}
	missing(`[{"id":"1"}]`, "span 1: traceId: nothing, want 1 to 32 lower-case hex digits")
	missing(`[{"traceId":"1"}]`, "span 1: id: nothing, want 1 to 16 lower-case hex digits")
	missing(`[{}]`, "span 1: traceId: nothing, want 1 to 32 lower-case hex digits")
	missing(`[null]`, `span 1: "null", want a span object`)
	missing(`["a", 5]`, `span 1: "a", want a span object; span 2: "5", want a span object`)
}

// The server stores this span under sixteen zeros.
func TestRow05IDZero(t *testing.T) {
	t.Parallel()
	v2{t}.bad(`"id":"0"`, "span 1: id: all zeros, want a digit other than 0")
}

func TestRow06ParentID(t *testing.T) {
	t.Parallel()
	v2{t}.is(`"parentId":null`, "span 0000000000000001/0000000000000002 parent -")
	v2{t}.is(`"parentId":"0"`, "span 0000000000000001/0000000000000002 parent -")
	v2{t}.is(`"parentId":"0000000000000000"`, "span 0000000000000001/0000000000000002 parent -")
	v2{t}.is(`"parentId":"2"`, "span 0000000000000001/0000000000000002 parent -") // its own
	v2{t}.is(`"parentId":"0000000000000002","id":"2"`, "span 0000000000000001/0000000000000002 parent -")
	v2{t}.bad(`"parentId":""`, "span 1: parentId: 0 characters, want 1 to 16 lower-case hex digits")
}

func TestRow07Kind(t *testing.T) {
	t.Parallel()
	v2{t}.is(`"kind":"CLIENT"`, "name - kind client start - duration -")
	v2{t}.is(`"kind":"SERVER"`, "name - kind server start - duration -")
	v2{t}.is(`"kind":"PRODUCER"`, "name - kind producer start - duration -")
	v2{t}.is(`"kind":"CONSUMER"`, "name - kind consumer start - duration -")
	v2{t}.is(`"kind":"\u0043LIENT"`, "name - kind client start - duration -")
	v2{t}.is(`"kind":null`, "name - kind - start - duration -")
	v2{t}.bad(`"kind":"client"`, `span 1: kind: "client", want CLIENT, SERVER, PRODUCER or CONSUMER`)
	v2{t}.bad(`"kind":"INTERNAL"`, `span 1: kind: "INTERNAL", want CLIENT, SERVER, PRODUCER or CONSUMER`)
	v2{t}.bad(`"kind":""`, `span 1: kind: "", want CLIENT, SERVER, PRODUCER or CONSUMER`)
	v2{t}.bad(`"kind":1`, `span 1: kind: "1", want CLIENT, SERVER, PRODUCER or CONSUMER`)
}

func TestRow08Timestamp(t *testing.T) {
	t.Parallel()
	const at = "name - kind - start 1700000000000001000 duration -"
	v2{t}.is(`"timestamp":1700000000000001`, at)
	v2{t}.is(`"timestamp":"1700000000000001"`, at)
	v2{t}.is(`"timestamp":"17000000000000\u00301"`, at)
	v2{t}.is(`"timestamp":1700000000000001.0`, at)
	v2{t}.is(`"timestamp":1.7e15`, "name - kind - start 1700000000000000000 duration -")
	v2{t}.is(`"timestamp":9223372036854775`, "name - kind - start 9223372036854775000 duration -")
	for _, absent := range []string{"-5", "0", "-0", "null", "-1e18", "-9223372036854775808", `"-5"`} {
		v2{t}.is(`"timestamp":`+absent, "name - kind - start - duration -")
	}
	v2{t}.bad(`"timestamp":1700000000000001.5`, `span 1: timestamp: "1700000000000001.5", want an integer of 64 bits`)
	v2{t}.bad(`"timestamp":100000000000000000000`, `span 1: timestamp: "100000000000000000000", want an integer of 64 bits`)
	v2{t}.bad(`"timestamp":1e20`, `span 1: timestamp: "1e20", want an integer of 64 bits`)
	v2{t}.bad(`"timestamp":""`, `span 1: timestamp: "", want an integer of 64 bits`)
	v2{t}.bad(`"timestamp":true`, `span 1: timestamp: "true", want an integer of 64 bits`)
	v2{t}.bad(`"timestamp":[1]`, `span 1: timestamp: "[1]", want an integer of 64 bits`)
	// The server takes times up to the year 294 246.
	v2{t}.bad(`"timestamp":9223372036854776`, `span 1: timestamp: 9223372036854776, want microseconds up to 9223372036854775`)
}

func TestRow09Duration(t *testing.T) {
	t.Parallel()
	v2{t}.is(`"duration":1`, "name - kind - start - duration 1000")
	for _, absent := range []string{"-5", "0", "null"} {
		v2{t}.is(`"duration":`+absent, "name - kind - start - duration -")
	}
	v2{t}.bad(`"duration":1.5`, `span 1: duration: "1.5", want an integer of 64 bits`)
}

func TestRow10Tags(t *testing.T) {
	t.Parallel()
	v2{t}.is(`"tags":{"a":"b"}`, `attr "a" string "b"`)
	v2{t}.is(`"tags":{"a":1,"b":-1.50e3,"c":0}`, `attr "a" string "1"`, `attr "b" string "-1.50e3"`, `attr "c" string "0"`)
	v2{t}.is(`"tags":{"":"","b":""}`, `attr "" string ""`, `attr "b" string ""`)
	v2{t}.is(`"tags":null`, "!attr")
	v2{t}.is(`"tags":{}`, "!attr")
	v2{t}.is(`"tags":{"\u0061\n":"\ud83d\ude80"}`, `attr "a\n" string "🚀"`)
	for _, v := range []string{"true", "false", "null", `{"x":1}`, `["x"]`} {
		v2{t}.bad(`"tags":{"a":"b","k":`+v+`}`, `span 1: tag "k": `+quoted(v)+", want a string")
	}
	v2{t}.bad(`"tags":[]`, `span 1: tags: "[]", want an object`)
	v2{t}.bad(`"tags":"a"`, `span 1: tags: "a", want an object`)
	v2{t}.bad(`"tags":{"a":"\x"}`, `span 1: tags: "\\x", want escapes of the form \" \\ \/ \b \f \n \r \t \u0000`)
}

func quoted(s string) string { return short([]byte(s)) }

func TestRow11Annotations(t *testing.T) {
	t.Parallel()
	b := sound(t, formatV2JSON, v2{t}.span(`"annotations":[{"timestamp":2,"value":"b"},{"timestamp":1,"value":"z"},{"timestamp":2,"value":"a"},{"timestamp":2,"value":"b"}]`))
	var got []string
	for _, e := range b.Events(b.Spans()[0].Events) {
		got = append(got, b.Str(e.Name))
	}
	if strings.Join(got, " ") != "z a b" {
		t.Errorf("sorted: %q", got)
	}
	v2{t}.is(`"annotations":[{"timestamp":0,"value":"zero"},{"timestamp":-7,"value":"","x":[1]}]`,
		`event 0 "zero" dropped 0`, `event -7000 "" dropped 0`)
	v2{t}.is(`"annotations":[{"timestamp":"5","value":6}]`, `event 5000 "6" dropped 0`)
	v2{t}.is(`"annotations":null`, "!event")
	v2{t}.is(`"annotations":[]`, "!event")
	v2{t}.bad(`"annotations":[{"timestamp":1}]`, "span 1, item 1: annotation.value: nothing, want a string")
	v2{t}.bad(`"annotations":[{"timestamp":1,"value":"a"},{"value":"a"}]`, "span 1, item 2: annotation.timestamp: nothing, want microseconds since 1970")
	v2{t}.bad(`"annotations":[{"timestamp":1,"value":null}]`, `span 1, item 1: annotation.value: "null", want a string`)
	v2{t}.bad(`"annotations":[{"timestamp":null,"value":"a"}]`, `span 1, item 1: annotation.timestamp: "null", want an integer of 64 bits`)
	v2{t}.bad(`"annotations":[{"timestamp":9223372036854776,"value":"a"}]`, `span 1, item 1: annotation.timestamp: 9223372036854776, want microseconds up to 9223372036854775`)
	v2{t}.bad(`"annotations":[null]`, `span 1, item 1: annotation: "null", want an object`)
	v2{t}.bad(`"annotations":{}`, `span 1: annotations: "{}", want a list`)
}

func TestRow12Flags(t *testing.T) {
	t.Parallel()
	const plain, shared = "span 0000000000000001/0000000000000002 parent -", "span 0000000000000001/0000000000000002 parent - shared"
	v2{t}.is(`"shared":true,"kind":"CLIENT"`, plain)
	v2{t}.is(`"kind":"CLIENT","shared":true`, plain)
	v2{t}.is(`"shared":true,"kind":"SERVER"`, shared)
	v2{t}.is(`"shared":true,"kind":"CONSUMER"`, shared)
	v2{t}.is(`"shared":true`, shared)
	v2{t}.is(`"shared":false`, plain)
	v2{t}.is(`"shared":null`, plain)
	v2{t}.is(`"debug":true`, "sampling 3 flags 0x0")
	v2{t}.is(`"debug":false`, "!sampling")
	v2{t}.is(`"debug":null`, "!sampling")
	v2{t}.bad(`"debug":"true"`, `span 1: debug: "true", want true or false`)
	v2{t}.bad(`"shared":1`, `span 1: shared: "1", want true or false`)
}

func TestRow13Endpoint(t *testing.T) {
	t.Parallel()
	f := func(endpoint, want string) {
		t.Helper()
		line := "!local"
		if want != "" {
			line = "local " + want
		}
		v2{t}.is(`"localEndpoint":`+endpoint, line)
		v2{t}.is(`"remoteEndpoint":`+endpoint, strings.Replace(line, "local", "remote", 1))
	}
	f(`{"serviceName":"Frontend","ipv4":"1.2.3.4","ipv6":"2001:db8::1","port":80}`, `"Frontend" ip4 1.2.3.4 ip6 2001:db8::1 port 80`)
	f(`null`, ``)
	f(`{}`, ``)
	f(`{"x":{"serviceName":"a"}}`, ``)
	f(`{"serviceName":""}`, ``)
	f(`{"serviceName":null,"ipv4":null,"ipv6":null,"port":null}`, ``)
	f(`{"serviceName":"\u00e4\u4e16"}`, `"ä世"`)
	f(`{"serviceName":7}`, `"7"`)
	// The text says what an address is, not the key.
	f(`{"ipv4":"2001:db8::1","ipv6":"1.2.3.4"}`, `- ip4 1.2.3.4 ip6 2001:db8::1`)
	f(`{"ipv4":"1.2.3.4","ipv6":"5.6.7.8"}`, `- ip4 5.6.7.8`)
	f(`{"ipv6":"2001:0DB8:0:0:0:0:0:C001"}`, `- ip6 2001:db8::c001`)
	f(`{"ipv6":"::"}`, `- ip6 ::`)
	f(`{"ipv6":"::1"}`, `- ip6 ::1`)
	f(`{"ipv4":"010.020.003.004"}`, `- ip4 10.20.3.4`)
	// With dots it is IPv4, without it is not.
	f(`{"ipv6":"::ffff:9.8.7.6"}`, `- ip4 9.8.7.6`)
	f(`{"ipv4":"1.1.1.1","ipv6":"::FFFF:9.8.7.6"}`, `- ip4 9.8.7.6`)
	f(`{"ipv6":"::0000:9.8.7.6"}`, `- ip4 9.8.7.6`)
	f(`{"ipv6":"::9.8.7.6"}`, `- ip4 9.8.7.6`)
	f(`{"ipv6":"::ffff:908:706"}`, `- ip6 ::ffff:9.8.7.6`)
	f(`{"ipv6":"::908:706"}`, `- ip6 ::908:706`)
	for _, bad := range []string{
		"", "bad", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.256", "1.2.3.0004", "1.2.3.-4", "1.2.3.4:80",
		"2001:db8::1.2.3.4", "0:0:0:0:0:ffff:1.2.3.4", "::ffff:1.2.3", "::fffe:1.2.3.4", "fe80::1%eth0", "1:2:3", "::1::2", "[::1]", "1.2.3.4 ", ":", "::gggg",
	} {
		f(`{"ipv4":"`+bad+`"}`, ``)
		f(`{"serviceName":"a","ipv6":"`+bad+`"}`, `"a"`)
	}
	f(`{"ipv4":1.5}`, ``) // a number is its text
	f(`{"port":-1}`, ``)
	f(`{"port":0}`, ``)
	f(`{"port":80,"port":0}`, ``)
	f(`{"port":"80"}`, `- port 80`)
	f(`{"port":8e1}`, `- port 80`)
	f(`{"port":65535}`, `- port 65535`)
	v2{t}.bad(`"localEndpoint":{"port":70000}`, "span 1: localEndpoint.port: 70000, want at most 65535")
	v2{t}.bad(`"remoteEndpoint":{"port":80.5}`, `span 1: remoteEndpoint.port: "80.5", want an integer of 64 bits`)
	v2{t}.bad(`"localEndpoint":{"ipv4":{}}`, `span 1: localEndpoint.ipv4: "{}", want a string`)
	v2{t}.bad(`"localEndpoint":{"serviceName":true}`, `span 1: localEndpoint.serviceName: "true", want a string`)
	v2{t}.bad(`"localEndpoint":"a"`, `span 1: localEndpoint: "a", want an object`)
}

func TestRow14Bodies(t *testing.T) {
	t.Parallel()
	f := func(body string, spans int, want string) {
		t.Helper()
		b, err := decode(t, formatV2JSON, []byte(body))
		got := ""
		if err != nil {
			got = strings.TrimPrefix(err.Error(), "zipkin v2 json: ")
			var m *translate.Malformed
			if !errors.As(err, &m) || !m.Cut {
				t.Errorf("%q: %#v", body, err)
			}
		}
		if b.Len() != spans || got != want {
			t.Errorf("%q: %d spans, %s\nwant %d, %s", body, b.Len(), got, spans, want)
		}
	}
	const one = `{"traceId":"1","id":"2"}`
	f(``, 0, "")
	f(`[]`, 0, "")
	f(`[ ]`, 0, "")
	f("[\r\n\t ]", 0, "")
	f(`[`+one+`]`, 1, "")
	f("[ "+one+" ,\n"+one+" ]", 2, "")
	f(`{}`, 0, "byte 0: '{', want '[', a list of spans")
	f(` [`+one+`]`, 0, "byte 0: ' ', want '[', a list of spans")
	f("\ufeff["+one+"]", 0, "byte 0: byte 0xef, want '[', a list of spans")
	f("\x00", 0, `byte 0: '\x00', want '[', a list of spans`)
	f(`[`+one+`] and more`, 1, "")
	f(`[`+one+`]]`, 1, "")
	f(`[`+one+`,]`, 1, "span 1, byte 26: ']', want an element")
	f(`[`+one+one+`]`, 1, "span 1, byte 25: '{', want ',' or ']'")
	f(`[`, 0, "byte 1: the end of the body, want an element")
	f(`[`+one, 1, "span 1, byte 25: the end of the body, want ',' or ']'")
	f(`[{'traceId':'1'}]`, 0, `span 1, byte 2: '\'', want a key in double quotes`)
	f(`[{"traceId":"1",}]`, 0, `span 1, byte 16: '}', want a key in double quotes`)
	f(`[{"traceId" "1"}]`, 0, `span 1, byte 12: '"', want ':'`)
	f(`[{"traceId":}]`, 0, `span 1, byte 12: '}', want a value`)
	f(`[{"traceId":NaN}]`, 0, `span 1, byte 12: 'N', want a value`)
	f(`[{"id":01}]`, 0, `span 1, byte 7: '0', want a number`)
	f(`[{"a":nul}]`, 0, `span 1, byte 6: 'n', want null`)
	f(`[// comment`+"\n"+`]`, 0, `span 1, byte 1: '/', want a value`)
	f(`[;]`, 0, `span 1, byte 1: ';', want a value`)
}

func TestRow15OneBadSpan(t *testing.T) {
	t.Parallel()
	body := `[{"traceId":"1","id":"2","name":"a"},{"traceId":"x","id":"3","tags":{"k":"v"},"annotations":[{"timestamp":1,"value":"v"}]},` +
		`{"traceId":"1","id":"4","name":"b"}]`
	b, err := decode(t, formatV2JSON, []byte(body))
	var m *translate.Malformed
	if !errors.As(err, &m) || m.Spans != 1 || m.Cut {
		t.Fatalf("%#v", err)
	}
	if want := "zipkin v2 json: span 2: traceId: 'x' at digit 1, want lower-case hex digits"; err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	want := "span 0000000000000001/0000000000000002 parent -\n  name \"a\" kind - start - duration -\n" +
		"span 0000000000000001/0000000000000004 parent -\n  name \"b\" kind - start - duration -\n"
	if got := spantest.Dump(b); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestRow18WrongVersion(t *testing.T) {
	t.Parallel()
	v2{t}.bad(`"binaryAnnotations":[]`, "span 1: binaryAnnotations: JSON_V1, want a JSON_V2 encoded list")
	for _, key := range []string{"localEndpoint", "remoteEndpoint", "tags"} {
		b, err := decode(t, formatV1JSON, []byte(`[{"traceId":"1","id":"2","`+key+`":{}}]`))
		if want := "zipkin v1 json: span 1: " + key + ": JSON_V2, want a JSON_V1 encoded list"; b.Len() != 0 || err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

// The server searches the body for yAnnotations" and refuses all of it.
func TestRow19V1MarkInText(t *testing.T) {
	t.Parallel()
	v2{t}.is(`"tags":{"a":"say \"binaryAnnotations\""}`, `attr "a" string "say \"binaryAnnotations\""`)
	f := func(fields string) {
		t.Helper()
		b := sound(t, formatV2JSON, v2{t}.span(fields))
		for _, out := range [][]byte{encode(b), rewrite(b)} {
			if strings.Contains(string(out), `yAnnotations"`) {
				t.Errorf("%s: %s", fields, out)
			}
			again := sound(t, formatV2JSON, out)
			if got, want := spantest.Dump(again), spantest.Dump(b); got != want {
				t.Errorf("%s: %s\nwant\n%s", fields, got, want)
			}
		}
	}
	f(`"tags":{"binaryAnnotations":"a"}`)
	f(`"tags":{"a":"binaryAnnotations"}`)
	f(`"tags":{"a":"\u0062inaryAnnotations"}`)
	f(`"name":"yAnnotations"`)
	f(`"localEndpoint":{"serviceName":"yAnnotations"}`)
	f(`"annotations":[{"timestamp":1,"value":"binaryAnnotations"}]`)
	f(`"x":{"binaryAnnotations":1}`)
	f(`"myAnnotations":1`)
}

func TestName(t *testing.T) {
	t.Parallel()
	v2{t}.is(`"name":"GET /X"`, `name "GET /X" kind - start - duration -`) // the server makes it lower case
	v2{t}.is(`"name":""`, `name - kind - start - duration -`)
	v2{t}.is(`"name":null`, `name - kind - start - duration -`)
	v2{t}.is(`"name":5`, `name "5" kind - start - duration -`)
	v2{t}.is(`"name":"\u00e9\"\\\/\b\f\n\r\t\'"`, `name "é\"\\/\b\f\n\r\t'" kind - start - duration -`)
	v2{t}.is("\"name\":\"tab\tnul\x00nl\n\"", `name "tab\tnul\x00nl\n" kind - start - duration -`)
	v2{t}.is(`"name":"\ud83d\ude80\ud83d x\ude80"`, "name \"🚀\uFFFD x\uFFFD\" kind - start - duration -")
	v2{t}.is("\"name\":\"\xff\xc3\"", "name \"\uFFFD\" kind - start - duration -")
	v2{t}.bad(`"name":[]`, `span 1: name: "[]", want a string`)
	v2{t}.bad(`"name":"\u12g4"`, `span 1: name: "\\u12g4", want escapes of the form \" \\ \/ \b \f \n \r \t \u0000`)
}

func TestUnknownFields(t *testing.T) {
	t.Parallel()
	v2{t}.is(`"traceId":"1","a":1,"b":[{"c":[]},null,true,"\""],"name":"n","d":{"e":{"traceId":"x"}}`, `name "n" kind - start - duration -`)
	v2{t}.is(`"\u006eame":"n","nam\u0065 ":"m"`, `name "n" kind - start - duration -`)
}

// Of two the last one counts; lists, tags and flags add up.
func TestDuplicateKeys(t *testing.T) {
	t.Parallel()
	v2{t}.is(`"id":"1","id":"2","name":"a","name":"b","kind":"CLIENT","kind":"SERVER"`, `span 0000000000000001/0000000000000002 parent -`, `name "b" kind server start - duration -`)
	v2{t}.is(`"timestamp":5,"timestamp":null,"duration":5,"duration":-1,"name":"a","name":""`, `name - kind - start 5000 duration -`)
	v2{t}.is(`"localEndpoint":{"serviceName":"a"},"localEndpoint":null`, `local "a"`)
	v2{t}.is(`"localEndpoint":{"serviceName":"a"},"localEndpoint":{"port":1}`, `local - port 1`)
	v2{t}.is(`"localEndpoint":{"serviceName":"a"},"localEndpoint":{}`, `!local`)
	v2{t}.is(`"tags":{"a":"1"},"debug":true,"tags":{"b":"2"},"debug":false,"tags":null`, `attr "a" string "1"`, `attr "b" string "2"`, "sampling 3 flags 0x0")
	v2{t}.is(`"annotations":[{"timestamp":2,"value":"b"}],"annotations":[{"timestamp":1,"value":"a"}]`, `event 1000 "a" dropped 0`, `event 2000 "b" dropped 0`)
	b := sound(t, formatV2JSON, v2{t}.span(`"tags":{"a":"1","b":"2","\u0061":"3"}`))
	if got, want := string(rewrite(b)), `[{"traceId":"0000000000000001","id":"0000000000000002","tags":{"a":"3","b":"2"}}]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	f := func(tags string, want ...string) {
		t.Helper()
		v2{t}.is(`"tags":{`+tags+`}`, want...)
	}
	f(`"error":"timeout"`, `status error message "timeout"`, `attr "error" string "timeout" mirrored`)
	f(`"error":""`, `status error message ""`)
	f(`"error":"true"`, `status error message -`)
	f(`"error":"false"`, `status error message "false"`) // the key alone counts
	f(`"error":500`, `status error message "500"`)
	f(`"error":"a","error":"b"`, `status error message "b"`)
	f(`"Error":"a","http.status_code":"500"`, `!status`)
	f(`"otel.status_code":"OK"`, `status ok by code message -`, `attr "otel.status_code" string "OK" mirrored`)
	f(`"otel.status_code":"ERROR","otel.status_description":"boom"`, `status error by code message "boom"`, `attr "otel.status_description" string "boom" mirrored`)
	f(`"otel.status_code":"STATUS_CODE_ERROR","error":"true"`, `status error by code message -`)
	f(`"otel.status_code":"status_code_ok"`, `status ok by code message -`)
	f(`"otel.status_code":"Error","error":"x"`, `status error by code message "x"`)
	f(`"otel.status_code":"UNSET"`, `!status`, `attr "otel.status_code" string "UNSET"`)
	f(`"otel.status_code":"STATUS_CODE_"`, `!status`)
	f(`"otel.status_code":"OK","error":"x"`, `status error message "x"`)
	f(`"error":"x","otel.status_code":"OK"`, `status error message "x"`)
	f(`"otel.status_description":"d","error":"x"`, `status error message "d"`)
	f(`"error":"x","otel.status_description":"d"`, `status error message "d"`)
}

// What is not in the normal form is written anew, so that a reader that is
// stricter than the server takes it too.
func TestExact(t *testing.T) {
	t.Parallel()
	f := func(want bool, fields string) {
		t.Helper()
		b := sound(t, formatV2JSON, v2{t}.span(fields))
		if got := b.Spans()[0].Has&span.Exact != 0; got != want {
			t.Errorf("%s: exact %v", fields, got)
		}
	}
	const ids = `"traceId":"463ac35c9f6413ad","id":"1b1d2c3e4f5a4b6c",`
	f(true, ids)
	f(true, ids+`"parentId":"0b1d2c3e4f5a4b6c","name":"\u00e9\n\"\/","kind":"SERVER","shared":true,"timestamp":1,"duration":2,"debug":false,`+
		`"localEndpoint":{"serviceName":"a","ipv4":"1.2.3.4","ipv6":"2001:db8::1","port":1},"tags":{"a":"b","":""},`+
		`"annotations":[{"timestamp":1,"value":"a"},{"timestamp":1,"value":"b"}],"unknown":{"x":[1,true,"y"]}`)
	f(true, `"traceId":"463ac35c9f6413ad48485a3953bb6124","id":"1b1d2c3e4f5a4b6c","tags":{},"annotations":[]`)
	for _, odd := range []string{
		`"parentId":null`, `"parentId":"0000000000000000"`, `"parentId":"1"`, `"parentId":"1b1d2c3e4f5a4b6c"`,
		`"kind":"CLIENT","shared":true`, `"timestamp":0`, `"timestamp":-1`, `"timestamp":"1"`, `"duration":1.0`, `"name":5`, `"name":null`,
		"\"name\":\"\t\"", `"name":"\'"`, "\"name\":\"\\\n\"", `"x":"\q"`, `"x":"\u12"`, `"tags":{"a":1}`, `"tags":{},"tags":{"a":"b"},"tags":{}`,
		`"annotations":[{"timestamp":0,"value":"a"}]`, `"annotations":[{"timestamp":2,"value":"a"},{"timestamp":1,"value":"a"}]`,
		`"annotations":[{"timestamp":2,"value":"a"}],"annotations":[{"timestamp":3,"value":"a"}]`,
		`"annotations":[{"timestamp":2,"value":"a"},{"timestamp":2,"value":"a"}]`,
		`"localEndpoint":null`, `"localEndpoint":{"ipv4":""}`, `"localEndpoint":{"ipv4":"bad"}`, `"localEndpoint":{"ipv4":"::1"}`,
		`"localEndpoint":{"ipv6":"1.2.3.4"}`, `"localEndpoint":{"ipv6":"::ffff:1.2.3.4"}`, `"localEndpoint":{"ipv4":"01.2.3.4"}`,
		`"localEndpoint":{"port":0}`, `"localEndpoint":{"port":"1"}`, `"localEndpoint":{"port":null}`,
	} {
		f(false, ids+odd)
	}
	f(false, `"traceId":"1","id":"1b1d2c3e4f5a4b6c"`)
	f(false, `"traceId":"463ac35c9f6413ad","id":"1"`)
	f(false, `"traceId":"000000000000000048485a3953bb6124","id":"1b1d2c3e4f5a4b6c"`)
	f(false, `"traceId":1234567890123456,"id":"1b1d2c3e4f5a4b6c"`)
}
