// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"bytes"
	"encoding/binary"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// ProtoEncoder writes spans as a PostSpansRequest. The process of the first
// span is that of the batch; a span of another one brings its own, which comes
// first in every reader (the collector's batchConsumer.consume, the receiver's
// ProtoToTraces). A span that came as protobuf, needs no repair and keeps its
// identity is copied as it is.
type ProtoEncoder struct {
	buf     []byte
	spans   int
	msg     [1]translate.Message
	losses  translate.Losses
	opts    translate.EncoderOptions
	draft   *residue.Draft // nil in the encoder of a draft
	residue []byte         // of the span to be written
	room    [binary.MaxVarintLen64]byte

	batchProcess []byte    // of the batch
	batchNamed   bool      // the batch has a process
	process      []byte    // of the last item
	last         span.Item // the item before
	same         bool      // process is that of the batch

	tags tags
	refs []span.Ref

	foreign foreignWriter
}

// NewProtoEncoder makes an encoder.
func NewProtoEncoder(opts translate.EncoderOptions) translate.Encoder {
	bare := &ProtoEncoder{opts: opts}
	bare.Reset()
	e := &ProtoEncoder{opts: opts, draft: &residue.Draft{
		Protocol: span.Jaeger, Format: formatProto, Mode: opts.Residue, Encoder: bare,
		Decode: func(w *span.Builder, body []byte) { (&protoReader{w: w}).request(body) },
	}}
	e.foreign.sight = residue.NewSight(opts, false, isTold, keyForm)
	e.Reset()
	return e
}

// Fork makes another encoder: payloads share nothing.
func (e *ProtoEncoder) Fork() translate.Encoder { return NewProtoEncoder(e.opts) }

// spanWidth is what the length of a span takes in most requests.
const spanWidth = 2

// headRoom is what the head of the batch takes at most: a tag of one byte and
// a length. It is written last, when the length is known.
const headRoom = 1 + binary.MaxVarintLen64

// Reset starts a new request.
func (e *ProtoEncoder) Reset() {
	var room [headRoom]byte
	e.buf = append(e.buf[:0], room[:]...)
	e.spans = 0
	e.last = span.Item{}
	e.msg = [1]translate.Message{}
	e.losses.Reset()
}

// Add writes spans. Every canonical span has a form in Jaeger.
func (e *ProtoEncoder) Add(items []span.Item) int {
	sighted := e.foreign.sight != nil
	from, drafted := 0, 0 // items that have their residues from a draft
	var lead *span.Item   // the first foreign one, whose process is that of the batch in a draft
	for i := range items {
		it := &items[i]
		e.setProcess(it)
		e.spans++
		s := it.Span()
		mark := 0
		e.buf, mark = wire.OpenWide(e.buf, 1, spanWidth)
		foreign := e.draft != nil && !isOwn(it.Batch, s)
		if foreign && lead == nil {
			lead = it
		}
		copied := s.Has&span.Exact != 0 && it.Batch.Origin.Format == formatProto && it.ID == s.ID && it.Parent == s.Parent
		done := false
		if foreign && sighted && i >= drafted && !copied {
			e.buf, done = e.appendForeign(e.buf, it)
		}
		if foreign && !done && i >= drafted {
			from, drafted = i, len(items)
			if sighted {
				drafted = e.draft.More(items, i)
			}
			e.draft.Lead = nil
			if lead != it {
				e.draft.Lead = lead
			}
			e.draft.Compare(items[from:drafted], &e.losses)
			e.draft.Lead = nil
		}
		switch {
		case done:
		case copied:
			e.buf = it.Batch.AppendStr(e.buf, s.Raw)
		default:
			e.residue = nil
			if foreign {
				e.residue = e.draft.Text(i - from)
			}
			e.span(it)
		}
		if !e.same {
			e.buf = appendProcess(e.buf, 10, e.process)
		}
		e.buf = wire.CloseWide(e.buf, mark, spanWidth)
	}
	e.residue = nil
	e.foreign.forget()
	return 0
}

// Drafted is for how many spans it took a draft to find their residues.
func (e *ProtoEncoder) Drafted() int { return e.draft.Drafted }

// Notices does nothing: Jaeger knows no instances.
func (e *ProtoEncoder) Notices(*span.Batch) {}

// Losses are what the spans added since Reset could not carry.
func (e *ProtoEncoder) Losses() *translate.Losses { return &e.losses }

// Messages is the request as one message, or nothing.
func (e *ProtoEncoder) Messages() []translate.Message {
	if e.spans == 0 {
		return nil
	}
	if e.msg[0].Body == nil {
		if e.batchNamed {
			e.buf = appendProcess(e.buf, 2, e.batchProcess)
		}
		var room [headRoom]byte
		head := wire.AppendTag(room[:0], 1, wire.TypeBytes)
		head = binary.AppendUvarint(head, uint64(len(e.buf)-headRoom))
		start := headRoom - len(head)
		copy(e.buf[start:], head)
		e.msg[0] = translate.Message{Method: postSpans, Body: e.buf[start:], Spans: e.spans}
	}
	return e.msg[:]
}

func appendProcess(d []byte, field int, process []byte) []byte {
	d = wire.AppendTag(d, field, wire.TypeBytes)
	d = binary.AppendUvarint(d, uint64(len(process)))
	return append(d, process...)
}

