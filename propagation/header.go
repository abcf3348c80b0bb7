// SPDX-License-Identifier: Apache-2.0

package propagation

import "strings"

// header is the name of a header in the forms that carriers use.
type header struct {
	spec      string // as its specification writes it
	canonical string // as net/http keeps it
	lower     string // as gRPC keeps it
}

// is is true for the name in any case.
func (h *header) is(key string) bool {
	return len(key) == len(h.lower) && (key == h.canonical || key == h.lower || strings.EqualFold(key, h.lower))
}

var (
	hB3          = header{"b3", "B3", "b3"}
	hB3Trace     = header{"X-B3-TraceId", "X-B3-Traceid", "x-b3-traceid"}
	hB3Span      = header{"X-B3-SpanId", "X-B3-Spanid", "x-b3-spanid"}
	hB3Parent    = header{"X-B3-ParentSpanId", "X-B3-Parentspanid", "x-b3-parentspanid"}
	hB3Sampled   = header{"X-B3-Sampled", "X-B3-Sampled", "x-b3-sampled"}
	hB3Flags     = header{"X-B3-Flags", "X-B3-Flags", "x-b3-flags"}
	hB3Name      = header{"baggage-bridge-tn", "Baggage-Bridge-Tn", "baggage-bridge-tn"}
	hSW8         = header{"sw8", "Sw8", "sw8"}
	hCorrelation = header{"sw8-correlation", "Sw8-Correlation", "sw8-correlation"}
	hSW8X        = header{"sw8-x", "Sw8-X", "sw8-x"}
	hParent      = header{"traceparent", "Traceparent", "traceparent"}
	hState       = header{"tracestate", "Tracestate", "tracestate"}
	hBaggage     = header{"baggage", "Baggage", "baggage"}
	hUber        = header{"uber-trace-id", "Uber-Trace-Id", "uber-trace-id"}
	hUberBaggage = header{"jaeger-baggage", "Jaeger-Baggage", "jaeger-baggage"}
	hUberDebug   = header{"jaeger-debug-id", "Jaeger-Debug-Id", "jaeger-debug-id"}
	hUberName    = header{"uberctx-bridge-tn", "Uberctx-Bridge-Tn", "uberctx-bridge-tn"}
	hOTTrace     = header{"ot-tracer-traceid", "Ot-Tracer-Traceid", "ot-tracer-traceid"}
	hOTSpan      = header{"ot-tracer-spanid", "Ot-Tracer-Spanid", "ot-tracer-spanid"}
	hOTSampled   = header{"ot-tracer-sampled", "Ot-Tracer-Sampled", "ot-tracer-sampled"}
	hOTMarks     = header{"ot-baggage-br", "Ot-Baggage-Br", "ot-baggage-br"}
	hLightStep   = header{"x-ot-span-context", "X-Ot-Span-Context", "x-ot-span-context"}
)

// Prefixes of headers that carry one item of baggage each.
const (
	uberPrefix = "uberctx-"
	otPrefix   = "ot-baggage-"
	b3Prefix   = "baggage-" // of jaeger-client's codec for B3
)

// Keys of baggage that are ours.
const (
	// NameKey carries SkyWalking's name of the trace where nothing else can.
	NameKey = "bridge-tn"
	// debugKey says in sw8-correlation that the decision is to debug.
	debugKey = "b3d"
)

// headersOf are the headers of each format that have one name.
var headersOf = [numFormats][]*header{
	B3:        {&hB3, &hB3Name},
	B3Multi:   {&hB3Trace, &hB3Span, &hB3Parent, &hB3Sampled, &hB3Flags, &hB3Name},
	SW8:       {&hSW8, &hCorrelation, &hSW8X},
	W3C:       {&hParent, &hState, &hBaggage},
	Uber:      {&hUber, &hUberBaggage, &hUberDebug, &hUberName},
	OT:        {&hOTTrace, &hOTSpan, &hOTSampled, &hOTMarks},
	LightStep: {&hLightStep},
}

// prefixOf are the prefixes of each format's baggage.
var prefixOf = [numFormats]string{B3: b3Prefix, B3Multi: b3Prefix, Uber: uberPrefix, OT: otPrefix}

// headerOf finds the header of one of the formats that a key names in any case;
// nil for one that holds an item of baggage, and false for a key that is none.
func headerOf(formats []Format, key string) (h *header, ours bool) {
	if key == "" || !begins[key[0]] { // most headers
		return nil, false
	}
	for _, f := range formats {
		if int(f) >= numFormats {
			continue
		}
		for _, h := range headersOf[f] {
			if h.is(key) {
				return h, true
			}
		}
		if prefix := prefixOf[f]; prefix != "" && hasPrefixFold(key, prefix) {
			ours = true
		}
	}
	return nil, ours
}

// Headers are the names of the headers of a format in lower case. Those that end
// in a dash are prefixes.
func (f Format) Headers() (names []string) {
	if int(f) >= numFormats {
		return nil
	}
	prefix := prefixOf[f]
	for _, h := range headersOf[f] {
		if prefix == "" || !strings.HasPrefix(h.lower, prefix) {
			names = append(names, h.lower)
		}
	}
	if prefix != "" {
		names = append(names, prefix)
	}
	return names
}

// IsHeader is true for the name of a header of one of the formats.
func IsHeader(key string, formats ...Format) bool {
	_, ours := headerOf(formats, key)
	return ours
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
