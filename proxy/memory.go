// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"strings"
	"sync"
	"time"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// memory keeps, by trace id, what came with requests and a service's headers
// may lose. The trace that was seen longest ago goes first.
type memory struct {
	most      int
	mostBytes int
	keep      time.Duration
	now       func() time.Time
	forgot    func()

	mu     sync.Mutex
	byLow  map[uint64]int32 // by the last half of the id: a service may cut the first
	traces []remembered     // 0 is the end of the ring of those in use
	free   []int32
	bytes  int
}

// remembered is one trace.
type remembered struct {
	older, newer int32
	trace        span.TraceID
	at           time.Time
	bytes        int

	name     string
	baggage  propagation.Baggage
	state    string
	sampling propagation.Sampling
	skip     bool

	calls [4]call // the newest last
}

// call is a request that the service got: the span that it was told of, and
// what was asked of it.
type call struct {
	span     span.ID
	endpoint string
}

// maxMemoryBytes bounds the texts of all traces together.
const maxMemoryBytes = 32 << 20

func newMemory(most int, keep time.Duration, forgot func()) *memory {
	return &memory{
		most: most, mostBytes: maxMemoryBytes, keep: keep, now: time.Now, forgot: forgot,
		byLow: make(map[uint64]int32), traces: make([]remembered, 1),
	}
}

// len is the number of traces.
func (m *memory) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.byLow)
}

// remember keeps what a request to the service said.
func (m *memory) remember(c *propagation.Context, endpoint string) {
	name := ""
	if c.IsNamed() {
		name = c.Name()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.expire(now)
	i, ok := m.byLow[c.Trace.Lo]
	if !ok {
		i = m.add(c.Trace)
	}
	t := &m.traces[i]
	if t.trace.Hi != c.Trace.Hi {
		if t.trace.Hi != 0 && c.Trace.Hi != 0 { // another trace
			m.bytes -= t.bytes
			*t = remembered{older: t.older, newer: t.newer}
		}
		if c.Trace.Hi != 0 || t.trace.IsZero() {
			t.trace = c.Trace
		}
	}
	// The texts point into the request.
	if name != "" && name != t.name {
		t.name = strings.Clone(name)
	}
	if len(c.Baggage) > 0 {
		t.baggage = cloneBaggage(c.Baggage)
	}
	if c.State != "" {
		t.state = strings.Clone(c.State)
	}
	if c.Sampling != propagation.Defer {
		t.sampling = c.Sampling
	}
	t.skip = c.SkipAnalysis
	copy(t.calls[:], t.calls[1:])
	t.calls[len(t.calls)-1] = call{c.Span, endpoint}
	m.bytes -= t.bytes
	t.bytes = t.size()
	m.bytes += t.bytes
	t.at = now
	m.touch(i)
	for m.bytes > m.mostBytes && len(m.byLow) > 1 {
		m.forget(m.traces[0].newer)
		m.forgot()
	}
}

func cloneBaggage(b propagation.Baggage) propagation.Baggage {
	n := make(propagation.Baggage, len(b))
	for i, it := range b {
		n[i] = propagation.Item{Key: strings.Clone(it.Key), Value: strings.Clone(it.Value), Properties: strings.Clone(it.Properties)}
	}
	return n
}

func (t *remembered) size() int {
	n := len(t.name) + len(t.state)
	for i := range t.baggage {
		n += len(t.baggage[i].Key) + len(t.baggage[i].Value) + len(t.baggage[i].Properties)
	}
	for i := range t.calls {
		n += len(t.calls[i].endpoint)
	}
	return n
}

// add makes room for a trace and puts it at the new end.
func (m *memory) add(trace span.TraceID) int32 {
	if len(m.byLow) >= m.most {
		m.forget(m.traces[0].newer)
		m.forgot()
	}
	var i int32
	if n := len(m.free); n > 0 {
		i, m.free = m.free[n-1], m.free[:n-1]
	} else {
		m.traces = append(m.traces, remembered{})
		i = int32(len(m.traces) - 1)
	}
	m.traces[i] = remembered{older: i, newer: i, trace: trace}
	m.byLow[trace.Lo] = i
	return i
}

// touch moves a trace to the new end of the ring, whose both ends are at 0.
func (m *memory) touch(i int32) {
	m.unlink(i)
	t, end := &m.traces[i], &m.traces[0]
	t.older, t.newer = end.older, 0
	m.traces[end.older].newer = i
	end.older = i
}

func (m *memory) unlink(i int32) {
	t := &m.traces[i]
	m.traces[t.older].newer = t.newer
	m.traces[t.newer].older = t.older
	t.older, t.newer = i, i
}

func (m *memory) forget(i int32) {
	m.unlink(i)
	m.bytes -= m.traces[i].bytes
	delete(m.byLow, m.traces[i].trace.Lo)
	m.traces[i] = remembered{}
	m.free = append(m.free, i)
}

// expire lets go of what was not seen for long.
func (m *memory) expire(now time.Time) {
	for i := m.traces[0].newer; i != 0 && now.Sub(m.traces[i].at) > m.keep; i = m.traces[0].newer {
		m.forget(i)
	}
}

// restored says what a context got back.
type restored struct{ name, baggage, decision, state, high bool }

// restore gives a context that the service sent what it had lost, and says by
// which endpoint the service was called; "" if that is not known.
func (m *memory) restore(c *propagation.Context) (endpoint string, got restored) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, ok := m.byLow[c.Trace.Lo]
	if !ok {
		return "", got
	}
	t := &m.traces[i]
	now := m.now()
	if now.Sub(t.at) > m.keep || c.Trace.Hi != t.trace.Hi && c.Trace.Hi != 0 {
		return "", got
	}
	t.at = now
	m.touch(i)
	if c.Trace.Hi != t.trace.Hi {
		c.Trace, c.Long, got.high = t.trace, true, true
	}
	if t.name != "" && !c.IsNamed() && !c.Found.Has(propagation.SW8) {
		c.SetName(t.name)
		got.name = c.IsNamed()
	}
	n := len(c.Baggage)
	c.Baggage = joinBaggage(c.Baggage, t.baggage)
	got.baggage = len(c.Baggage) > n
	if c.State == "" && t.state != "" {
		c.State, got.state = t.state, true
	}
	// A service says yes or no; it may not be able to say more. Its no stands.
	if c.Sampling == propagation.Defer && t.sampling != propagation.Defer || c.Sampling == propagation.Accept && t.sampling > propagation.Accept {
		c.Sampling, got.decision = t.sampling, true
	}
	c.SkipAnalysis = c.SkipAnalysis || t.skip
	return t.endpoint(c), got
}

// endpoint is what was asked of the service by the call that a context belongs
// to: its span or parent tells in formats that carry on the caller's id, else it
// is the newest call of the trace.
func (t *remembered) endpoint(c *propagation.Context) string {
	for i := len(t.calls) - 1; i >= 0; i-- {
		if s := t.calls[i].span; s != 0 && (s == c.Parent || s == c.Span) {
			return t.calls[i].endpoint
		}
	}
	return t.calls[len(t.calls)-1].endpoint
}

// joinBaggage adds what is not there. The case of a key may have been lost in a
// header's name.
func joinBaggage(b, more propagation.Baggage) propagation.Baggage {
	own := false
next:
	for _, it := range more {
		for i := range b {
			if strings.EqualFold(b[i].Key, it.Key) {
				continue next
			}
		}
		if !own {
			b, own = append(make(propagation.Baggage, 0, len(b)+len(more)), b...), true
		}
		b = append(b, it)
	}
	return b
}
