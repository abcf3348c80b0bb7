// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

// Messages made field by field, so that the order of fields and what is left
// out can be chosen.

func field(n int, v []byte) []byte {
	b := protowire.AppendTag(nil, protowire.Number(n), protowire.BytesType)
	return protowire.AppendBytes(b, v)
}

func varint(n int, v uint64) []byte {
	b := protowire.AppendTag(nil, protowire.Number(n), protowire.VarintType)
	return protowire.AppendVarint(b, v)
}

func fixed(n int, v uint64) []byte {
	b := protowire.AppendTag(nil, protowire.Number(n), protowire.Fixed64Type)
	return protowire.AppendFixed64(b, v)
}

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func protoTag(n int, key string, kind uint64, value []byte) []byte {
	t := field(1, []byte(key))
	if kind != 0 {
		t = append(t, varint(2, kind)...)
	}
	return field(n, append(t, value...))
}

func protoText(n int, key, v string) []byte { return protoTag(n, key, 0, field(3, []byte(v))) }

var (
	trace16 = []byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2}
	id8     = []byte{0, 0, 0, 0, 0, 0, 0, 3}
	ids     = join(field(1, trace16), field(2, id8))
)

// request makes a request of one batch.
func request(parts ...[]byte) []byte { return field(1, join(parts...)) }

func TestProtoFaults(t *testing.T) {
	t.Parallel()
	f := func(body []byte, spans int, want string) {
		t.Helper()
		b, err := decodeProto(body, span.Origin{Format: formatProto})
		got := "nil"
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("error:\n got %s\nwant %s", got, want)
		}
		if b.Len() != spans {
			t.Errorf("%d spans, want %d (%s)", b.Len(), spans, want)
		}
	}
	good := field(1, ids)
	bad := func(parts ...[]byte) []byte { return request(good, field(1, join(parts...)), good) }
	f(nil, 0, "nil")
	f(request(), 0, "nil")
	f(request(good), 1, "nil")
	f(join(request(good), request(good)), 2, "nil")
	f(join(varint(2, 7), request(good, varint(9, 1))), 1, "nil")
	f(bad(), 2, "jaeger proto: span 2: trace_id: nothing or zeros, want 16 bytes")
	f(bad(field(1, trace16)), 2, "jaeger proto: span 2: span_id: nothing or zeros, want 8 bytes")
	f(bad(field(1, trace16[:15])), 2, "jaeger proto: span 2: trace_id: 15 bytes, want 16")
	f(bad(field(1, trace16), field(2, trace16)), 2, "jaeger proto: span 2: span_id: 16 bytes, want 8")
	f(bad(field(1, make([]byte, 16)), field(2, id8)), 2, "jaeger proto: span 2: trace_id: nothing or zeros, want 16 bytes")
	f(bad(ids, field(4, field(1, trace16[:1]))), 2, "jaeger proto: span 2: references: trace_id: 1 bytes, want 16")
	f(bad(ids, field(4, field(2, trace16[:1]))), 2, "jaeger proto: span 2: references: span_id: 1 bytes, want 8")
	f(bad(ids, field(6, varint(1, 1<<40))), 2, "jaeger proto: span 2: start_time: 1099511627776, want seconds up to 9223372035")
	f(bad(ids, field(7, varint(1, 1<<63))), 2, "jaeger proto: span 2: duration: -9223372036854775808, want seconds up to 9223372035")
	const want = "less than 1000000000 ns, with the sign of the seconds in a duration"
	minus := func(v int64) uint64 { return uint64(v) }
	f(bad(ids, field(6, varint(2, 1e9))), 2, "jaeger proto: span 2: start_time: 0 s and 1000000000 ns, want "+want)
	f(bad(ids, field(6, varint(2, minus(-1)))), 2, "jaeger proto: span 2: start_time: 0 s and -1 ns, want "+want)
	f(bad(ids, field(7, join(varint(1, minus(-1)), varint(2, 1)))), 2, "jaeger proto: span 2: duration: -1 s and 1 ns, want "+want)
	f(bad(ids, field(9, field(1, varint(2, 1e9)))), 2, "jaeger proto: span 2: logs: timestamp: 0 s and 1000000000 ns, want "+want)
	f(bad(ids, field(8, []byte{0x1a, 9, 'x'})), 2, "jaeger proto: span 2: tag, byte 66: a length of 9, want at most the 1 bytes left")
	f(bad(ids, []byte{0x08}), 2, "jaeger proto: span 2: byte 63: a cut or overlong varint, want 1 to 10 bytes")
	f(bad(ids, field(10, []byte{0x0a, 1})), 2, "jaeger proto: span 2: process, byte 66: a length of 1, want at most the 0 bytes left")
	f(request(good, field(2, join(field(1, []byte("svc")), []byte{0x12, 9}))), 1, "jaeger proto: process, byte 41: a length of 9, want at most the 0 bytes left")
	f([]byte{0x0a, 200, 1, 0x0a}, 0, "jaeger proto: byte 3: a length of 200, want at most the 1 bytes left")
	f(append(request(good), 0x0a, 9), 1, "jaeger proto: byte 34: a length of 9, want at most the 0 bytes left")
}

