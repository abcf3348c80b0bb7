// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"encoding/binary"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate/jaeger"
	"github.com/spanbridge/spanbridge/translate/otlp"
	"github.com/spanbridge/spanbridge/translate/skywalking"
	"github.com/spanbridge/spanbridge/translate/wire"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// Decoders read what looks as usual in another way than the rest. A varint that is
// longer than it needs to be means the same, but is not usual: so a message whose
// tags and lengths are overlong is what the usual one is held to.

// node is a field of protobuf; one with members is a message.
type node struct {
	number, kind int
	value        uint64
	text         string
	members      []node
	message      bool
}

// write appends fields, with overlong tags and lengths if that is wanted.
func write(d []byte, fields []node, overlong bool) []byte {
	varint := func(v uint64) {
		d = binary.AppendUvarint(d, v)
		for n := 0; overlong && n < 3; n++ {
			d[len(d)-1] |= 0x80
			d = append(d, 0)
		}
	}
	for i := range fields {
		f := &fields[i]
		varint(uint64(f.number)<<3 | uint64(f.kind))
		switch f.kind {
		case wire.TypeVarint:
			d = binary.AppendUvarint(d, f.value)
		case wire.TypeFixed64:
			d = binary.LittleEndian.AppendUint64(d, f.value)
		case wire.TypeFixed32:
			d = binary.LittleEndian.AppendUint32(d, uint32(f.value))
		default:
			text := f.text
			if f.message {
				text = string(write(nil, f.members, overlong))
			}
			varint(uint64(len(text)))
			d = append(d, text...)
		}
	}
	return d
}

// shape says what the fields of a message are: v, f (fixed64), w (fixed32), s (a
// text), i and t (ids of 8 and 16 bytes); or messages.
type shape struct {
	simple   map[int]byte
	messages map[int]*shape
	always   []int
}

var wireTexts = []string{
	"", "a", "key", "service", "ünï", "\xff\xfe", "a\x00b", "bridge.x", "error", "true", "x-le", "peer.service", "10.0.0.1",
	"span.kind", "server", strings.Repeat("b", 122), strings.Repeat("c", 123), strings.Repeat("d", 124), strings.Repeat("e", 127),
	strings.Repeat("f", 128), strings.Repeat("g", 300), "1234567", "12345678", "123456789\x80",
}

var wireNumbers = []uint64{
	0, 1, 2, 3, 4, 5, 6, 127, 128, 255, 1 << 31, 1<<32 - 1, 1 << 32, 1_700_000_000_000, 1_700_000_000_000_000, 1 << 62, 1 << 63, 1<<64 - 1,
	1<<64 - 2, 999_999_999, 1_000_000_000, 9_223_372_035, 9_223_372_036, 9_223_372_036_854_775, 9_223_372_036_854_776,
}

func (s *shape) draw(t *rapid.T) (fields []node) {
	numbersOf := make([]int, 0, 16)
	for n := 1; n < 20; n++ {
		if s.simple[n] != 0 || s.messages[n] != nil {
			numbersOf = append(numbersOf, n)
		}
	}
	fields = []node{}
	add := func(n int) {
		f := node{number: n}
		odd := rapid.IntRange(0, 60).Draw(t, "odd") == 0
		kind := s.simple[n]
		if odd {
			kind = rapid.SampledFrom([]byte("vfwsit")).Draw(t, "kind")
		}
		switch {
		case kind == 0 && s.messages[n] != nil:
			f.kind, f.message = wire.TypeBytes, true
			f.members = s.messages[n].draw(t)
		case kind == 'v':
			f.value = rapid.SampledFrom(wireNumbers).Draw(t, "number")
		case kind == 'f':
			f.kind, f.value = wire.TypeFixed64, rapid.SampledFrom(wireNumbers).Draw(t, "fixed")
		case kind == 'w':
			f.kind, f.value = wire.TypeFixed32, rapid.SampledFrom(wireNumbers).Draw(t, "fixed")
		case kind == 'i', kind == 't':
			size := 8
			if kind == 't' {
				size = 16
			}
			if rapid.IntRange(0, 30).Draw(t, "size") == 0 {
				size = rapid.SampledFrom([]int{0, 7, 8, 9, 15, 16, 17}).Draw(t, "length")
			}
			f.kind, f.text = wire.TypeBytes, strings.Repeat(rapid.SampledFrom([]string{"a", "a", "a", "b", "b", "b", "c", "d", "\x00"}).Draw(t, "id"), size)
		default:
			f.kind, f.text = wire.TypeBytes, rapid.SampledFrom(wireTexts).Draw(t, "text")
		}
		fields = append(fields, f)
	}
	for _, n := range s.always {
		add(n)
	}
	for range rapid.IntRange(0, 8).Draw(t, "more") {
		add(rapid.SampledFrom(numbersOf).Draw(t, "field"))
	}
	return fields
}

