// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"fmt"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

const emitBatch = "emitBatch"

// decodeThrift reads a Batch. The collector's clients write it in the binary
// protocol; the compact one is taken as well.
func decodeThrift(body []byte, origin span.Origin) (*span.Batch, error) {
	r := newThriftReader(body, origin, "jaeger thrift")
	r.Compact = isCompactStruct(body)
	r.batch()
	return r.finish()
}

// isCompactStruct tells the protocol of a struct by its first byte: the type of
// its first field. In the binary protocol that is a number up to 16 (a uuid),
// in the compact one the field's number stands above the type, which is never
// 0.
func isCompactStruct(body []byte) bool {
	return len(body) > 0 && body[0] > wire.ThriftUUID
}

// decodeAgent reads a datagram that calls Agent.emitBatch, in either protocol.
// The method is declared oneway; clients that call it are not answered either.
func decodeAgent(body []byte, origin span.Origin) (*span.Batch, error) {
	r := newThriftReader(body, origin, "jaeger thrift in emitBatch")
	r.Compact = wire.IsCompact(body)
	method, kind := r.Message()
	switch {
	case r.Err != nil:
	case method != emitBatch:
		r.Fail(0, "method "+strconv.Quote(shorten(method)), emitBatch)
	case kind != wire.ThriftCall && kind != wire.ThriftOneway:
		r.Fail(0, fmt.Sprintf("message type %d", kind), "1 or 4, a call")
	default:
		r.arguments()
	}
	return r.finish()
}

// shorten bounds what of a body goes into a message.
func shorten(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most]
	}
	return s
}

type thriftReader struct {
	wire.Thrift
	w   *span.Builder
	bad translate.Malformed
	// fault says what is wrong with the span or the process being read.
	fault translate.Fault
	place string // where Err happened
	// literal: nothing is taken for usual, for the test that it makes no difference.
	literal bool

	process  process
	scopes   scopes
	residues residue.Reader
}

func newThriftReader(body []byte, origin span.Origin, format string) *thriftReader {
	return &thriftReader{
		Thrift: wire.Thrift{Buf: body},
		w:      span.NewBuilder(body, origin),
		bad:    translate.Malformed{Format: format},
	}
}

func (r *thriftReader) finish() (*span.Batch, error) {
	if r.Err != nil {
		r.bad.Stop(translate.FaultOf(r.place, r.Err))
	}
	r.residues.Restore(r.w)
	return r.w.Batch(), r.bad.OrNil()
}

// arguments reads the struct of emitBatch's arguments.
func (r *thriftReader) arguments() {
	r.StructBegin()
	found := false
	for {
		typ, id := r.Field()
		if typ == wire.ThriftStop {
			break
		}
		if id == 1 && typ == wire.ThriftStruct {
			found = true
			r.batch()
		} else {
			r.Skip(typ)
		}
	}
	r.StructEnd()
	if !found && r.Err == nil {
		r.Fail(r.Pos, "arguments without a batch", "field 1, a struct")
	}
}

// batch reads a Batch. Field numbers are those of jaeger.thrift.
func (r *thriftReader) batch() {
	first := r.w.Len()
	hasProcess, hasSpans := false, false
	r.StructBegin()
	for {
		typ, id := r.Field()
		if typ == wire.ThriftStop {
			break
		}
		switch {
		case id == 1 && typ == wire.ThriftStruct:
			hasProcess = true
			r.readProcess()
		case id == 2 && typ == wire.ThriftList:
			hasSpans = true
			r.spans()
		default: // seqNo, stats
			r.Skip(typ)
		}
	}
	r.StructEnd()
	if !hasProcess && !hasSpans && r.Err == nil {
		r.Fail(r.Pos, "a struct without process and spans", "a batch")
	}
	if hasProcess {
		for i := first; i < r.w.Len(); i++ {
			r.process.reports(r.w.SpanAt(i))
		}
	}
}

// readProcess reads a Process.
func (r *thriftReader) readProcess() {
	r.process = process{}
	mark := r.w.AttrMark()
	r.StructBegin()
	for {
		typ, id := r.Field()
		if typ == wire.ThriftStop {
			break
		}
		switch {
		case id == 1 && typ == wire.ThriftString:
			r.process.local.Service = serviceName(r.w, r.text())
		case id == 2 && typ == wire.ThriftList:
			mark = r.w.AttrMark()
			r.tags("process: tag")
		default:
			r.Skip(typ)
		}
	}
	r.StructEnd()
	r.process.finish(r.w, mark)
	if r.faulty() {
		r.bad.Stop(r.fault)
		r.fault = translate.Fault{}
	}
}

