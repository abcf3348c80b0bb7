// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"slices"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// ThriftEncoder writes what AppendBatch and AppendAgentBatch write, span by
// span, for senders with a limit of bytes: the size is known before the last
// span is added for good. Its memory is used again.
type ThriftEncoder struct {
	head  batchWriter // all before the list's head
	spans batchWriter
	last  int // where the last span begins
	n     int
	agent bool
	out   wire.ThriftWriter
}

// NewThriftEncoder makes an encoder in the compact protocol or the binary one,
// of datagrams for an agent or of bodies for a collector.
func NewThriftEncoder(compact, agent bool) *ThriftEncoder {
	e := &ThriftEncoder{agent: agent}
	e.head.Compact, e.spans.Compact, e.out.Compact = compact, compact, compact
	return e
}

// Reset starts another message, of the process of an item.
func (e *ThriftEncoder) Reset(of *span.Item) {
	h := &e.head
	h.ThriftWriter = wire.ThriftWriter{Buf: h.Buf[:0], Compact: h.Compact}
	if e.agent {
		h.Message(emitBatch, wire.ThriftOneway, 0)
		h.StructBegin()
		h.Field(wire.ThriftStruct, 1)
	}
	h.StructBegin()
	h.Field(wire.ThriftStruct, 1)
	h.process([]span.Item{*of})
	h.Field(wire.ThriftList, 2)
	e.spans.Buf, e.last, e.n = e.spans.Buf[:0], 0, 0
}

// mostEnds is what follows the head of a message besides the spans: the head of
// the list and the ends of the structs.
const mostEnds = 1 + 5 + 2

// Add adds a span and gives the size of the message with it, a few bytes too
// high.
func (e *ThriftEncoder) Add(it *span.Item) (size int) {
	e.last = len(e.spans.Buf)
	e.spans.span(it)
	e.n++
	return e.Size()
}

// Size is the size of the message, a few bytes too high.
func (e *ThriftEncoder) Size() int { return len(e.head.Buf) + len(e.spans.Buf) + mostEnds }

// Undo takes the last span back, once.
func (e *ThriftEncoder) Undo() {
	e.spans.Buf = e.spans.Buf[:e.last]
	e.n--
}

// Len is the number of spans.
func (e *ThriftEncoder) Len() int { return e.n }

// Message is the message. It is valid until Reset.
func (e *ThriftEncoder) Message() []byte {
	w := &e.out
	w.Buf = append(slices.Grow(w.Buf[:0], e.Size()), e.head.Buf...)
	w.List(wire.ThriftStruct, e.n)
	w.Buf = append(w.Buf, e.spans.Buf...)
	w.Buf = append(w.Buf, wire.ThriftStop)
	if e.agent {
		w.Buf = append(w.Buf, wire.ThriftStop)
	}
	return w.Buf
}
