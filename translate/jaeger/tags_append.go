// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"math"
	"net/netip"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// tag is a tag to be written, in one of Jaeger's five types.
type tag struct {
	key  string
	typ  span.Type  // String, Int, Float, Bool or Bytes
	text string     // of a String or Bytes
	addr netip.Addr // of a String, in place of text when valid
	bits uint64     // of the others
}

// isOwn tells a span whose tags follow Jaeger's conventions.
func isOwn(b *span.Batch, s *span.Span) bool { return b.Home(s) == span.Jaeger }

// tags are the tags of a span, of its process or of a log, used again for the
// next one.
type tags []tag

func (t *tags) text(key, v string) {
	*t = append(*t, tag{key: key, typ: span.String, text: v})
}

func (t *tags) nonEmpty(b *span.Batch, key string, v span.Text) {
	if v.Len() > 0 {
		t.text(key, b.Str(v))
	}
}

func (t *tags) addr(key string, a netip.Addr) {
	if a.IsValid() {
		*t = append(*t, tag{key: key, typ: span.String, addr: a})
	}
}

func (t *tags) number(key string, v int64) {
	*t = append(*t, tag{key: key, typ: span.Int, bits: uint64(v)})
}

func (t *tags) count(key string, n uint32) {
	if n > 0 {
		t.number(key, int64(n))
	}
}

func (t *tags) truth(key string, v bool) {
	one := tag{key: key, typ: span.Bool}
	if v {
		one.bits = 1
	}
	*t = append(*t, one)
}

// attrs adds attributes; those that a field says as well only to Jaeger's own
// spans, which are written without a look at the fields.
func (t *tags) attrs(b *span.Batch, r span.Range, own bool) {
	attrs := b.Attrs(r)
	for i := range attrs {
		a := &attrs[i]
		if a.Mirrored && !own {
			continue
		}
		one := tag{key: b.Str(a.Key), typ: a.Type}
		switch a.Type {
		case span.Int:
			one.bits = uint64(a.Int())
		case span.Float:
			one.bits = math.Float64bits(a.Float())
		case span.Bool:
			if a.Bool() {
				one.bits = 1
			}
		case span.String, span.Bytes:
			one.text = b.Str(a.Text())
		case span.JSON:
			one.typ, one.text = span.String, b.Str(a.Text())
		default:
			one.typ = span.String
		}
		*t = append(*t, one)
	}
}

// span takes the tags that a span is written with.
func (t *tags) span(b *span.Batch, s *span.Span) {
	*t = (*t)[:0]
	own := isOwn(b, s)
	t.attrs(b, s.Attrs, own)
	if own {
		return
	}
	if s.Kind != span.KindUnset {
		t.text(tagKind, s.Kind.String())
	}
	t.status(b, s)
	t.nonEmpty(b, tagPeerService, s.Remote.Service)
	t.addr(tagPeerIP4, s.Remote.IP4())
	t.addr(tagPeerIP6, s.Remote.IP6())
	if s.Remote.Port != 0 {
		t.number(tagPeerPort, int64(s.Remote.Port))
	}
	if c := b.Scope(s.Scope); c != nil {
		t.nonEmpty(b, tagScopeName, c.Name)
		t.nonEmpty(b, tagScopeVersion, c.Version)
	}
	t.nonEmpty(b, tagState, s.State)
	t.count(tagDroppedAttrs, s.Dropped.Attrs)
	t.count(tagDroppedEvents, s.Dropped.Events)
	t.count(tagDroppedLinks, s.Dropped.Refs)
	if s.Agent != 0 {
		t.agent(b, s)
	}
}

// status says the status. Zipkin's tag error, which has a text instead of a
// code, becomes a description; the text "true" says nothing more than the tag.
func (t *tags) status(b *span.Batch, s *span.Span) {
	coded := s.Has&span.HasStatus != 0
	switch s.Status {
	case span.StatusError:
		if !coded && b.Str(s.StatusMessage) == "false" {
			// Zipkin counts any tag error; who wrote false meant the contrary.
			t.truth(tagError, false)
			return
		}
		t.truth(tagError, true)
		if coded {
			t.text(tagStatusCode, "ERROR")
		}
	case span.StatusOK:
		t.text(tagStatusCode, "OK")
	default:
		return
	}
	if m := s.StatusMessage; m.Present() && (coded || b.Str(m) != "true") {
		t.text(tagDescription, b.Str(m))
	}
}

// agent says what a SkyWalking agent said beyond the canonical fields.
func (t *tags) agent(b *span.Batch, s *span.Span) {
	a := b.Agent(s.Agent)
	if g := b.Segment(s.Segment); g != nil {
		t.nonEmpty(b, translate.TagTraceName, g.TraceName)
		t.nonEmpty(b, translate.TagSegment, g.Name)
	}
	t.number(translate.TagNumber, int64(a.Number))
	for _, r := range b.Refs(s.Refs) {
		if ar := b.AgentRef(r.Agent); ar != nil && r.Parent {
			t.nonEmpty(b, translate.TagParentSegment, ar.Segment)
			t.number(translate.TagParentNumber, int64(ar.Number))
		}
	}
	if a.Layer != 0 {
		t.text(translate.TagLayer, translate.LayerName(a.Layer))
	}
	if a.Component != 0 {
		t.number(translate.TagComponent, int64(a.Component))
	}
	t.nonEmpty(b, translate.TagPeer, a.Peer)
}

// process takes the tags that the process of a span is written with.
func (t *tags) process(b *span.Batch, s *span.Span) {
	*t = (*t)[:0]
	own := isOwn(b, s)
	if r := b.Resource(s.Resource); r != nil {
		t.attrs(b, r.Attrs, own)
	}
	if own {
		return
	}
	t.addr(tagIP, s.Local.IP())
	if g := b.Segment(s.Segment); g != nil {
		t.nonEmpty(b, translate.TagInstance, g.Instance)
	}
}

// event takes the fields that a log is written with: its name first. An empty
// name of a foreign event is none.
func (t *tags) event(b *span.Batch, e *span.Event, own bool) {
	*t = (*t)[:0]
	if e.Name.Len() > 0 || own && e.Name.Present() {
		t.text(tagEvent, b.Str(e.Name))
	}
	t.attrs(b, e.Attrs, own)
}

// flags are the flags of a span. A span that OpenTelemetry reported says that
// it was sampled in a field of its own.
func flags(b *span.Batch, s *span.Span) uint32 {
	f := uint32(s.Sampling)
	if !isOwn(b, s) {
		f |= s.TraceFlags & uint32(span.Sampled)
	}
	return f
}
