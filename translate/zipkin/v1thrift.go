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
	t := &wire.Thrift{Buf: body}
	if len(body) == 0 {
		return span.NewBuilder(body, origin).Batch(), nil
	}
	return decodeThriftList(t, body, origin, "zipkin v1 thrift")
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
			return decodeThriftList(t, body, origin, name)
		}
		t.Skip(typ)
	}
	bad := &translate.Malformed{Format: name}
	if t.Err != nil {
		bad.Stop(translate.FaultOf("", t.Err))
	}
	return span.NewBuilder(body, origin).Batch(), bad.OrNil()
}

func decodeThriftList(t *wire.Thrift, body []byte, origin span.Origin, name string) (*span.Batch, error) {
	r := &thriftReader{Thrift: t, w: span.NewBuilder(body, origin)}
	bad := &translate.Malformed{Format: name}
	elem, n := t.List()
	// The server ignores the type of the elements; 11 has been seen.
	if t.Err == nil && n > 0 && elem != wire.ThriftStruct && elem != wire.ThriftString {
		bad.Stop(translate.Fault{Place: "the list", Found: fmt.Sprintf("elements of type %d", elem), Want: "12, structs"})
		return r.w.Batch(), bad
	}
	for i := 1; i <= n && t.Err == nil; i++ {
		fault, ok := r.span()
		switch {
		case t.Err != nil:
			bad.Stop(translate.FaultOf("span "+strconv.Itoa(i), t.Err))
		case !ok:
			fault.Place = "span " + strconv.Itoa(i) + ": " + fault.Place
			bad.Refuse(fault)
		}
	}
	if t.Err != nil && !bad.Cut {
		bad.Stop(translate.FaultOf("", t.Err))
	}
	return r.w.Batch(), bad.OrNil()
}

type thriftReader struct {
	*wire.Thrift
	w *span.Builder
	v v1span
}

func (r *thriftReader) text() span.Text {
	at, n := r.Bytes()
	return r.w.ValidText(span.At(at, n))
}

// span reads one span and adds what it stands for to the batch. Field numbers
// are those of zipkinCore.thrift.
func (r *thriftReader) span() (fault translate.Fault, ok bool) {
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
			if v.name = r.text(); v.name.Len() == 0 {
				v.name = span.Text{}
			}
		case id == 4 && typ == wire.ThriftI64:
			v.id = span.ID(r.I64())
		case id == 5 && typ == wire.ThriftI64:
			v.parent = span.ID(r.I64())
		case id == 6 && typ == wire.ThriftList:
			r.structs(r.annotation)
		case id == 8 && typ == wire.ThriftList:
			r.structs(r.binary)
		case id == 9 && typ == wire.ThriftBool:
			v.debug = r.Bool()
		case id == 10 && typ == wire.ThriftI64:
			v.start = r.micros(&fault, "timestamp")
		case id == 11 && typ == wire.ThriftI64:
			v.duration = r.micros(&fault, "duration")
		default:
			r.Skip(typ)
		}
	}
	r.StructEnd()
	switch {
	case r.Err != nil || fault.Place != "":
		return fault, false
	case v.trace.IsZero():
		return translate.Fault{Place: "trace_id", Found: "0", Want: "another number"}, false
	case v.id == 0:
		return translate.Fault{Place: "id", Found: "0", Want: "another number"}, false
	}
	v.raw = span.At(start, r.Pos-start)
	v.convert(r.w)
	return fault, true
}

// micros reads microseconds as nanoseconds; what is not positive is absent.
func (r *thriftReader) micros(fault *translate.Fault, field string) int64 {
	v := r.I64()
	if v > maxMicros {
		*fault = translate.Fault{Place: field, Found: strconv.FormatInt(v, 10), Want: "microseconds up to " + strconv.Itoa(maxMicros)}
		return 0
	}
	return max(v, 0) * 1000
}

// structs reads a list of structs, each by one.
func (r *thriftReader) structs(one func()) {
	elem, n := r.List()
	for i := 0; i < n && r.Err == nil; i++ {
		if elem != wire.ThriftStruct {
			r.Skip(elem)
			continue
		}
		r.StructBegin()
		one()
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
			if v := r.I64(); v <= maxMicros && v >= -maxMicros {
				a.time = v * 1000
			}
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
// but strings (and true for addresses); here they stay as typed attributes.
func (r *thriftReader) binary() {
	var b v1binary
	var key span.Text
	var value []byte
	var at, n int
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
			value = r.Buf[at : at+n : at+n]
		case id == 3 && typ == wire.ThriftI32:
			kind = r.I32()
		case id == 4 && typ == wire.ThriftStruct:
			b.host = r.endpoint()
		default:
			r.Skip(typ)
		}
	}
	if !key.Present() || value == nil || r.Err != nil {
		return
	}
	switch {
	case kind == v1String:
		b.attr = span.StringAttr(key, r.w.ValidText(span.At(at, n)))
	case kind == v1Bool && n == 1:
		b.attr = span.BoolAttr(key, value[0] != 0)
		switch r.w.Str(key) {
		case "sa", "ca", "ma":
			if value[0] != 1 || b.host.IsZero() {
				return
			}
			b.address = true
		}
	case kind == v1Bytes:
		b.attr = span.TextAttr(key, span.Bytes, span.At(at, n))
	case kind == v1I16 && n == 2:
		b.attr = span.IntAttr(key, int64(int16(binary.BigEndian.Uint16(value))))
	case kind == v1I32 && n == 4:
		b.attr = span.IntAttr(key, int64(int32(binary.BigEndian.Uint32(value))))
	case kind == v1I64 && n == 8:
		b.attr = span.IntAttr(key, int64(binary.BigEndian.Uint64(value)))
	case kind == v1Double && n == 8:
		b.attr = span.FloatAttr(key, math.Float64frombits(binary.BigEndian.Uint64(value)))
	default:
		return
	}
	r.v.binaries = append(r.v.binaries, b)
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
			if e.Service = r.text(); e.Service.Len() == 0 {
				e.Service = span.Text{}
			}
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

// setIPBytes sets an address given as bytes. The server takes an IPv6 address
// that is compatible with IPv4 (96 zero bits, but not ::1) as IPv4; one that
// maps IPv4 stays IPv6, unlike in text. Other lengths mean nothing.
func setIPBytes(e *span.Endpoint, p []byte) {
	switch len(p) {
	case 4:
		e.SetIP4([4]byte(p))
	case 16:
		a := [16]byte(p)
		if [12]byte(p[:12]) == [12]byte{} && binary.BigEndian.Uint32(p[12:]) > 1 {
			e.SetIP4([4]byte(p[12:]))
			return
		}
		e.SetIP6(a)
	}
}
