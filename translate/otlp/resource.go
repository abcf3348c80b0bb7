// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// readResource reads a resource and takes from it what spans say of their own
// end: the service and the address of the host.
func (r *reader) readResource(h *head) (res span.Resource, err error) {
	p := h.about
	at, end := p.Pos, p.End
	res.Schema = h.schema
	mark := r.w.AttrMark()
	r.repaired = false
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			r.attribute(&p)
		case field == 2 && typ == wire.TypeVarint:
			res.Dropped = uint32(p.Varint())
		case field == 3 && typ == wire.TypeBytes:
			r.entityRef(&p)
		default:
			r.skip(&p, field, typ)
		}
	}
	res.Attrs = r.w.AttrsFrom(mark)
	if h.given && !r.repaired {
		res.Raw = r.at(at, end-at)
	}
	r.readLocal(r.w.AttrsSince(mark))
	return res, p.Err
}

// entityRef looks through an EntityRef, all fields of which are strings: it
// has no place in a resource but its raw bytes.
func (r *reader) entityRef(outer *wire.Proto) {
	p := outer.Message()
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		if typ == wire.TypeBytes {
			r.text(&p)
			continue
		}
		r.skip(&p, field, typ)
	}
	outer.Adopt(&p)
}

func (r *reader) readScope(h *head) (s span.Scope, err error) {
	p := h.about
	s.Schema = h.schema
	mark := r.w.AttrMark()
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			s.Name = r.nonEmpty(&p)
		case field == 2 && typ == wire.TypeBytes:
			s.Version = r.nonEmpty(&p)
		case field == 3 && typ == wire.TypeBytes:
			r.attribute(&p)
		case field == 4 && typ == wire.TypeVarint:
			s.Dropped = uint32(p.Varint())
		default:
			r.skip(&p, field, typ)
		}
	}
	s.Attrs = r.w.AttrsFrom(mark)
	return s, p.Err
}