// setProcess finds the process of an item and whether the batch has the same.
// An item may have none; beside a process of the batch it needs an empty one.
func (e *ProtoEncoder) setProcess(it *span.Item) {
	if e.last.Batch != nil && sameProcess(&e.last, it) {
		return
	}
	e.last = *it
	b, s := it.Batch, it.Span()
	e.tags.process(b, s)
	e.process = wire.AppendString(e.process[:0], 1, b.Str(s.Local.Service))
	e.process = appendTags(e.process, 2, e.tags)
	named := len(e.process) > 0 || s.Resource != 0
	if e.spans == 0 {
		e.batchProcess = append(e.batchProcess[:0], e.process...)
		e.batchNamed = named
	}
	e.same = bytes.Equal(e.process, e.batchProcess) && named == e.batchNamed
	if e.foreign.sight != nil {
		e.foreign.process(it, named)
	}
}

// sameProcess is true when both items have one process for certain; it need
// not look at texts, since most batches give a process once.
func sameProcess(a, b *span.Item) bool {
	s, t := a.Span(), b.Span()
	return a.Batch == b.Batch && s.Home == t.Home && s.Resource == t.Resource && s.Segment == t.Segment &&
		s.Local.Service == t.Local.Service && s.Local.SameIP(&t.Local)
}

// span appends the fields of a Span without its process.
func (e *ProtoEncoder) span(it *span.Item) {
	b, s := it.Batch, it.Span()
	d := appendTraceID(e.buf, 1, s.Trace)
	d = appendSpanID(d, 2, it.ID)
	d = wire.AppendString(d, 3, b.Str(s.Name))
	e.refs = leadWithParent(collectRefs(e.refs, it, isOwn(b, s)), it)
	for i := range e.refs {
		d = appendRef(d, 4, &e.refs[i])
	}
	d = wire.AppendVarint(d, 5, uint64(flags(b, s)))
	// The collector's types make year 1 of a start that is not there, so 0 is
	// written out.
	d = appendSeconds(d, 6, s.Start, false)
	d = appendSeconds(d, 7, s.Duration, true)
	e.tags.span(b, s)
	warned := false
	for i := range e.tags {
		if t := &e.tags[i]; t.key == tagWarning && t.typ == span.String {
			warned = true
		} else {
			t.key = residue.Outside(t.key)
			d = appendTag(d, 8, t)
		}
	}
	if len(e.residue) > 0 {
		mark := 0
		d, mark = wire.Open(d, 8)
		d = wire.AppendString(d, 1, residue.Key)
		d = append(wire.AppendTag(d, 3, wire.TypeBytes), binary.AppendUvarint(e.room[:0], uint64(len(e.residue)))...)
		d = append(d, e.residue...)
		d = wire.Close(d, mark)
	}
	for i := range e.tags {
		if t := &e.tags[i]; warned && t.key == tagWarning && t.typ == span.String {
			d = wire.AppendStringAlways(d, 12, t.text)
		}
	}
	events := b.Events(s.Events)
	for i := range events {
		mark := 0
		d, mark = wire.Open(d, 9)
		d = appendSeconds(d, 1, events[i].Time, false)
		e.tags.event(b, &events[i], isOwn(b, s))
		d = appendTags(d, 2, e.tags)
		d = wire.Close(d, mark)
	}
	e.buf = d
}

func appendTraceID(d []byte, field int, t span.TraceID) []byte {
	d = append(wire.AppendTag(d, field, wire.TypeBytes), 16)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(d, t.Hi), t.Lo)
}

func appendSpanID(d []byte, field int, id span.ID) []byte {
	d = append(wire.AppendTag(d, field, wire.TypeBytes), 8)
	return binary.BigEndian.AppendUint64(d, uint64(id))
}

func appendRef(d []byte, field int, r *span.Ref) []byte {
	d, mark := wire.Open(d, field)
	d = appendTraceID(d, 1, r.Trace)
	d = appendSpanID(d, 2, r.Span)
	if r.Kind != span.ChildOf {
		d = wire.AppendVarint(d, 3, refFollowsFrom)
	}
	return wire.Close(d, mark)
}

// appendSeconds appends a Timestamp or a Duration, also when it is 0.
func appendSeconds(d []byte, field int, ns int64, duration bool) []byte {
	d, mark := wire.Open(d, field)
	sec, nanos := ns/1_000_000_000, ns%1_000_000_000
	if nanos < 0 && !duration {
		sec, nanos = sec-1, nanos+1_000_000_000
	}
	d = wire.AppendVarint(d, 1, uint64(sec))
	d = wire.AppendVarint(d, 2, uint64(nanos))
	return wire.Close(d, mark)
}

func appendTags(d []byte, field int, list tags) []byte {
	for i := range list {
		d = appendTag(d, field, &list[i])
	}
	return d
}

// protoNumbers gives the number in model.proto of each type.
var protoNumbers = [...]uint64{span.String: 0, span.Int: 2, span.Float: 3, span.Bool: 1, span.Bytes: 4}

// appendTag appends a KeyValue. Its type is always told, its value only when it
// is not the zero of the type.
func appendTag(d []byte, field int, t *tag) []byte {
	d, mark := wire.Open(d, field)
	d = wire.AppendString(d, 1, t.key)
	d = wire.AppendVarint(d, 2, protoNumbers[t.typ])
	switch {
	case t.typ == span.Int:
		d = wire.AppendVarint(d, 5, t.bits)
	case t.typ == span.Bool:
		d = wire.AppendVarint(d, 4, t.bits)
	case t.typ == span.Float:
		d = wire.AppendFixed64(d, 6, t.bits)
	case t.typ == span.Bytes:
		d = wire.AppendString(d, 7, t.text)
	case t.addr.IsValid():
		inner := 0
		d, inner = wire.Open(d, 3)
		d = wire.AppendIP(d, t.addr)
		d = wire.Close(d, inner)
	default:
		d = wire.AppendString(d, 3, t.text)
	}
	return wire.Close(d, mark)
}
