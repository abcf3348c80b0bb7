// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"errors"
	"fmt"
	"testing"

	"github.com/spanbridge/spanbridge/translate/wire"
)

func TestFault(t *testing.T) {
	t.Parallel()
	f := func(fault Fault, want string) {
		t.Helper()
		if got := fault.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	f(Fault{"span 3: traceId", "33 characters", "1 to 32"}, "span 3: traceId: 33 characters, want 1 to 32")
	f(Fault{Found: "the end of the body"}, "the end of the body")
	f(Fault{Place: "byte 7", Found: "0x00"}, "byte 7: 0x00")
	f(Fault{Found: "'{'", Want: "'['"}, "'{', want '['")
	cut := &wire.Fault{At: 17, Found: "3 bytes left", Want: "8"}
	f(FaultOf("", cut), "byte 17: 3 bytes left, want 8")
	f(FaultOf("span 2", fmt.Errorf("within: %w", cut)), "span 2, byte 17: 3 bytes left, want 8")
	f(FaultOf("span 2", errors.New("other")), "span 2: other")
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	f := func(refused int, cut bool, want string) {
		t.Helper()
		m := &Malformed{Format: "zipkin proto3"}
		for i := range refused {
			m.Refuse(Fault{Place: fmt.Sprint("span ", i+1), Found: "x"})
		}
		if m.Full() != (refused >= maxFaults) {
			t.Errorf("%d refused: full %v", refused, m.Full())
		}
		if cut {
			m.Stop(Fault{Place: "byte 9", Found: "the end"})
		}
		if m.Spans != refused || m.Cut != cut {
			t.Errorf("%d refused, cut %v", m.Spans, m.Cut)
		}
		err := m.OrNil()
		if (err == nil) != (want == "") {
			t.Fatalf("%v, want %s", err, want)
		}
		if err != nil && err.Error() != "zipkin proto3: "+want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	const five = "span 1: x; span 2: x; span 3: x; span 4: x; span 5: x"
	f(0, false, "")
	f(1, false, "span 1: x")
	f(2, false, "span 1: x; span 2: x")
	f(5, false, five)
	f(7, false, five+"; and 2 more")
	f(0, true, "byte 9: the end")
	f(1, true, "span 1: x; byte 9: the end")
	f(5, true, five+"; byte 9: the end")
	f(1_000_000, true, five+"; byte 9: the end; and 999995 more")
}
