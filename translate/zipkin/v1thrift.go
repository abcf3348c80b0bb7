// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// decodeV1Thrift reads a list of zipkincore spans in the binary protocol.
func decodeV1Thrift(body []byte, origin span.Origin) (*span.Batch, error) {
	if len(body) == 0 {
		return span.NewBuilder(body, origin).Batch(), nil
	}
	return decodeThriftList(&wire.Thrift{Buf: body}, origin, "zipkin v1 thrift")
}

// decodeAgent reads a datagram that calls Agent.emitZipkinBatch, in either
// protocol of Thrift.
func decodeAgent(body []byte, origin span.Origin) (*span.Batch, error) {
	const name = "zipkin v1 thrift in emitZipkinBatch"
	t := &wire.Thrift{Buf: body, Compact: wire.IsCompact(body)}
	t.Message()
	t.StructBegin()
	for t.Err == nil {
		typ, id := t.Field()
		if typ == wire.ThriftStop {
			break
		}
		if id == 1 && typ == wire.ThriftList {
			return decodeThriftList(t, origin, name)
		}
		t.Skip(typ)
	}
	bad := &translate.Malformed{Format: name}
	if t.Err != nil {
		bad.Stop(translate.FaultOf("", t.Err))
	}
	return span.NewBuilder(body, origin).Batch(), bad.OrNil()
}

func decodeThriftList(t *wire.Thrift, origin span.Origin, name string) (*span.Batch, error) {
	r := &thriftReader{Thrift: t, w: span.NewBuilder(t.Buf, origin)}
	bad := &translate.Malformed{Format: name}
	elem, n := t.List()
	switch {
	case t.Err != nil:
		bad.Stop(translate.FaultOf("", t.Err))
		return r.w.Batch(), bad
	case n > 0 && elem != wire.ThriftStruct && elem != wire.ThriftString:
		// The server does not look at the type; some senders write 11.
		bad.Stop(translate.Fault{Place: "the list", Found: fmt.Sprintf("elements of type %d", elem), Want: "12, structs"})
		return r.w.Batch(), bad
	}
	// A span takes 200 to 600 bytes and has 4 to 10 tags.
	r.w.Grow(min(n, len(t.Buf)/200+1), len(t.Buf)/80+1)
	for i := 1; i <= n && t.Err == nil; i++ {
		r.faulty = false
		r.span()
		if r.faulty && t.Err == nil {
			r.fault.Place = "span " + strconv.Itoa(i) + ": " + r.fault.Place
			bad.Refuse(r.fault)
		}
		if t.Err != nil {
			bad.Stop(translate.FaultOf("span "+strconv.Itoa(i), t.Err))
		}
	}
	return r.w.Batch(), bad.OrNil()
}

type thriftReader struct {
	refusal
	*wire.Thrift
	w *span.Builder
	v v1span
}

func (r *thriftReader) text() span.Text {
	at, n := r.Bytes()
	return r.w.ValidText(span.At(at, n))
}

// nonEmpty is text for fields where an empty string means absent.
func (r *thriftReader) nonEmpty() span.Text {
	if t := r.text(); t.Len() > 0 {
		return t
	}
	return span.Text{}
}

// span reads one span and adds what it stands for to the batch. Field numbers
// are those of zipkinCore.thrift.
func (r *thriftReader) span() {
	v := &r.v
	v.reset()
	start := r.Pos
	r.StructBegin()
	for {
		typ, id := r.Field()
		if typ == wire.ThriftStop {
			break
		}
		switch {
		case id == 1 && typ == wire.ThriftI64:
			v.trace.Lo = uint64(r.I64())
		case id == 12 && typ == wire.ThriftI64:
			v.trace.Hi = uint64(r.I64())
		case id == 3 && typ == wire.ThriftString:
			v.name = r.nonEmpty()
		case id == 4 && typ == wire.ThriftI64:
			v.id = span.ID(r.I64())
		case id == 5 && typ == wire.ThriftI64:
			v.parent = span.ID(r.I64())
		case id == 6 && typ == wire.ThriftList:
			r.structs((*thriftReader).annotation)
		case id == 8 && typ == wire.ThriftList:
			r.structs((*thriftReader).binary)
		case id == 9 && typ == wire.ThriftBool:
			v.debug = r.Bool()
		case id == 10 && typ == wire.ThriftI64:
			v.start = r.nanos("timestamp", r.I64())
		case id == 11 && typ == wire.ThriftI64:
			v.duration = r.nanos("duration", r.I64())
		default:
			r.Skip(typ)
		}
	}
	r.StructEnd()
	switch {
	case r.Err != nil || r.faulty:
	case v.trace.Lo == 0:
		r.refuse("trace_id", "0", "another number")
	case v.id == 0:
		r.refuse("id", "0", "another number")
	default:
		v.raw = span.At(start, r.Pos-start)
		if !v.convert(r.w) {
			r.refuse(tooManyServices.Place, tooManyServices.Found, tooManyServices.Want)
		}
	}
}

