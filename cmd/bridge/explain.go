// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// explanation is what bridge header prints, and its JSON.
type explanation struct {
	Found    []finding `json:"found"`
	TraceIDs *traceIDs `json:"traceId,omitempty"`
	Disagree []string  `json:"disagreements,omitempty"`
	// Counts is the format that the rest goes by, where several disagree.
	Counts  string    `json:"counts,omitempty"`
	Unread  int64     `json:"itemsNotRead,omitempty"` // of baggage
	Written []rewrite `json:"written,omitempty"`
}

// finding is what the headers of one format say.
type finding struct {
	Format   string      `json:"format"`
	Headers  []string    `json:"headers"`
	Error    string      `json:"error,omitempty"`
	Trace    string      `json:"trace,omitempty"`
	Span     string      `json:"span,omitempty"`
	Parent   string      `json:"parent,omitempty"`
	Decision string      `json:"decision,omitempty"`
	Words    string      `json:"decisionMeans,omitempty"`
	DebugID  string      `json:"debugId,omitempty"`
	SW8      []nameValue `json:"sw8,omitempty"`
	Baggage  []nameValue `json:"baggage,omitempty"`
	State    string      `json:"tracestate,omitempty"`
	Skip     bool        `json:"skipAnalysis,omitempty"`
	Sent     string      `json:"sent,omitempty"`
}

// traceIDs are the forms of a trace id.
type traceIDs struct {
	Hex32   string `json:"hex32"`
	Hex16   string `json:"hex16"`
	Name    string `json:"skywalking"`
	Segment string `json:"segment,omitempty"` // of the span, if it is none of SkyWalking's
}

// rewrite is the same context in another format.
type rewrite struct {
	Format  string      `json:"format"`
	Headers []nameValue `json:"headers"`
	Lost    []string    `json:"lost,omitempty"`
	Marks   []string    `json:"onlyBridgeReads,omitempty"`
	Note    string      `json:"note,omitempty"`
}

func (e *explanation) empty() bool {
	return e.TraceIDs == nil && !slices.ContainsFunc(e.Found, func(f finding) bool { return f.Error == "" })
}

// decisionWords are the states in words.
var decisionWords = map[propagation.Sampling]string{
	propagation.Defer:    "nobody has decided yet: the receiver does",
	propagation.Deny:     "not recorded (SkyWalking's agents cannot be told so: they get no header and begin a trace of their own)",
	propagation.Accept:   "recorded",
	propagation.Debug:    "recorded, past every sampler",
	propagation.Firehose: "recorded, but not indexed (Jaeger)",
}

func explain(p *pasted, from propagation.Caller) *explanation {
	e := &explanation{Found: []finding{}}
	reader := propagation.New()
	h := p.carrier()
	var first *propagation.Finding
	all := reader.Examine(h)
	for i := range all {
		f := &all[i]
		e.Found = append(e.Found, describeFinding(p, f))
		switch {
		case f.Err != nil || !f.Context.HasIDs():
		case first == nil:
			first = f
		default:
			e.compare(first, f)
		}
	}
	c := reader.Extract(h)
	if len(c.Others) > 0 {
		e.Counts = c.Format.String()
	}
	e.Unread = reader.Counts().Cut
	if name, id := p.alone(); !id.IsZero() {
		e.Found = append(e.Found, finding{Format: traceIDAlone, Headers: []string{name}, Trace: id.String()})
		if !c.HasIDs() {
			e.TraceIDs = idsOf(&propagation.Context{Trace: id, TraceName: name, Long: true})
		}
	}
	if c.HasIDs() {
		e.TraceIDs = idsOf(&c)
	}
	if !c.IsEmpty() {
		for _, f := range propagation.AllFormats() {
			e.Written = append(e.Written, rewriteAs(f, &c, from))
		}
	}
	return e
}

// compare says how two formats differ.
func (e *explanation) compare(a, b *propagation.Finding) {
	x, y := &a.Context, &b.Context
	say := func(what string, one, other string) {
		e.Disagree = append(e.Disagree, a.Format.String()+" and "+b.Format.String()+" name different "+what+": "+one+" and "+other)
	}
	same := x.Trace == y.Trace || x.Trace.Lo == y.Trace.Lo && (x.Trace.Hi == 0 || y.Trace.Hi == 0)
	switch {
	case !same:
		say("traces", x.Trace.String(), y.Trace.String())
	case x.Span != y.Span:
		say("spans", x.Span.String(), y.Span.String())
	case x.Trace != y.Trace:
		e.Disagree = append(e.Disagree, a.Format.String()+" and "+b.Format.String()+" agree, but one has only the last half of the trace id")
	}
	if x.Sampling.Sampled() != y.Sampling.Sampled() && x.Sampling != propagation.Defer && y.Sampling != propagation.Defer {
		say("decisions", x.Sampling.String(), y.Sampling.String())
	}
}

func describeFinding(p *pasted, f *propagation.Finding) finding {
	c := &f.Context
	d := finding{Format: f.Format.String(), Headers: p.of(f.Format)}
	if f.Err != nil {
		d.Error = f.Err.Error()
		if !c.HasIDs() {
			return d
		}
	}
	if c.HasIDs() {
		d.Trace, d.Span = traceText(c), c.Span.String()
		if c.Parent != 0 {
			d.Parent = c.Parent.String()
		}
	}
	if c.HasIDs() || c.Sampling != propagation.Defer {
		d.Decision, d.Words = c.Sampling.String(), decisionWords[c.Sampling]
	}
	d.DebugID, d.State, d.Skip = c.DebugID, c.State, c.SkipAnalysis
	if c.Sent != 0 {
		d.Sent = time.UnixMilli(c.Sent).UTC().Format(time.RFC3339Nano)
	}
	for _, it := range c.Baggage {
		d.Baggage = append(d.Baggage, nameValue{it.Key, it.Value})
	}
	if f.Format == propagation.SW8 {
		d.SW8 = sw8Fields(c)
	}
	return d
}

