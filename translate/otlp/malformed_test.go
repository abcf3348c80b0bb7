// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Parts of requests in protobuf.

func msg(field int, parts ...string) string {
	return string(wire.AppendStringAlways(nil, field, strings.Join(parts, "")))
}

func resourceSpans(parts ...string) string { return msg(1, parts...) }
func scopeSpans(parts ...string) string    { return msg(2, parts...) }

func spanBytes(id byte, parts ...string) string {
	return msg(2, msg(1, "0123456789abcdef"), msg(2, "1234567"+string(rune('0'+id))), strings.Join(parts, ""))
}

// nested is an AnyValue of that many arrays in each other around a string.
func nested(levels int) string {
	v := msg(1, "x")
	for range levels {
		v = msg(5, msg(1, v))
	}
	return v
}

// Messages that break rules of protobuf or of OTLP: how many spans are read all
// the same, and what is said of the others.
func TestMalformed(t *testing.T) {
	t.Parallel()
	f := func(body string, spans int, fault string) {
		t.Helper()
		b, err := decodeProto([]byte(body), origin(formatProto))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if b.Len() != spans || got != fault {
			t.Errorf("%q: %d spans, %q\nwant %d, %q\n%s", body, b.Len(), got, spans, fault, spantest.Dump(b))
		}
	}
	f("", 0, "")
	f("\x00", 0, "otlp proto: byte 0: field number 0, want 1 to 536870911")
	f("{}", 0, "otlp proto: byte 2: 0 bytes left, want 4 for a fixed32")
	one := resourceSpans(scopeSpans(spanBytes(1)))
	f(one, 1, "")
	f(one+one, 2, "")
	f(one+"\x0a\xff", 1, "otlp proto: after span 1, byte 35: a cut or overlong varint, want 1 to 10 bytes")
	f(one+resourceSpans("\x12\x05")+one, 2, "otlp proto: after span 1, byte 38: a length of 5, want at most the 0 bytes left")
	f(resourceSpans(scopeSpans(spanBytes(1), "\x0c", spanBytes(2)))+one, 2, "otlp proto: after span 1, byte 35: wire type 4 in field 1, want 0, 1, 2 or 5")

	// Faults of a span cost the span.
	bad := func(id byte, parts ...string) string {
		return resourceSpans(scopeSpans(spanBytes(1), spanBytes(id, parts...), spanBytes(3)))
	}
	f(bad(2, "\x0a\x7f"), 2, "otlp proto: span 2: trace_id, byte 66: a length of 127, want at most the 0 bytes left")
	f(bad(2, msg(9, msg(2, nested(maxNesting)))), 3, "")
	f(bad(2, msg(9, msg(2, nested(maxNesting+1)))), 2, "otlp proto: span 2: byte 198: values more than 30 deep, want less")
	f(bad(2, msg(9, msg(2, nested(500)))), 2, "otlp proto: span 2: byte 262: values more than 30 deep, want less")
	f(bad(2, msg(11, msg(3, "\x0a\x09x"))), 2, "otlp proto: span 2: byte 70: a length of 9, want at most the 1 bytes left")
	f(bad(2, msg(13, "\x31x")), 2, "otlp proto: span 2: byte 67: 1 bytes left, want 8 for a fixed64")
	f(bad(2, msg(15, "\x1a\x09")), 2, "otlp proto: span 2: byte 68: a length of 9, want at most the 0 bytes left")
	f(bad(2, msg(4, "1234")), 2, "otlp proto: span 2: parent_span_id: 4 bytes, want 8")

	// Faults of a resource or a scope cost its spans.
	f(one+resourceSpans(msg(1, "\x0a\x09"), scopeSpans(spanBytes(2)))+one, 2, "otlp proto: after span 1: resource, byte 40: a length of 9, want at most the 0 bytes left")
	f(resourceSpans(msg(1, "\x0a\x09"), scopeSpans(spanBytes(2))), 0, "otlp proto: resource, byte 6: a length of 9, want at most the 0 bytes left")
	f(resourceSpans(scopeSpans(msg(1, "\x0a\x09"), spanBytes(1)), scopeSpans(spanBytes(2))), 1, "otlp proto: scope, byte 8: a length of 9, want at most the 0 bytes left")

	// Unknown fields, fields of another wire type, fields that come twice.
	f(resourceSpans("\x98\x06\x01", scopeSpans(spanBytes(1, "\xa3\x06\xa4\x06"))), 1, "")
	f(resourceSpans("\x08\x01", scopeSpans("\x08\x01\x10\x02\x18\x03", spanBytes(1, "\x48\x01\x30\x01\x39\x00\x00\x00\x00\x00\x00\x00\x00"))), 1, "")
	f(resourceSpans(msg(1, ""), msg(1, "\x10\x05"), scopeSpans(spanBytes(1))), 1, "")
}

