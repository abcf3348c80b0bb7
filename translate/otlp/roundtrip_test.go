// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

type decoder func([]byte, span.Origin) (*span.Batch, error)

func TestRandomRequests(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := requests.Draw(rt, "request")
		want := normal(m)
		f := func(name, form string, decode decoder, body []byte) {
			b, err := decode(body, origin(form))
			if err != nil {
				rt.Fatalf("%s: %v", name, err)
			}
			out := mustUnmarshal(t, encode(b, true))
			if d := diff(want, out); d != "" {
				rt.Fatalf("%s, written anew: %s", name, d)
			}
			if d := diff(want, normal(out)); d != "" {
				rt.Fatalf("%s: the output is not in the normal form: %s", name, d)
			}
			if d := diff(want, normal(mustUnmarshal(t, encode(b, false)))); d != "" {
				rt.Fatalf("%s, copied: %s", name, d)
			}
		}
		f("protobuf", formatProto, decodeProto, mustMarshal(t, m))
		f("json", formatJSON, decodeJSON, toOTLPJSON(t, m))
	})
}

// Fields may come in any order, and unknown ones between them.
func TestShuffledFields(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := requests.Draw(rt, "request")
		body := shuffle(rt, mustMarshal(t, m), 3)
		b, err := decodeProto(body, origin(formatProto))
		if err != nil {
			rt.Fatal(err)
		}
		want := normal(mustUnmarshal(t, body))
		out := mustUnmarshal(t, encode(b, true))
		discardUnknown(want)
		if d := diff(want, out); d != "" {
			rt.Fatal(d)
		}
	})
}

// What was copied reads as what it was copied from.
func TestCopyKeepsSpans(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		b, err := decodeProto(mustMarshal(t, requests.Draw(rt, "request")), origin(formatProto))
		if err != nil {
			rt.Fatal(err)
		}
		want := spantest.Dump(b)
		for _, rewrite := range []bool{false, true} {
			again, err := decodeProto(encode(b, rewrite), origin(formatProto))
			if err != nil {
				rt.Fatal(err)
			}
			if got := withoutNumbers(spantest.Dump(again)); got != withoutNumbers(want) {
				rt.Fatalf("rewrite %v:\n%s\nwant\n%s", rewrite, got, want)
			}
		}
	})
}
