// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Propagator reads any of the headers and writes a chosen set. It may be used by
// several goroutines at once.
type Propagator struct {
	read          []Format // in the order of precedence
	wanted        Formats  // the same
	write         []Format
	keepUndecided bool
	unmarked      bool
	disagree      func(*Context)
	counts        counts
	texts         sync.Pool
	itemised      atomic.Bool // baggage in headers of its own was read or written
}

// Option is a setting of a Propagator.
type Option func(*Propagator)

// Read sets which formats are read; where two of them disagree the first one
// wins. By default all are, in the order b3, b3multi, sw8, w3c, uber, ot,
// lightstep.
func Read(formats ...Format) Option {
	return func(p *Propagator) { p.read = once(formats, LightStep) }
}

// Prefer puts formats in front of the others: the one that the tracer of this
// process speaks, where several are on their way.
func Prefer(formats ...Format) Option {
	return func(p *Propagator) { p.read = once(append(slices.Clone(formats), p.read...), LightStep) }
}

// Write sets which formats are written. By default b3, sw8, w3c and uber are, so
// that whoever is called understands one.
func Write(formats ...Format) Option {
	return func(p *Propagator) { p.write = once(formats, OT) }
}

// once is a list without what comes again and what is no format up to last.
func once(formats []Format, last Format) (list []Format) {
	var set Formats
	for _, f := range formats {
		if f >= B3 && f <= last && !set.Has(f) {
			set = set.With(f)
			list = append(list, f)
		}
	}
	return list
}

// KeepUndecided writes the ids of a trace that nobody has decided on yet into
// uber-trace-id as well, where they read as a denial. Without it that header is
// left out.
func KeepUndecided() Option { return func(p *Propagator) { p.keepUndecided = true } }

// WithoutMarks writes nothing that is not the formats' own: no member br of
// tracestate, no bridge-tn in baggage, no b3d in sw8-correlation. What a format
// cannot say is then lost.
func WithoutMarks() Option { return func(p *Propagator) { p.unmarked = true } }

// OnDisagreement is called with each context whose headers named different
// traces or spans; Context.Others has those that lost.
func OnDisagreement(f func(*Context)) Option { return func(p *Propagator) { p.disagree = f } }

// New makes a propagator.
func New(options ...Option) *Propagator {
	p := &Propagator{
		read:  []Format{B3, B3Multi, SW8, W3C, Uber, OT, LightStep},
		write: []Format{B3, SW8, W3C, Uber},
	}
	for _, o := range options {
		o(p)
	}
	for _, f := range p.read {
		p.wanted = p.wanted.With(f)
	}
	p.texts.New = func() any { return new([]byte) }
	return p
}

// Reads are the formats that are read, in the order of precedence.
func (p *Propagator) Reads() []Format { return slices.Clone(p.read) }

// Writes are the formats that are written.
func (p *Propagator) Writes() []Format { return slices.Clone(p.write) }

// Keys are the names of the headers that Inject may write, in lower case;
// baggage in headers of its own comes besides.
func (p *Propagator) Keys() (keys []string) {
	for _, f := range p.write {
		for _, h := range headersOf[f] {
			if !slices.Contains(keys, h.lower) {
				keys = append(keys, h.lower)
			}
		}
	}
	return keys
}

// Counts are what a propagator has seen, by format.
type Counts struct {
	Read      map[Format]int64 // contexts that were understood
	Malformed map[Format]int64 // headers that were not
	Disagreed map[Format]int64 // contexts that lost against another one
	Written   map[Format]int64
	// Cut are items of baggage, names and marks that a format or a bound did not
	// let through, read or written.
	Cut int64
}

type counts struct {
	read, malformed, disagreed, written [numFormats]atomic.Int64
	cut                                 atomic.Int64
}

// Counts gives the numbers so far.
func (p *Propagator) Counts() Counts {
	numbers := func(a *[numFormats]atomic.Int64) map[Format]int64 {
		m := make(map[Format]int64)
		for f := B3; int(f) < numFormats; f++ {
			if n := a[f].Load(); n > 0 {
				m[f] = n
			}
		}
		return m
	}
	c := &p.counts
	return Counts{numbers(&c.read), numbers(&c.malformed), numbers(&c.disagreed), numbers(&c.written), c.cut.Load()}
}
