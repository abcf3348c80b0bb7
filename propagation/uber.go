// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// ParseUber reads the header uber-trace-id of Jaeger's clients:
// trace:span:parent:flags, ids in hex without leading zeros, parent 0 for none.
// The colons may be percent-encoded. Flags are read as jaeger-client-go does,
// in decimal: 1 sampled, 2 debug.
func ParseUber(s string) (Context, error) {
	s = strings.TrimSpace(s)
	if strings.ContainsRune(s, '%') {
		if plain, err := url.QueryUnescape(s); err == nil {
			s = plain
		}
	}
	f := strings.Split(s, ":")
	if len(f) != 4 {
		return Context{}, fmt.Errorf("uber-trace-id: %d fields, want trace:span:parent:flags", len(f))
	}
	var c Context
	var err error
	if c.Trace, err = span.ParseTraceID(f[0]); err != nil {
		return Context{}, fmt.Errorf("uber-trace-id: trace id: %w", err)
	}
	if c.Span, err = span.ParseID(f[1]); err != nil {
		return Context{}, fmt.Errorf("uber-trace-id: span id: %w", err)
	}
	if strings.Trim(f[2], "0") != "" {
		if c.Parent, err = span.ParseID(f[2]); err != nil {
			return Context{}, fmt.Errorf("uber-trace-id: parent id: %w", err)
		}
	}
	flags, err := strconv.ParseUint(f[3], 10, 8)
	switch {
	case err != nil:
		return Context{}, fmt.Errorf("uber-trace-id: flags: %q, want a number up to 255", short(f[3]))
	case flags&2 != 0:
		c.Sampling = Debug
	case flags&1 != 0:
		c.Sampling = Accept
	default:
		c.Sampling = Deny
	}
	return c, nil
}
