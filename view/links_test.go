// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"strings"
	"testing"
)

// linkCases are traces and their links, as openzipkin/zipkin 3.5.1 derives them,
// save where it says otherwise. Spans are "id parent kind service remote flags",
// where the flag e is an error; a kind of shared is a shared server.
var linkCases = []struct {
	name, want string
	spans      []string
}{
	{"one process", "", []string{"1 - - a -"}},
	{"root server, client known", "web>a 1", []string{"1 - SERVER a web"}},
	{"root server, client unknown", "", []string{"1 - SERVER a -"}},
	{"client and server", "a>b 1", []string{"1 - CLIENT a -", "2 1 SERVER b -"}},
	{"client guesses the name", "a>b 1", []string{"1 - CLIENT a guess", "2 1 SERVER b -"}},
	{"shared", "a>b 1", []string{"1 - SERVER a -", "2 1 CLIENT a -", "2 1 shared b -"}},
	{"shared without a flag", "a>b 1", []string{"1 - SERVER a -", "2 1 CLIENT a -", "2 1 SERVER b -"}},
	{"two servers answer", "a>b 1, a>c 1", []string{"1 - CLIENT a -", "1 - shared b -", "1 - shared c -"}},
	{"below a shared server", "a>b 1, b>c 1", []string{"1 - CLIENT a -", "1 - shared b -", "2 1 CLIENT b -", "2 1 shared c -"}},
	{"uninstrumented leaf", "a>mysql 1", []string{"1 - SERVER a -", "2 1 CLIENT a mysql"}},
	{"no kind, both names", "a>mysql 1", []string{"1 - SERVER a -", "2 1 - a mysql"}},
	{"no kind, one name", "", []string{"1 - SERVER a -", "2 1 - a -"}},
	{"local spans between", "a>b 1", []string{"1 - SERVER a -", "2 1 - a -", "3 2 CLIENT a -", "4 3 SERVER b -"}},
	{"names in upper case", "a>b 1", []string{"1 - CLIENT A -", "2 1 SERVER B -"}},
	{"error of the server", "a>b 1 1", []string{"1 - CLIENT a -", "2 1 SERVER b - e"}},
	{"error of the client counts for its server", "a>b 1 1", []string{"1 - CLIENT a - e", "2 1 SERVER b -"}},
	{"but not for a shared one", "a>b 1", []string{"1 - CLIENT a - e", "1 - shared b -"}},
	{"error of a root's client", "web>a 1 1", []string{"1 - SERVER a web e"}},
	{"messaging", "a>kafka 1, kafka>b 1", []string{"1 - PRODUCER a kafka", "2 1 CONSUMER b kafka"}},
	{"messaging without a broker", "", []string{"1 - PRODUCER a -", "2 1 CONSUMER b -"}},
	{"client under another's name", "a>b 1, b>c 1", []string{"1 - SERVER a -", "2 1 CLIENT b c"}},
	{"a missing parent hangs below the root", "a>b 1", []string{"1 - SERVER a -", "3 9 SERVER b -"}},
	{"no root", "b>c 1", []string{"3 9 SERVER b -", "4 3 CLIENT b c"}},
	{"a second root hangs below the first", "a>b 1", []string{"1 - SERVER a -", "2 - SERVER b -"}},
	{"calls itself", "a>a 1", []string{"1 - CLIENT a -", "2 1 SERVER a -"}},
	{"several calls", "a>b 3 1", []string{"1 - SERVER a -", "2 1 CLIENT a b", "3 1 CLIENT a b e", "4 1 CLIENT a b"}},
}

func linkSpan(s string) string {
	f := append(strings.Fields(s), "-", "-")
	out := sp(strings.Join([]string{f[0], f[1], f[2], f[3], "-", "1" + f[0], "5"}, " "))
	out = strings.TrimSuffix(out, "}")
	if f[4] != "-" {
		out += fmt.Sprintf(`,"remoteEndpoint":{"serviceName":%q}`, f[4])
	}
	if f[5] == "e" {
		out += `,"tags":{"error":"x"}`
	}
	return out + "}"
}

func linkText(links []link) string {
	var list []string
	for _, l := range links {
		s := fmt.Sprintf("%s>%s %d", l.Parent, l.Child, l.CallCount)
		if l.ErrorCount > 0 {
			s += fmt.Sprintf(" %d", l.ErrorCount)
		}
		list = append(list, s)
	}
	return strings.Join(list, ", ")
}

func TestLinks(t *testing.T) {
	t.Parallel()
	f := func(name, want string, spans []string) {
		t.Helper()
		v := newView(Options{})
		for _, s := range spans {
			consume(t, v, batch(t, linkSpan(s)))
		}
		links := getJSON[[]link](t, v, fmt.Sprintf("/api/v2/dependencies?endTs=%d", start/1000+60_000))
		if got := linkText(links); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for _, c := range linkCases {
		f(c.name, c.want, c.spans)
	}
	// Zipkin hangs the server half of a client that never reported below the
	// root, and says that the root called it.
	f("lost client half", "a>b 1, b>c 1", []string{"1 - SERVER a -", "2 1 SERVER b -", "3 2 shared c -"})
}
