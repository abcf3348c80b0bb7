// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"math"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// AppendBatch appends a Batch in Thrift, the body that a collector takes by
// HTTP, in the compact protocol or the binary one (which collectors want). A
// batch has one process: that of the first item. The caller gives items of
// other processes in batches of their own. Times are cut to microseconds.
func AppendBatch(dst []byte, items []span.Item, compact bool) []byte {
	w := batchWriter{ThriftWriter: wire.ThriftWriter{Buf: dst, Compact: compact}}
	w.batch(items)
	return w.Buf
}

// AppendAgentBatch appends the datagram by which clients report to an agent:
// a oneway call of emitBatch with the batch of AppendBatch, in the compact
// protocol (port 6831) or the binary one (port 6832).
func AppendAgentBatch(dst []byte, items []span.Item, compact bool) []byte {
	w := batchWriter{ThriftWriter: wire.ThriftWriter{Buf: dst, Compact: compact}}
	w.Message(emitBatch, wire.ThriftOneway, 0)
	w.StructBegin()
	w.Field(wire.ThriftStruct, 1)
	w.batch(items)
	w.StructEnd()
	return w.Buf
}

type batchWriter struct {
	wire.ThriftWriter
	tags tags
	refs []span.Ref
	addr [64]byte
}

func (w *batchWriter) batch(items []span.Item) {
	w.StructBegin()
	w.Field(wire.ThriftStruct, 1)
	w.process(items)
	w.Field(wire.ThriftList, 2)
	w.List(wire.ThriftStruct, len(items))
	for i := range items {
		w.span(&items[i])
	}
	w.StructEnd()
}

func (w *batchWriter) process(items []span.Item) {
	name := ""
	if len(items) > 0 {
		b, s := items[0].Batch, items[0].Span()
		name = b.Str(s.Local.Service)
		w.tags.process(b, s)
	}
	w.StructBegin()
	w.Field(wire.ThriftString, 1)
	w.String(name)
	if len(w.tags) > 0 {
		w.Field(wire.ThriftList, 2)
		w.list()
	}
	w.StructEnd()
}

func (w *batchWriter) i64(id int16, v int64) {
	w.Field(wire.ThriftI64, id)
	w.I64(v)
}

// micros is a time or duration in microseconds, rounded down.
func micros(ns int64) int64 {
	v := ns / 1000
	if ns < 0 && ns%1000 != 0 {
		v--
	}
	return v
}

// span appends a Span: the fields that jaeger.thrift requires, and lists that
// are not empty.
func (w *batchWriter) span(it *span.Item) {
	b, s := it.Batch, it.Span()
	w.StructBegin()
	w.i64(1, int64(s.Trace.Lo))
	w.i64(2, int64(s.Trace.Hi))
	w.i64(3, int64(it.ID))
	w.i64(4, int64(it.Parent))
	w.Field(wire.ThriftString, 5)
	w.String(b.Str(s.Name))
	if w.refs = collectRefs(w.refs, it, isOwn(b, s)); len(w.refs) > 0 {
		w.Field(wire.ThriftList, 6)
		w.List(wire.ThriftStruct, len(w.refs))
		for i := range w.refs {
			w.reference(&w.refs[i])
		}
	}
	w.Field(wire.ThriftI32, 7)
	w.I32(int32(flags(b, s)))
	w.i64(8, micros(s.Start))
	w.i64(9, micros(s.Duration))
	if w.tags.span(b, s); len(w.tags) > 0 {
		w.Field(wire.ThriftList, 10)
		w.list()
	}
	if events := b.Events(s.Events); len(events) > 0 {
		w.Field(wire.ThriftList, 11)
		w.List(wire.ThriftStruct, len(events))
		for i := range events {
			w.StructBegin()
			w.i64(1, micros(events[i].Time))
			w.Field(wire.ThriftList, 2)
			w.tags.event(b, &events[i], isOwn(b, s))
			w.list()
			w.StructEnd()
		}
	}
	w.StructEnd()
}

func (w *batchWriter) reference(r *span.Ref) {
	w.StructBegin()
	w.Field(wire.ThriftI32, 1)
	if r.Kind == span.ChildOf {
		w.I32(refChildOf)
	} else {
		w.I32(refFollowsFrom)
	}
	w.i64(2, int64(r.Trace.Lo))
	w.i64(3, int64(r.Trace.Hi))
	w.i64(4, int64(r.Span))
	w.StructEnd()
}

// thriftNumbers gives the number in jaeger.thrift of each type.
var thriftNumbers = [...]int32{span.String: 0, span.Int: 3, span.Float: 1, span.Bool: 2, span.Bytes: 4}

// list appends the tags as a list, without the head of its field.
func (w *batchWriter) list() {
	w.List(wire.ThriftStruct, len(w.tags))
	for i := range w.tags {
		t := &w.tags[i]
		w.StructBegin()
		w.Field(wire.ThriftString, 1)
		w.String(t.key)
		w.Field(wire.ThriftI32, 2)
		w.I32(thriftNumbers[t.typ])
		switch {
		case t.typ == span.Int:
			w.i64(6, int64(t.bits))
		case t.typ == span.Float:
			w.Field(wire.ThriftDouble, 4)
			w.Double(math.Float64frombits(t.bits))
		case t.typ == span.Bool:
			w.BoolField(5, t.bits != 0)
		case t.typ == span.Bytes:
			w.Field(wire.ThriftString, 7)
			w.String(t.text)
		case t.addr.IsValid():
			w.Field(wire.ThriftString, 3)
			w.Bytes(t.addr.AppendTo(w.addr[:0]))
		default:
			w.Field(wire.ThriftString, 3)
			w.String(t.text)
		}
		w.StructEnd()
	}
}
