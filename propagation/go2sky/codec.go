// SPDX-License-Identifier: Apache-2.0

package go2sky

import (
	"context"
	"slices"
	"strings"

	agent "github.com/SkyAPM/go2sky"
	headers "github.com/SkyAPM/go2sky/propagation"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// Codec reads and writes headers for a tracer. It may be used by several
// goroutines at once.
type Codec struct {
	p        *propagation.Propagator
	sw8      *propagation.Propagator // reads and writes what go2sky knows
	callerOf func(*propagation.Context) propagation.Caller
}

// Option is a setting of a Codec.
type Option func(*Codec)

// Propagator sets which headers are read and written. By default all are read,
// sw8 before the others, and b3, sw8, w3c and uber are written.
func Propagator(p *propagation.Propagator) Option { return func(c *Codec) { c.p = p } }

// CallerOf tells the service that calls, for headers that do not name it.
func CallerOf(f func(*propagation.Context) propagation.Caller) Option {
	return func(c *Codec) { c.callerOf = f }
}

// New makes a codec.
func New(options ...Option) *Codec {
	c := &Codec{
		sw8:      propagation.New(propagation.Read(propagation.SW8), propagation.Write(propagation.SW8)),
		callerOf: func(*propagation.Context) propagation.Caller { return propagation.Caller{} },
	}
	for _, o := range options {
		o(c)
	}
	if c.p == nil {
		c.p = propagation.New(propagation.Prefer(propagation.SW8))
	}
	return c
}

// visit is what Entry keeps in the context of a request.
type visit struct {
	came  propagation.Context
	given propagation.Baggage // the part that go2sky got
}

type visitKey struct{}

// silent is a tracer that was not started. Its spans are no-op spans, and so are
// all that go2sky begins below one.
var silent agent.Tracer

// Entry reads the headers of a request: the extractor is for CreateEntrySpan,
// as is the context. It never gives go2sky a header that it cannot read.
func (c *Codec) Entry(ctx context.Context, r propagation.Reader) (context.Context, headers.Extractor) {
	return c.entry(ctx, r, "")
}

// entry is Entry for a side that knows the address at which it was called.
func (c *Codec) entry(ctx context.Context, r propagation.Reader, address string) (context.Context, headers.Extractor) {
	v := &visit{came: c.p.Extract(r)}
	m := propagation.TextMap{}
	if v.came.HasIDs() {
		from := c.callerOf(&v.came)
		if from.Address == "" {
			from.Address = address
		}
		c.sw8.Inject(&v.came, from, m)
		given := c.sw8.Extract(m)
		v.given = given.Baggage
	}
	if ctx != nil {
		ctx = context.WithValue(ctx, visitKey{}, v)
		if v.came.Sampling == propagation.Deny {
			if _, quiet, err := silent.CreateLocalSpan(ctx); err == nil {
				ctx = quiet
			}
		}
	}
	return ctx, func(key string) (string, error) { return m[strings.ToLower(key)], nil }
}

// Exit writes the headers of a call. The injector is for CreateExitSpan; the
// context is the one that the exit span is made from.
func (c *Codec) Exit(ctx context.Context, w propagation.Writer) headers.Injector {
	var v *visit
	if ctx != nil {
		v, _ = ctx.Value(visitKey{}).(*visit)
	}
	if v == nil {
		v = &visit{}
	}
	// go2sky will not call the injector for a no-op span.
	if v.came.Sampling == propagation.Deny {
		c.p.Inject(&v.came, propagation.Caller{}, w)
	}
	var sw8 string
	return func(key, value string) error {
		switch key {
		case headers.Header:
			sw8 = value
		case headers.HeaderCorrelation: // always comes after sw8, if empty
			out := c.context(ctx, v, propagation.TextMap{headers.Header: sw8, key: value})
			from, _ := out.Caller()
			c.p.Inject(&out, from, w)
		default:
			w.Set(key, value)
		}
		return nil
	}
}

// context is what go2sky says of the exit span, with what came and has no place
// there.
func (c *Codec) context(ctx context.Context, v *visit, m propagation.TextMap) propagation.Context {
	out := c.sw8.Extract(m)
	if segment, _, ok := out.ParentSegment(); ok && ctx != nil && segment == agent.TraceSegmentID(ctx) {
		out.Parent = span.SpanOf(out.Trace, segment, agent.SpanID(ctx))
	}
	came := &v.came
	if came.HasIDs() && came.Trace != out.Trace {
		return out
	}
	if came.HasIDs() {
		out.Long = came.Long
	}
	out.SkipAnalysis, out.State = came.SkipAnalysis, came.State
	if came.Sampling > out.Sampling {
		out.Sampling = came.Sampling
	}
	out.Baggage = merge(out.Baggage, came.Baggage, v.given)
	return out
}

// merge is go2sky's correlation, of which part came from outside, and then what
// came and was not given to go2sky. What was given and is gone was deleted.
func merge(now, came, given propagation.Baggage) propagation.Baggage {
	var all, more propagation.Baggage
	for _, it := range came {
		if _, was := given.Get(it.Key); !was {
			more = append(more, it)
			continue
		}
		if value, ok := now.Get(it.Key); ok {
			if value != it.Value {
				it = propagation.Item{Key: it.Key, Value: value}
			}
			all = append(all, it)
		}
	}
	set := slices.Clone(now)
	slices.SortFunc(set, func(a, b propagation.Item) int { return strings.Compare(a.Key, b.Key) })
	for _, it := range set {
		if _, ok := all.Get(it.Key); !ok {
			all = append(all, it)
		}
	}
	for _, it := range more {
		if _, ok := all.Get(it.Key); !ok {
			all = append(all, it)
		}
	}
	return all
}
