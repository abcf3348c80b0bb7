// SPDX-License-Identifier: Apache-2.0

package span

import (
	"math"
	"strconv"
	"testing"
)

func TestAppendText(t *testing.T) {
	t.Parallel()
	w := NewBuilder(nil, Origin{})
	b := w.Batch()
	f := func(a Attr, want string) {
		t.Helper()
		if got := string(b.AppendText([]byte("x"), &a)); got != "x"+want {
			t.Errorf("%s, want %s", got[1:], want)
		}
	}
	f(StringAttr(Text{}, w.Copy("text")), "text")
	f(StringAttr(Text{}, Empty), "")
	f(StringAttr(Text{}, Text{}), "")
	f(IntAttr(Text{}, math.MinInt64), "-9223372036854775808")
	f(IntAttr(Text{}, 9007199254740993), "9007199254740993")
	f(BoolAttr(Text{}, true), "true")
	f(BoolAttr(Text{}, false), "false")
	f(FloatAttr(Text{}, 2), "2.0")
	f(FloatAttr(Text{}, math.Copysign(0, -1)), "-0.0")
	f(FloatAttr(Text{}, 0.1), "0.1")
	f(FloatAttr(Text{}, 1e21), "1e+21")
	f(FloatAttr(Text{}, math.MaxFloat64), "1.7976931348623157e+308")
	f(FloatAttr(Text{}, math.NaN()), "NaN")
	f(FloatAttr(Text{}, math.Inf(-1)), "-Inf")
	f(TextAttr(Text{}, Bytes, w.CopyBytes([]byte{0, 255})), "AP8=")
	f(TextAttr(Text{}, Bytes, Empty), "")
	f(TextAttr(Text{}, JSON, w.Copy(`[1]`)), "[1]")
	f(Attr{Type: Null}, "")
}

func TestAttrValues(t *testing.T) {
	t.Parallel()
	w := NewBuilder([]byte("body"), Origin{})
	key := w.Copy("key")
	for _, v := range []int64{0, -1, math.MaxInt64, math.MinInt64} {
		if a := IntAttr(key, v); a.Int() != v || a.Type != Int || w.Str(a.Key) != "key" {
			t.Errorf("%d: %d", v, a.Int())
		}
	}
	for _, text := range []Text{{}, Empty, At(1, 2), w.Copy("side"), {pos: math.MaxUint32, n: math.MaxUint32}} {
		if a := TextAttr(key, JSON, text); a.Text() != text {
			t.Errorf("%v: %v", text, a.Text())
		}
	}
	if a := BoolAttr(key, true); !a.Bool() || a.Type != Bool {
		t.Error("bool")
	}
}

// A float's text reads back to the same bits and is never taken for an integer.
func FuzzFloatText(f *testing.F) {
	for _, v := range []float64{0, 2, -1.5, 1e300, 5e-324} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v float64) {
		var b Batch
		a := FloatAttr(Text{}, v)
		text := string(b.AppendText(nil, &a))
		back, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Float64bits(back) != math.Float64bits(v) && v == v {
			t.Fatalf("%v: %s", v, text)
		}
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			t.Fatalf("%v: %s looks like an integer", v, text)
		}
	})
}