// The process of a broken batch message names its spans as far as it could be
// read.
func TestBrokenProcess(t *testing.T) {
	t.Parallel()
	b, _ := decodeProto(request(field(1, ids), field(2, join(field(1, []byte("svc")), []byte{0x12, 9}))), span.Origin{})
	if got := b.Str(b.Spans()[0].Local.Service); got != "svc" {
		t.Errorf("service %q", got)
	}
}

// Fields may come in any order and between each other; what belongs together
// stays together.
func TestProtoOrder(t *testing.T) {
	t.Parallel()
	log := func(name string) []byte {
		return field(9, join(protoText(2, "event", name), protoText(2, "k", name), field(1, varint(1, 5))))
	}
	body := request(
		field(1, join(
			field(12, []byte("w1")), protoText(8, "a", "1"), log("one"), varint(99, 1), protoText(8, "b", "2"),
			field(10, join(protoText(2, "ip", "10.0.0.9"), field(1, []byte("own")), protoText(2, "x", "y"))),
			log("two"), protoText(8, "c", "3"), field(12, []byte("w2")), field(3, []byte("first")), field(3, []byte("op")), ids,
		)),
		field(2, field(1, []byte("shared"))),
		field(1, ids),
	)
	b := decodeAll(t, body, formatProto)
	got := spantest.Dump(b)
	const want = `span 00000000000000010000000000000002/0000000000000003 parent -
  name "op" kind - start - duration 0
  local "own" ip4 10.0.0.9
  attr "a" string "1"
  attr "b" string "2"
  attr "c" string "3"
  attr "@jaeger@warnings" string "w1"
  attr "@jaeger@warnings" string "w2"
  event 5000000000 "one" dropped 0
    field "k" string "one"
  event 5000000000 "two" dropped 0
    field "k" string "two"
  resource 1 schema - dropped 0
    attr "ip" string "10.0.0.9" mirrored
    attr "x" string "y"
span 00000000000000010000000000000002/0000000000000003 parent -
  name - kind - start - duration 0
  local "shared"
  resource 2 schema - dropped 0
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestProtoValues(t *testing.T) {
	t.Parallel()
	f := func(kv []byte, want string) {
		t.Helper()
		b := decodeAll(t, request(field(1, join(ids, kv))), formatProto)
		lines := strings.Split(spantest.Dump(b), "\n")
		if got := strings.TrimSpace(lines[2]); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	minus := uint64(math.MaxUint64)
	f(protoText(8, "k", "v"), `attr "k" string "v"`)
	f(protoText(8, "k", "\xff"), "attr \"k\" string \"\ufffd\"")
	f(field(8, nil), `attr "" string ""`)
	f(protoTag(8, "k", 1, varint(4, 1)), `attr "k" bool "true"`)
	f(protoTag(8, "k", 1, nil), `attr "k" bool "false"`)
	f(protoTag(8, "k", 2, varint(5, minus)), `attr "k" int "-1"`)
	f(protoTag(8, "k", 2, nil), `attr "k" int "0"`)
	f(protoTag(8, "k", 3, fixed(6, math.Float64bits(math.NaN()))), `attr "k" float "NaN"`)
	f(protoTag(8, "k", 3, nil), `attr "k" float "0.0"`)
	f(protoTag(8, "k", 4, field(7, []byte{0, 255})), `attr "k" bytes "AP8="`)
	f(protoTag(8, "k", 4, nil), `attr "k" bytes ""`)
	// The type decides, not the field; a type that is none leaves it to the
	// field.
	f(protoTag(8, "k", 2, join(field(3, []byte("x")), varint(5, 7))), `attr "k" int "7"`)
	f(protoTag(8, "k", 0, varint(5, 7)), `attr "k" string ""`)
	f(protoTag(8, "k", 9, varint(5, 7)), `attr "k" int "7"`)
	f(protoTag(8, "k", minus, nil), `attr "k" string ""`)
}

func TestProtoTimes(t *testing.T) {
	t.Parallel()
	f := func(start, duration []byte, want string) {
		t.Helper()
		b := decodeAll(t, request(field(1, join(ids, start, duration))), formatProto)
		_, got, _ := strings.Cut(strings.Split(spantest.Dump(b), "\n")[1], "start ")
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	minus := func(v int64) uint64 { return uint64(v) }
	f(nil, nil, "- duration 0")
	f(field(6, nil), field(7, nil), "- duration 0")
	f(field(6, varint(1, minus(-62135596800))), nil, "- duration 0")
	f(field(6, join(varint(1, 1700000000), varint(2, 1))), field(7, join(varint(1, 1), varint(2, 5))), "1700000000000000001 duration 1000000005")
	f(field(6, join(varint(1, minus(-1)), varint(2, 999999999))), field(7, join(varint(1, minus(-1)), varint(2, minus(-5)))), "-1 duration -1000000005")
	f(field(6, join(varint(1, 9223372035), varint(2, 999999999))), nil, "9223372035999999999 duration 0")
	f(field(6, join(varint(1, minus(-9223372035)), varint(2, 1))), nil, "-9223372034999999999 duration 0")
	f(field(6, varint(2, 7)), field(7, varint(2, minus(-7))), "7 duration -7")
}

// Equal processes are one resource, however often they are written.
func TestRow28SpanProcess(t *testing.T) {
	t.Parallel()
	process := func(name string) []byte {
		return field(10, join(field(1, []byte(name)), protoText(2, "pid", name)))
	}
	var spans [][]byte
	for range 100 {
		spans = append(spans, field(1, join(ids, process("a"))), field(1, join(ids, process("b"))), field(1, ids))
	}
	// A refused span leaves nothing behind that a later one could find.
	spans = append(spans, field(1, join(field(1, trace16), process("c"))), field(1, join(ids, process("c"))))
	spans = append(spans, field(2, field(1, []byte("shared"))))
	b, err := decodeProto(request(spans...), span.Origin{Format: formatProto})
	if err == nil {
		t.Error("a span without an id was read")
	}
	numbers := map[string]uint32{}
	for i := range b.Spans() {
		s := &b.Spans()[i]
		name := b.Str(s.Local.Service)
		if n, ok := numbers[name]; ok && n != s.Resource {
			t.Fatalf("process %s is resource %d and %d", name, n, s.Resource)
		}
		numbers[name] = s.Resource
	}
	if len(numbers) != 4 || numbers["shared"] != 4 {
		t.Errorf("resources %v", numbers)
	}
}
