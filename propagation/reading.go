// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"slices"
	"strings"
)

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

// The headers of which one at the least must be there for a format to be.
const (
	hasB3        = 1 << iB3
	hasB3Multi   = 1<<iB3Trace | 1<<iB3Span | 1<<iB3Sampled | 1<<iB3Flags
	hasSW8       = 1 << iSW8
	hasW3C       = 1<<iParent | 1<<iState
	hasUber      = 1<<iUber | 1<<iUberDebug
	hasOT        = 1<<iOTTrace | 1<<iOTSpan
	hasLightStep = 1 << iLightStep
	hasLists     = 1<<iCorrelation | 1<<iBaggage | 1<<iUberBaggage // of baggage
)

var marksOf = [numFormats]uint32{
	B3: hasB3, B3Multi: hasB3Multi, SW8: hasSW8, W3C: hasW3C, Uber: hasUber, OT: hasOT, LightStep: hasLightStep,
}

var listOf = [numFormats]uint8{B3: 0, B3Multi: 0, Uber: 1, OT: 2}

// reading is one Extract.
type reading struct {
	wanted    Formats
	raw       bool // values of baggage are not escaped
	unordered bool // the carrier has no order

	given [numHeaders]string
	has   uint32     // headers that were there, even if empty
	items [3]Baggage // that came in headers of their own: of B3, Uber and OT
	marks string     // ours, of OpenTracing's baggage
	name  string     // the trace's name, of anyone's baggage
	size  int        // bytes of items
	lines int        // that were joined to lists

	c       Context
	decided Format // whose the decision is
	bad     Formats
	lost    Formats
	cut     int
}

// begins are the letters that headers begin with that matter.
var begins = func() (t [256]bool) {
	for _, hs := range headersOf {
		for _, h := range hs {
			t[h.lower[0]], t[h.canonical[0]] = true, true
		}
	}
	for _, prefix := range prefixOf {
		if prefix != "" {
			t[prefix[0]], t[prefix[0]&^0x20] = true, true
		}
	}
	return t
}()

// take keeps the headers that matter. Names are compared without case.
func (r *reading) take(key, value string) {
	if len(key) < 2 {
		return
	}
	switch key[0] | 0x20 {
	case 'b':
		switch {
		case len(key) == len("b3"):
			r.keep(B3, iB3, &hB3, key, value)
		case len(key) == len("baggage"):
			r.join(W3C, iBaggage, &hBaggage, key, value)
		case len(key) > len(b3Prefix) && (r.wanted.Has(B3) || r.wanted.Has(B3Multi)) && hasPrefixFold(key, b3Prefix):
			r.item(B3, key[len(b3Prefix):], value)
		}
	case 's':
		switch len(key) {
		case len("sw8"):
			r.keep(SW8, iSW8, &hSW8, key, value)
		case len("sw8-x"):
			r.keep(SW8, iSW8X, &hSW8X, key, value)
		case len("sw8-correlation"):
			r.join(SW8, iCorrelation, &hCorrelation, key, value)
		}
	case 't':
		switch len(key) {
		case len("traceparent"):
			r.keep(W3C, iParent, &hParent, key, value)
		case len("tracestate"):
			r.join(W3C, iState, &hState, key, value)
		}
	case 'u':
		if len(key) == len("uber-trace-id") && hUber.is(key) {
			r.keep(Uber, iUber, &hUber, key, value)
		} else if r.wanted.Has(Uber) && hasPrefixFold(key, uberPrefix) {
			r.item(Uber, key[len(uberPrefix):], r.unescaped(value))
		}
	case 'j':
		switch len(key) {
		case len("jaeger-baggage"):
			r.join(Uber, iUberBaggage, &hUberBaggage, key, value)
		case len("jaeger-debug-id"):
			r.keep(Uber, iUberDebug, &hUberDebug, key, value)
		}
	case 'o':
		switch {
		case key[len(key)-1]|0x20 == 'd' && len(key) <= len("ot-tracer-traceid"):
			r.keep(OT, iOTTrace, &hOTTrace, key, value)
			r.keep(OT, iOTSpan, &hOTSpan, key, value)
			r.keep(OT, iOTSampled, &hOTSampled, key, value)
		}
		if r.wanted.Has(OT) && hasPrefixFold(key, otPrefix) {
			r.item(OT, key[len(otPrefix):], value)
		}
	case 'x':
		if third := key[min(2, len(key)-1)] | 0x20; third != 'b' && third != 'o' {
			return
		}
		switch len(key) {
		case len("x-b3-flags"):
			r.keep(B3Multi, iB3Flags, &hB3Flags, key, value)
		case len("x-b3-spanid"):
			r.keep(B3Multi, iB3Span, &hB3Span, key, value)
		case len("x-b3-traceid"):
			r.keep(B3Multi, iB3Trace, &hB3Trace, key, value)
			r.keep(B3Multi, iB3Sampled, &hB3Sampled, key, value)
		case len("x-b3-parentspanid"):
			r.keep(B3Multi, iB3Parent, &hB3Parent, key, value)
			r.keep(LightStep, iLightStep, &hLightStep, key, value)
		}
	}
}

func (r *reading) unescaped(s string) string {
	if r.raw {
		return s
	}
	return unescape(s, true)
}

