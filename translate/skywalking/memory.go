// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"hash/maphash"
	"math/bits"
	"sync"

	"github.com/spanbridge/spanbridge/span"
)

// The numbers of entries that a target remembers. A span takes about 130 bytes,
// and its names where no other span has them.
const (
	rememberedSpans     = 300_000
	rememberedNatives   = 50_000
	rememberedNames     = 10_000
	rememberedInstances = 10_000
)

// memory is what the encoders of one target share: where spans are, how traces
// are called, which instances OAP was told of. Its methods want the lock to be
// held, and the strings they return hold until it is let go.
type memory struct {
	sync.Mutex
	spans     recent[spanKey, place]
	natives   recent[uint64, report] // by the hash of a segment's bytes
	names     recent[span.TraceID, []byte]
	instances recent[string, presence]
	packed    recent[spanKey, packed] // of an encoder for spans of its own process

	texts    names // of the places
	seed     maphash.Seed
	payloads uint64 // so many were begun
	warmed   uint32

	// The native segment whose trace was named last, and the one seen last with
	// an exit, with the place of that.
	named, segment *span.Segment
	fellow         int32
	fellowKey      spanKey
}

func newMemory() *memory {
	m := &memory{
		spans:   newRecent[spanKey, place](rememberedSpans, hashSpan),
		natives: newRecent[uint64, report](rememberedNatives, hashed),
		names:   newRecent[span.TraceID, []byte](rememberedNames, hashTrace),
		packed:  newRecent[spanKey, packed](rememberedPacked, hashSpan),
		seed:    maphash.MakeSeed(),
	}
	m.texts.seed = m.seed
	m.instances = newRecent[string, presence](rememberedInstances, func(s string) uint64 { return maphash.String(m.seed, s) })
	return m
}

// nextPayload is a number for a payload of any of the target's encoders.
func (m *memory) nextPayload() uint64 {
	m.Lock()
	defer m.Unlock()
	m.payloads++
	return m.payloads
}

// forget lets go of the batches of a call.
func (m *memory) forget() { m.named, m.segment = nil, nil }

// spanKey names a canonical span.
type spanKey struct {
	trace span.TraceID
	id    span.ID
}

// known is the place of a span that was seen; nil for any other.
func (m *memory) known(k spanKey) *place { return m.knownAt(m.spans.find(k)) }

// knownAt is known for a slot.
func (m *memory) knownAt(i int32) *place {
	if i == noSlot {
		return nil
	}
	if p := m.spans.at(i); p.is&isKnown != 0 {
		return p
	}
	return nil
}

// place is the place of a span, made when there is none.
func (m *memory) place(k spanKey) *place { return m.spans.at(m.placeAt(m.spans.find(k), k)) }

// placeAt is the slot of a span's place, made when the slot is none.
func (m *memory) placeAt(i int32, k spanKey) int32 {
	if i != noSlot {
		return i
	}
	i = m.spans.add(k)
	p := m.spans.at(i)
	for _, n := range p.names {
		m.texts.release(n)
	}
	*p = place{}
	return i
}

// process is a number for a process, made of the hashes of its names.
func process(service, instance uint64) uint64 {
	hi, lo := bits.Mul64(service^seeds[0], instance^seeds[1])
	return hi ^ lo | 1
}

// hear notes that a span, whose slot it is, has a child in a process: when that
// is another one, the span is one that other processes refer to.
func (m *memory) hear(i int32, process uint64, entry bool) {
	p := m.spans.at(i)
	switch {
	case p.is&(fromAgent|isSent|isApart) != 0:
	case entry:
		p.is |= isApart
	case p.is&isKnown != 0:
		if m.processOf(p) != process {
			p.is |= isApart
		}
	case p.callers == 0:
		p.callers = process
	case p.callers != process:
		p.is |= isApart // one of the two is another process
	}
}

// endpointOf is the endpoint that a place belongs to, which its children name
// as their parentEndpoint: for a native span the one of its segment, for a
// converted one the entry of its process among its ancestors, else itself.
func (m *memory) endpointOf(trace span.TraceID, p *place) string {
	const deepest = 64
	top := p
	for range deepest {
		if top.is&isEntry != 0 || top.parent == 0 {
			break
		}
		up := m.known(spanKey{trace, top.parent})
		if up == nil || !up.sameProcess(p) {
			break
		}
		top = up
	}
	if top.is&isEntry != 0 {
		return m.text(top, placeEndpoint)
	}
	return m.text(p, placeEndpoint)
}

// lesson is what is learned of a converted span.
type lesson struct {
	texts     [numTexts]string
	traceName string
	shape     shapeOf
}

func (r *role) lesson() lesson {
	l := lesson{traceName: r.traceName, shape: shapeOf{component: r.component, typ: int8(r.typ), layer: int8(r.layer)}}
	l.texts = [numTexts]string{placeService: r.service, placeInstance: r.instance, placeEndpoint: r.operation}
	if r.typ == typeExit {
		l.texts[placePeer] = r.peer
	}
	if r.remote {
		l.shape.is |= isRemote
	}
	if r.nameless {
		l.shape.is |= isNameless
	}
	if r.apart {
		l.shape.is |= isRoleApart
	}
	if r.traceName == "" && r.parent == "" && r.layer != layerCache && (r.typ != typeEntry || r.layer != layerMQ) {
		l.shape.is |= isTold
	}
	return l
}

// learn notes a converted span before it is written; the slot is where it was
// found. It gives the slots of the span and of its parent, noSlot where there is no
// need to know it.
func (m *memory) learn(found int32, it *span.Item, r *lesson, wrap bool) (own, up int32) {
	k := spanKey{it.Span().Trace, it.ID}
	own, up = m.placeAt(m.spans.again(found, k), k), noSlot
	p := m.spans.at(own)
	if p.is&isSent != 0 {
		return own, up // a report of the span was written, or its id is an agent's
	}
	m.set(p, &r.texts)
	p.shape, p.sent = r.shape, reportOf(it, 0)
	process := m.processOf(p)
	p.parent = it.Parent
	p.is |= isKnown
	if p.callers != 0 && p.callers != process {
		p.is |= isApart
	}
	p.is &^= isEntry | isQueue | isWrapped
	if r.shape.typ == typeEntry {
		p.is |= isEntry
	}
	if wrap && r.shape.typ == typeExit && r.shape.is&isRemote != 0 {
		p.is |= isWrapped
	}
	if r.shape.layer == layerMQ {
		p.is |= isQueue
	}
	if it.Parent != it.ID && it.Parent != 0 {
		above := spanKey{k.trace, it.Parent}
		up = m.placeAt(m.spans.find(above), above)
		m.hear(up, process, r.shape.typ == typeEntry)
	}
	return own, up
}

// rememberName notes the name of a trace, unless it follows from the id.
func (m *memory) rememberName(t span.TraceID, name string) {
	if name == "" || len(name) > maxTrace {
		return
	}
	var hex [32]byte
	if string(t.AppendHex32(hex[:0])) == name || m.names.find(t) != noSlot {
		return
	}
	n := m.names.at(m.names.add(t))
	*n = append((*n)[:0], name...)
}
