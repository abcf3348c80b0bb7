// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spanbridge/spanbridge/translate/wire"
)

// Fault is something in a body that cannot be read.
type Fault struct {
	Place string // "span 3: traceId", "byte 17"
	Found string
	Want  string
}

func (f Fault) String() string {
	s := f.Found
	if f.Place != "" {
		s = f.Place + ": " + s
	}
	if f.Want != "" {
		s += ", want " + f.Want
	}
	return s
}

// Malformed says what of a body could not be read. The rest of the body is in
// the batch that came with it.
type Malformed struct {
	Format string // "zipkin v2 json"
	Faults []Fault
	// Spans is the number of spans that were refused for a fault of their own.
	Spans int
	// Cut: the body could not be read to its end, so spans after the fault are
	// lost in unknown number.
	Cut bool

	hidden int // refused spans that Faults does not describe
}

// maxFaults is how many faults of one body are described; the others are
// counted.
const maxFaults = 5

// Error is one line: the format, then place, what was found and what was
// wanted for each of the first faults.
func (m *Malformed) Error() string {
	var b strings.Builder
	b.WriteString(m.Format)
	b.WriteString(": ")
	for i, f := range m.Faults {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.String())
	}
	if m.hidden > 0 {
		fmt.Fprintf(&b, "; and %d more", m.hidden)
	}
	return b.String()
}

// Refuse counts a span that could not be read.
func (m *Malformed) Refuse(f Fault) {
	m.Spans++
	if m.Full() {
		m.hidden++
		return
	}
	m.Faults = append(m.Faults, f)
}

// Full is true when the next refused spans are only counted, so that their
// faults need no words.
func (m *Malformed) Full() bool { return len(m.Faults) >= maxFaults }

// Stop records a fault that ends the reading of the body.
func (m *Malformed) Stop(f Fault) {
	m.Cut = true
	m.Faults = append(m.Faults, f)
}

// OrNil is nil when there is no fault.
func (m *Malformed) OrNil() error {
	if m.Spans == 0 && !m.Cut {
		return nil
	}
	return m
}

// FaultOf describes an error of a wire reader at a place such as "span 3".
func FaultOf(place string, err error) Fault {
	var w *wire.Fault
	if !errors.As(err, &w) {
		return Fault{Place: place, Found: err.Error()}
	}
	at := fmt.Sprintf("byte %d", w.At)
	if place != "" {
		at = place + ", " + at
	}
	return Fault{Place: at, Found: w.Found, Want: w.Want}
}