// traceText is a trace id at the width in which it came.
func traceText(c *propagation.Context) string {
	if c.Long {
		return string(c.Trace.AppendHex32(nil))
	}
	return c.Trace.String()
}

// sw8Fields are the fields of the header, decoded.
func sw8Fields(c *propagation.Context) []nameValue {
	segment, number, ok := c.ParentSegment()
	if !ok {
		return nil
	}
	caller, _ := c.Caller()
	return []nameValue{
		{"trace id", c.Name()},
		{"segment", segment},
		{"span number", strconv.Itoa(int(number))},
		{"service", caller.Service},
		{"instance", caller.Instance},
		{"endpoint", caller.Endpoint},
		{"address", caller.Address},
	}
}

func idsOf(c *propagation.Context) *traceIDs {
	ids := &traceIDs{
		Hex32: string(c.Trace.AppendHex32(nil)),
		Hex16: span.ID(c.Trace.Lo).String(),
		Name:  c.Name(),
	}
	if _, _, native := c.ParentSegment(); !native && c.Span != 0 {
		ids.Segment = span.SegmentName(c.Trace, c.Span)
	}
	return ids
}

// rewriteAs writes a context in one format and reads it back: what is missing
// then is what the format loses.
func rewriteAs(f propagation.Format, c *propagation.Context, from propagation.Caller) rewrite {
	r := rewrite{Format: f.String(), Headers: []nameValue{}}
	read := func(options ...propagation.Option) (http.Header, propagation.Context) {
		h := http.Header{}
		p := propagation.New(append(options, propagation.Read(f), propagation.Write(f), propagation.KeepUndecided())...)
		p.Inject(c, from, propagation.HTTP(h))
		return h, p.Extract(propagation.HTTP(h))
	}
	h, marked := read()
	_, plain := read(propagation.WithoutMarks())
	for _, name := range inOrder(f, h) {
		for _, v := range h[name] {
			r.Headers = append(r.Headers, nameValue{specName(f, name), v})
		}
	}
	if _, _, native := c.ParentSegment(); f == propagation.SW8 && !native && len(r.Headers) > 0 && from.Service == "" {
		r.Note = "the caller is not named: give --service, --instance, --endpoint and --address"
	}
	kept := losses(f, c, &marked)
	for _, l := range losses(f, c, &plain) {
		if slices.Contains(kept, l) {
			r.Lost = append(r.Lost, l)
		} else {
			r.Marks = append(r.Marks, l)
		}
	}
	return r
}

// inOrder are the names of headers: those with ids first.
func inOrder(f propagation.Format, h http.Header) []string {
	order := f.Headers()
	place := func(name string) int {
		if i := slices.Index(order, strings.ToLower(name)); i >= 0 {
			return i
		}
		return len(order)
	}
	return slices.SortedFunc(maps.Keys(h), func(a, b string) int {
		return cmp.Or(place(a)-place(b), strings.Compare(a, b))
	})
}

// specName is a header's name as its specification writes it.
func specName(f propagation.Format, name string) string {
	if f == propagation.B3Multi && strings.HasPrefix(name, "X-B3-") {
		for _, spec := range []string{"X-B3-TraceId", "X-B3-SpanId", "X-B3-ParentSpanId"} {
			if strings.EqualFold(spec, name) {
				return spec
			}
		}
		return name
	}
	return strings.ToLower(name)
}

// losses says what of a context is not in what came back.
func losses(f propagation.Format, c, back *propagation.Context) (lost []string) {
	if !back.HasIDs() && c.HasIDs() {
		if f == propagation.SW8 && c.Sampling == propagation.Deny {
			return []string{"everything: there is no header that keeps an agent from tracing"}
		}
		return []string{"everything"}
	}
	if c.HasIDs() {
		if back.Trace != c.Trace {
			lost = append(lost, "the first half of the trace id, "+span.ID(c.Trace.Hi).String())
		}
		if c.Parent != 0 && back.Parent != c.Parent {
			lost = append(lost, "the parent of the span, "+c.Parent.String())
		}
		if c.IsNamed() && back.Name() != c.Name() {
			lost = append(lost, "SkyWalking's name of the trace")
		}
		if _, _, ok := c.ParentSegment(); ok && f != propagation.SW8 {
			lost = append(lost, "SkyWalking's segment, service, instance, endpoint and address of the caller")
		}
	}
	if back.Sampling != c.Sampling {
		lost = append(lost, "the decision "+c.Sampling.String()+", read as "+back.Sampling.String())
	}
	for _, it := range c.Baggage {
		if v, ok := back.Baggage.Get(it.Key); ok && v == it.Value {
			continue
		}
		if v, ok := back.Baggage.Get(strings.ToLower(it.Key)); ok && v == it.Value {
			lost = append(lost, "the case of the baggage key "+strconv.Quote(it.Key))
			continue
		}
		lost = append(lost, "baggage "+strconv.Quote(it.Key))
	}
	if c.State != "" && back.State != c.State {
		lost = append(lost, "tracestate")
	}
	if c.DebugID != "" && back.DebugID != c.DebugID {
		lost = append(lost, "jaeger-debug-id")
	}
	if c.SkipAnalysis && !back.SkipAnalysis {
		lost = append(lost, "sw8-x: not to be analysed")
	}
	if c.Sent != 0 && back.Sent != c.Sent {
		lost = append(lost, "sw8-x: when the message was sent")
	}
	return lost
}
