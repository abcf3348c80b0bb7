// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"fmt"
	"strings"
)

// Format is a family of headers that belong together.
type Format uint8

// Formats, in the order of precedence that New begins with.
const (
	B3         Format = iota + 1 // b3
	B3Multi                      // X-B3-TraceId and its like
	SW8                          // sw8, sw8-correlation, sw8-x
	W3C                          // traceparent, tracestate, baggage
	Uber                         // uber-trace-id, uberctx-*, jaeger-baggage, jaeger-debug-id
	OT                           // ot-tracer-*, ot-baggage-*
	LightStep                    // x-ot-span-context; read only
	numFormats = int(iota) + 1
)

var formatNames = [numFormats]string{"none", "b3", "b3multi", "sw8", "w3c", "uber", "ot", "lightstep"}

// String is the word for the format in settings and metrics.
func (f Format) String() string {
	if int(f) < numFormats {
		return formatNames[f]
	}
	return "unknown"
}

// AllFormats are the formats that can be written, in the order of precedence.
func AllFormats() []Format { return []Format{B3, B3Multi, SW8, W3C, Uber, OT} }

// ParseFormats reads a list of formats, separated by commas: b3, b3multi, sw8,
// w3c, uber, ot. Names that others use are understood as well: jaeger,
// skywalking, tracecontext, traceparent, ottrace.
func ParseFormats(list string) ([]Format, error) {
	var fs []Format
	for name := range strings.SplitSeq(list, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" || name == "baggage" { // a part of w3c here
			continue
		}
		f, ok := formatNamed(name)
		if !ok {
			return nil, fmt.Errorf("header format %q, want a list of b3, b3multi, sw8, w3c, uber, ot", name)
		}
		fs = append(fs, f)
	}
	return fs, nil
}

func formatNamed(name string) (Format, bool) {
	switch name {
	case "b3single":
		return B3, true
	case "skywalking":
		return SW8, true
	case "tracecontext", "traceparent":
		return W3C, true
	case "jaeger", "uber-trace-id":
		return Uber, true
	case "ottrace", "opentracing":
		return OT, true
	}
	for f := B3; int(f) < numFormats; f++ {
		if formatNames[f] == name {
			return f, true
		}
	}
	return 0, false
}

// Formats is a set of formats.
type Formats uint16

// Has is true for a format of the set.
func (s Formats) Has(f Format) bool { return s&(1<<f) != 0 }

// With is the set with one more format.
func (s Formats) With(f Format) Formats { return s | 1<<f }

// String lists the names.
func (s Formats) String() string {
	var names []string
	for f := B3; int(f) < numFormats; f++ {
		if s.Has(f) {
			names = append(names, f.String())
		}
	}
	return strings.Join(names, ",")
}
