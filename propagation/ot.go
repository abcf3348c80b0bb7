// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"fmt"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// ParseOT reads the headers ot-tracer-traceid, ot-tracer-spanid and
// ot-tracer-sampled of OpenTracing's basic tracers. The trace id has 16 digits;
// 32 are read as well.
func ParseOT(trace, spanID, sampled string) (Context, error) {
	c, err := parseIDs("ot-tracer", trace, spanID)
	if err != nil {
		return Context{}, err
	}
	switch {
	case sampled == "":
	case sampled == "1" || strings.EqualFold(sampled, "true"):
		c.Sampling = Accept
	case sampled == "0" || strings.EqualFold(sampled, "false"):
		c.Sampling = Deny
	default:
		return Context{}, fmt.Errorf("ot-tracer-sampled: %q, want true or false", short(sampled))
	}
	return c, nil
}

// ParseLightStep reads the header x-ot-span-context in the form of four fields
// that Envoy once wrote: trace;span;parent;cs. It does not say whether the trace
// is sampled.
func ParseLightStep(s string) (Context, error) {
	var f [4]string
	if n := fields(f[:], strings.TrimSpace(s), ';'); n != 4 {
		return Context{}, fmt.Errorf("x-ot-span-context: %d fields, want trace;span;parent;cs", n)
	}
	c, err := parseIDs("x-ot-span-context", f[0], f[1])
	if err != nil {
		return Context{}, err
	}
	if c.Parent, err = parseParent(f[2]); err != nil {
		c.Parent = 0
	}
	return c, nil
}

// ot writes the trace id with 16 digits, which is what basictracer-go can read;
// the first half goes by a mark in the baggage.
func (w *writing) ot(c *Context) {
	if !c.HasIDs() {
		return
	}
	if c.Trace.Lo == 0 { // no id is left of it
		w.cut++
		return
	}
	w.add(&hOTTrace, span.ID(c.Trace.Lo).AppendHex(w.text))
	w.add(&hOTSpan, c.Span.AppendHex(w.text))
	switch {
	case c.Sampling == Deny:
		w.add(&hOTSampled, append(w.text, "false"...))
	case c.Sampling.Sampled():
		w.add(&hOTSampled, append(w.text, "true"...))
	}
	w.items(c, OT)
	w.marks(c, &hOTMarks, OT)
}
