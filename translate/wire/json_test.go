// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestJSONString(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		j := JSON{Buf: []byte(in)}
		s := j.String()
		got, ok := j.AppendUnescaped(nil, s)
		if j.Err != nil || !ok || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", in, got, j.Err, want)
		}
	}
	f(`""`, "")
	f(`"abc"`, "abc")
	f(`"0123456789abcdef0123"`, "0123456789abcdef0123")
	f(`"a\"b\\c\/d\b\f\n\r\t"`, "a\"b\\c/d\b\f\n\r\t")
	f(`"\u00e9\ud83d\ude80 \u4e16"`, "é🚀 世")
	f(`"\ud83d x"`, "\uFFFD x")
	f(`"\ude80"`, "\uFFFD")
	f(`"\ud83d\u0041"`, "\uFFFDA")
	f("\"tab\tinside\"", "tab\tinside")
	f(`15`, "15")
	f(`-1.5e3`, "-1.5e3")
	for _, bad := range []string{`"`, `"abc`, `"\`, `"\"`, `true`, `{`, ``, `"\u12`, `-`, `01`, `1.`, `1e`} {
		j := JSON{Buf: []byte(bad)}
		if _, ok := j.AppendUnescaped(nil, j.String()); ok && j.Err == nil {
			t.Errorf("%s: no fault", bad)
		}
	}
}

func TestJSONInt64(t *testing.T) {
	f := func(in string, want int64, lenient bool) {
		t.Helper()
		j := JSON{Buf: []byte(in + "}")}
		if got, ok := j.Int64(); !ok || j.Err != nil || got != want || j.Lenient != lenient {
			t.Errorf("%s: %d, lenient %v, %v; want %d, %v", in, got, j.Lenient, j.Err, want, lenient)
		}
	}
	f("1700000000000001", 1700000000000001, false)
	f(`"1700000000000001"`, 1700000000000001, true)
	f("1.7e15", 1_700_000_000_000_000, true)
	f("1700000000000001.0", 1700000000000001, true)
	f("-5", -5, true)
	f("0", 0, true)
	f("9223372036854775807", 1<<63-1, true)
	for _, bad := range []string{"1.5", "1e20", `"x"`, "true", "null", "[1]", "1700000000000001.5"} {
		j := JSON{Buf: []byte(bad + "}")}
		if v, ok := j.Int64(); ok || j.Err != nil {
			t.Errorf("%s: %d, %v, %v", bad, v, ok, j.Err)
		}
	}
}

// Lenient tells what a stricter reader would refuse, also where it was only
// stepped over.
func TestJSONLenient(t *testing.T) {
	f := func(in string, want bool) {
		t.Helper()
		j := JSON{Buf: []byte(in)}
		j.Skip()
		if j.Err != nil || j.Lenient != want {
			t.Errorf("%q: lenient %v, %v", in, j.Lenient, j.Err)
		}
	}
	f(`{"a":["\"\\\/\b\f\n\r\t\u00e9\uD83D",-1.5e3,true,false,null]}`, false)
	f(`"\'"`, true)
	f("\"\\\n\"", true)
	f(`"\q"`, true)
	f(`"\u12"`, true)
	f(`"\u12g4"`, true)
	f("\"\t\"", true)
	f("{\"a\x00\":1}", true)
}

func TestJSONKeys(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		j := JSON{Buf: []byte(in)}
		var keys []string
		for j.Object(); ; j.Skip() {
			k, ok := j.Key()
			if !ok {
				break
			}
			keys = append(keys, j.Text(k))
		}
		got := strings.Join(keys, " ")
		if j.Err != nil {
			got += " " + j.Err.Error()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	f(`{}`, "")
	f(` { } `, "")
	f(`{"a":1,"b":{"x":[]},"c":[{}]}`, "a b c")
	f(" {\n\"a\" : 1 ,\t\"b\"\r:\"\" } ", "a b")
	f(`{"\u0061":1,"b\"":2,"bad\q":3}`, `a b" bad\q`)
	f(`{,"a":1}`, " byte 1: ',', want a key in double quotes")
	f(`{"a":1"b":2}`, "a byte 6: '\"', want ',' or '}'")
	f(`{"a":1,,"b":2}`, "a byte 7: ',', want a key in double quotes")
	f(`{"a":1,"b" 2}`, "a byte 11: '2', want ':'")
	f(`{"a":1,"b`, "a byte 9: the end of the body, want the end of a string")
	f(`{"a":1,"b"`, "a byte 10: the end of the body, want ':'")
	f(`{"a":1,`, "a byte 7: the end of the body, want a key in double quotes")
	f(`{"a":1`, "a byte 6: the end of the body, want ',' or '}'")
}

func FuzzJSONSkip(f *testing.F) {
	for _, s := range []string{`{"a":[1,2,{"b":null}],"c":"\u0041"}`, `[]`, `[1,]`, `{"a"}`, `1e5`, `[[[[[[]]]]]]`, `{"a":1,}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if !utf8.Valid(in) {
			return
		}
		j := JSON{Buf: in}
		j.Skip()
		j.Peek()
		ok := j.Err == nil && j.Pos == len(in)
		if want := json.Valid(in); ok != want {
			// The two differ where this reader is more lenient, and beyond the depth.
			if want && strings.Count(string(in), "[")+strings.Count(string(in), "{") <= maxDepth {
				t.Fatalf("refused %q: %v", in, j.Err)
			}
			if ok && json.Valid(withoutControls(in)) {
				return
			}
			if ok && !strings.Contains(string(in), `\`) {
				t.Fatalf("took %q", in)
			}
		}
	})
}

func withoutControls(in []byte) []byte {
	return []byte(strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, string(in)))
}

func FuzzAppendJSON(f *testing.F) {
	f.Add("plain text of some length")
	f.Add("quote \" backslash \\ tab \t nul \x00 é 🚀 \xff\xfe")
	f.Fuzz(func(t *testing.T, in string) {
		out := AppendJSON(nil, in)
		var back string
		if err := json.Unmarshal(out, &back); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		if want := strings.ToValidUTF8(in, "\uFFFD"); utf8.ValidString(in) && back != want {
			t.Fatalf("%q: %q", in, back)
		}
		j := JSON{Buf: out}
		s := j.String()
		if again, ok := j.AppendUnescaped(nil, s); !ok || string(again) != back {
			t.Fatalf("own reader: %q, want %q", again, back)
		}
	})
}