var (
	pairShape  = &shape{simple: map[int]byte{1: 's', 2: 's'}, always: []int{1, 2}}
	zipkinEnd  = &shape{simple: map[int]byte{1: 's', 2: 's', 3: 't', 4: 'v'}, always: []int{1}}
	zipkinSpan = &shape{
		simple:   map[int]byte{1: 't', 2: 'i', 3: 'i', 4: 'v', 5: 's', 6: 'f', 7: 'v', 12: 'v', 13: 'v'},
		messages: map[int]*shape{8: zipkinEnd, 9: zipkinEnd, 10: {simple: map[int]byte{1: 'f', 2: 's'}}, 11: pairShape},
		always:   []int{1, 3, 8, 11, 11},
	}
	otlpAny       = &shape{simple: map[int]byte{1: 's', 2: 'v', 3: 'v', 4: 'f', 7: 's'}}
	otlpAttrShape = &shape{simple: map[int]byte{1: 's'}, messages: map[int]*shape{2: otlpAny}, always: []int{1, 2}}
	otlpShape     = &shape{
		simple: map[int]byte{1: 't', 2: 'i', 3: 's', 4: 'i', 5: 's', 6: 'v', 7: 'f', 8: 'f', 10: 'v', 12: 'v', 14: 'v', 16: 'w'},
		messages: map[int]*shape{
			9: otlpAttrShape, 11: {simple: map[int]byte{1: 'f', 2: 's'}, messages: map[int]*shape{3: otlpAttrShape}},
			13: {simple: map[int]byte{1: 't', 2: 'i', 3: 's'}}, 15: {simple: map[int]byte{2: 's', 3: 'v'}},
		},
		always: []int{1, 2, 9, 9},
	}
	jaegerTag  = &shape{simple: map[int]byte{1: 's', 2: 'v', 3: 's', 4: 'v', 5: 'v', 6: 'f', 7: 's'}, always: []int{1}}
	seconds    = &shape{simple: map[int]byte{1: 'v', 2: 'v'}}
	jaegerSpan = &shape{
		simple: map[int]byte{1: 't', 2: 'i', 3: 's', 5: 'v', 12: 's'},
		messages: map[int]*shape{
			4: {simple: map[int]byte{1: 't', 2: 'i', 3: 'v'}, always: []int{1, 2}}, 6: seconds, 7: seconds, 8: jaegerTag,
			9: {messages: map[int]*shape{1: seconds, 2: jaegerTag}},
		},
		always: []int{1, 2, 8, 8},
	}
	agentRef = &shape{simple: map[int]byte{1: 'v', 2: 's', 3: 's', 4: 'v', 5: 's', 6: 's', 7: 's', 8: 's'}, always: []int{2, 3}}
	agents   = &shape{
		simple: map[int]byte{1: 'v', 2: 'v', 3: 'v', 4: 'v', 6: 's', 7: 's', 8: 'v', 9: 'v', 10: 'v', 11: 'v', 14: 'v'},
		messages: map[int]*shape{
			5: agentRef, 12: pairShape, 13: {simple: map[int]byte{1: 'v'}, messages: map[int]*shape{2: pairShape}},
		},
		always: []int{1, 2, 12},
	}
	segment = &shape{simple: map[int]byte{1: 's', 2: 's', 4: 's', 5: 's', 6: 'v'}, messages: map[int]*shape{3: agents}, always: []int{1, 2, 3, 3, 4, 5}}
)

var places = regexp.MustCompile(`byte \d+|\d+ bytes|length of \d+|the \d+`)

func TestOverlong(t *testing.T) {
	t.Parallel()
	within := func(list []node, numbers ...int) []node {
		for _, n := range numbers {
			list = []node{{number: n, kind: wire.TypeBytes, members: list, message: true}}
		}
		return list
	}
	for _, f := range []struct {
		name   string
		decode func([]byte) (*span.Batch, error)
		span   *shape
		number int
		around []int
	}{
		{"zipkin.proto3", decoder(zipkin.Protocol, "zipkin.proto3"), zipkinSpan, 1, nil},
		{"otlp.proto", decoder(otlp.Protocol, "otlp.proto"), otlpShape, 2, []int{2, 1}},
		{"jaeger.proto", decoder(jaeger.New(nil), "jaeger.proto"), jaegerSpan, 1, []int{1}},
		{"skywalking.segments", decoder(skywalking.Protocol, "skywalking.segments"), segment, 1, nil},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				var list []node
				for range rapid.IntRange(1, 3).Draw(t, "spans") {
					members := f.span.draw(t)
					if f.span == segment { // one without a name is named by its bytes
						members = append(members, node{number: 2, kind: wire.TypeBytes, text: "segment"})
					}
					list = append(list, node{number: f.number, kind: wire.TypeBytes, members: members, message: true})
				}
				list = within(list, f.around...)
				read := func(overlong bool) string {
					b, err := f.decode(write(nil, list, overlong))
					said := ""
					if b != nil {
						said = spantest.Dump(b)
					}
					if err != nil {
						said += "\n" + places.ReplaceAllString(err.Error(), "…")
					}
					return said
				}
				if usual, overlong := read(false), read(true); usual != overlong {
					t.Fatalf("%x\n%s\noverlong:\n%s", write(nil, list, false), usual, overlong)
				}
			})
		})
	}
}
