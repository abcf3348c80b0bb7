// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"errors"
	"net/url"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// Identify finds the trace id in what a person pastes: 1 to 32 hex digits, a
// UUID, a SkyWalking trace id of any form, or a whole header (b3, traceparent,
// uber-trace-id, sw8, X-B3-TraceId), with or without its name, in quotes or
// not. What is nothing else is taken for a SkyWalking trace id, since those may
// be any text.
func Identify(text string) (span.TraceID, error) {
	s := strings.Trim(strings.TrimSpace(text), `"'`+"`")
	name, value, named := strings.Cut(s, ":")
	if named {
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "b3":
			return traceOf(ParseB3(value))
		case "traceparent":
			return traceOf(ParseTraceparent(value))
		case "uber-trace-id":
			return traceOf(ParseUber(value))
		case "sw8":
			return traceOf(ParseSW8(value))
		case "x-b3-traceid", "ot-tracer-traceid":
			return span.ParseTraceID(value)
		}
	}
	if s == "" {
		return span.TraceID{}, errors.New("nothing, want a trace id or a tracing header")
	}
	if strings.ContainsRune(s, '%') {
		if plain, err := url.QueryUnescape(s); err == nil {
			s = plain
		}
	}
	if id, err := span.ParseTraceID(s); err == nil {
		return id, nil
	}
	// A header without its name. UUIDs look like none of them.
	if strings.Count(s, ":") == 3 {
		if c, err := ParseUber(s); err == nil {
			return c.Trace, nil
		}
	}
	for _, parse := range []func(string) (Context, error){ParseSW8, ParseTraceparent, ParseB3} {
		if isUUID(s) {
			break
		}
		if c, err := parse(s); err == nil && !c.Trace.IsZero() {
			return c.Trace, nil
		}
	}
	if strings.ContainsAny(s, " \t\r\n") || len(s) > 150 {
		return span.TraceID{}, errors.New("neither a trace id nor a tracing header")
	}
	return span.TraceOf(s), nil
}

func traceOf(c Context, err error) (span.TraceID, error) {
	if err == nil && c.Trace.IsZero() {
		err = errNoIDs
	}
	return c.Trace, err
}

func isUUID(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
}
