// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"errors"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// Extract reads what a request's headers say. Headers that cannot be read are
// counted and left aside; a request without any gives an empty context.
func (p *Propagator) Extract(r Reader) Context {
	in := p.readings.Get().(*reading)
	switch m := r.(type) {
	case HTTP: // without the closure of Each
		for k, vs := range m {
			for _, v := range vs {
				in.take(k, v)
			}
		}
	case TextMap:
		in.raw = true
		for k, v := range m {
			in.take(k, v)
		}
	default:
		r.Each(in.take)
	}
	c := in.context()
	in.reset()
	p.readings.Put(in)
	if len(c.Others) > 0 && p.disagree != nil {
		p.disagree(&c)
	}
	return c
}

// Finding is what the headers of one format said.
type Finding struct {
	Format  Format
	Context Context
	Err     error
}

// Examine reads the headers of every format by itself, in the order of
// precedence, and says of those that cannot be read why.
func (p *Propagator) Examine(r Reader) (found []Finding) {
	in := &reading{p: p}
	for _, f := range p.read {
		in.wanted = in.wanted.With(f)
	}
	r.Each(in.take)
	for _, f := range p.read {
		if c, err := in.parse(f); err != nil || !c.IsEmpty() {
			found = append(found, Finding{f, c, err})
		}
	}
	return found
}

// Headers that a reading keeps, by number.
const (
	iB3 = iota
	iB3Trace
	iB3Span
	iB3Parent
	iB3Sampled
	iB3Flags
	iSW8
	iCorrelation
	iSW8X
	iParent
	iState
	iBaggage
	iUber
	iUberBaggage
	iUberDebug
	iOTTrace
	iOTSpan
	iOTSampled
	iLightStep
	numHeaders
)

// reading is one Extract.
type reading struct {
	p      *Propagator
	wanted Formats
	raw    bool // values of baggage are not escaped

	c       Context
	given   [numHeaders]string
	has     uint32 // headers that were there, even if empty
	items   [numFormats]Baggage
	marks   string // ours, of OpenTracing's baggage
	name    string // the trace's name, of Jaeger's or B3's baggage
	debug   bool   // said by sw8-correlation
	cut     int
	size    int // bytes of items
	readAny bool
}

func (r *reading) reset() {
	*r = reading{p: r.p, wanted: r.wanted}
}

// take keeps the headers that matter. Names are compared without case. Of a
// header that is there twice the first value counts, except for lists.
func (r *reading) take(key, value string) {
	if len(key) < 2 {
		return
	}
	switch key[0] | 0x20 {
	case 'b':
		switch {
		case len(key) == 2:
			r.keep(B3, iB3, &hB3, key, value)
		case len(key) == len("baggage"):
			r.join(iBaggage, &hBaggage, key, value)
		case hasPrefixFold(key, b3Prefix) && (r.wanted.Has(B3) || r.wanted.Has(B3Multi)):
			r.item(B3, key[len(b3Prefix):], value)
		}
	case 's':
		r.keep(SW8, iSW8, &hSW8, key, value)
		r.keep(SW8, iCorrelation, &hCorrelation, key, value)
		r.keep(SW8, iSW8X, &hSW8X, key, value)
	case 't':
		r.keep(W3C, iParent, &hParent, key, value)
		r.join(iState, &hState, key, value)
	case 'u':
		r.keep(Uber, iUber, &hUber, key, value)
		if hasPrefixFold(key, uberPrefix) && r.wanted.Has(Uber) {
			r.item(Uber, key[len(uberPrefix):], unescapeUnless(r.raw, value))
		}
	case 'j':
		r.keep(Uber, iUberBaggage, &hUberBaggage, key, value)
		r.keep(Uber, iUberDebug, &hUberDebug, key, value)
	case 'o':
		r.keep(OT, iOTTrace, &hOTTrace, key, value)
		r.keep(OT, iOTSpan, &hOTSpan, key, value)
		r.keep(OT, iOTSampled, &hOTSampled, key, value)
		if hasPrefixFold(key, otPrefix) && r.wanted.Has(OT) {
			r.item(OT, key[len(otPrefix):], value)
		}
	case 'x':
		if len(key) < 9 {
			return
		}
		r.keep(B3Multi, iB3Trace, &hB3Trace, key, value)
		r.keep(B3Multi, iB3Span, &hB3Span, key, value)
		r.keep(B3Multi, iB3Parent, &hB3Parent, key, value)
		r.keep(B3Multi, iB3Sampled, &hB3Sampled, key, value)
		r.keep(B3Multi, iB3Flags, &hB3Flags, key, value)
		r.keep(LightStep, iLightStep, &hLightStep, key, value)
	}
}

