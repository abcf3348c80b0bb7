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
	B3        Format = iota + 1 // b3
	B3Multi                     // X-B3-TraceId and its like
	SW8                         // sw8, sw8-correlation, sw8-x
	W3C                         // traceparent, tracestate, baggage
	Uber                        // uber-trace-id, uberctx-*, jaeger-baggage, jaeger-debug-id
	OT                          // ot-tracer-*, ot-baggage-*
	LightStep                   // x-ot-span-context; read only
	numFormats = int(iota) + 1
)

var formatNames = [numFormats]string{"none", "b3", "b3multi", "sw8", "w3c", "uber", "ot", "lightstep"}

// String is the word for the format in settings and metrics.
func (f Format) String() string { return formatNames[f] }

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

// header is the name of a header in the forms that carriers use.
type header struct {
	spec      string // as its specification writes it
	canonical string // as net/http keeps it
	lower     string // as gRPC keeps it
}

var (
	hB3          = header{"b3", "B3", "b3"}
	hB3Trace     = header{"X-B3-TraceId", "X-B3-Traceid", "x-b3-traceid"}
	hB3Span      = header{"X-B3-SpanId", "X-B3-Spanid", "x-b3-spanid"}
	hB3Parent    = header{"X-B3-ParentSpanId", "X-B3-Parentspanid", "x-b3-parentspanid"}
	hB3Sampled   = header{"X-B3-Sampled", "X-B3-Sampled", "x-b3-sampled"}
	hB3Flags     = header{"X-B3-Flags", "X-B3-Flags", "x-b3-flags"}
	hSW8         = header{"sw8", "Sw8", "sw8"}
	hCorrelation = header{"sw8-correlation", "Sw8-Correlation", "sw8-correlation"}
	hSW8X        = header{"sw8-x", "Sw8-X", "sw8-x"}
	hParent      = header{"traceparent", "Traceparent", "traceparent"}
	hState       = header{"tracestate", "Tracestate", "tracestate"}
	hBaggage     = header{"baggage", "Baggage", "baggage"}
	hUber        = header{"uber-trace-id", "Uber-Trace-Id", "uber-trace-id"}
	hUberBaggage = header{"jaeger-baggage", "Jaeger-Baggage", "jaeger-baggage"}
	hUberDebug   = header{"jaeger-debug-id", "Jaeger-Debug-Id", "jaeger-debug-id"}
	hOTTrace     = header{"ot-tracer-traceid", "Ot-Tracer-Traceid", "ot-tracer-traceid"}
	hOTSpan      = header{"ot-tracer-spanid", "Ot-Tracer-Spanid", "ot-tracer-spanid"}
	hOTSampled   = header{"ot-tracer-sampled", "Ot-Tracer-Sampled", "ot-tracer-sampled"}
	hLightStep   = header{"x-ot-span-context", "X-Ot-Span-Context", "x-ot-span-context"}
)

// Prefixes of headers that carry one item of baggage each.
const (
	uberPrefix = "uberctx-"
	otPrefix   = "ot-baggage-"
	b3Prefix   = "baggage-" // of jaeger-client's codec for B3
)

// byFormat are the headers of each format, prefixes last, in lower case.
var byFormat = [numFormats][]string{
	B3:        {hB3.lower, b3Prefix},
	B3Multi:   {hB3Trace.lower, hB3Span.lower, hB3Parent.lower, hB3Sampled.lower, hB3Flags.lower, b3Prefix},
	SW8:       {hSW8.lower, hCorrelation.lower, hSW8X.lower},
	W3C:       {hParent.lower, hState.lower, hBaggage.lower},
	Uber:      {hUber.lower, hUberBaggage.lower, hUberDebug.lower, uberPrefix},
	OT:        {hOTTrace.lower, hOTSpan.lower, hOTSampled.lower, otPrefix},
	LightStep: {hLightStep.lower},
}

// Headers are the names of the headers of a format in lower case. Those that end
// in a dash are prefixes.
func (f Format) Headers() []string { return append([]string(nil), byFormat[f]...) }
