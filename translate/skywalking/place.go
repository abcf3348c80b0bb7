// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"github.com/spanbridge/spanbridge/span"
)

// report is what was sent: it tells a parcel that is tried once more from a
// span that was reported again.
type report struct {
	batch   uint64 // its number
	payload uint64
	index   uint32
}

func reportOf(it *span.Item, payload uint64) report {
	return report{it.Batch.Number(), payload, uint32(it.Index)}
}

// triedAgain is true when now is what was sent, in a later payload.
func (r *report) triedAgain(now report) bool {
	return r.batch == now.batch && r.index == now.index && r.payload != now.payload
}

// place is what is known of a span: where it is in OAP, or will be, and what
// its children's references say of it.
type place struct {
	parent span.ID
	// Of a span that was sent: the root of its segment and its number there.
	// That of a native span is named by the text placeSegment.
	owner span.ID
	sent  report // of a span that was not: what is known comes from it
	// callers is the process of the children that were seen before the span, 0
	// for none.
	callers uint64
	number  int32
	names   [numTexts]int32
	shape   shapeOf
	is      about
}

// shapeOf is what a role says besides the texts of a place.
type shapeOf struct {
	component  int32
	typ, layer int8
	is         roleIs
}

type roleIs uint8

const (
	isRemote roleIs = 1 << iota
	isNameless
	isRoleApart
	// isTold: there is no more to the role than what a place knows of it.
	isTold
)

// about is what is known of a place.
type about uint8

const (
	isKnown   about = 1 << iota // the span was seen, not only its children
	isSent                      // it was written, or came from a native agent
	isEntry                     // its own name is that of an endpoint
	isQueue                     // an exit to a broker
	isApart                     // it must be number 0 of a segment: it was referred to as such
	fromAgent                   // placeSegment names its segment
	isWrapped                   // an exit that will be number 1 of its segment
)

// Texts of a place.
const (
	placeSegment = iota
	placeService
	placeInstance
	placeEndpoint // of a converted span: its own operation
	placePeer     // of an exit
	numTexts
)

// set fills the texts of a place; every text is short.
func (m *memory) set(p *place, texts *[numTexts]string) {
	for i, s := range texts {
		p.names[i] = m.texts.swap(p.names[i], s)
	}
}

// text is one of the texts of a place.
func (m *memory) text(p *place, which int) string { return m.texts.text(p.names[which]) }

// inProcess is true for a place of a process.
func (m *memory) inProcess(p *place, service, instance string) bool {
	return m.text(p, placeService) == service && m.text(p, placeInstance) == instance
}

// processOf is the process of a place.
func (m *memory) processOf(p *place) uint64 {
	return process(m.texts.hash(p.names[placeService]), m.texts.hash(p.names[placeInstance]))
}

// sameProcess is true for places of one process.
func (p *place) sameProcess(o *place) bool {
	return p.names[placeService] == o.names[placeService] && p.names[placeInstance] == o.names[placeInstance]
}

