// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"fmt"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// ParseTraceparent reads the header traceparent (W3C Trace Context):
// version-trace-span-flags with 2, 32, 16 and 2 hex digits. Of a version above
// 00 the first four fields are read and what follows is ignored, as the
// Recommendation says.
func ParseTraceparent(s string) (Context, error) {
	s = strings.TrimSpace(s)
	f := strings.Split(s, "-")
	if len(f) < 4 || len(f[0]) != 2 || len(f[1]) != 32 || len(f[2]) != 16 || len(f[3]) != 2 {
		return Context{}, fmt.Errorf("traceparent: %q, want four fields of 2, 32, 16 and 2 hex digits", short(s))
	}
	if v := strings.ToLower(f[0]); v == "ff" || v == "00" && len(f) != 4 {
		return Context{}, fmt.Errorf("traceparent: version %s with %d fields, want 00 with 4 or a later version than 00 but ff", f[0], len(f))
	}
	var c Context
	var err error
	if c.Trace, err = span.ParseTraceID(f[1]); err != nil {
		return Context{}, fmt.Errorf("traceparent: trace id: %w", err)
	}
	if c.Span, err = span.ParseID(f[2]); err != nil {
		return Context{}, fmt.Errorf("traceparent: span id: %w", err)
	}
	flags, err := hexByte(f[0] + f[3])
	if err != nil {
		return Context{}, fmt.Errorf("traceparent: %w", err)
	}
	c.Sampling = Deny
	if flags&1 != 0 {
		c.Sampling = Accept
	}
	return c, nil
}

// hexByte is the last of the bytes that s spells, all of which must be hex.
func hexByte(s string) (byte, error) {
	v := 0
	for _, c := range strings.ToLower(s) {
		d := strings.IndexRune("0123456789abcdef", c)
		if d < 0 {
			return 0, fmt.Errorf("%q in version or flags, want hex digits", c)
		}
		v = v<<4 | d
	}
	return byte(v), nil
}
