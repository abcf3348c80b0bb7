// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/json"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// jsonText is the JSON text of an array or a map.
func jsonText(t testing.TB, value []byte) string {
	t.Helper()
	kv := wire.AppendStringAlways(nil, 1, string(wire.AppendStringAlways(nil, 2, string(value))))
	r := &reader{w: span.NewBuilder(kv, span.Origin{}), bad: &translate.Malformed{}}
	p := wire.ReadProto(kv)
	p.Next()
	r.attribute(&p)
	if p.Err != nil {
		t.Fatal(p.Err)
	}
	a := r.w.AttrsSince(0)[0]
	if a.Type != span.JSON {
		t.Fatalf("type %d, want JSON", a.Type)
	}
	return r.w.Str(a.Text())
}

// AnyValue → JSON → AnyValue is the identity, and the text is JSON.
func TestJSONIdentity(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		v := drawValue(rt, 0)
		switch v.Value.(type) {
		case *commonpb.AnyValue_ArrayValue, *commonpb.AnyValue_KvlistValue:
		default:
			v = &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{v}}}}
		}
		text := jsonText(t, mustMarshal(t, v))
		if !json.Valid([]byte(text)) {
			rt.Fatalf("not JSON: %s", text)
		}
		out, ok := appendAny(nil, []byte(text))
		if !ok {
			rt.Fatalf("refused: %s", text)
		}
		back := &commonpb.AnyValue{}
		if err := proto.Unmarshal(out, back); err != nil {
			rt.Fatal(err)
		}
		normalValue(v)
		if d := diff(v, back); d != "" {
			rt.Fatalf("%s: %s", text, d)
		}
	})
}

// JSON that was not made here is taken for what it says.
func TestJSONFromElsewhere(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		out, ok := appendAny([]byte("before"), []byte(text))
		if want == "" {
			if ok || string(out) != "before" {
				t.Errorf("%s: %q, want none", text, out)
			}
			return
		}
		v, w := &commonpb.AnyValue{}, &commonpb.AnyValue{}
		if err := proto.Unmarshal(out[len("before"):], v); err != nil || !ok {
			t.Errorf("%s: %v, %v", text, ok, err)
		}
		if err := protojson.Unmarshal([]byte(want), w); err != nil {
			t.Fatal(err)
		}
		if d := diff(w, v); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
	f(` [ 1 , -2.5e3 , "aA" , null , false ]`, `{"arrayValue":{"values":[{"intValue":1},{"doubleValue":-2500},{"stringValue":"aA"},{},{"boolValue":false}]}}`)
	f(`7`, `{"intValue":7}`)
	f(`9223372036854775808`, `{"doubleValue":9223372036854775808}`)
	f(`1e999`, "")
	f(`{}`, `{"kvlistValue":{}}`)
	f(`{"bytesValue":"AA=="}`, `{"bytesValue":"AA=="}`)
	f(`{"bytesValue":"no base64!"}`, `{"kvlistValue":{"values":[{"key":"bytesValue","value":{"stringValue":"no base64!"}}]}}`)
	f(`{"bytesValue":7}`, `{"kvlistValue":{"values":[{"key":"bytesValue","value":{"intValue":7}}]}}`)
	f(`{"bytesValue":"AA==","a":1}`, `{"kvlistValue":{"values":[{"key":"bytesValue","value":{"stringValue":"AA=="}},{"key":"a","value":{"intValue":1}}]}}`)
	f(`{"doubleValue":"NaN"}`, `{"doubleValue":"NaN"}`)
	f(`{"doubleValue":"1.5"}`, `{"kvlistValue":{"values":[{"key":"doubleValue","value":{"stringValue":"1.5"}}]}}`)
	f(`{"kvlistValue":[1]}`, `{"kvlistValue":{"values":[{"key":"kvlistValue","value":{"arrayValue":{"values":[{"intValue":1}]}}}]}}`)
	f(`{"kvlistValue":{"doubleValue":"NaN"}}`, `{"kvlistValue":{"values":[{"key":"doubleValue","value":{"stringValue":"NaN"}}]}}`)
	f(`{"kvlistValue":{"a":{"bytesValue":""}}}`, `{"kvlistValue":{"values":[{"key":"a","value":{"bytesValue":""}}]}}`)
	f(`{"kvlistValue":{"a":`, "")
	f(`{"kvlistValue":{}`, "")
	f(``, "")
	f(`[1,]`, "")
	f(`{"a"}`, "")
	f(`"\x"`, "")
	f(`nul`, "")
	f(`[1]]`, "")
	f(strings.Repeat("[", 3*maxNesting)+strings.Repeat("]", 3*maxNesting), "")
}

func FuzzAppendAny(f *testing.F) {
	for _, s := range []string{`[1,2.0,{"a":null}]`, `{"kvlistValue":{"bytesValue":"AA=="}}`, `{"doubleValue":"NaN"}`, `[[[{"kvlistValue":{"kvlistValue":{}}}]]]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		out, ok := appendAny(nil, text)
		if !ok {
			return
		}
		v := wire.ReadProto(out)
		member, typ, any := v.Next()
		if !any || typ != wire.TypeBytes || member != anyArray && member != anyMap {
			return
		}
		// What was made of any JSON keeps its form from then on.
		again, ok := appendAny(nil, []byte(jsonText(t, out)))
		first, second := &commonpb.AnyValue{}, &commonpb.AnyValue{}
		if err := proto.Unmarshal(out, first); err != nil {
			return // not UTF-8
		}
		if err := proto.Unmarshal(again, second); err != nil || !ok {
			t.Fatalf("%q: %v, %v", text, ok, err)
		}
		if d := diff(first, second); d != "" {
			t.Fatalf("%q: %s", text, d)
		}
	})
}
