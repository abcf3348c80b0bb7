// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"slices"

	"github.com/spanbridge/spanbridge/span"
)

// The kinds of references, by number in both forms.
const (
	refChildOf     = 0
	refFollowsFrom = 1
)

// refKind takes every number but CHILD_OF's for the weaker relation.
func refKind(number int64) span.RefKind {
	if number == refChildOf {
		return span.ChildOf
	}
	return span.FollowsFrom
}

// isZeroRef is true for a reference that names no span. Clients write such ones
// for spans that a jaeger-debug-id started (opentelemetry-collector#491).
func isZeroRef(r *span.Ref) bool { return r.Trace.IsZero() || r.Span == 0 }

// parentRef is the reference that Jaeger takes for the parent: the first
// CHILD_OF of the span's own trace, else the first FOLLOWS_FROM of it; -1 for
// none. A reference to the span itself cannot be its parent.
func parentRef(refs []span.Ref, trace span.TraceID, id span.ID) int {
	follows := -1
	for i := range refs {
		r := &refs[i]
		if r.Trace != trace || r.Span == id {
			continue
		}
		if r.Kind == span.ChildOf {
			return i
		}
		if follows < 0 {
			follows = i
		}
	}
	return follows
}

// setParent finds the parent of a span and marks the reference to it. Thrift
// gives the parent in a field of its own, which need not be among the
// references.
func setParent(s *span.Span, given span.ID, refs []span.Ref) {
	if given == 0 || given == s.ID {
		if i := parentRef(refs, s.Trace, s.ID); i >= 0 {
			s.Parent = refs[i].Span
			refs[i].Parent = true
		}
		return
	}
	s.Parent = given
	mark := -1
	for i := range refs {
		r := &refs[i]
		if r.Trace != s.Trace || r.Span != given {
			continue
		}
		if r.Kind == span.ChildOf {
			mark = i
			break
		}
		if mark < 0 {
			mark = i
		}
	}
	if mark >= 0 {
		refs[mark].Parent = true
	}
}

// setShared marks the server half of a span that client and server share, as
// Jaeger's clients report it when they are told to do as Zipkin does
// (ZipkinSharedRPCSpan): it names the client half, whose id it has, as the span
// that it is a child of, and the client's parent as its parent.
func setShared(s *span.Span, refs []span.Ref) {
	if s.Kind != span.KindServer {
		return
	}
	for i := range refs {
		if r := &refs[i]; r.Kind == span.ChildOf && r.Trace == s.Trace && r.Span == s.ID {
			s.Has |= span.HasWire | span.Shared
			s.Wire = span.Wire{ID: s.ID, Parent: s.Parent}
			return
		}
	}
}

// collectRefs takes the references that an item is written with. Those of
// Jaeger's own spans keep their order and kind, those of others come after the
// parent; of these a reference that says how the span relates to its parent
// (OpenTelemetry's link with opentracing.ref_type) gives its kind to the
// parent. The reference to the parent names the parent under which the item
// leaves.
func collectRefs(dst []span.Ref, it *span.Item, own bool) []span.Ref {
	s := it.Span()
	dst = dst[:0]
	if !own && it.Parent != 0 {
		dst = append(dst, span.Ref{Trace: s.Trace, Span: it.Parent, Kind: span.ChildOf, Parent: true})
	}
	refs := it.Batch.Refs(s.Refs)
	for i := range refs {
		r := span.Ref{Trace: refs[i].Trace, Span: refs[i].Span, Kind: span.FollowsFrom}
		if refs[i].Kind == span.ChildOf {
			r.Kind = span.ChildOf
		}
		isParent := refs[i].Parent
		related := refs[i].Kind == span.ChildOf || refs[i].Kind == span.FollowsFrom
		if !own && related {
			isParent = isParent || r.Trace == s.Trace && r.Span == s.Parent
		}
		switch {
		case isZeroRef(&refs[i]) || isParent && it.Parent == 0:
			continue
		case own && !isParent && it.ID != s.ID && r.Trace == s.Trace && r.Span == it.Parent:
			// A server half that was split names its client half already; once
			// is enough.
			if slices.ContainsFunc(refs, func(r span.Ref) bool { return r.Parent }) {
				continue
			}
			r.Parent = true
		case isParent && own:
			r.Span, r.Parent = it.Parent, true
		case isParent && related:
			dst[0].Kind = r.Kind
			continue
		case isParent:
			continue
		}
		dst = append(dst, r)
	}
	return dst
}

// leadWithParent brings the parent to the front where a reader of references
// alone would take another span for it, or none. That happens to Thrift spans,
// which have a field for the parent besides.
func leadWithParent(refs []span.Ref, it *span.Item) []span.Ref {
	if it.Parent == 0 {
		return refs
	}
	s := it.Span()
	if i := parentRef(refs, s.Trace, it.ID); i >= 0 && refs[i].Span == it.Parent {
		return refs
	}
	for i := range refs {
		if refs[i].Parent && refs[i].Kind == span.ChildOf {
			refs = append(refs[:i], refs[i+1:]...)
			break
		}
	}
	return prepend(refs, span.Ref{Trace: s.Trace, Span: it.Parent, Kind: span.ChildOf, Parent: true})
}

func prepend(refs []span.Ref, r span.Ref) []span.Ref {
	refs = append(refs, span.Ref{})
	copy(refs[1:], refs)
	refs[0] = r
	return refs
}
