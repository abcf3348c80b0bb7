// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"errors"

	"github.com/spanbridge/spanbridge/span"
)

var (
	errAlone = errors.New("tracestate without traceparent")
	errState = errors.New("tracestate: not a list of key=value with known characters: left out as a whole")
)

// Extract reads what a request's headers say. Headers that cannot be read are
// counted and left aside; a request without any gives an empty context.
func (p *Propagator) Extract(r Reader) (c Context) {
	p.ExtractTo(&c, r)
	return c
}

// ExtractTo is Extract into a context that the caller has already, whatever is in
// it.
func (p *Propagator) ExtractTo(c *Context, r Reader) {
	switch m := r.(type) {
	case HTTP: // without Each, to which a reading would go by the heap
		p.extractMulti(c, m)
	case Metadata:
		p.extractMulti(c, m)
	case TextMap:
		in := reading{wanted: p.wanted, raw: true, unordered: true}
		for k, v := range m {
			in.take(k, v)
		}
		in.context(p, c)
	default:
		p.each(r).context(p, c)
	}
}

func (p *Propagator) extractMulti(c *Context, m map[string][]string) {
	in := reading{wanted: p.wanted, unordered: true}
	for k, vs := range m {
		if k == "" || !begins[k[0]] { // most headers
			continue
		}
		for _, v := range vs {
			in.take(k, v)
		}
	}
	in.context(p, c)
}

// each takes all headers of any carrier.
func (p *Propagator) each(r Reader) *reading {
	in := &reading{wanted: p.wanted}
	_, in.raw = r.(Unescaped)
	switch r.(type) {
	case HTTP, Metadata, TextMap:
		in.unordered = true
	}
	r.Each(in.take)
	return in
}

// Finding is what the headers of one format said.
type Finding struct {
	Format  Format
	Context Context
	Err     error
}

// Examine reads the headers of every format by itself, in the order of
// precedence, and says of those that cannot be read why: of W3C's, it may be
// tracestate alone. What it finds is not counted.
func (p *Propagator) Examine(r Reader) (found []Finding) {
	in := p.each(r)
	for _, f := range p.read {
		var c Context
		err := in.parse(f, &c)
		if in.bad.Has(f) && err == nil { // the ids count all the same
			err = errState
		}
		in.c = Context{}
		if f != B3 || in.has&hasB3 != 0 || in.has&hasB3Multi == 0 { // both forms have the same baggage
			in.readBaggageOf(f)
		}
		in.nameTrace(&c)
		if c.Baggage = in.c.Baggage; err != nil || !c.IsEmpty() {
			if c.HasIDs() {
				c.Format = f
			}
			c.Found = c.Found.With(f)
			found = append(found, Finding{f, c, err})
		}
	}
	return found
}

// context is what all headers say together.
func (r *reading) context(p *Propagator, into *Context) {
	if r.has != 0 || r.size != 0 || r.cut != 0 {
		r.unite(p)
	}
	if r.size != 0 && !p.itemised.Load() {
		p.itemised.Store(true)
	}
	if len(r.c.Others) > 0 && p.disagree != nil {
		told := r.c // r itself is on no heap
		p.disagree(&told)
	}
	*into = r.c
}

// unite makes one context of all formats.
func (r *reading) unite(p *Propagator) {
	for _, f := range p.read {
		if r.has&marksOf[f] == 0 {
			continue
		}
		if r.c.Found == 0 { // most requests have one format: its context is not copied
			switch err := r.parse(f, &r.c); {
			case err != nil:
				r.bad = r.bad.With(f)
			case r.c.HasIDs():
				p.counts.read[f].Add(1)
				r.c.Format, r.c.Found, r.decided = f, r.c.Found.With(f), f
			case r.c.Sampling != Defer:
				p.counts.read[f].Add(1)
				c := r.c
				r.c = Context{}
				r.add(f, &c)
			default:
				r.c = Context{}
			}
			continue
		}
		var c Context
		if err := r.parse(f, &c); err != nil {
			r.bad = r.bad.With(f)
			continue
		}
		if c.HasIDs() || c.Sampling != Defer {
			p.counts.read[f].Add(1)
			r.add(f, &c)
		}
	}
	if r.has&hasLists != 0 || r.size != 0 {
		for _, f := range p.read {
			r.readBaggageOf(f)
		}
	}
	r.nameTrace(&r.c)
	if r.c.HasIDs() {
		r.c.DebugID = ""
	} else if r.decided == 0 && r.c.DebugID != "" {
		r.c.Sampling = Debug
	}
	if r.bad|r.lost == 0 && r.cut == 0 {
		return
	}
	p.counts.cut.Add(int64(r.cut))
	for _, f := range p.read {
		if r.bad.Has(f) {
			p.counts.malformed[f].Add(1)
		}
		if r.lost.Has(f) {
			p.counts.disagreed[f].Add(1)
		}
	}
}

