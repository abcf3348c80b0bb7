// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// ParseB3 reads the single header b3 (openzipkin/b3-propagation):
//
//	b3 = trace "-" span [ "-" sampling [ "-" parent ] ]
//	   | sampling
//	sampling = "0" | "1" | "d"
//
// As Brave does, it takes trace-span-parent without a decision as well; a single
// character is never the parent.
func ParseB3(s string) (Context, error) {
	var f [4]string
	n := fields(f[:], strings.TrimSpace(s), '-')
	if n == 1 {
		d, ok := b3Sampling(f[0])
		if !ok {
			return Context{}, fmt.Errorf("b3: %q, want trace-span, or 0, 1 or d", short(f[0]))
		}
		return Context{Sampling: d}, nil
	}
	if n > 4 {
		return Context{}, fmt.Errorf("b3: %d fields, want 1 to 4", n)
	}
	c, err := parseIDs("b3", f[0], f[1])
	if err != nil {
		return Context{}, err
	}
	rest := f[2:n]
	if len(rest) > 0 {
		if d, ok := b3Sampling(rest[0]); ok {
			c.Sampling, rest = d, rest[1:]
		} else if len(rest) == 2 || len(rest[0]) == 1 {
			return Context{}, fmt.Errorf("b3: sampling: %q, want 0, 1 or d", short(rest[0]))
		}
	}
	if len(rest) > 0 {
		if c.Parent, err = parseParent(rest[0]); err != nil {
			return Context{}, fmt.Errorf("b3: parent id: %w", err)
		}
	}
	return c, nil
}

func b3Sampling(s string) (Sampling, bool) {
	if len(s) != 1 {
		return Defer, false
	}
	switch s[0] {
	case '0':
		return Deny, true
	case '1':
		return Accept, true
	case 'd':
		return Debug, true
	}
	return Defer, false
}

// ParseB3Multi reads the headers X-B3-TraceId, X-B3-SpanId, X-B3-ParentSpanId,
// X-B3-Sampled and X-B3-Flags, each of which may be empty. Sampled may be
// spelled true or false, as older clients do. Of the flags only 1 counts. One of
// trace and span id without the other names no parent: the decision beside it
// holds, and without one it is an error.
func ParseB3Multi(trace, spanID, parent, sampled, flags string) (Context, error) {
	var c Context
	var err error
	switch {
	case flags == "1" || sampled == "d":
		c.Sampling = Debug
	case sampled == "":
	case sampled == "1" || strings.EqualFold(sampled, "true"):
		c.Sampling = Accept
	case sampled == "0" || strings.EqualFold(sampled, "false"):
		c.Sampling = Deny
	default: // Brave leaves the ids aside too
		return Context{}, fmt.Errorf("X-B3-Sampled: %q, want 0 or 1", short(sampled))
	}
	if trace == "" || spanID == "" {
		if c.Sampling == Defer && (trace != "" || spanID != "") {
			return Context{}, errors.New("X-B3: one of X-B3-TraceId and X-B3-SpanId, want both")
		}
		return c, nil
	}
	decision := c.Sampling
	if c, err = parseIDs("X-B3", trace, spanID); err != nil {
		return Context{}, err
	}
	c.Sampling = decision
	if parent != "" {
		if c.Parent, err = parseParent(parent); err != nil {
			return Context{}, fmt.Errorf("X-B3-ParentSpanId: %w", err)
		}
	}
	return c, nil
}

// parseIDs reads the ids of a trace and a span.
func parseIDs(format, trace, spanID string) (c Context, err error) {
	if c.Trace, err = span.ParseTraceID(trace); err != nil {
		return Context{}, fmt.Errorf("%s: trace id: %w", format, err)
	}
	if c.Span, err = span.ParseID(spanID); err != nil {
		return Context{}, fmt.Errorf("%s: span id: %w", format, err)
	}
	c.Long = len(trace) > 16
	return c, nil
}

// parseParent reads the id of a parent; zeros stand for none.
func parseParent(s string) (span.ID, error) {
	if len(s) <= 16 && s != "" && strings.Trim(s, "0") == "" {
		return 0, nil
	}
	return span.ParseID(s)
}

// AppendB3 appends the header b3; nothing for a context that says nothing.
func (c *Context) AppendB3(dst []byte) []byte {
	decision := byte(0)
	switch c.Sampling {
	case Deny:
		decision = '0'
	case Accept, Firehose:
		decision = '1'
	case Debug:
		decision = 'd'
	}
	if !c.HasIDs() {
		if decision != 0 {
			dst = append(dst, decision)
		}
		return dst
	}
	dst = append(c.appendTrace(dst), '-')
	dst = c.Span.AppendHex(dst)
	if decision == 0 { // zipkin-go takes no parent without a decision
		return dst
	}
	dst = append(dst, '-', decision)
	if c.hasParent() {
		dst = c.Parent.AppendHex(append(dst, '-'))
	}
	return dst
}

// hasParent is true for a parent that may be said: Zipkin takes a span that is
// its own parent for a root.
func (c *Context) hasParent() bool { return c.Parent != 0 && c.Parent != c.Span }

// appendTrace appends the trace id at the width in which it came.
func (c *Context) appendTrace(dst []byte) []byte {
	if c.Long {
		return c.Trace.AppendHex32(dst)
	}
	return c.Trace.AppendHex(dst)
}

func (w *writing) b3(c *Context) {
	w.add(&hB3, c.AppendB3(w.text))
	w.b3Baggage(c)
}

func (w *writing) b3Multi(c *Context) {
	if c.HasIDs() {
		w.add(&hB3Trace, c.appendTrace(w.text))
		w.add(&hB3Span, c.Span.AppendHex(w.text))
		if c.hasParent() {
			w.add(&hB3Parent, c.Parent.AppendHex(w.text))
		}
	}
	switch c.Sampling {
	case Deny:
		w.add(&hB3Sampled, append(w.text, '0'))
	case Accept, Firehose: // aiozipkin takes true for a denial
		w.add(&hB3Sampled, append(w.text, '1'))
	case Debug:
		// The flag says it all. jaeger-client-go's codec and aiozipkin do not see it,
		// and would drop what a person asked for (ADR 0014).
		w.add(&hB3Sampled, append(w.text, '1'))
		w.add(&hB3Flags, append(w.text, '1'))
	}
	w.b3Baggage(c)
}

// b3Baggage writes the headers of jaeger-client's codec for B3, once for both
// forms.
func (w *writing) b3Baggage(c *Context) {
	if w.wrote.Has(B3) || w.wrote.Has(B3Multi) {
		return
	}
	w.items(c, B3)
	w.name(c, &hB3Name, false)
}

// fields cuts s at each sep and gives the number of fields, which may be more
// than fit.
func fields(into []string, s string, sep byte) (n int) {
	for {
		at := strings.IndexByte(s, sep)
		if n < len(into) {
			if at < 0 {
				into[n] = s
			} else {
				into[n] = s[:at]
			}
		}
		n++
		if at < 0 {
			return n
		}
		s = s[at+1:]
	}
}

var errNoIDs = errors.New("a decision without ids, want a trace id")

// short cuts a text for a message.
func short(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
