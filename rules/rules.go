// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"math"

	"github.com/spanbridge/spanbridge/span"
)

// Options are the rules. The zero value of each but Keep leaves spans as they
// are.
type Options struct {
	// Services and Instances give names new names.
	Services, Instances map[string]string
	// IgnoreCase: a name is found whatever its case.
	IgnoreCase bool
	// Keep is the share of traces that is kept, above 0 and up to 1 (all).
	Keep float64
	// Segment and Notice append the raw bytes of a SkyWalking segment or notice
	// with the names changed. They come from the package of the protocol, which
	// is not known here.
	Segment, Notice func(dst, raw []byte, service, instance func(string) string) []byte
}

// Rules change batches. Its methods may be called from several goroutines; a
// nil one changes nothing and costs nothing.
type Rules struct {
	services, instances names
	segment, notice     func(dst, raw []byte, service, instance func(string) string) []byte
	below               uint64 // a trace whose hash is below is kept
	all                 bool   // every trace is kept
}

// New makes rules, nil when there are none.
func New(o Options) *Rules {
	r := &Rules{
		services: newNames(o.Services, o.IgnoreCase), instances: newNames(o.Instances, o.IgnoreCase),
		segment: o.Segment, notice: o.Notice,
		all: o.Keep >= 1,
	}
	if !r.all {
		r.below = uint64(math.Ldexp(max(o.Keep, 0), 64))
	}
	if r.all && len(r.services.to)+len(r.instances.to) == 0 {
		return nil
	}
	return r
}

// Renames is true if there are names to be changed, for which Apply wants batches
// that are whole: a span that is changed is written anew.
func (r *Rules) Renames() bool { return r != nil && len(r.services.to)+len(r.instances.to) > 0 }

// Apply gives the batch as the rules want it, and how many spans sampling left
// out of it. b itself stays as it is, and is the result when no rule touches it.
func (r *Rules) Apply(b *span.Batch) (_ *span.Batch, sampledOut int) {
	if r == nil {
		return b, 0
	}
	c := change{rules: r, was: b, now: b}
	if !r.all {
		sampledOut = c.sample()
	}
	if r.Renames() {
		c.rename()
	}
	return c.now, sampledOut
}

// Keeps says whether spans of a trace are kept, but for debug ones, which
// always are.
func (r *Rules) Keeps(t span.TraceID) bool {
	return r == nil || r.all || hash(t.Lo) < r.below
}

// seed keeps the verdict apart from those of clients and collectors that hash
// trace ids too: a share of a share would else be all or nothing. It is part of
// the contract between nodes.
const seed = 0x6272696467653a6b // "bridge:k"

// hash is the finaliser of splitmix64. Ids need not be random: those of old
// clients are times.
func hash(v uint64) uint64 {
	v += seed
	v ^= v >> 30
	v *= 0xbf58476d1ce4e5b9
	v ^= v >> 27
	v *= 0x94d049bb133111eb
	return v ^ v>>31
}

// change is the work on one batch.
type change struct {
	rules *Rules
	was   *span.Batch
	draft *span.Draft // nil as long as nothing changed
	now   *span.Batch // was, or what the draft makes
	texts []span.Text // new names by number: services, then instances
}

func (c *change) edit() *span.Draft {
	if c.draft == nil {
		c.draft = c.was.Draft()
		c.now = c.draft.Batch()
	}
	return c.draft
}

// sample leaves out spans.
func (c *change) sample() (out int) {
	keep := func(s *span.Span) bool { return s.Sampling&span.Debug != 0 || c.rules.Keeps(s.Trace) }
	spans := c.was.Spans()
	for i := range spans {
		if !keep(&spans[i]) {
			out++
		}
	}
	if out > 0 {
		c.edit().Keep(keep)
	}
	return out
}
