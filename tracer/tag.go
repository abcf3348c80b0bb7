// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"slices"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// SetTag sets a tag, in place of one of the same key. The tag span.kind sets
// the kind. The tag sampling.priority sets the decision: 0 takes it back, then
// this span is not reported and those that start below it from now on are not
// recorded; more than 0 makes it debug.
func (s *Span) SetTag(key string, value any) opentracing.Span {
	kept := value
	if key != kindTag || kindOf(value) == span.KindUnset {
		kept = s.t.tagValue(value) // may call the caller's code: not under the lock
	}
	s.mu.Lock()
	if !s.done() && !s.takeTag(key, value) {
		s.putTag(key, kept)
	}
	s.mu.Unlock()
	return s
}

// setTag is SetTag of a span that is new.
func (s *Span) setTag(key string, value any) {
	if !s.takeTag(key, value) {
		s.putTag(key, s.t.tagValue(value))
	}
}

// takeTag does what a tag asks of the tracer. It is true for one that is no tag
// besides.
func (s *Span) takeTag(key string, value any) bool {
	switch key {
	case kindTag:
		if k := kindOf(value); k != span.KindUnset {
			s.record.Kind = k
			return true
		}
	case priorityTag:
		s.setPriority(priorityOf(value))
	}
	return false
}

// putTag keeps a tag.
func (s *Span) putTag(key string, value any) {
	tags := s.record.Tags
	for i := range tags {
		if tags[i].Key == key {
			if len(tags) == cap(tags) { // may be lent
				tags = slices.Clone(tags)
				s.record.Tags = tags
			}
			tags[i].Value = value
			return
		}
	}
	switch {
	case len(tags) >= s.t.maxTags:
		s.t.cut.Add(1)
		return
	case len(tags) == cap(tags): // append alone would begin with room for one
		tags = slices.Grow(tags, max(4, len(tags)))
	}
	s.record.Tags = append(tags, Tag{s.t.cutValue(key), value})
}

func (s *Span) setPriority(priority int) {
	var decision propagation.Sampling
	switch {
	case priority > 0:
		decision = propagation.Debug
	case priority < 0:
		decision = propagation.Deny
	default:
		return
	}
	if s.record.Sampling == decision {
		return
	}
	s.record.Sampling = decision
	if c := s.context.Load(); c != nil && c.span == s {
		s.changeContext(func(c *SpanContext) { c.Sampling = decision })
	}
}

// lend gives the span tags of the sampler's, which it must not change: they have
// no room, and what has none is copied first.
func (s *Span) lend(tags []Tag) {
	switch r := &s.record; {
	case len(tags) == 0:
	case len(r.Tags) == 0 && cap(r.Tags) == 0:
		r.Tags = slices.Clip(tags)
	default:
		r.Tags = append(r.Tags, tags...)
	}
}