// Text that is not UTF-8 is repaired, and the bytes are not copied then: a
// backend would refuse the whole request for them.
func TestInvalidText(t *testing.T) {
	t.Parallel()
	bad := "a\xff"
	f := func(body string) {
		t.Helper()
		b, err := decodeProto([]byte(body), origin(formatProto))
		if err != nil || b.Len() != 1 {
			t.Fatalf("%d spans, %v", b.Len(), err)
		}
		out := encode(b, false)
		mustUnmarshal(t, out)
		if !strings.Contains(string(out), "a\uFFFD") {
			t.Errorf("%q", out)
		}
	}
	attr := msg(1, bad)
	value := func(v string) string { return msg(1, "k") + msg(2, v) }
	kv := func(v string) string { return msg(6, msg(1, v)) }
	f(resourceSpans(scopeSpans(spanBytes(1, msg(5, bad)))))
	f(resourceSpans(scopeSpans(spanBytes(1, msg(3, bad)))))
	f(resourceSpans(scopeSpans(spanBytes(1, msg(9, attr)))))
	f(resourceSpans(scopeSpans(spanBytes(1, msg(9, value(msg(1, bad)))))))
	f(resourceSpans(scopeSpans(spanBytes(1, msg(9, value(msg(5, msg(1, msg(1, bad)))))))))
	f(resourceSpans(scopeSpans(spanBytes(1, msg(9, value(kv(msg(1, bad))))))))
	f(resourceSpans(scopeSpans(spanBytes(1, msg(11, msg(2, bad))))))
	f(resourceSpans(scopeSpans(spanBytes(1, msg(13, msg(3, bad))))))
	f(resourceSpans(scopeSpans(spanBytes(1, msg(15, msg(2, bad))))))
	f(resourceSpans(msg(1, msg(1, attr)), scopeSpans(spanBytes(1))))
	f(resourceSpans(msg(3, bad), scopeSpans(spanBytes(1))))
	f(resourceSpans(scopeSpans(msg(1, msg(1, bad)), spanBytes(1))))
}

// Bytes that another reader might refuse are not copied, whatever this one makes
// of them.
func TestSuspectBytes(t *testing.T) {
	t.Parallel()
	f := func(exact bool, parts ...string) {
		t.Helper()
		b, err := decodeProto([]byte(resourceSpans(scopeSpans(spanBytes(1, parts...)))), origin(formatProto))
		if err != nil || b.Len() != 1 {
			t.Fatalf("%d spans, %v", b.Len(), err)
		}
		mustUnmarshal(t, encode(b, false))
		if got := b.Spans()[0].Has&span.Exact != 0; got != exact {
			t.Errorf("%q: exact %v, want %v", parts, got, exact)
		}
	}
	bad, good := msg(1, "a\xff"), msg(1, "a")
	group := "\xa3\x06\xa4\x06"
	kv := func(v string) string { return msg(9, msg(1, "k"), v) }
	f(true, kv(msg(2, good)))
	f(true, msg(100, "\xff")) // an unknown field
	f(false, msg(5, "a\xff"), msg(5, "a"))
	f(false, kv(msg(2, bad)))
	f(false, kv(msg(2, bad, good)))
	f(false, kv(msg(2, bad)+msg(2, good)))
	f(false, kv(msg(2, bad, "\x42\x00")))
	f(false, kv(msg(2, msg(6, msg(1, bad, good)))))
	f(false, kv(msg(2, msg(6, msg(1, msg(2, bad), msg(2, good))))))
	f(false, kv(msg(2, msg(5, msg(1, bad, good)))))
	f(false, kv(msg(2, nested(200), good)))
	f(false, group)
	f(false, kv(msg(2, good)+group))
	f(false, msg(11, group))
	f(false, msg(13, group))
	f(false, msg(15, group))

	b, err := decodeProto([]byte(resourceSpans(msg(1, msg(3, bad)), scopeSpans(spanBytes(1)))), origin(formatProto))
	if err != nil || b.Resource(1).Raw.Present() {
		t.Errorf("a bad EntityRef is to be copied, %v", err)
	}
	mustUnmarshal(t, encode(b, false))
}