// place decides where the spans are in OAP from now on, and looks up where the
// parents are: among the spans of this call, or of earlier ones.
func (e *Encoder) place(items []span.Item) {
	m := e.memory
	m.Lock()
	defer m.Unlock()
	defer m.forget()
	e.wanted = e.wanted[:0]
	for i := range e.pending {
		it := &items[e.pending[i].item]
		e.wanted = append(e.wanted, spanKey{it.Span().Trace, it.ID})
	}
	m.warmed += m.spans.warm(e.wanted)
	for i := range items {
		if it := &items[i]; it.IsNative() {
			e.learnNative(it)
		}
	}
	again := e.dropRepeats(items)
	for i := range e.pending {
		v := &e.pending[i]
		it := &items[v.item]
		v.from, _ = clock(it)
		if !v.told && e.recall(it, v) {
			continue // it was learned when it was observed
		}
		e.tell(items, v)
		v.role.checkTraceName(it.Span().Trace)
		m.rememberName(it.Span().Trace, v.role.traceName)
		l := v.role.lesson()
		v.at, v.up = m.learn(v.at, it, &l, e.wrap)
	}
	if !again || !e.restore(m, items) {
		for i := range e.pending {
			v := &e.pending[i]
			p := e.placeOf(items, v)
			v.apart = v.role.apart || p != nil && p.is&isApart != 0
		}
		e.link(items)
		e.settle()
	}
	for i := range e.pending {
		v := &e.pending[i]
		it := &items[v.item]
		p := e.placeOf(items, v)
		if p == nil || p.is&fromAgent != 0 {
			continue // pushed out by others, or an agent has a span of this id
		}
		p.is |= isSent
		p.owner, p.number = items[e.pending[v.owner].item].ID, v.number
		p.sent = reportOf(it, e.payload)
	}
	for i := range e.pending {
		v := &e.pending[i]
		it := &items[v.item]
		if v.owner == int32(i) {
			v.trace = e.nameOf(m, it.Span(), &v.role)
			e.refer(m, it, v)
		}
		e.announce(it, &v.role, e.placeOf(items, v))
	}
}

// tell decides the role of a pending span.
func (e *Encoder) tell(items []span.Item, v *conversion) {
	if !v.told {
		v.told = true
		e.role(&v.role, &items[v.item])
	}
}

// recall takes the role of a pending span from its place, if that was learned from
// the very same report, and there is no more to it.
func (e *Encoder) recall(it *span.Item, v *conversion) bool {
	m, p := e.memory, e.memory.knownAt(v.at)
	if e.longWay || p == nil || p.is&fromAgent != 0 || p.shape.is&isTold == 0 ||
		p.sent.batch == 0 || p.sent.batch != it.Batch.Number() || p.sent.index != uint32(it.Index) || p.parent != it.Parent {
		return false
	}
	r, is := &v.role, p.shape.is
	r.typ, r.layer, r.component = int32(p.shape.typ), int32(p.shape.layer), p.shape.component
	r.remote, r.nameless, r.apart = is&isRemote != 0, is&isNameless != 0, is&isRoleApart != 0
	r.service, r.instance = e.names.keep(m.text(p, placeService)), e.names.keep(m.text(p, placeInstance))
	r.operation, r.peer = e.names.keep(m.text(p, placeEndpoint)), e.names.keep(m.text(p, placePeer))
	if r.typ == typeEntry {
		r.peer = e.remoteAddress(it.Span())
	}
	v.told = true
	return true
}

// placeOf is what is known of a pending span.
func (e *Encoder) placeOf(items []span.Item, v *conversion) *place {
	m, it := e.memory, &items[v.item]
	v.at = m.spans.again(v.at, spanKey{it.Span().Trace, it.ID})
	return m.knownAt(v.at)
}

// dropRepeats takes out the spans that were sent. again is true when all of
// them were and the parcel is tried once more.
func (e *Encoder) dropRepeats(items []span.Item) (again bool) {
	sent, kept := 0, 0
	for i := range e.pending {
		v := &e.pending[i]
		p := e.placeOf(items, v)
		if p != nil && p.is&isSent != 0 && p.is&fromAgent == 0 {
			same := false
			e.reports(items, v, func(it *span.Item) bool {
				same = p.sent.triedAgain(reportOf(it, e.payload))
				return !same
			})
			if !same {
				e.reports(items, v, func(it *span.Item) bool { e.repeats(it); return true })
				continue
			}
			sent++
		}
		if kept != i {
			e.pending[kept] = *v
		}
		kept++
	}
	if kept == len(e.pending) {
		return sent > 0 && sent == kept
	}
	clear(e.pending[kept:])
	e.pending = e.pending[:kept]
	e.index.reset(len(e.pending))
	for i := range e.pending {
		it := &items[e.pending[i].item]
		e.index.put(spanKey{it.Span().Trace, it.ID}, int32(i))
	}
	return sent > 0 && sent == kept
}
