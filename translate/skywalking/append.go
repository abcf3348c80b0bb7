// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Encoder writes spans as segments for an OAP. A segment that came by
// SkyWalking's protocol leaves as the bytes that came; other spans are laid out
// in segments by layout.
type Encoder struct {
	converter
	layout
	memory *memory
	opts   translate.EncoderOptions

	buf      []byte
	notes    []piece // about instances; they go before the segments
	segments []piece
	messages []translate.Message

	natives  map[uint64]nativeKey // by the hash of their bytes
	passing  nativeKey            // the last one
	agents   agents
	partials []partial
	observed role // by Observe
	lessons  []lesson
	wanted   []spanKey
	heard    [64]uint64 // processes of which this payload tells
	payload  uint64
	longWay  bool // short cuts are left out, to compare with
	draft    draft
	noting   bool // a shadow follows what is written
	shadow   shadow
	losses   translate.Losses
	left     span.LeftOut
}

// piece is a message in the buffer.
type piece struct {
	method   string
	from, to int
	spans    int
}

// NewEncoder makes the first encoder of a target.
func NewEncoder(opts translate.EncoderOptions) translate.Encoder {
	return newEncoder(newMemory(), opts)
}

func newEncoder(m *memory, opts translate.EncoderOptions) *Encoder {
	return &Encoder{
		memory:  m,
		opts:    opts,
		natives: make(map[uint64]nativeKey),
		layout:  layout{wrap: opts.WrapExits},
		shadow:  shadow{sight: residue.NewSight(opts, false, isOmissible, keyForm)},
	}
}

// Fork makes another encoder with the same memory of spans, traces and
// instances.
func (e *Encoder) Fork() translate.Encoder { return newEncoder(e.memory, e.opts) }

// Reset starts a new payload.
func (e *Encoder) Reset() {
	e.buf = e.buf[:0]
	e.notes, e.segments = e.notes[:0], e.segments[:0]
	clear(e.natives)
	e.passing = nativeKey{}
	e.losses.Reset()
	e.left = span.LeftOut{}
	e.heard = [len(e.heard)]uint64{}
	e.payload = e.memory.nextPayload()
}

// Observe notes where spans will be and who refers to them.
func (e *Encoder) Observe(items []span.Item) {
	const atOnce = 64 // spans, so that the lock is held for a short while
	defer func() {
		e.observed = role{}
		e.memory.Lock()
		defer e.memory.Unlock()
		e.memory.forget()
	}()
	for len(items) > 0 {
		some := items[:min(atOnce, len(items))]
		items = items[len(some):]
		e.names, e.lessons = e.names[:0], e.lessons[:0]
		for i := range some {
			if it := &some[i]; !it.IsNative() {
				e.role(&e.observed, it)
				e.observed.checkTraceName(it.Span().Trace)
				e.lessons = append(e.lessons, e.observed.lesson())
			}
		}
		e.observe(some)
		clear(e.lessons) // they point into batches
	}
}

func (e *Encoder) observe(items []span.Item) {
	m := e.memory
	e.wanted = e.wanted[:0]
	for i := range items {
		it := &items[i]
		if a := it.Batch.Agent(it.Span().Agent); a != nil && a.Type != typeExit && it.IsNative() {
			continue // only exits are remembered
		}
		e.wanted = append(e.wanted, spanKey{it.Span().Trace, it.ID})
	}
	m.Lock()
	defer m.Unlock()
	m.warmed += m.spans.warm(e.wanted)
	next := 0
	for i := range items {
		it := &items[i]
		if it.IsNative() {
			e.learnNative(it)
			continue
		}
		l := &e.lessons[next]
		next++
		m.rememberName(it.Span().Trace, l.traceName)
		m.learn(noSlot, it, l, e.wrap)
	}
}

// Left says which of the spans added since Reset OAP does not get by themselves.
func (e *Encoder) Left() *span.LeftOut { return &e.left }

// repeats counts a span that is not written a second time.
func (e *Encoder) repeats(it *span.Item) { e.left.Repeated[it.Batch.Protocol()]++ }

// Add writes spans. Every span has a form in SkyWalking, but none is written a
// second time: OAP would count it twice.
func (e *Encoder) Add(items []span.Item) (unwritten int) {
	before := e.left.Bad() + e.left.Repeated.Total()
	e.add(items)
	return e.left.Bad() + e.left.Repeated.Total() - before
}

