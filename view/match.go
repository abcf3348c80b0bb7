// SPDX-License-Identifier: Apache-2.0

package view

import (
	"maps"
	"math"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// matcher tests traces against a query. It is used for one trace after another.
type matcher struct {
	q    query
	tags translate.Tags
	text []byte
	left map[string]string // terms not yet found
}

// matches is true when the trace is what the query asks for. The conditions may
// be met by different spans, but only by spans of the service when one is
// asked for.
func (m *matcher) matches(items []span.Item) bool {
	if !m.q.always && !m.inTime(items) {
		return false
	}
	m.left = nil
	if len(m.q.terms) > 0 {
		m.left = maps.Clone(m.q.terms)
	}
	remote, name := m.q.remote == "", m.q.name == ""
	lasted := m.q.min == 0 && m.q.max == math.MaxInt64
	for i := range items {
		b, s := items[i].Batch, items[i].Span()
		if m.q.service != "" && !same(b, s.Local.Service, m.q.service) {
			continue
		}
		remote = remote || same(b, s.Remote.Service, m.q.remote)
		name = name || same(b, s.Name, m.q.name)
		if !lasted {
			d := durationMicros(s)
			lasted = d >= m.q.min && d <= m.q.max
		}
		if len(m.left) > 0 {
			m.find(b, s)
		}
		if remote && name && lasted && len(m.left) == 0 {
			return true
		}
	}
	return false
}

// same compares a text with a name in lower case.
func same(b *span.Batch, t span.Text, name string) bool {
	return t.Len() > 0 && strings.EqualFold(b.Str(t), name)
}

// inTime looks at the time of the trace: when its first span without a parent
// began, or else its earliest span.
func (m *matcher) inTime(items []span.Item) bool {
	var at int64
	for i := range items {
		s := items[i].Span()
		if s.Has&span.HasStart == 0 || s.Start/1000 == 0 {
			continue
		}
		start := s.Start / 1000
		if wireOf(s).Parent == 0 {
			at = start
			break
		}
		if at == 0 || start < at {
			at = start
		}
	}
	return at != 0 && at >= m.q.from && at <= m.q.to
}

// find takes the terms out of left that the span has.
func (m *matcher) find(b *span.Batch, s *span.Span) {
	events := b.Events(s.Events)
	for i := range events {
		if v, ok := m.left[b.Str(events[i].Name)]; ok && v == "" {
			delete(m.left, b.Str(events[i].Name))
		}
	}
	if len(m.left) > 0 {
		zipkin.CollectTags(&m.tags, b, s)
	}
	for i := range m.tags.List {
		t := &m.tags.List[i]
		want, ok := m.left[t.Key]
		if !ok {
			continue
		}
		if want != "" {
			m.text = t.AppendValue(m.text[:0], b)
		}
		if want == "" || want == string(m.text) {
			delete(m.left, t.Key)
		}
	}
	m.tags.Reset()
}

// durationMicros is the duration as Zipkin has it: at least 1 when there is
// one, 0 for none.
func durationMicros(s *span.Span) int64 {
	if s.Has&span.HasDuration == 0 || s.Duration <= 0 {
		return 0
	}
	return max(s.Duration/1000, 1)
}