// The least that a span takes: the fields that jaeger.thrift requires.
const (
	minSpanBinary  = 3*9 + 8*6 + 4*2 + 1
	minSpanCompact = 2*9 + 1
)

// spans reads the list of spans.
func (r *thriftReader) spans() {
	n, ok := r.structs("spans")
	if !ok {
		return
	}
	least := minSpanBinary
	if r.Compact {
		least = minSpanCompact
	}
	// A tag takes 20 to 40 bytes. How many there are in all, the first spans tell.
	left := len(r.Buf) - r.Pos
	r.w.Grow(min(n, left/least), min(left/40, 160))
	for i := 1; i <= n && r.Err == nil; i++ {
		mark, scopes := r.w.Mark(), len(r.scopes)
		r.fault = translate.Fault{}
		r.w.At(r.Pos, len(r.Buf))
		r.span()
		switch {
		case r.Err != nil:
			r.w.Undo(mark)
			r.place = "span " + strconv.Itoa(i)
		case r.faulty():
			r.w.Undo(mark)
			r.scopes = r.scopes[:scopes]
			r.fault.Place = "span " + strconv.Itoa(i) + ": " + r.fault.Place
			r.bad.Refuse(r.fault)
		}
	}
	r.fault = translate.Fault{}
}

// structs reads the head of a list of structs.
func (r *thriftReader) structs(field string) (n int, ok bool) {
	at := r.Pos
	elem, n := r.List()
	if r.Err == nil && n > 0 && elem != wire.ThriftStruct {
		r.Fail(at, fmt.Sprintf("%s of type %d", field, elem), "12, structs")
	}
	return n, r.Err == nil
}

func (r *thriftReader) faulty() bool { return r.fault.Found != "" }

// refuse records a fault of the span; the first one counts.
func (r *thriftReader) refuse(place, found, want string) {
	if !r.faulty() {
		r.fault = translate.Fault{Place: place, Found: found, Want: want}
	}
}

func (r *thriftReader) text() span.Text {
	at, n := r.Bytes()
	return r.w.ValidAt(at, n)
}

// maxMicros is the greatest number of microseconds that 64-bit nanoseconds can
// say, in the year 2262.
const maxMicros = (1<<63 - 1) / 1000

// micros reads microseconds as nanoseconds.
func (r *thriftReader) micros(field string, log int) int64 {
	return r.microsOf(r.I64(), field, log)
}

func (r *thriftReader) microsOf(v int64, field string, log int) int64 {
	if v > maxMicros || v < -maxMicros {
		r.refuse(inLog(log, field), strconv.FormatInt(v, 10), "microseconds up to "+strconv.FormatInt(maxMicros, 10))
		return 0
	}
	return v * 1000
}

// inLog is the place of a field in a log, or in the span itself for log 0.
func inLog(log int, field string) string {
	if log == 0 {
		return field
	}
	return "log " + strconv.Itoa(log) + ": " + field
}

// tags reads a list of tags and adds them as attributes.
func (r *thriftReader) tags(place string) {
	n, _ := r.structs("tags")
	for i := 1; i <= n && r.Err == nil; i++ {
		if !r.literal {
			if r.Compact {
				i += r.usualCompactStrings(n + 1 - i)
			} else {
				i += r.usualStrings(n + 1 - i)
			}
			if i > n {
				break
			}
		}
		if a, ok := r.usualTag(); ok {
			r.w.Attr(a)
		} else if a, ok := r.tag(); ok {
			r.w.Attr(a)
		} else if r.Err == nil {
			r.refuse(place+" "+strconv.Itoa(i), "no key", "a string")
		}
	}
}

// tag reads a tag; one without a key is none.
func (r *thriftReader) tag() (span.Attr, bool) {
	v := value{kind: -1}
	r.StructBegin()
	for {
		typ, id := r.Field()
		if typ == wire.ThriftStop {
			break
		}
		switch {
		case id == 1 && typ == wire.ThriftString:
			v.key = r.text()
		case id == 2 && typ == wire.ThriftI32:
			v.kind = int64(r.I32())
		case id == 3 && typ == wire.ThriftString:
			v.text, v.given = r.text(), span.String
		case id == 4 && typ == wire.ThriftDouble:
			v.float, v.given = r.Double(), span.Float
		case id == 5 && typ == wire.ThriftBool:
			v.truth, v.given = r.Bool(), span.Bool
		case id == 6 && typ == wire.ThriftI64:
			v.number, v.given = r.I64(), span.Int
		case id == 7 && typ == wire.ThriftString:
			at, n := r.Bytes()
			v.blob, v.given = span.At(at, n), span.Bytes
		default:
			r.Skip(typ)
		}
	}
	r.StructEnd()
	return v.attr(thriftTypes), v.key.Present() && r.Err == nil
}
