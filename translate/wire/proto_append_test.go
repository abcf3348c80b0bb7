// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// What is copied and looked at by words is what it was, wherever something is in it
// that is no ASCII.
func TestAppendValid(t *testing.T) {
	t.Parallel()
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	for n := range len(letters) {
		for at := range n + 1 {
			for _, part := range []string{"", "ü", "\xff", "\xc3", "😀", "\x00"} {
				text := letters[:at] + part + letters[at:n]
				got, ok := AppendValid([]byte("before"), text)
				if want := utf8.ValidString(text); string(got) != "before"+text || ok != want || IsValid(text) != want {
					t.Fatalf("%q: %q, %t, %t", text, got, ok, IsValid(text))
				}
			}
		}
	}
	room := []byte(strings.Repeat("x", 20))
	if AppendValid(room[:3:8], "abc"); string(room[8:]) != strings.Repeat("x", 12) {
		t.Errorf("beyond its capacity: %q", room)
	}
}
