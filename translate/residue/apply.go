// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"github.com/spanbridge/spanbridge/span"
)

// apply restores what an entry says; the fingerprint has been read.
func (r *Reader) apply(e entry, l *list) {
	s := &r.s
	switch e {
	case entryWireID:
		s.Wire.ID = l.id()
		r.wireID = s.Wire.ID != 0
	case entryWireParent:
		s.Wire.Parent = l.id()
		r.wireParent = true
	case entryParent:
		r.parent = l.id()
	case entryName:
		s.Name = filled(l.place())
	case entryKind:
		if k := l.number(); k >= 0 && k <= int64(span.KindConsumer) {
			s.Kind = span.Kind(k)
		}
	case entryStart:
		s.Start = l.time(s, span.HasStart, r.visibleTime(span.HasStart))
	case entryDuration:
		s.Duration = l.time(s, span.HasDuration, r.visibleTime(span.HasDuration))
	case entryStatus:
		if code := l.number(); code >= 0 && code <= int64(span.StatusError) {
			s.Status = span.Status(code)
		}
		s.Has &^= span.HasStatus
		if l.number() == 1 {
			s.Has |= span.HasStatus
		}
		switch {
		case !l.next():
			s.StatusMessage = span.Text{}
		case !r.j.Null():
			s.StatusMessage = r.place()
		}
	case entryFlags:
		s.Sampling, s.TraceFlags = span.Sampling(l.count()), l.count()
	case entryState:
		s.State = filled(l.place())
	case entryLocal:
		l.endpoint(&s.Local)
	case entryRemote:
		l.endpoint(&s.Remote)
	case entryDropped:
		s.Dropped = span.Dropped{Attrs: l.count(), Events: l.count(), Refs: l.count()}
	case entryScope:
		s.Scope = l.scope()
	case entryResource:
		r.schema, r.dropped, r.resourceHead = filled(l.place()), l.count(), true
	case entryRefs:
		r.refsGiven = true
		l.refs()
	case entryEvents:
		l.events()
	case entryAgent:
		l.agent(s)
	}
}

// filled is a text that is not empty, or an absent one.
func filled(t span.Text) span.Text {
	if t.Len() == 0 {
		return span.Text{}
	}
	return t
}

// visibleTime is the visible start or duration, 0 for an absent one.
func (r *Reader) visibleTime(bit span.Has) int64 {
	switch {
	case r.v.Has&bit == 0:
		return 0
	case bit == span.HasStart:
		return r.v.Start
	}
	return r.v.Duration
}

// identity restores how a Zipkin backend knows the span. Where somebody gave
// the span another id, the old one means nothing.
func (r *Reader) identity() {
	s := &r.s
	s.Parent = r.parent
	if r.trusted && r.home != r.b.Home(&r.v) {
		s.Home = r.home
	}
	if r.trusted && r.home != span.Jaeger && !r.refsGiven && told(r.b.Refs(s.Refs), s.Trace, r.v.Parent) {
		s.Refs = span.Range{} // only Jaeger says a parent by a reference
	}
	if r.stale&(1<<entryWireID) != 0 {
		s.Wire = r.v.Wire
		return
	}
	zipkin := r.trusted && r.home == span.Zipkin
	if !zipkin && !r.wireID && !r.wireParent && !r.shared {
		return
	}
	s.Has |= span.HasWire
	if r.shared {
		s.Has |= span.Shared
	}
	if !r.wireID {
		s.Wire.ID = s.ID
	}
	if !r.wireParent {
		s.Wire.Parent = s.Parent
	}
}
