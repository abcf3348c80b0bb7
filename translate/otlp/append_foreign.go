// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// appendForeign appends the attributes of a span of another protocol: its own
// ones, then what OTLP has no field for.
func (e *Encoder) appendForeign(d []byte, b *span.Batch, s *span.Span) []byte {
	attrs := b.Attrs(s.Attrs)
	for i := range attrs {
		if a := &attrs[i]; !a.Mirrored || keeps(b, s, a) {
			d = e.appendAttr(d, fieldAttribute, b, a)
		}
	}
	d = e.appendEndpoints(d, b, s)
	if s.Agent != 0 {
		d = e.appendAgent(d, b, s)
	}
	return d
}

// keeps is true for a mirrored attribute that says more than its field: the
// tag error with a text besides the description of the status, and the tag
// error that says false.
func keeps(b *span.Batch, s *span.Span, a *span.Attr) bool {
	if a.Type != span.String || b.Str(a.Key) != keyError {
		return false
	}
	switch text := b.Str(a.Text()); text {
	case "", "true":
		return false
	default:
		return text != b.Str(s.StatusMessage) || errorFalse(b, s)
	}
}

const keyError = "error"

// errorFalse is true for a span whose only sign of a failure is the tag
// error=false.
func errorFalse(b *span.Batch, s *span.Span) bool {
	return s.Status == span.StatusError && s.Has&span.HasStatus == 0 && b.Str(s.StatusMessage) == "false"
}

// written is true if an attribute of this key goes out as it is.
func written(b *span.Batch, r span.Range, key string) bool {
	attrs := b.Attrs(r)
	for i := range attrs {
		if a := &attrs[i]; !a.Mirrored && b.Str(a.Key) == key {
			return true
		}
	}
	return false
}

// appendAgent appends what a SkyWalking agent says of a span beyond the
// canonical fields.
func (e *Encoder) appendAgent(d []byte, b *span.Batch, s *span.Span) []byte {
	a := b.Agent(s.Agent)
	if g := b.Segment(s.Segment); g != nil {
		d = e.appendText(d, b, s, translate.TagTraceName, b.Str(g.TraceName))
		d = e.appendText(d, b, s, translate.TagSegment, b.Str(g.Name))
	}
	d = e.appendInt(d, b, s, translate.TagNumber, int64(a.Number))
	for _, r := range b.Refs(s.Refs) {
		if ar := b.AgentRef(r.Agent); ar != nil && r.Parent {
			d = e.appendText(d, b, s, translate.TagParentSegment, b.Str(ar.Segment))
			d = e.appendInt(d, b, s, translate.TagParentNumber, int64(ar.Number))
		}
	}
	if a.Layer != 0 {
		d = e.appendText(d, b, s, translate.TagLayer, translate.LayerName(a.Layer))
	}
	if a.Component != 0 {
		d = e.appendInt(d, b, s, translate.TagComponent, int64(a.Component))
	}
	return e.appendText(d, b, s, translate.TagPeer, b.Str(a.Peer))
}

// isLink is true for a reference that becomes a link: every valid one that is
// not the parent, and a parent that is not waiting for the span, which the
// field for the parent does not say.
func isLink(r *span.Ref) bool {
	switch {
	case r.Kind == span.Link:
		return true
	case r.Span == 0 || r.Trace.IsZero():
		return false
	}
	return !r.Parent || r.Kind == span.FollowsFrom
}

// Attributes of links. The first is OpenTelemetry's for OpenTracing, the
// others are those of the Collector's SkyWalking receiver.
const (
	keyRefType        = "opentracing.ref_type"
	keyAgentRefType   = "refType"
	keyParentService  = "parent.service"
	keyParentInstance = "parent.service.instance"
	keyParentEndpoint = "parent.endpoint"
	keyPeerAddress    = "network.AddressUsedAtPeer"
)

// appendRelation appends the attributes of a link that say what kind of
// reference it was.
func (e *Encoder) appendRelation(d []byte, b *span.Batch, r *span.Ref) []byte {
	switch r.Kind {
	case span.ChildOf:
		d = appendStringAttr(d, 4, keyRefType, "child_of")
	case span.FollowsFrom:
		d = appendStringAttr(d, 4, keyRefType, "follows_from")
	case span.CrossProcess:
		d = appendStringAttr(d, 4, keyAgentRefType, "CrossProcess")
	case span.CrossThread:
		d = appendStringAttr(d, 4, keyAgentRefType, "CrossThread")
	}
	a := b.AgentRef(r.Agent)
	if a == nil {
		return d
	}
	d = appendGivenAttr(d, b, translate.TagTraceName, a.TraceName)
	d = appendGivenAttr(d, b, translate.TagParentSegment, a.Segment)
	d = appendIntAttr(d, 4, translate.TagParentNumber, int64(a.Number))
	d = appendGivenAttr(d, b, keyParentService, a.Service)
	d = appendGivenAttr(d, b, keyParentInstance, a.Instance)
	d = appendGivenAttr(d, b, keyParentEndpoint, a.Endpoint)
	return appendGivenAttr(d, b, keyPeerAddress, a.Address)
}

func appendGivenAttr(d []byte, b *span.Batch, key string, t span.Text) []byte {
	if t.Len() == 0 {
		return d
	}
	return appendStringAttr(d, 4, key, b.Str(t))
}