// add brings what a format says together with what those before it said.
func (r *reading) add(f Format, c *Context) {
	w := &r.c
	w.Found = w.Found.With(f)
	switch {
	case c.DebugID != "": // counts where nothing else is said
		w.DebugID = c.DebugID
		return
	case !c.HasIDs(): // a decision alone
		if w.Sampling == Defer {
			w.Sampling, r.decided = c.Sampling, f
		}
		return
	case !w.HasIDs():
		decision, found, debugID := w.Sampling, w.Found, w.DebugID
		*w = *c
		w.Format, w.Found, w.DebugID = f, found, debugID
		if decision != Defer && c.Sampling.within(r.decided) != decision {
			w.Sampling = decision
		} else {
			r.decided = f
		}
		return
	}
	same := sameTrace(w.Trace, c.Trace)
	if !same || w.Span != c.Span {
		// Some proxies leave b3 as it came and write the other form anew
		// (envoy#47515): then b3 names the parent.
		if same && f == B3Multi && w.Format == B3 && c.Parent == w.Span {
			r.lost = r.lost.With(B3)
			w.Others = append(w.Others, Other{B3, w.Trace, w.Span})
			w.Span, w.Parent, w.Format, w.native = c.Span, c.Parent, f, c.native
			if c.Sampling != Defer {
				w.Sampling, r.decided = c.Sampling, f
			}
			r.widen(c)
			return
		}
		r.lost = r.lost.With(f)
		w.Others = append(w.Others, Other{f, c.Trace, c.Span})
	}
	if same {
		r.complete(f, c)
	}
}

// widen takes the longer form of one trace's id, and its name.
func (r *reading) widen(c *Context) {
	w := &r.c
	if w.Trace.Hi == 0 && c.Trace.Hi != 0 { // lost on the way
		if n := &w.native; n.sw8 != "" && n.name64 == "" && w.TraceName == "" {
			w.TraceName = string(w.Trace.AppendHex32(nil))
		}
		if w.native.trace == w.Trace {
			w.native.trace = c.Trace
		}
		w.Trace, w.Long = c.Trace, true
	}
	w.Long = w.Long || c.Long
	w.Random = w.Random || c.Random
	if !w.IsNamed() && c.IsNamed() {
		w.TraceName = c.TraceName
		w.native.name64, w.native.trace = c.native.name64, w.Trace
	}
	if w.State == "" {
		w.State = c.State
	}
	w.SkipAnalysis = w.SkipAnalysis || c.SkipAnalysis
	if w.Sent == 0 {
		w.Sent = c.Sent
	}
}

// complete adds what another format knows of the same trace.
func (r *reading) complete(f Format, c *Context) {
	w := &r.c
	r.widen(c)
	if w.Span != c.Span {
		return
	}
	if w.native.sw8 == "" && c.native.sw8 != "" {
		w.native.sw8, w.native.span, w.native.whole, w.native.trace = c.native.sw8, c.native.span, c.native.whole, w.Trace
	}
	if w.Parent == 0 {
		w.Parent = c.Parent
	}
	// The same in the words of a format that has more of them, or where the first
	// had nothing to say.
	if c.Sampling != w.Sampling && (c.Sampling.within(r.decided) == w.Sampling ||
		w.Sampling == Defer && Defer.within(f) != c.Sampling) {
		w.Sampling, r.decided = c.Sampling, f
	}
}

// sameTrace is true for equal ids, and for one that is the last half of the
// other.
func sameTrace(a, b span.TraceID) bool {
	return a == b || a.Lo == b.Lo && (a.Hi == 0 || b.Hi == 0)
}
