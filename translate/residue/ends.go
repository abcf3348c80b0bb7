// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"net/netip"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// side is the entry of an endpoint as it was written for a span before: the spans of
// a process have one, and call a few.
type side struct {
	memo[sidesOf]
	service, shown []byte // the names, as they are and as visible
}

// sidesOf is what the entry of an endpoint depends on besides the names.
type sidesOf struct {
	entry       entry
	of, visible span.Endpoint // without the names
}

const (
	sidesKept   = 1 << sidesBits
	sidesBits   = 8
	longestName = 128 // of those that are kept
)

func namelessSide(e *span.Endpoint) span.Endpoint {
	n := *e
	n.Service = span.Text{}
	return n
}

// sideAt is where an entry would be kept.
func (w *Writer) sideAt(of *sidesOf, service, shown string) *side {
	n := uint32(of.entry) + of.of.Spread()*31 + of.visible.Spread()*7 + uint32(len(service))*5 + uint32(len(shown))*3
	if service != "" {
		n += uint32(service[0]) + uint32(service[len(service)-1])*11
	}
	return &w.sides[n*0x9e3779b1>>(32-sidesBits)]
}

func (w *Writer) endpoint(e entry, b *span.Batch, s *span.Endpoint, vb *span.Batch, v *span.Endpoint) {
	if b == vb && *s == *v {
		return
	}
	service, shown := b.Str(s.Service), vb.Str(v.Service)
	if service == shown && s.Port == v.Port && s.SameIP(v) {
		return
	}
	of := sidesOf{e, namelessSide(s), namelessSide(v)}
	known := w.sideAt(&of, service, shown)
	if string(known.service) == service && string(known.shown) == shown && known.again(w, e, of) {
		return
	}
	from := len(w.buf)
	w.group(e, printStart.endpoint(vb, v))
	w.part(service == shown, service != "", func() { w.json(service) })
	w.part(s.IP4() == v.IP4(), s.IP4().IsValid(), func() { w.addr(s.IP4()) })
	w.part(s.IP6() == v.IP6(), s.IP6().IsValid(), func() { w.addr(s.IP6()) })
	w.part(s.Port == v.Port, s.Port != 0, func() { w.buf = wire.AppendDecimal(w.buf, int64(s.Port)) })
	w.close(']')
	if !w.odd && len(service) <= longestName && len(shown) <= longestName {
		known.service, known.shown = append(known.service[:0], service...), append(known.shown[:0], shown...)
		known.keep(w, from, of)
	}
}

func (w *Writer) addr(a netip.Addr) {
	w.quote()
	w.buf = wire.AppendIP(w.buf, a)
	w.quote()
}

// part writes a part of an endpoint: null as visible, 0 absent.
func (w *Writer) part(same, there bool, write func()) {
	w.buf = append(w.buf, ',')
	switch {
	case same:
		w.buf = append(w.buf, "null"...)
	case !there:
		w.buf = append(w.buf, '0')
	default:
		write()
	}
}
