// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// What the first caller writes by hand is what it is called.
func TestCallerHeaders(t *testing.T) {
	want := map[string]propagation.Sampling{"accept": propagation.Accept, "deny": propagation.Deny, "debug": propagation.Debug}
	n := 0
	for _, format := range callerFormats {
		for _, decision := range decisions {
			c := call{Enter: "edge", Format: format, Sampling: decision, Baggage: [][2]string{{"user", "ann lee"}}}
			if c.check(chain) != nil {
				continue
			}
			n++
			h, trace := c.headers()
			got := propagation.New().Extract(propagation.HTTP(h))
			if user, _ := got.Baggage.Get("user"); user != "ann lee" {
				t.Errorf("%s: baggage %q in %v", format, user, h)
			}
			if format == "none" {
				if got.HasIDs() || trace != "" {
					t.Errorf("none: ids in %v, trace %q", h, trace)
				}
				continue
			}
			id, err := propagation.Identify(trace)
			if err != nil || got.Trace != id || got.Span == 0 || id == (span.TraceID{}) {
				t.Errorf("%s: trace %s, span %s, want trace %s (%v) in %v", format, got.Trace, got.Span, id, err, h)
			}
			if got.Sampling != want[decision] {
				t.Errorf("%s: %s, want %s in %v", format, got.Sampling, decision, h)
			}
			if got.Format.String() != format {
				t.Errorf("%s: read as %s", format, got.Format)
			}
			found := formats(tracing(h))
			if !strings.Contains(strings.Join(found, " "), format) {
				t.Errorf("%s: formats %q", format, found)
			}
		}
	}
	if n != 16 {
		t.Errorf("%d calls, want 16: 1 without headers, 6 formats twice, and debug by 3 of them", n)
	}
}

func TestParseChain(t *testing.T) {
	f := func(text string, ok bool) {
		t.Helper()
		names, err := parseChain(text)
		if ok != (err == nil) || ok && strings.Join(names, ",") != text {
			t.Errorf("%q: %q, %v", text, names, err)
		}
	}
	f("edge,stock,cart,price,rate,ship,mail", true)
	f("stock,edge,ship,mail", true)
	f("ship,mail", true)
	f("", false)
	f("mail", false)
	f("mail,ship", false)
	f("edge,edge,ship,mail", false)
	f("edge,shop,ship,mail", false)
}
