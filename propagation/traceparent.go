// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"fmt"
	"strconv"
	"strings"
)

// Flags of traceparent.
const (
	w3cSampled = 1
	w3cRandom  = 2 // Trace Context Level 2
)

// ParseTraceparent reads the header traceparent (W3C Trace Context):
// version-trace-span-flags with 2, 32, 16 and 2 hex digits, here in either case.
// Of a version above 00 the first four fields are read and what follows is
// ignored, as the Recommendation says.
func ParseTraceparent(s string) (Context, error) {
	s = strings.TrimSpace(s)
	var f [4]string
	n := fields(f[:], s, '-')
	if n < 4 || len(f[0]) != 2 || len(f[1]) != 32 || len(f[2]) != 16 || len(f[3]) != 2 {
		return Context{}, fmt.Errorf("traceparent: %q, want four fields of 2, 32, 16 and 2 hex digits", short(s))
	}
	version, err1 := strconv.ParseUint(f[0], 16, 8)
	flags, err2 := strconv.ParseUint(f[3], 16, 8)
	if err1 != nil || err2 != nil {
		return Context{}, fmt.Errorf("traceparent: version %q and flags %q, want hex digits", f[0], f[3])
	}
	if version == 0xff || version == 0 && n != 4 {
		return Context{}, fmt.Errorf("traceparent: version %s with %d fields, want 00 with 4 or a later version than 00 but ff", f[0], n)
	}
	c, err := parseIDs("traceparent", f[1], f[2])
	if err != nil {
		return Context{}, err
	}
	c.Long = c.Trace.Hi != 0 // the header always has 32 digits
	c.Random = flags&w3cRandom != 0
	c.Sampling = Deny
	if flags&w3cSampled != 0 {
		c.Sampling = Accept
	}
	return c, nil
}

// AppendTraceparent appends the header traceparent; nothing without ids. What
// its flag cannot say is in tracestate.
func (c *Context) AppendTraceparent(dst []byte) []byte {
	if !c.HasIDs() {
		return dst
	}
	dst = append(dst, '0', '0', '-')
	dst = append(c.Trace.AppendHex32(dst), '-')
	flags := byte('0')
	if c.Sampling.Sampled() {
		flags |= w3cSampled
	}
	if c.Random {
		flags |= w3cRandom
	}
	return append(c.Span.AppendHex(dst), '-', '0', flags)
}

func (w *writing) w3c(c *Context) {
	if c.HasIDs() {
		w.add(&hParent, c.AppendTraceparent(w.text))
		w.add(&hState, w.appendState(w.text, c))
	}
	w.w3cBaggage(c)
}
