// SPDX-License-Identifier: Apache-2.0

package span

import "unsafe"

// slabs are the parts of a batch beside its body, each in one piece of memory.
type slabs struct {
	side []byte // what the body does not hold as plain bytes

	spans     []Span
	attrs     []Attr
	events    []Event
	refs      []Ref
	resources []Resource
	scopes    []Scope
	segments  []Segment
	agents    []Agent
	agentRefs []AgentRef
	instances []Instance
}

// emptied makes them empty, with the memory that they have.
func (s *slabs) emptied() {
	*s = slabs{
		side: s.side[:0], spans: s.spans[:0], attrs: s.attrs[:0], events: s.events[:0], refs: s.refs[:0],
		resources: s.resources[:0], scopes: s.scopes[:0], segments: s.segments[:0],
		agents: s.agents[:0], agentRefs: s.agentRefs[:0], instances: s.instances[:0],
	}
}

// bytes is the memory that they have.
func (s *slabs) bytes() int {
	return cap(s.side) + slab(s.spans) + slab(s.attrs) + slab(s.events) + slab(s.refs) + slab(s.resources) +
		slab(s.scopes) + slab(s.segments) + slab(s.agents) + slab(s.agentRefs) + slab(s.instances)
}

func slab[T any](s []T) int {
	var zero T
	return cap(s) * int(unsafe.Sizeof(zero))
}
