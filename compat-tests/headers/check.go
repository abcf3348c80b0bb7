// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"fmt"
	"net/http"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// Read is what package propagation makes of headers that a library wrote, in the
// words that the library uses: SkyWalking's names where it says them, else ids.
func (w *Writing) Read() Reading {
	h := http.Header{}
	for k, v := range w.HTTP {
		h.Set(k, v)
	}
	c := propagation.New().Extract(propagation.HTTP(h))
	r := Reading{Baggage: map[string]string{}}
	for _, it := range c.Baggage {
		r.Baggage[it.Key] = it.Value
		if it.Properties != "" {
			r.Baggage[it.Key] += ";" + it.Properties
		}
	}
	if c.HasIDs() {
		t := textOf(&c)
		r.Trace, r.Span, r.Parent = t.Trace, t.Span, t.Parent
	}
	if c.HasIDs() || c.Sampling != propagation.Defer {
		r.Sampling = c.Sampling.String()
	}
	if c.State != "" {
		r.Baggage["tracestate"] = c.State
	}
	if segment, number, ok := c.ParentSegment(); ok {
		from, _ := c.Caller()
		r.Name, r.Segment, r.Number, r.Caller = c.Name(), segment, fmt.Sprint(number), Caller(from)
	}
	if w.Said.Skip != "" {
		r.Skip = fmt.Sprint(c.SkipAnalysis)
	}
	if c.Sent != 0 {
		r.Sent = fmt.Sprint(c.Sent)
	}
	return r
}

// Want is what the library said, with the ids that follow from SkyWalking's
// names.
func (w *Writing) Want() Reading {
	r := w.Said
	if r.Name != "" {
		var number int32
		_, _ = fmt.Sscan(r.Number, &number)
		trace := span.TraceOf(r.Name)
		r.Trace, r.Span = string(trace.AppendHex32(nil)), span.SpanOf(trace, r.Segment, number).String()
	}
	if r.Trace != "" && r.Sampling == "" {
		r.Sampling = "defer"
	}
	return r
}
