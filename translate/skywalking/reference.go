// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// reference reads a SegmentReference. One that names no segment refers to
// nothing and is left out.
func (r *reader) reference(outer *wire.Proto) {
	p := outer.Message()
	var a span.AgentRef
	kind := span.CrossProcess
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeVarint:
			if p.Varint() == 1 {
				kind = span.CrossThread
			} else {
				kind = span.CrossProcess
			}
		case field == 4 && typ == wire.TypeVarint:
			a.Number = int32(p.Varint())
		case field == 2 && typ == wire.TypeBytes:
			a.TraceName = r.some(&p)
		case field == 3 && typ == wire.TypeBytes:
			a.Segment = r.some(&p)
		case field == 5 && typ == wire.TypeBytes:
			a.Service = r.some(&p)
		case field == 6 && typ == wire.TypeBytes:
			a.Instance = r.some(&p)
		case field == 7 && typ == wire.TypeBytes:
			a.Endpoint = r.some(&p)
		case field == 8 && typ == wire.TypeBytes:
			a.Address = r.some(&p)
		default:
			p.Skip(field, typ)
		}
	}
	outer.Adopt(&p)
	if outer.Err != nil || !a.Segment.Present() {
		return
	}
	ref := span.Ref{Trace: r.trace, Kind: kind}
	if name := r.w.Str(a.TraceName); name != "" && name != r.traceName {
		ref.Trace = span.TraceOf(name)
	}
	ref.Span = span.SpanOf(ref.Trace, r.w.Str(a.Segment), a.Number)
	ref.Agent = r.w.AgentRef(a)
	r.callers = append(r.callers, a)
	r.w.Ref(ref)
}

// markParent takes the parent of a span from its references, unless it has one
// in the segment: the first reference into this trace. The others are links.
// It returns what that reference says of the calling process; nil when there is
// no other process.
func (r *reader) markParent(s *span.Span, a *span.Agent, link int32, mark int) (caller *span.AgentRef) {
	if link >= 0 && link != a.Number {
		return nil
	}
	refs := r.w.RefsSince(mark)
	for i := range refs {
		ref := &refs[i]
		if ref.Trace != s.Trace || ref.Span == s.ID {
			continue
		}
		ref.Parent = true
		if id := r.marks.get(a.Number).parent; id != 0 {
			ref.Span = id // it may be packed in its segment
		}
		s.Parent = ref.Span
		from := &r.callers[i]
		if ref.Kind == span.CrossThread || r.isSelf(from) {
			return nil
		}
		return from
	}
	return nil
}

// isSelf tells a reference within the process: go2sky writes one of type
// CrossProcess, without an address, for a child that outlives its parent's
// segment (segment.go, createRootSegmentContext).
func (r *reader) isSelf(a *span.AgentRef) bool {
	return !a.Address.Present() && r.w.Str(a.Service) == r.w.Str(r.head.Service) &&
		r.w.Str(a.Instance) == r.w.Str(r.head.Instance)
}