func (e *Encoder) add(items []span.Item) {
	e.names = e.names[:0]
	e.pending, e.partials = e.pending[:0], e.partials[:0]
	e.index.reset(len(items))
	if e.opts.Own {
		e.addOwn(items)
		return
	}
	e.agents.reset()
	for i := range items {
		it := &items[i]
		if it.IsNative() {
			if !e.pass(it) {
				e.repeats(it)
			}
			continue
		}
		key := spanKey{it.Span().Trace, it.ID}
		if at, again := e.index.get(key); again {
			switch {
			case at == ofAgent:
				e.repeats(it)
			case !e.merge(items, at, i):
				// Another service has the id: OAP would take the one for the other.
				e.left.NoForm[it.Batch.Protocol()]++
				e.left.Why = "some have the id of a span of another service"
			}
			continue
		}
		if isAgents(it) {
			e.index.put(key, ofAgent)
			e.agents.add(i, e.memory.segmentHash(it))
			continue
		}
		e.wait(items, i)
	}
	if len(e.agents.list) > 0 {
		e.gate(items)
		for _, a := range e.agents.list {
			switch {
			case a.there:
				e.repeats(&items[a.item])
			case a.late:
				e.wait(items, int(a.item))
			}
		}
		e.rebuild(items)
	}
	e.place(items)
	e.countMerged(items)
	for members := range e.each() {
		e.noting = e.opts.Residue != translate.None && !e.longWay && e.usual(items, members)
		if !e.noting && e.opts.Residue != translate.None {
			e.compare(items, members)
		}
		e.segments = append(e.segments, e.begin(methodCollect))
		spans := e.appendSegment(items, members)
		e.end(e.segments)
		e.segments[len(e.segments)-1].spans = spans
	}
	e.noting = false
	e.shadow.forget()
	clear(e.pending) // it points into batches
}

// ofAgent stands in the index for a span that is not pending.
const ofAgent = -1

// wait puts item i among the pending spans.
func (e *Encoder) wait(items []span.Item, i int) {
	it := &items[i]
	e.index.put(spanKey{it.Span().Trace, it.ID}, int32(len(e.pending)))
	e.pending = append(e.pending, conversion{item: int32(i), more: -1, at: noSlot, up: noSlot})
}

// appendSegment writes spans as a segment, the root first. It returns how many
// reports they are.
func (e *Encoder) appendSegment(items []span.Item, members []int32) (spans int) {
	root := &e.pending[members[0]]
	it := &items[root.item]
	e.buf = appendText(e.buf, 1, root.trace)
	d, mark := wire.Open(e.buf, 2)
	d = e.prefixes.appendName(d, it.Span().Trace, it.ID)
	if e.noting {
		e.shadow.begin(root)
	}
	e.buf = wire.Close(d, mark)
	for _, i := range members {
		v := &e.pending[i]
		spans += e.count(v)
		switch {
		case v != root:
			e.appendSpan(items, v, e.pending[v.parent].number, nil)
		case v.number != 0:
			e.appendWrapper(items, v)
			e.appendSpan(items, v, 0, nil)
		default:
			e.appendSpan(items, v, rootParent, v.rootRef())
		}
	}
	e.buf = appendText(e.buf, 4, root.role.service)
	e.buf = appendText(e.buf, 5, root.role.instance)
	return spans
}

func (v *conversion) rootRef() *reference {
	if !v.child {
		return nil
	}
	return &v.ref
}

// begin starts a message at the end of the buffer, end ends the last one.
func (e *Encoder) begin(method string) piece { return piece{method: method, from: len(e.buf)} }

func (e *Encoder) end(pieces []piece) { pieces[len(pieces)-1].to = len(e.buf) }

// Messages are the notices about instances and then the segments.
func (e *Encoder) Messages() []translate.Message {
	e.messages = e.messages[:0]
	for _, pieces := range [...][]piece{e.notes, e.segments} {
		for _, p := range pieces {
			e.messages = append(e.messages, translate.Message{Method: p.method, Body: e.buf[p.from:p.to:p.to], Spans: p.spans})
		}
	}
	return e.messages
}
