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
	c.Sampling, err = otSampling(sampled)
	return c, err
}

func otSampling(s string) (Sampling, error) {
	switch {
	case s == "":
		return Defer, nil
	case s == "1" || strings.EqualFold(s, "true"):
		return Accept, nil
	case s == "0" || strings.EqualFold(s, "false"):
		return Deny, nil
	}
	return Defer, fmt.Errorf("ot-tracer-sampled: %q, want true or false", short(s))
}

// ParseLightStep reads the header x-ot-span-context as Envoy's LightStep tracer
// wrote it: trace;span;parent;cs.
func ParseLightStep(s string) (Context, error) {
	var f [4]string
	if n := fields(f[:], strings.TrimSpace(s), ';'); n != 4 {
		return Context{}, fmt.Errorf("x-ot-span-context: %d fields, want trace;span;parent;cs", n)
	}
	c, err := parseIDs("x-ot-span-context", f[0], f[1])
	if err != nil {
		return Context{}, err
	}
	if c.Parent, err = span.ParseID(f[2]); err != nil {
		c.Parent = 0
	}
	c.Sampling = Accept
	return c, nil
}

func (w *writing) ot(c *Context) {
	if !c.HasIDs() {
		return
	}
	w.add(&hOTTrace, span.ID(c.Trace.Lo).AppendHex(w.next()))
	w.add(&hOTSpan, c.Span.AppendHex(w.next()))
	switch {
	case c.Sampling == Deny:
		w.add(&hOTSampled, append(w.next(), "false"...))
	case c.Sampling.Sampled():
		w.add(&hOTSampled, append(w.next(), "true"...))
	}
	for i := range c.Baggage {
		it := &c.Baggage[i]
		if !isToken(it.Key) || !plain(it.Value) || it.Value == "" { // readers take values as they are
			w.cut++
			continue
		}
		w.addPrefixed(otPrefix, it.Key, append(w.next(), it.Value...))
	}
	d := w.next()
	from := len(d)
	if c.Sampling != Defer { // absent says it
		d = c.appendMarks(d, true)
	} else {
		decided := *c
		decided.Sampling = Accept
		d = decided.appendMarks(d, true)
	}
	if len(d) > from {
		w.addPrefixed(otPrefix, stateKey, d)
	}
}