func unescapeUnless(raw bool, s string) string {
	if raw {
		return s
	}
	return unescape(s, true)
}

func (r *reading) keep(f Format, i int, h *header, key, value string) {
	if len(key) != len(h.lower) || !r.wanted.Has(f) || r.has&(1<<i) != 0 || !strings.EqualFold(key, h.lower) {
		return
	}
	r.has |= 1 << i
	// Proxies join what came twice; the first value wins (emissary#1344).
	if i != iCorrelation && i != iUberBaggage && i != iUberDebug && i != iSW8X {
		if at := strings.IndexByte(value, ','); at >= 0 {
			value = value[:at]
		}
		value = strings.TrimSpace(value)
	}
	r.given[i] = value
}

// join keeps a header whose lines make one list.
func (r *reading) join(i int, h *header, key, value string) {
	if len(key) != len(h.lower) || !r.wanted.Has(W3C) || !strings.EqualFold(key, h.lower) {
		return
	}
	switch {
	case r.has&(1<<i) == 0:
		r.given[i] = value
	case len(r.given[i])+len(value) < maxBaggageRead:
		r.given[i] += "," + value
	default:
		r.cut++
	}
	r.has |= 1 << i
}

// item keeps baggage that comes in a header of its own.
func (r *reading) item(f Format, key, value string) {
	switch {
	case f == OT && strings.EqualFold(key, stateKey):
		r.marks = value
		return
	case f != OT && strings.EqualFold(key, NameKey):
		r.name = value
		return
	}
	r.size += len(key) + len(value)
	if len(r.items[f]) >= maxBaggage || r.size > maxBaggageBytes {
		r.cut++
		return
	}
	r.items[f] = append(r.items[f], Item{Key: strings.ToLower(key), Value: value})
}

// NameKey is the item of baggage that carries SkyWalking's name of the trace
// where nothing else can.
const NameKey = "bridge-tn"

var errAlone = errors.New("tracestate without traceparent")

// parse reads the ids and the decision of one format; an empty context if it is
// not there.
func (r *reading) parse(f Format) (c Context, err error) {
	g := &r.given
	switch f {
	case B3:
		if g[iB3] != "" {
			c, err = ParseB3(g[iB3])
		}
	case B3Multi:
		const any = 1<<iB3Trace | 1<<iB3Span | 1<<iB3Sampled | 1<<iB3Flags
		if r.has&any != 0 {
			c, err = ParseB3Multi(g[iB3Trace], g[iB3Span], g[iB3Parent], g[iB3Sampled], g[iB3Flags])
		}
	case SW8:
		// An empty header is how agents say that they do not trace.
		if g[iSW8] != "" {
			c, err = ParseSW8(g[iSW8])
		}
		if err == nil && g[iSW8X] != "" {
			c.SkipAnalysis, c.Sent, _ = parseSW8X(g[iSW8X])
		}
	case W3C:
		switch {
		case g[iParent] != "":
			if c, err = ParseTraceparent(g[iParent]); err == nil {
				var marks string
				var ok bool
				if c.State, marks, ok = splitState(g[iState]); ok {
					c.readMarks(marks)
				} else {
					r.cut++
				}
			}
		case g[iState] != "":
			err = errAlone
		}
	case Uber:
		if g[iUber] != "" {
			c, err = ParseUber(g[iUber])
		}
		if err == nil && g[iUberDebug] != "" && !c.HasIDs() {
			c.DebugID = g[iUberDebug]
			c.Sampling = Debug
		}
	case OT:
		if g[iOTTrace] != "" || g[iOTSpan] != "" {
			if c, err = ParseOT(g[iOTTrace], g[iOTSpan], g[iOTSampled]); err == nil {
				c.readMarks(r.marks)
			}
		}
	case LightStep:
		if g[iLightStep] != "" {
			c, err = ParseLightStep(g[iLightStep])
		}
	}
	if err != nil {
		return Context{}, err
	}
	if f != SW8 {
		c.readName(r.name)
	}
	return c, nil
}

