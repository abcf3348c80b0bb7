// SPDX-License-Identifier: Apache-2.0

package span

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAppendEndpointName(t *testing.T) {
	f := func(operation, want string) {
		t.Helper()
		if got := string(AppendEndpointName(nil, operation)); got != want {
			t.Errorf("%q: %q, want %q", operation, got, want)
		}
	}
	f("GET /users/{id}", "GET:/users/{id}")
	f("get /users/7?x=1", "GET:/users/{id}")
	f("GET:/users/7", "GET:/users/{id}")
	f("HTTP GET /a", "GET:/a")
	f("/shop.Stock/Reserve", "/shop.Stock/Reserve")
	f("/de5980b8-fce3-4a37-aab9-b4ac3af7eedd", "/{id}")
	f("GET", "GET")
	f("check out", "check out")
	f("", "")
	if got := EndpointName("PROPFIND", "/dav/12"); got != "PROPFIND:/dav/{id}" {
		t.Error(got)
	}
}

// CutMethod is what it says in few words.
func TestCutMethod(t *testing.T) {
	t.Parallel()
	inFewWords := func(operation string) (method, rest string) {
		if len(operation) > 5 && strings.EqualFold(operation[:5], "http ") {
			operation = operation[5:]
		}
		head, rest := operation, ""
		if i := strings.IndexAny(operation, " :"); i >= 0 {
			head, rest = operation[:i], operation[i+1:]
		}
		for _, m := range methods {
			if strings.EqualFold(m, head) {
				return m, rest
			}
		}
		return "", operation
	}
	parts := rapid.SampledFrom([]string{"", "http", "HTTP", "get", "Connect", "OPTIONS", "TRACES", " ", ":", "/a/7", "?b#c", "po\u017ft", "OPTION\u017f", "\u212a", "PROPFIND"})
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(parts, 0, 6).Draw(t, "parts"), "")
		method, rest := CutMethod(s)
		if m, r := inFewWords(s); m != method || r != rest {
			t.Fatalf("%q: %q, %q, want %q, %q", s, method, rest, m, r)
		}
	})
}
