// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// TestMemoryIsBounded in number, time and bytes.
func TestMemoryIsBounded(t *testing.T) {
	forgot, now := 0, time.Unix(0, 0)
	m := newMemory(3, time.Minute, func() { forgot++ })
	m.now = func() time.Time { return now }
	context := func(n uint64) *propagation.Context {
		return &propagation.Context{Trace: span.TraceID{Hi: 1, Lo: n}, Span: span.ID(n)}
	}
	known := func(n uint64) bool {
		c := context(n)
		endpoint, _ := m.restore(c)
		return endpoint == fmt.Sprint("GET:/", n)
	}
	for n := uint64(1); n <= 3; n++ {
		m.remember(context(n), fmt.Sprint("GET:/", n))
	}
	if !known(1) { // and so it is the newest
		t.Error("1 is forgotten")
	}
	m.remember(context(4), "GET:/4")
	if known(2) || !known(1) || !known(3) || !known(4) || forgot != 1 || m.len() != 3 {
		t.Errorf("2 %v, 1 %v, 3 %v, 4 %v; %d forgotten, %d held", known(2), known(1), known(3), known(4), forgot, m.len())
	}
	now = now.Add(59 * time.Second)
	m.remember(context(4), "GET:/4")
	now = now.Add(2 * time.Second)
	if known(1) || !known(4) {
		t.Error("1 was last seen 61 s ago, 4 2 s ago")
	}
	m.remember(context(5), "GET:/5")
	if m.len() != 2 || forgot != 1 {
		t.Errorf("%d held, %d forgotten, want 2 (expired ones are gone) and 1", m.len(), forgot)
	}
	m.mostBytes = 1000
	for n := uint64(10); n < 13; n++ {
		c := context(n)
		c.Baggage = propagation.Baggage{{Key: "k", Value: strings.Repeat("x", 600)}}
		m.remember(c, "")
		if m.bytes > 1000 {
			t.Errorf("%d bytes in %d traces", m.bytes, m.len())
		}
	}
	if m.len() != 1 {
		t.Errorf("%d held, want the newest alone", m.len())
	}
	for n := uint64(20); n < 1000; n++ {
		m.remember(context(n), "x")
	}
	if len(m.traces) > 5 || m.len() != 3 {
		t.Errorf("%d places, %d held", len(m.traces), m.len())
	}
	total := 0
	for i := m.traces[0].newer; i != 0; i = m.traces[i].newer {
		total += m.traces[i].size()
	}
	if total != m.bytes {
		t.Errorf("%d bytes counted, %d there", m.bytes, total)
	}
}

// TestMemoryRestores only what a context lacks, and only to its own trace.
func TestMemoryRestores(t *testing.T) {
	j := span.TraceOf(traceJ)
	m := newMemory(10, time.Minute, func() {})
	in := propagation.Context{Trace: j, Span: 1, TraceName: traceJ, State: "a=1", Sampling: propagation.Debug, Baggage: propagation.Baggage{{Key: "User", Value: "bob"}, {Key: "k", Value: "1"}}}
	m.remember(&in, "GET:/first")
	again := in
	again.Span, again.Baggage, again.State = 2, nil, ""
	m.remember(&again, "GET:/second")

	c := propagation.Context{Trace: j, Span: 9, Parent: 1, Sampling: propagation.Accept, Baggage: propagation.Baggage{{Key: "user", Value: "ann"}}}
	endpoint, got := m.restore(&c)
	if endpoint != "GET:/first" {
		t.Errorf("endpoint %q: the parent is the first call's span", endpoint)
	}
	if c.TraceName != traceJ || c.State != "a=1" || c.Sampling != propagation.Debug || got != (restored{name: true, baggage: true, decision: true, state: true}) {
		t.Errorf("%+v, %+v", c, got)
	}
	if want := (propagation.Baggage{{Key: "user", Value: "ann"}, {Key: "k", Value: "1"}}); fmt.Sprint(c.Baggage) != fmt.Sprint(want) {
		t.Errorf("baggage %v, want %v", c.Baggage, want)
	}
	c = propagation.Context{Trace: span.TraceID{Lo: j.Lo}, Span: 9, Sampling: propagation.Deny, State: "b=2"}
	if endpoint, got = m.restore(&c); endpoint != "GET:/second" || c.Trace != j || !c.Long || c.Sampling != propagation.Deny || c.State != "b=2" || !got.high || !got.name {
		t.Errorf("%q, %+v, %+v", endpoint, c, got)
	}
	c = propagation.Context{Trace: span.TraceID{Hi: 77, Lo: j.Lo}, Span: 9}
	if endpoint, got = m.restore(&c); endpoint != "" || got != (restored{}) {
		t.Errorf("another trace got %q, %+v", endpoint, got)
	}
	// Another trace with the same second half takes the place.
	m.remember(&c, "GET:/other")
	if endpoint, _ = m.restore(&c); endpoint != "GET:/other" || m.len() != 1 {
		t.Errorf("%q, %d held", endpoint, m.len())
	}
	c = propagation.Context{Trace: j, Span: 9}
	if endpoint, _ = m.restore(&c); endpoint != "" {
		t.Errorf("the first trace still has %q", endpoint)
	}
}
