// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"weak"

	"github.com/spanbridge/spanbridge/span"
)

// report is what was sent: it tells a parcel that is tried once more from a
// span that was reported again. The batch is known by a weak pointer, so that
// remembering it keeps nothing alive.
type report struct {
	batch   weak.Pointer[span.Batch]
	index   uint32
	payload uint64
}

// reporter makes reports. It remembers the last batch, for one has many spans.
type reporter struct {
	batch *span.Batch
	weak  weak.Pointer[span.Batch]
}

// of is the report of an item in a payload.
func (r *reporter) of(it *span.Item, payload uint64) report {
	if r.batch != it.Batch {
		r.batch, r.weak = it.Batch, weak.Make(it.Batch)
	}
	return report{r.weak, uint32(it.Index), payload}
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
	owner  span.ID
	number int32
	is     about
	sent   report
	// callers is the process of the children that were seen before the span, 0
	// for none.
	callers uint64
	texts   []byte
	lengths [5]uint16
}

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
)

// set fills the texts of a place; every text is short.
func (p *place) set(texts [5]string) {
	p.texts = p.texts[:0]
	for i, s := range texts {
		p.texts = append(p.texts, s...)
		p.lengths[i] = uint16(len(s))
	}
}

// text is one of the texts.
func (p *place) text(which int) string {
	from := 0
	for _, n := range p.lengths[:which] {
		from += int(n)
	}
	return arena(p.texts[:from+int(p.lengths[which])]).since(from)
}

func (p *place) inProcess(service, instance string) bool {
	return p.text(placeService) == service && p.text(placeInstance) == instance
}

// place decides where the spans are in OAP from now on, and looks up where the
// parents are: among the spans of this call, or of earlier ones.
func (e *Encoder) place(items []span.Item) {
	m := e.memory
	m.Lock()
	defer m.Unlock()
	defer m.forget()
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
		v.role.checkTraceName(it.Span().Trace)
		m.rememberName(it.Span().Trace, v.role.traceName)
		m.learn(it, &v.role, e.wrap)
	}
	if !again || !e.restore(m, items) {
		for i := range e.pending {
			v := &e.pending[i]
			p := m.known(spanKey{items[v.item].Span().Trace, items[v.item].ID})
			v.apart = v.role.apart || p != nil && p.is&isApart != 0
		}
		e.link(items)
		e.number()
		e.bySegment()
	}
	for i := range e.pending {
		v := &e.pending[i]
		it := &items[v.item]
		m.sent(it, v, items[e.pending[v.owner].item].ID, e.reporter.of(it, e.payload))
	}
	for i := range e.pending {
		v := &e.pending[i]
		it := &items[v.item]
		v.trace = e.nameOf(m, it.Span(), &v.role)
		if v.owner == int32(i) {
			e.refer(m, it, v)
		}
		e.announce(it, &v.role)
	}
}

// dropRepeats takes out the spans that were sent. again is true when all of
// them were and the parcel is tried once more.
func (e *Encoder) dropRepeats(items []span.Item) (again bool) {
	m := e.memory
	sent, kept := 0, 0
	for i := range e.pending {
		v := &e.pending[i]
		p := m.known(spanKey{items[v.item].Span().Trace, items[v.item].ID})
		if p != nil && p.is&isSent != 0 && p.is&fromAgent == 0 {
			same := false
			e.reports(items, v, func(it *span.Item) bool {
				same = p.sent.triedAgain(e.reporter.of(it, e.payload))
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
	clear(e.index)
	for i := range e.pending {
		it := &items[e.pending[i].item]
		e.index[spanKey{it.Span().Trace, it.ID}] = int32(i)
	}
	return sent > 0 && sent == kept
}

// sent notes where a span was written.
func (m *memory) sent(it *span.Item, v *conversion, owner span.ID, now report) {
	p := m.known(spanKey{it.Span().Trace, it.ID})
	if p == nil || p.is&fromAgent != 0 {
		return // pushed out by others, or an agent has a span of this id
	}
	p.is |= isSent
	p.owner, p.number = owner, v.number
	p.sent = now
}
