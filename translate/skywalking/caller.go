// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// conversion is a converted span of a call on its way.
type conversion struct {
	item  int
	trace string // the name of its trace
	role  role
	ref   reference
	child bool // ref is set
}

// refer finds out where the parent of a span is in OAP: the tag that holds the
// header it came with says so, or the memory of what was sent, else it is where
// this encoder would put it. What is not known of the caller is called unknown,
// for an empty name is drawn as a node _blank.
func (c *converter) refer(m *memory, it *span.Item, v *conversion) {
	if v.child = it.Parent != 0; !v.child {
		return
	}
	s, r, ref := it.Span(), &v.role, &v.ref
	*ref = reference{crossThread: s.Kind != span.KindServer && s.Kind != span.KindConsumer}
	parent := m.spans.get(spanKey{s.Trace, it.Parent})
	switch {
	case c.readParentTag(ref, it, r.parent):
	case parent != nil && parent.text(placeSegment) != "":
		ref.segment, ref.number = c.names.keep(parent.text(placeSegment)), parent.number
	default:
		mark := len(c.names)
		c.names = span.AppendSegmentName(c.names, s.Trace, it.Parent)
		ref.segment = c.names.since(mark)
	}
	if ref.crossThread {
		ref.service, ref.instance, ref.endpoint, ref.address = r.service, r.instance, "", ""
		if parent != nil && parent.text(placeService) == r.service {
			ref.endpoint = c.names.keep(m.endpointOf(s.Trace, parent))
		}
	} else {
		c.describe(m, ref, it, r, parent)
	}
	ref.endpoint = cutEndpoint(or(ref.endpoint, unknown), ref.service)
}

// describe fills in what is known of the caller of another process. The address
// is how the caller's exit calls this side: OAP takes it for another name of a
// server, and for the broker of a consumer.
func (c *converter) describe(m *memory, ref *reference, it *span.Item, r *role, parent *place) {
	b, s := it.Batch, it.Span()
	if parent != nil {
		ref.service = or(ref.service, c.names.keep(parent.text(placeService)))
		ref.instance = or(ref.instance, c.names.keep(parent.text(placeInstance)))
		ref.endpoint = or(ref.endpoint, c.names.keep(m.endpointOf(s.Trace, parent)))
		if parent.queue == (r.layer == layerMQ) {
			ref.address = or(ref.address, c.names.keep(parent.text(placePeer)))
		}
	}
	if r.layer == layerMQ {
		// The remote side of a consumer is the broker, not the caller.
		ref.address = or(ref.address, r.peer, unknown)
	} else {
		ref.service = or(ref.service, b.Str(s.Remote.Service))
		ref.address = or(ref.address, r.service)
		if ref.instance == "" {
			ref.instance = c.remoteIP(s)
		}
	}
	ref.service = cut(or(ref.service, unknown), maxService)
	ref.instance = cut(or(ref.instance, unknown), maxInstance)
	ref.address = cut(ref.address, maxPeer)
}

// remoteIP is the address of the other side: where a process has no name, its
// address is the name of the instance.
func (c *converter) remoteIP(s *span.Span) string {
	ip := s.Remote.IP()
	if !ip.IsValid() {
		return ""
	}
	mark := len(c.names)
	c.names = ip.AppendTo(c.names)
	return c.names.since(mark)
}

// readParentTag reads the tag sw8.parent, if it is about the parent of the
// span.
func (c *converter) readParentTag(ref *reference, it *span.Item, tag string) bool {
	if tag == "" {
		return false
	}
	var fields [5]string // number, service, instance, endpoint, address
	for i := len(fields) - 1; i >= 0; i-- {
		bar := strings.LastIndexByte(tag, '|')
		if bar < 0 {
			return false
		}
		fields[i], tag = tag[bar+1:], tag[:bar]
	}
	n, err := strconv.ParseInt(fields[0], 10, 32)
	if err != nil || tag == "" || len(tag) > maxSegmentName ||
		span.SpanOf(it.Span().Trace, tag, int32(n)) != it.Parent {
		return false
	}
	ref.segment, ref.number = tag, int32(n)
	ref.service, ref.instance = c.base64(fields[1]), c.base64(fields[2])
	ref.endpoint, ref.address = c.base64(fields[3]), c.base64(fields[4])
	return true
}

// base64 decodes a field of an sw8 header; a broken one is empty.
func (c *converter) base64(s string) string {
	mark := len(c.names)
	out, err := base64.StdEncoding.AppendDecode(c.names, []byte(s))
	if err != nil {
		return ""
	}
	c.names = out
	return c.names.since(mark)
}

// nameOf is the name of the trace of a span: the one that its agent gave, if
// it is known.
func (c *converter) nameOf(m *memory, s *span.Span, r *role) string {
	if r.traceName != "" {
		return r.traceName
	}
	if name := m.names.get(s.Trace); name != nil {
		return c.names.keep(string(*name))
	}
	mark := len(c.names)
	c.names = s.Trace.AppendHex32(c.names)
	return c.names.since(mark)
}
