// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func FuzzAppendASCII(f *testing.F) {
	for _, s := range []string{"", "plain ASCII of more than eight bytes", "καλημέρα 世界 🚀 \" \\ \n", "\U0010ffff\ufffd\u0080", "1234567é", "12345678é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		out := AppendASCII([]byte("x"), AppendJSON(nil, s))[1:]
		for _, c := range out {
			if c >= utf8.RuneSelf {
				t.Fatalf("%q: %q", s, out)
			}
		}
		var back string
		if err := json.Unmarshal(out, &back); err != nil || back != s {
			t.Fatalf("%q: %q, %v", s, out, err)
		}
	})
}