// Withdrawn fields in protobuf.
func TestWithdrawnFields(t *testing.T) {
	t.Parallel()
	f := func(body, want string) {
		t.Helper()
		b, err := decodeProto([]byte(body), origin(formatProto))
		if err != nil {
			t.Fatal(err)
		}
		if got := requestText(t, encode(b, false)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	const head, ids = "resourceSpan {}\n", `"spanId":"3132333435363731","traceId":"30313233343536373839616263646566"`
	f(resourceSpans(msg(1000, msg(1, msg(1, "old")), spanBytes(1))),
		head+"  scopeSpan {\"scope\":{\"name\":\"old\"}}\n    span {"+ids+"}\n")
	f(resourceSpans(msg(1000, spanBytes(1)), scopeSpans(spanBytes(1))), head+"  scopeSpan {}\n    span {"+ids+"}\n")
	status := func(s string) string {
		return head + "  scopeSpan {}\n    span {" + strings.Replace(ids, ",", `,"status":`+s+`,`, 1) + "}\n"
	}
	f(resourceSpans(scopeSpans(spanBytes(1, msg(15, "\x08\x02\x12\x01m")))), status(`{"code":"STATUS_CODE_ERROR","message":"m"}`))
	f(resourceSpans(scopeSpans(spanBytes(1, msg(15, "\x08\x00")))), status(`{}`))
	f(resourceSpans(scopeSpans(spanBytes(1, msg(15, "\x18\x01\x08\x02")))), status(`{"code":"STATUS_CODE_OK"}`))
}

// JSON that breaks rules.
func TestMalformedJSON(t *testing.T) {
	t.Parallel()
	f := func(body string, spans int, fault string) {
		t.Helper()
		b, err := decodeJSON([]byte(body), origin(formatJSON))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if b.Len() != spans || got != fault {
			t.Errorf("%q: %d spans, %q\nwant %d, %q", body, b.Len(), got, spans, fault)
		}
	}
	const one = `{"traceId":"000000000000000000000000000000a1","spanId":"0000000000000001"}`
	in := func(spans string) string { return `{"resourceSpans":[{"scopeSpans":[{"spans":[` + spans + `]}]}]}` }
	f("", 0, "otlp json: byte 0: the end of the body, want an object")
	f(" ", 0, "otlp json: byte 1: the end of the body, want an object")
	f("{}", 0, "")
	f(" {} \n", 0, "")
	f("{}{}", 0, "otlp json: byte 2: '{', want the end of the body")
	f("[]", 0, "otlp json: byte 0: '[', want an object")
	f(`{"resourceSpans":{}}`, 0, "otlp json: byte 17: '{', want a list")
	f(`{"resourceSpans":[7]}`, 0, "otlp json: byte 18: '7', want an object")
	f(`{"resourceSpans":null}`, 0, "")
	f(in(one), 1, "")
	f(in(one+","), 1, "otlp json: after span 1, byte 118: ']', want an element")
	f(in(one)+"x", 1, "otlp json: after span 1, byte 123: 'x', want the end of the body")
	f(in(one+`,{"traceId":`), 1, "otlp json: after span 1, byte 129: ']', want a value")
	f(in(one+`,7,`+one), 2, "otlp json: span 2: spans, byte 118: '7', want an object")
	f(`{"resourceSpans":[{"resource":{"attributes":7},"scopeSpans":[{"spans":[`+one+`]}]}]}`, 1, "otlp json: byte 44: '7', want a list")
	deep := strings.Repeat(`{"arrayValue":{"values":[`, 40) + "{}" + strings.Repeat(`]}}`, 40)
	f(in(`{"attributes":[{"key":"k","value":`+deep+`}]},`+one), 1, "otlp json: span 1: values more than 30 deep, want less")
	deeper := strings.Repeat(`{"arrayValue":{"values":[`, 60) + "{}" + strings.Repeat(`]}}`, 60)
	f(in(`{"attributes":[{"key":"k","value":`+deeper+`}]},`+one), 1, "otlp json: span 1: arrayValue, byte 1266: values more than 100 deep, want less")
}