// context makes one context of all formats.
func (r *reading) context() Context {
	p := r.p
	for _, f := range p.read {
		if !r.present(f) {
			continue
		}
		c, err := r.parse(f)
		if err != nil {
			p.counts.malformed[f].Add(1)
			continue
		}
		if c.HasIDs() || c.Sampling != Defer {
			p.counts.read[f].Add(1)
			r.add(f, &c)
		}
	}
	c := &r.c
	// The mark has come by correlation, which has no place for it elsewhere.
	if g := r.given[iCorrelation]; g != "" {
		r.readCorrelation(g)
	}
	if g := r.given[iBaggage]; g != "" {
		r.readBaggage(g)
	}
	r.merge(r.items[Uber])
	if g := r.given[iUberBaggage]; g != "" {
		r.readUberBaggage(g)
	}
	r.merge(r.items[OT])
	r.merge(r.items[B3])
	if r.debug && c.Sampling == Accept {
		c.Sampling = Debug
	}
	if r.cut > 0 {
		p.counts.cut.Add(int64(r.cut))
	}
	return *c
}

// present is true if any header of a format that can have ids was there.
func (r *reading) present(f Format) bool {
	switch f {
	case B3:
		return r.has&(1<<iB3) != 0
	case B3Multi:
		return r.has&(1<<iB3Trace|1<<iB3Span|1<<iB3Sampled|1<<iB3Flags) != 0
	case SW8:
		return r.has&(1<<iSW8) != 0
	case W3C:
		return r.has&(1<<iParent|1<<iState) != 0
	case Uber:
		return r.has&(1<<iUber|1<<iUberDebug) != 0
	case OT:
		return r.has&(1<<iOTTrace|1<<iOTSpan) != 0
	default:
		return r.has&(1<<iLightStep) != 0
	}
}

// add brings what a format says together with what those before it said.
func (r *reading) add(f Format, c *Context) {
	w := &r.c
	w.Found = w.Found.With(f)
	if c.DebugID != "" && w.DebugID == "" {
		w.DebugID = c.DebugID
	}
	if !c.HasIDs() { // a decision alone
		if w.Sampling == Defer && !w.HasIDs() {
			w.Sampling = c.Sampling
		}
		return
	}
	if !w.HasIDs() {
		decision, found, debugID := w.Sampling, w.Found, w.DebugID
		*w = *c
		w.Format, w.Found, w.DebugID = f, found, debugID
		if decision != Defer {
			w.Sampling = decision
		}
		return
	}
	same := sameTrace(w.Trace, c.Trace)
	if !same || w.Span != c.Span {
		r.p.counts.disagreed[f].Add(1)
		w.Others = append(w.Others, Other{f, c.Trace, c.Span})
	}
	if !same {
		return
	}
	// One format's trace id may have lost its first half on the way.
	if w.Trace.Hi == 0 && c.Trace.Hi != 0 {
		w.Trace, w.Long = c.Trace, true
	}
	w.Long = w.Long || c.Long && f != W3C
	if w.TraceName == "" && w.name64 == "" {
		w.TraceName, w.name64 = c.TraceName, c.name64
	}
	if w.State == "" {
		w.State = c.State
	}
	if w.Span != c.Span {
		return
	}
	if w.sw8 == "" {
		w.sw8 = c.sw8
	}
	w.SkipAnalysis = w.SkipAnalysis || c.SkipAnalysis
	if w.Sent == 0 {
		w.Sent = c.Sent
	}
	// Not every format can say more than yes.
	if w.Sampling == Defer || w.Sampling == Accept && c.Sampling > Accept {
		w.Sampling = c.Sampling
	}
}

// sameTrace is true for equal ids, and for one that is the last half of the
// other.
func sameTrace(a, b span.TraceID) bool {
	return a == b || a.Lo == b.Lo && (a.Hi == 0 || b.Hi == 0)
}
