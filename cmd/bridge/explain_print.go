// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"
)

// formatWords are the formats in words.
var formatWords = map[string]string{
	"b3":         "B3 in one header (Zipkin)",
	"b3multi":    "B3 in many headers (Zipkin)",
	"sw8":        "SkyWalking",
	"w3c":        "W3C Trace Context and Baggage (OpenTelemetry)",
	"uber":       "Jaeger",
	"ot":         "OpenTracing's basic tracers",
	"lightstep":  "LightStep, as Envoy wrote it",
	traceIDAlone: "no header",
}

// print is the explanation for people.
func (e *explanation) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %s\t%s\n", name, value)
		}
	}
	for i := range e.Found {
		f := &e.Found[i]
		fmt.Fprintf(w, "%s: %s\n", f.Format, formatWords[f.Format])
		for _, h := range f.Headers {
			row("header", h)
		}
		row("malformed", f.Error)
		row("trace", f.Trace)
		row("span", f.Span)
		row("parent", f.Parent)
		if f.Decision != "" {
			row("decision", f.Decision+": "+f.Words)
		}
		for _, nv := range f.SW8 {
			fmt.Fprintf(w, "  sw8 %s\t%s\n", nv.Name, cmp.Or(nv.Value, "(empty)"))
		}
		row("debug id", f.DebugID)
		for _, nv := range f.Baggage {
			row("baggage", nv.Name+" = "+nv.Value)
		}
		row("tracestate", f.State)
		if f.Skip {
			row("sw8-x", "spans of this trace are not to be analysed")
		}
		row("sent", f.Sent)
		fmt.Fprintln(w)
	}
	if e.Unread > 0 {
		fmt.Fprintf(w, "%d items of baggage or tracestate cannot be read.\n\n", e.Unread)
	}
	for _, d := range e.Disagree {
		fmt.Fprintf(w, "%s\n", d)
	}
	if e.Counts != "" {
		fmt.Fprintf(w, "%s counts: the order is b3, b3multi, sw8, w3c, uber, ot.\n", e.Counts)
	}
	if len(e.Disagree) > 0 {
		fmt.Fprintln(w)
	}
	if ids := e.TraceIDs; ids != nil {
		fmt.Fprintln(w, "the trace id")
		row("32 digits", ids.Hex32)
		row("16 digits", ids.Hex16)
		row("in SkyWalking", ids.Name)
		row("segment there", ids.Segment)
		fmt.Fprintln(w)
	}
	for i := range e.Written {
		r := &e.Written[i]
		fmt.Fprintf(w, "as %s\n", r.Format)
		if len(r.Headers) == 0 {
			fmt.Fprintln(w, "  no header")
		}
		for _, h := range r.Headers {
			fmt.Fprintf(w, "  %s: %s\n", h.Name, h.Value)
		}
		if r.Note != "" {
			fmt.Fprintf(w, "    %s\n", r.Note)
		}
		for _, l := range r.Lost {
			fmt.Fprintf(w, "    lost: %s\n", l)
		}
		for _, l := range r.Marks {
			fmt.Fprintf(w, "    lost, except to bridge's own readers: %s\n", l)
		}
	}
	_ = w.Flush()
}
