// SPDX-License-Identifier: Apache-2.0

package span

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseID(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		id, err := ParseID(in)
		got := id.String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	f("1", "0000000000000001")
	f("1b1D2c3E4f5a4B6c", "1b1d2c3e4f5a4b6c")
	f("ffffffffffffffff", "ffffffffffffffff")
	f("0000000000000001", "0000000000000001")
	f("", "empty, want 1 to 16 hex digits")
	f("0", "all zeros, want a digit other than 0")
	f("0000000000000000", "all zeros, want a digit other than 0")
	f("00000000000000001", "17 hex digits, want 1 to 16")
	f("0x1", "'x' at digit 2, want 0-9 or a-f")
	f("-1", "'-' at digit 1, want 0-9 or a-f")
	f("1 ", "' ' at digit 2, want 0-9 or a-f")
	f("é", "'Ã' at digit 1, want 0-9 or a-f")
}

func TestParseTraceID(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		id, err := ParseTraceID(in)
		got := id.String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	f("1", "0000000000000001")
	f("463ac35c9f6413ad", "463ac35c9f6413ad")
	f("1463ac35c9f6413ad", "0000000000000001463ac35c9f6413ad")
	f("463AC35c9f6413ad48485a3953bb6124", "463ac35c9f6413ad48485a3953bb6124")
	f("000000000000000048485a3953bb6124", "48485a3953bb6124")
	f("00000000000000010000000000000000", "00000000000000010000000000000000")
	f("", "empty, want 1 to 32 hex digits")
	f(strings.Repeat("0", 32), "all zeros, want a digit other than 0")
	f(strings.Repeat("1", 33), "33 hex digits, want 1 to 32")
	f("g463ac35c9f6413ad", "'g' at digit 1, want 0-9 or a-f")
	f("463ac35c9f6413ag", "'g' at digit 16, want 0-9 or a-f")
}

func TestIDText(t *testing.T) {
	t.Parallel()
	id := TraceID{Lo: 0x0a}
	if got := string(id.AppendHex32([]byte("x"))); got != "x0000000000000000000000000000000a" {
		t.Error(got)
	}
	if got := string(id.AppendHex([]byte("x"))); got != "x000000000000000a" {
		t.Error(got)
	}
	if got := string(TraceID{Hi: 1}.AppendHex(nil)); got != "00000000000000010000000000000000" {
		t.Error(got)
	}
	if !(TraceID{}).IsZero() || (TraceID{Hi: 1}).IsZero() || (TraceID{Lo: 1}).IsZero() {
		t.Error("IsZero")
	}
}

func FuzzParseTraceID(f *testing.F) {
	for _, s := range []string{"", "0", "463ac35c9f6413ad", "463AC35c9f6413ad48485a3953bb6124", "1463ac35c9f6413ad", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		id, err := ParseTraceID(in)
		if err != nil {
			if id != (TraceID{}) {
				t.Fatalf("%q: %v and %v", in, id, err)
			}
			return
		}
		if want := fmt.Sprintf("%032s", strings.ToLower(in)); string(id.AppendHex32(nil)) != want {
			t.Fatalf("%q: %s", in, id)
		}
		if again, err := ParseTraceID(id.String()); err != nil || again != id {
			t.Fatalf("%q: %s, %v", in, again, err)
		}
	})
}
