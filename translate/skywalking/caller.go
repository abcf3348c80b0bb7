// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// refer finds out where the parent of the root of a segment is in OAP: the tag
// that holds the header it came with says so, or the memory of what was sent,
// else it is where this encoder would put it. The entry of a caller of which
// nothing is known gets no reference, unless there is a name to stand for it:
// OAP then shows User instead of a service without a name.
func (e *Encoder) refer(m *memory, it *span.Item, v *conversion) {
	s, r, ref := it.Span(), &v.role, &v.ref
	if v.child = it.Parent != 0 && it.Parent != it.ID; !v.child {
		return
	}
	*ref = reference{}
	k := spanKey{s.Trace, it.Parent}
	tagged := e.readParentTag(ref, it, r.parent)
	v.up = m.spans.again(v.up, k)
	parent := m.knownAt(v.up)
	if r.typ == typeEntry && !tagged && parent == nil && e.opts.UnknownCaller == "" && (r.layer == layerMQ || s.Remote.Service.Len() == 0) {
		v.child = false
		return
	}
	if !tagged {
		v.up = m.placeAt(v.up, k)
		e.locate(m, ref, k, m.spans.at(v.up))
	}
	here := parent == nil || m.inProcess(parent, r.service, r.instance)
	if r.typ == typeEntry || !here {
		e.describe(m, ref, it, r, parent)
	} else {
		ref.crossThread = true
		ref.service, ref.instance, ref.endpoint, ref.address = r.service, r.instance, "", ""
		if parent != nil {
			ref.endpoint = e.names.keep(m.endpointOf(s.Trace, parent))
		}
	}
	ref.endpoint = cutEndpoint(or(ref.endpoint, unknown), ref.service)
}

// locate names the place of a span for a reference. A span that is still to
// come is promised to be number 0 of a segment of its own.
func (e *Encoder) locate(m *memory, ref *reference, k spanKey, p *place) {
	owner := k.id
	switch {
	case p.is&fromAgent != 0:
		ref.segment, ref.number, ref.agents = e.names.keep(m.text(p, placeSegment)), p.number, true
		return
	case p.is&isSent != 0:
		owner, ref.number = p.owner, p.number
	default:
		p.is |= isApart
		if p.is&isWrapped != 0 {
			ref.number = 1
		}
	}
	mark := len(e.names)
	e.names = e.prefixes.appendName(e.names, k.trace, owner)
	ref.segment, ref.owner = e.names.since(mark), owner
}

// prefixes are the halves of segments' names that depend on the trace alone, of the
// traces that were asked for lately: each is a hash.
type prefixes [32]prefix

type prefix struct {
	trace span.TraceID // zero: none
	text  [16]byte
}

// appendName is span.AppendSegmentName.
func (x *prefixes) appendName(dst []byte, t span.TraceID, id span.ID) []byte {
	p := &x[hashTrace(t)%uint64(len(x))]
	if p.trace == t && !t.IsZero() {
		return id.AppendHex(append(dst, p.text[:]...))
	}
	mark := len(dst)
	dst = span.AppendSegmentName(dst, t, id)
	p.trace = t
	copy(p.text[:], dst[mark:])
	return dst
}

// describe fills in what is known of the caller of another process. The address
// is how the caller's exit calls this side: OAP takes it for another name of a
// server, and for the broker of a consumer.
func (e *Encoder) describe(m *memory, ref *reference, it *span.Item, r *role, parent *place) {
	b, s := it.Batch, it.Span()
	if parent != nil {
		ref.service = or(ref.service, e.names.keep(m.text(parent, placeService)))
		ref.instance = or(ref.instance, e.names.keep(m.text(parent, placeInstance)))
		ref.endpoint = or(ref.endpoint, e.names.keep(m.endpointOf(s.Trace, parent)))
		if (parent.is&isQueue != 0) == (r.layer == layerMQ) {
			ref.address = or(ref.address, e.names.keep(m.text(parent, placePeer)))
		}
	}
	if r.layer == layerMQ {
		// The remote side of a consumer is the broker, not the caller.
		ref.address = or(ref.address, r.peer, unknown)
	} else {
		ref.service = or(ref.service, b.Str(s.Remote.Service))
		ref.address = or(ref.address, r.service)
		if ref.instance == "" {
			ref.instance = e.remoteIP(s)
		}
	}
	ref.service = cut(or(ref.service, e.opts.UnknownCaller, unknown), maxService)
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

// checkTraceName lets go of a name that is not that of the span's trace.
func (r *role) checkTraceName(t span.TraceID) string {
	if r.traceName != "" && (len(r.traceName) > maxTrace || span.TraceOf(r.traceName) != t) {
		r.traceName = ""
	}
	return r.traceName
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
