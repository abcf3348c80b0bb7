// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"hash/maphash"
	"sync"

	"github.com/spanbridge/spanbridge/span"
)

// The numbers of entries that a target remembers. A span takes about 300 bytes.
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

	seed     maphash.Seed
	payloads uint64 // so many were begun

	// The native segment whose trace was named last, and the one seen last with
	// an exit, with its endpoint.
	named, segment *span.Segment
	endpoint       string
}

func newMemory() *memory {
	return &memory{
		spans:     newRecent[spanKey, place](rememberedSpans),
		natives:   newRecent[uint64, report](rememberedNatives),
		names:     newRecent[span.TraceID, []byte](rememberedNames),
		instances: newRecent[string, presence](rememberedInstances),
		packed:    newRecent[spanKey, packed](rememberedPacked),
		seed:      maphash.MakeSeed(),
	}
}

// nextPayload is a number for a payload of any of the target's encoders.
func (m *memory) nextPayload() uint64 {
	m.Lock()
	defer m.Unlock()
	m.payloads++
	return m.payloads
}

// forget lets go of the batches of a call.
func (m *memory) forget() { m.named, m.segment, m.endpoint = nil, nil, "" }

// spanKey names a canonical span.
type spanKey struct {
	trace span.TraceID
	id    span.ID
}

// known is the place of a span that was seen; nil for any other.
func (m *memory) known(k spanKey) *place {
	if p := m.spans.get(k); p != nil && p.is&isKnown != 0 {
		return p
	}
	return nil
}

// place is the place of a span, made when there is none.
func (m *memory) place(k spanKey) *place {
	if p := m.spans.get(k); p != nil {
		return p
	}
	p := m.spans.put(k)
	*p = place{texts: p.texts[:0]}
	return p
}

// process is a number for a process.
func (m *memory) process(service, instance string) uint64 {
	var h maphash.Hash
	h.SetSeed(m.seed)
	_, _ = h.WriteString(service)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(instance)
	return h.Sum64() | 1
}

// hear notes that a span has a child in a process: when that is another one,
// the span is one that other processes refer to.
func (m *memory) hear(k spanKey, process uint64, entry bool) {
	if k.id == 0 {
		return
	}
	p := m.place(k)
	switch {
	case p.is&(fromAgent|isSent|isApart) != 0:
	case entry:
		p.is |= isApart
	case p.is&isKnown != 0:
		if m.process(p.text(placeService), p.text(placeInstance)) != process {
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
		if up == nil || !up.inProcess(p.text(placeService), p.text(placeInstance)) {
			break
		}
		top = up
	}
	if top.is&isEntry != 0 {
		return top.text(placeEndpoint)
	}
	return p.text(placeEndpoint)
}

// learn notes a converted span before it is written.
func (m *memory) learn(it *span.Item, r *role, wrap bool) {
	k := spanKey{it.Span().Trace, it.ID}
	process := m.process(r.service, r.instance)
	p := m.place(k)
	if p.is&isSent != 0 {
		return // a report of the span was written, or its id is an agent's
	}
	p.parent = it.Parent
	p.is |= isKnown
	if p.callers != 0 && p.callers != process {
		p.is |= isApart
	}
	p.is &^= isEntry | isQueue | isWrapped
	peer := ""
	switch r.typ {
	case typeEntry:
		p.is |= isEntry
	case typeExit:
		peer = r.peer
		if wrap && r.remote {
			p.is |= isWrapped
		}
	}
	if r.layer == layerMQ {
		p.is |= isQueue
	}
	p.set([5]string{placeService: r.service, placeInstance: r.instance, placeEndpoint: r.operation, placePeer: peer})
	if it.Parent != it.ID {
		m.hear(spanKey{k.trace, it.Parent}, process, r.typ == typeEntry)
	}
}

// rememberName notes the name of a trace, unless it follows from the id.
func (m *memory) rememberName(t span.TraceID, name string) {
	if name == "" || len(name) > maxTrace {
		return
	}
	var hex [32]byte
	if string(t.AppendHex32(hex[:0])) == name || m.names.get(t) != nil {
		return
	}
	n := m.names.put(t)
	*n = append((*n)[:0], name...)
}