// structs reads a list of structs, each by one.
func (r *thriftReader) structs(one func(*thriftReader)) {
	elem, n := r.List()
	for i := 0; i < n && r.Err == nil; i++ {
		if elem != wire.ThriftStruct {
			r.Skip(elem)
			continue
		}
		r.StructBegin()
		one(r)
		r.StructEnd()
	}
}

// annotation reads the fields of an annotation; one without a time or a value
// means nothing to the server.
func (r *thriftReader) annotation() {
	var a v1annotation
	for {
		typ, id := r.Field()
		if typ == wire.ThriftStop {
			break
		}
		switch {
		case id == 1 && typ == wire.ThriftI64:
			a.time = r.nanos("annotation.timestamp", r.I64())
		case id == 2 && typ == wire.ThriftString:
			a.value = r.text()
		case id == 3 && typ == wire.ThriftStruct:
			a.host = r.endpoint()
		default:
			r.Skip(typ)
		}
	}
	if a.time != 0 && a.value.Present() {
		r.v.annotations = append(r.v.annotations, a)
	}
}

// The types of binary annotations.
const (
	v1Bool = iota
	v1Bytes
	v1I16
	v1I32
	v1I64
	v1Double
	v1String
)

// binary reads the fields of a binary annotation. The server drops every type
// but strings, and true for addresses; here they stay as typed attributes.
func (r *thriftReader) binary() {
	var b v1binary
	var key span.Text
	at, n := -1, 0
	kind := int32(-1)
	for {
		typ, id := r.Field()
		if typ == wire.ThriftStop {
			break
		}
		switch {
		case id == 1 && typ == wire.ThriftString:
			key = r.text()
		case id == 2 && typ == wire.ThriftString:
			at, n = r.Bytes()
		case id == 3 && typ == wire.ThriftI32:
			kind = r.I32()
		case id == 4 && typ == wire.ThriftStruct:
			b.host = r.endpoint()
		default:
			r.Skip(typ)
		}
	}
	if !key.Present() || at < 0 || r.Err != nil {
		return
	}
	ok := false
	b.attr, ok = r.value(key, kind, at, n)
	// Of another type than a string an address is one only if it says true.
	if name := r.w.Str(key); kind != v1String && isAddress(name) {
		ok = ok && kind == v1Bool && r.Buf[at] == 1 && !b.host.IsZero()
	}
	if ok {
		r.v.binaries = append(r.v.binaries, b)
	}
}

// value reads a value of n bytes; ok is false for one that does not fit its
// type.
func (r *thriftReader) value(key span.Text, kind int32, at, n int) (a span.Attr, ok bool) {
	p := r.Buf[at : at+n]
	switch {
	case kind == v1String:
		return span.StringAttr(key, r.w.ValidText(span.At(at, n))), true
	case kind == v1Bytes:
		return span.TextAttr(key, span.Bytes, span.At(at, n)), true
	case kind == v1Bool && n == 1:
		return span.BoolAttr(key, p[0] != 0), true
	case kind == v1I16 && n == 2:
		return span.IntAttr(key, int64(int16(binary.BigEndian.Uint16(p)))), true
	case kind == v1I32 && n == 4:
		return span.IntAttr(key, int64(int32(binary.BigEndian.Uint32(p)))), true
	case kind == v1I64 && n == 8:
		return span.IntAttr(key, int64(binary.BigEndian.Uint64(p))), true
	case kind == v1Double && n == 8:
		return span.FloatAttr(key, math.Float64frombits(binary.BigEndian.Uint64(p))), true
	}
	return a, false
}

func (r *thriftReader) endpoint() (e span.Endpoint) {
	r.StructBegin()
	for {
		typ, id := r.Field()
		if typ == wire.ThriftStop {
			break
		}
		switch {
		case id == 1 && typ == wire.ThriftI32:
			if v := uint32(r.I32()); v != 0 {
				e.SetIP4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
			}
		case id == 2 && typ == wire.ThriftI16:
			e.Port = uint16(r.I16())
		case id == 3 && typ == wire.ThriftString:
			e.Service = r.nonEmpty()
		case id == 4 && typ == wire.ThriftString:
			at, n := r.Bytes()
			setIPBytes(&e, r.Buf[at:at+n])
		default:
			r.Skip(typ)
		}
	}
	r.StructEnd()
	return e
}
