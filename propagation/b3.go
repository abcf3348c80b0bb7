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
// As Brave does, it takes trace-span-parent without a decision as well.
func ParseB3(s string) (Context, error) {
	f := strings.Split(strings.TrimSpace(s), "-")
	if len(f) == 1 {
		d, ok := b3Sampling(f[0])
		if !ok {
			return Context{}, fmt.Errorf("b3: %q, want trace-span, or 0, 1 or d", short(f[0]))
		}
		return Context{Sampling: d}, nil
	}
	if len(f) > 4 {
		return Context{}, fmt.Errorf("b3: %d fields, want 1 to 4", len(f))
	}
	var c Context
	var err error
	if c.Trace, err = span.ParseTraceID(f[0]); err != nil {
		return Context{}, fmt.Errorf("b3: trace id: %w", err)
	}
	if c.Span, err = span.ParseID(f[1]); err != nil {
		return Context{}, fmt.Errorf("b3: span id: %w", err)
	}
	rest := f[2:]
	if len(rest) > 0 {
		if d, ok := b3Sampling(rest[0]); ok {
			c.Sampling, rest = d, rest[1:]
		} else if len(rest) == 2 {
			return Context{}, fmt.Errorf("b3: sampling: %q, want 0, 1 or d", short(rest[0]))
		}
	}
	if len(rest) > 0 {
		if c.Parent, err = span.ParseID(rest[0]); err != nil {
			return Context{}, fmt.Errorf("b3: parent id: %w", err)
		}
	}
	return c, nil
}

func b3Sampling(s string) (Sampling, bool) {
	switch s {
	case "0":
		return Deny, true
	case "1":
		return Accept, true
	case "d":
		return Debug, true
	}
	return Defer, false
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