// keep keeps a header with one value. Of one that is there twice the first value
// counts, also where a proxy has joined them by a comma (emissary#1344).
func (r *reading) keep(f Format, i int, h *header, key, value string) {
	if !h.is(key) || !r.wanted.Has(f) || r.given[i] != "" {
		return
	}
	r.has |= 1 << i
	if i != iUberDebug {
		if strings.IndexByte(value, ',') >= 0 {
			value, _, _ = strings.Cut(strings.TrimLeft(value, ", \t"), ",")
		}
		value = strings.TrimSpace(value)
	}
	r.given[i] = value
}

// join keeps a header whose lines make one list.
func (r *reading) join(f Format, i int, h *header, key, value string) {
	if !h.is(key) || !r.wanted.Has(f) {
		return
	}
	r.has |= 1 << i
	switch {
	case len(r.given[i])+len(value) >= maxListRead || r.lines == maxLines:
		r.cut++
	case r.given[i] == "":
		r.given[i] = value
	case value != "":
		r.given[i] += "," + value
		r.lines++
	}
}

// item keeps baggage that comes in a header of its own.
func (r *reading) item(f Format, key, value string) {
	switch {
	case f == OT && strings.EqualFold(key, stateKey):
		r.marks = value
		return
	case strings.EqualFold(key, NameKey):
		r.name = value
		return
	}
	if r.size += len(key) + len(value); len(r.items[listOf[f]]) >= maxBaggage || r.size > maxBaggageBytes {
		r.size -= len(key) + len(value)
		r.cut++
		return
	}
	key = strings.ToLower(key)
	if _, known := r.items[listOf[f]].Get(key); !known {
		r.items[listOf[f]] = append(r.items[listOf[f]], Item{Key: key, Value: value})
	}
}

// parse reads the ids and the decision of one format into an empty context, which
// stays empty if they are not there or cannot be read.
func (r *reading) parse(f Format, c *Context) (err error) {
	g := &r.given
	switch f {
	case B3:
		if g[iB3] != "" {
			*c, err = ParseB3(g[iB3])
		}
	case B3Multi:
		if r.has&hasB3Multi != 0 {
			*c, err = ParseB3Multi(g[iB3Trace], g[iB3Span], g[iB3Parent], g[iB3Sampled], g[iB3Flags])
		}
	case SW8:
		if g[iSW8] == "" { // how agents say that they do not trace
			break
		}
		if *c, err = ParseSW8(g[iSW8]); err != nil {
			break
		}
		if g[iSW8X] != "" {
			c.SkipAnalysis, c.Sent, _ = parseSW8X(g[iSW8X])
		}
		if c.Sampling == Accept && g[iCorrelation] != "" && isDebug(g[iCorrelation]) {
			c.Sampling = Debug
		}
	case W3C:
		switch {
		case g[iParent] != "":
			if *c, err = ParseTraceparent(g[iParent]); err == nil && g[iState] != "" {
				var marks string
				var ok bool
				if c.State, marks, ok = splitState(g[iState]); !ok {
					r.bad = r.bad.With(W3C)
				}
				c.readMarks(marks, W3C)
			}
		case g[iState] != "":
			err = errAlone
		}
	case Uber:
		if g[iUber] != "" {
			*c, err = ParseUber(g[iUber])
		}
		if id := g[iUberDebug]; id != "" && !c.HasIDs() {
			if err != nil {
				r.bad, err = r.bad.With(Uber), nil
			}
			*c = Context{DebugID: r.unescaped(id), Sampling: Debug}
		}
	case OT:
		if r.has&hasOT != 0 && g[iOTTrace]+g[iOTSpan] != "" {
			if *c, err = ParseOT(g[iOTTrace], g[iOTSpan], g[iOTSampled]); err == nil {
				c.readMarks(r.marks, OT)
			}
		}
	case LightStep:
		if g[iLightStep] != "" {
			*c, err = ParseLightStep(g[iLightStep])
		}
	}
	if err != nil {
		*c = Context{}
	}
	return err
}

// nameTrace gives a trace the name that came in baggage, if no format gave one.
func (r *reading) nameTrace(c *Context) {
	if r.name != "" && c.native.sw8 == "" && !c.IsNamed() {
		c.readName(r.name)
	}
}

// readBaggageOf adds the baggage that came with a format.
func (r *reading) readBaggageOf(f Format) {
	switch f {
	case B3, B3Multi:
		r.readItems(B3)
	case SW8:
		if g := r.given[iCorrelation]; g != "" {
			r.readCorrelation(g)
		}
	case W3C:
		if g := r.given[iBaggage]; g != "" {
			r.readBaggage(g)
		}
	case Uber:
		r.readItems(Uber)
		if g := r.given[iUberBaggage]; g != "" {
			r.readUberBaggage(g)
		}
	case OT:
		r.readItems(OT)
	}
}

// readItems adds what came in headers of their own, in an order that is the same
// each time.
func (r *reading) readItems(f Format) {
	items := r.items[listOf[f]]
	if len(items) == 0 {
		return
	}
	r.items[listOf[f]] = nil
	if r.unordered {
		slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.Key, b.Key) })
	}
	if len(r.c.Baggage) == 0 {
		r.c.Baggage = items // nobody else's
		return
	}
	r.merge(items)
}
