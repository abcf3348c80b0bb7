// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"net/netip"

	"github.com/spanbridge/spanbridge/span"
)

// time reads what is to be added to the visible time; without it there is none.
func (l *list) time(s *span.Span, bit span.Has, visible int64) int64 {
	s.Has &^= bit
	if !l.next() {
		return 0
	}
	s.Has |= bit
	return visible + l.r.number()
}

// endpoint reads the parts of an endpoint: null as visible, 0 absent.
func (l *list) endpoint(e *span.Endpoint) {
	next := span.Endpoint{Service: e.Service, Port: e.Port}
	ip4, ip6 := e.IP4(), e.IP6()
	if l.next() && !l.r.j.Null() {
		next.Service = filled(l.r.place())
	}
	l.addr(&ip4)
	l.addr(&ip6)
	if l.next() && !l.r.j.Null() {
		next.Port = uint16(l.r.number())
	}
	if ip4.Is4() {
		next.SetIP4(ip4.As4())
	}
	if ip6.Is6() {
		next.SetIP6(ip6.As16())
	}
	*e = next
}

func (l *list) addr(a *netip.Addr) {
	if l.next() && !l.r.j.Null() {
		*a = netip.Addr{}
		if text := l.r.text(); text != "" {
			*a, _ = netip.ParseAddr(text)
		}
	}
}

func (l *list) scope() uint32 {
	if !l.next() {
		return 0
	}
	w := l.r.w
	mark := w.Mark()
	c := span.Scope{Name: filled(l.r.place()), Version: filled(l.place()), Schema: filled(l.place()), Dropped: l.count()}
	c.Attrs = l.attrs()
	if sameScope(l.r.b, &c, l.r.b, l.r.b.Scope(l.r.lastScope)) {
		w.Undo(mark)
	} else {
		l.r.lastScope = w.Scope(c)
	}
	return l.r.lastScope
}

// attrs reads a list of attributes that are all written out.
func (l *list) attrs() span.Range {
	mark := l.r.w.AttrMark()
	if l.next() {
		for in := l.r.list(); in.next(); {
			if a, ok := l.r.attr(entryScope, nil); ok {
				l.r.w.Attr(a)
			}
		}
	}
	return l.r.w.AttrsFrom(mark)
}

func (l *list) refs() {
	r := l.r
	mark := r.w.RefMark()
	for l.next() {
		in := r.list()
		ref := span.Ref{Trace: r.v.Trace, Span: r.parent}
		if t := in.text(); t != "" {
			ref.Trace, _ = span.ParseTraceID(t)
		}
		if id := in.text(); id != "" {
			ref.Span, _ = span.ParseID(id)
		}
		ref.Kind = span.RefKind(min(max(in.number(), 0), int64(span.CrossThread)))
		ref.Parent = in.number() == 1
		ref.TraceFlags, ref.Dropped = in.count(), in.count()
		ref.State = filled(in.place())
		ref.Attrs = in.attrs()
		if in.next() {
			a := span.AgentRef{TraceName: r.place(), Segment: in.place(), Number: int32(in.number())}
			a.Service, a.Instance, a.Endpoint, a.Address = in.place(), in.place(), in.place(), in.place()
			ref.Agent = r.w.AgentRef(a)
		}
		in.rest()
		r.w.Ref(ref)
	}
	r.s.Refs = r.w.RefsFrom(mark)
}

func (l *list) events() {
	r := l.r
	visible := r.b.Events(r.v.Events)
	mark := r.w.EventMark()
	for l.next() {
		if r.j.Peek() != '[' {
			if n := r.number(); n >= 0 && n < int64(len(visible)) {
				r.w.Event(visible[n])
			}
			continue
		}
		in := r.list()
		var e span.Event
		if n := in.number(); n >= 0 && n < int64(len(visible)) {
			e = visible[n]
		}
		r.inner.set(r.b, r.b.Attrs(e.Attrs))
		e.Time += in.number()
		if in.next() && !r.j.Null() {
			e.Name = r.place()
		}
		e.Dropped = in.count()
		if in.next() {
			attrs := r.w.AttrMark()
			for fields := r.list(); fields.next(); {
				if a, ok := r.attr(entryEvents, &r.inner); ok {
					r.w.Attr(a)
				}
			}
			e.Attrs = r.w.AttrsFrom(attrs)
		}
		in.rest()
		r.w.Event(e)
	}
	r.s.Events = r.w.EventsFrom(mark)
}

func (l *list) agent(s *span.Span) {
	r := l.r
	if l.next() {
		if r.j.Peek() == '[' {
			in := r.list()
			a := span.Agent{Number: int32(in.number()), Parent: int32(in.number()), Type: int32(in.number())}
			a.Layer, a.Component, a.Skip = int32(in.number()), int32(in.number()), in.number() == 1
			a.Peer = in.place()
			in.rest()
			s.Agent = r.w.Agent(a)
		} else {
			r.j.Skip()
		}
	}
	if l.next() {
		in := r.list()
		g := span.Segment{Spans: in.count(), SizeLimited: in.number() == 1}
		g.TraceName, g.Name, g.Service, g.Instance = in.place(), in.place(), in.place(), in.place()
		in.rest()
		s.Segment = r.w.Segment(g)
	}
}
