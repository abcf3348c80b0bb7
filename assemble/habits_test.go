// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// What two whole groups of front and of back showed.
var shown = []string{
	"@0s 1 - client front/10.0.0.1;2 1 server back/10.0.0.2",
	"@10s 3 - client front/10.0.0.1;4 3 server back/10.0.0.2",
}

func habitual() *Window {
	opts := options()
	opts.Together, opts.Settle, opts.Longest, opts.GroupSpans = true, settle, longest, 4
	w := New(opts)
	w.habits.proof = 2
	return w
}

// A whole group leaves at once, if its service is known to add nothing to such.
func TestHabits(t *testing.T) {
	t.Parallel()
	f := func(name, want string, before []string, story ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := togetherIn(t, habitual(), before...)
			got := togetherIn(t, habitual(), slices.Concat(before, story)...)
			if got != first+"; "+want {
				t.Errorf("%s, want %s behind %s", got, want, first)
			}
		})
	}
	f("all at once", "20s: a b; 20s: c", shown,
		"@20s a - server front/10.0.0.1;b a client front/10.0.0.1;c b server back/10.0.0.2")
	f("by another order", "20s: c; 20s: b a", shown,
		"@20s c b server back/10.0.0.2;b a client front/10.0.0.1;a - server front/10.0.0.1")
	f("a half of a shared span", "20s: a b; 20s: a83dbc98840973e0", shown,
		"@20s a - server front/10.0.0.1;b a client front/10.0.0.1;b a server back/10.0.0.2 shared")
	f("the caller comes last, and the span it is in", "20.2s: a b; 20.2s: c", shown,
		"@20s c b server back/10.0.0.2", "@20100ms b a client front/10.0.0.1", "@20200ms a - server front/10.0.0.1")
	f("the span that the caller is in never comes", "23s: c; 27.1s: b", shown,
		"@20s c b server back/10.0.0.2", "@20100ms b a client front/10.0.0.1")
	f("a span that waits for its parent will join it", "20.2s: b; 25s: c e", shown,
		"@20s c b server back/10.0.0.2", "@20100ms e d - back/10.0.0.2", "@20200ms b - client front/10.0.0.1")
	f("a child first", "20.1s: a b", shown,
		"@20s b a - front/10.0.0.1", "@20100ms a - server front/10.0.0.1")
	f("a service of which nothing is known", "21s: a", shown,
		"@20s a - server else/10.0.0.1")
	f("a child comes when the group has left", "20s: a; 25.1s: b; 31s: c", shown,
		"@20s a - server front/10.0.0.1", "@20100ms b a - front/10.0.0.1", "@30s c - server front/10.0.0.1")
	f("another span of the trace and service comes then", "20s: a; 20.1s: b; 30s: c", shown,
		"@20s a - server front/10.0.0.1", "@20100ms b - server front/10.0.0.1", "@30s c - server front/10.0.0.1")
	f("a service that adds to whole groups", "20.1s: a b; 31s: c",
		[]string{
			"@0s 1 - server front/10.0.0.1", "@100ms 2 1 - front/10.0.0.1",
			"@10s 3 - server front/10.0.0.1", "@10100ms 4 3 - front/10.0.0.1",
		}, "@19s a - server front/10.0.0.1", "@19100ms b a - front/10.0.0.1", "@30s c - server front/10.0.0.1")
	f("another report of a span", "21s: a",
		[]string{
			"@0s 1 - server front/10.0.0.1", "@100ms 1 - server front/10.0.0.1",
			"@10s 3 - server front/10.0.0.1",
		}, "@20s a - server front/10.0.0.1")
	f("a call more of the same trace", "20s: a",
		[]string{
			"@0s 1 - server front/10.0.0.1", "@100ms 2 - server front/10.0.0.1;5 2 - front/10.0.0.1",
			"@10s 3 - server front/10.0.0.1",
		}, "@20s a - server front/10.0.0.1")
}

// Who was trusted in vain has to show it twice as often the next time.
func TestHabitsAreLost(t *testing.T) {
	t.Parallel()
	w := habitual()
	now, n := began, uint64(0)
	// left tells after which time a whole group leaves.
	left := func() time.Duration {
		n++
		w.Put(n, items(t, []string{fmt.Sprintf("%x - server front/10.0.0.1", 16*n)}), 10, now)
		from := now
		for len(w.Ready()) == 0 {
			now, _ = w.Next()
			w.Due(now)
		}
		w.Take(len(w.Ready()))
		return now.Sub(from)
	}
	for wanted := 2; wanted < 100; wanted *= 2 {
		for i := range wanted {
			if d := left(); d != settle {
				t.Fatalf("%d of %d: left after %v", i, wanted, d)
			}
			now = now.Add(10 * time.Second)
		}
		if d := left(); d != 0 {
			t.Fatalf("left after %v", d)
		}
		w.Put(n+1, items(t, []string{fmt.Sprintf("%x %x - front/10.0.0.1", 16*n+1, 16*n)}), 10, now)
		n++
		now = now.Add(longest)
		w.Due(now)
		w.Take(len(w.Ready()))
		now = now.Add(10 * time.Second)
	}
}

// Services that come once leave room for others, and those that are trusted are so still.
func TestHabitsOfVeryManyServices(t *testing.T) {
	t.Parallel()
	var h habits
	h.init()
	h.proof = 2
	once := uint64(1000)
	others := func() {
		for range maxServices {
			once++
			h.kept(once)
		}
	}
	for service := range uint64(10) {
		others()
		h.kept(service)
		h.kept(service)
	}
	others()
	for service := range uint64(10) {
		if !h.trusted(service) {
			t.Errorf("service %d is not trusted", service)
		}
	}
	if len(h.of) > maxServices {
		t.Errorf("%d services are kept", len(h.of))
	}
}
