// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"bytes"
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// sameLiteralProto holds a batch in protobuf read by its usual forms against one
// that was read field by field.
func sameLiteralProto(t *testing.T, body []byte) {
	t.Helper()
	sameRead(t, body, func(literal bool) (*span.Batch, error) {
		own := bytes.Clone(body)
		r := &protoReader{w: span.NewBuilder(own, span.Origin{Format: formatProto}), bad: translate.Malformed{Format: "proto"}, literal: literal}
		r.request(own)
		return r.finish()
	})
}

// usualProtos are bodies with what is usual and what nearly is.
func usualProtos(t testing.TB) [][]byte {
	bodies := [][]byte{
		encodeProto(spantest.Items(decodeAll(t, apacheWrite(usualBatch(), true), formatThrift))),
		request(field(1, join(ids, protoTag(8, "k", 9, varint(5, 7)), field(4, nil), field(12, nil), field(9, nil))), field(2, nil)),
	}
	for kind := range uint64(7) {
		for _, value := range [][]byte{
			nil, field(3, []byte("v")), field(3, nil), varint(4, 0), varint(4, 1), varint(4, 2), varint(5, 1<<63), field(6, nil),
			{6<<3 | 1, 1, 2, 3, 4, 5, 6, 7, 8},
			field(7, []byte{0xff}), field(7, nil), join(field(3, []byte("v")), varint(5, 7)),
		} {
			bodies = append(bodies,
				request(field(1, join(ids, field(8, join(field(1, []byte("key")), varint(2, kind), value))))),
				request(field(1, join(ids, field(8, join(value, varint(2, kind), field(1, []byte("k\xffy"))))))))
		}
	}
	one, two := field(1, trace16), field(2, id8)
	for _, ref := range [][]byte{
		nil, one, two, join(one, two), join(two, one), join(one, two, varint(3, 1)), join(one, two, varint(3, 0)), join(one, two, varint(3, 2)),
		join(one, two, varint(3, 1<<64-1)), join(field(1, make([]byte, 16)), two), join(one, field(2, make([]byte, 8))), join(one, field(2, id8[:7])),
		join(one, two, varint(4, 1)), join(field(1, id8), two),
	} {
		bodies = append(bodies, request(field(1, join(ids, field(4, ref), field(4, ref), varint(5, uint64(len(ref))), varint(5, 1<<32+1), field(3, []byte("n\xff"))))))
	}
	for _, at := range [][]byte{
		nil, varint(1, 1700000000), join(varint(1, 1700000000), varint(2, 999_999_999)), join(varint(1, 1700000000), varint(2, 1_000_000_000)),
		join(varint(2, 5), varint(1, 3)), varint(2, 1<<63), varint(1, maxSeconds), varint(1, maxSeconds+1), varint(1, 1<<63), join(varint(1, 5), varint(2, 1<<64-1)),
	} {
		bodies = append(bodies, request(field(1, join(ids, field(6, at), field(7, at), field(9, field(1, at))))))
	}
	return bodies
}

func TestProtoUsual(t *testing.T) {
	t.Parallel()
	bodies := usualProtos(t)
	for _, body := range bodies {
		sameLiteralProto(t, body)
	}
	for _, body := range [][]byte{
		encodeProto(spantest.Items(decodeAll(t, apacheWrite(fullBatch(), true), formatThrift))), bodies[1], bodies[len(bodies)-1],
	} {
		for at := range body {
			sameLiteralProto(t, body[:at])
			other := bytes.Clone(body)
			for _, v := range []byte{0, 0xff} {
				other[at] = v
				sameLiteralProto(t, other)
			}
		}
	}
}

func FuzzProtoUsual(f *testing.F) {
	for _, body := range usualProtos(f) {
		f.Add(body)
	}
	f.Fuzz(sameLiteralProto)
}
