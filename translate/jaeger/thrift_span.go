// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"math/bits"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// thriftFields are the names and types of a span's fields that jaeger.thrift
// requires, by number. There is no field 0.
var thriftFields = [...]struct{ name, typ string }{
	1: {"traceIdLow", "an i64"}, 2: {"traceIdHigh", "an i64"}, 3: {"spanId", "an i64"},
	4: {"parentSpanId", "an i64"}, 5: {"operationName", "a string"}, 7: {"flags", "an i32"},
	8: {"startTime", "an i64"}, 9: {"duration", "an i64"},
}

// required has a bit for each of thriftFields.
const required = 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<7 | 1<<8 | 1<<9

// span reads a span and adds it to the batch.
func (r *thriftReader) span() {
	s := r.w.NextSpan()
	start := r.Pos
	refs, attrs, attrsEnd, events := r.w.RefMark(), r.w.AttrMark(), r.w.AttrMark(), r.w.EventMark()
	r.StructBegin()
	parent, seen := r.usualHead(s)
	for {
		typ, id := r.Field()
		if typ == wire.ThriftStop {
			break
		}
		given := uint16(1) << (uint16(id) & 15)
		switch {
		case id == 1 && typ == wire.ThriftI64:
			s.Trace.Lo = uint64(r.I64())
		case id == 2 && typ == wire.ThriftI64:
			s.Trace.Hi = uint64(r.I64())
		case id == 3 && typ == wire.ThriftI64:
			s.ID = span.ID(r.I64())
		case id == 4 && typ == wire.ThriftI64:
			parent = span.ID(r.I64())
		case id == 5 && typ == wire.ThriftString:
			s.Name = nonEmpty(r.text())
		case id == 6 && typ == wire.ThriftList:
			refs = r.w.RefMark()
			r.references()
		case id == 7 && typ == wire.ThriftI32:
			s.Sampling = span.Sampling(r.I32())
			seen |= r.usualTimes(s)
		case id == 8 && typ == wire.ThriftI64:
			s.Start = r.micros("startTime", 0)
		case id == 9 && typ == wire.ThriftI64:
			s.Duration = r.micros("duration", 0)
		case id == 10 && typ == wire.ThriftList:
			attrs = r.w.AttrMark()
			r.tags("tag")
			attrsEnd = r.w.AttrMark()
		case id == 11 && typ == wire.ThriftList:
			events = r.w.EventMark()
			r.logs()
		default:
			given = 0
			r.Skip(typ)
		}
		seen |= given
	}
	r.StructEnd()
	if missing := required &^ seen; missing != 0 {
		f := thriftFields[bits.TrailingZeros16(missing)]
		r.refuse(f.name, "nothing", f.typ)
	}
	if s.Trace.IsZero() {
		r.refuse("traceIdLow, traceIdHigh", "0", "another number")
	}
	if s.ID == 0 {
		r.refuse("spanId", "0", "another number")
	}
	if r.Err != nil || r.faulty() {
		return
	}
	s.Raw = span.At(start, r.Pos-start)
	s.Has = span.HasDuration
	if s.Start != 0 {
		s.Has |= span.HasStart
	}
	setParent(s, parent, r.w.RefsSince(refs))
	s.Refs = r.w.RefsFrom(refs)
	s.Events = r.w.EventsFrom(events)
	s.Attrs = span.Range{First: uint32(attrs), N: uint32(attrsEnd - attrs)}
	var marked bool
	s.Scope, marked = readTags(r.w, s, r.w.AttrsSince(attrs)[:attrsEnd-attrs], &r.scopes)
	setShared(s, r.w.RefsSince(refs))
	r.w.AddSpan()
	if marked {
		r.residues.Found(r.w.Len() - 1)
	}
}

func nonEmpty(t span.Text) span.Text {
	if t.Len() == 0 {
		return span.Text{}
	}
	return t
}

// references reads the list of references.
func (r *thriftReader) references() {
	n, _ := r.structs("references")
	for i := 0; i < n && r.Err == nil; i++ {
		if ref, ok := r.usualRef(); ok {
			if !isZeroRef(&ref) {
				r.w.Ref(ref)
			}
			continue
		}
		var ref span.Ref
		r.StructBegin()
		for {
			typ, id := r.Field()
			if typ == wire.ThriftStop {
				break
			}
			switch {
			case id == 1 && typ == wire.ThriftI32:
				ref.Kind = refKind(int64(r.I32()))
			case id == 2 && typ == wire.ThriftI64:
				ref.Trace.Lo = uint64(r.I64())
			case id == 3 && typ == wire.ThriftI64:
				ref.Trace.Hi = uint64(r.I64())
			case id == 4 && typ == wire.ThriftI64:
				ref.Span = span.ID(r.I64())
			default:
				r.Skip(typ)
			}
		}
		r.StructEnd()
		if !isZeroRef(&ref) {
			r.w.Ref(ref)
		}
	}
}

// logs reads the list of logs.
func (r *thriftReader) logs() {
	n, _ := r.structs("logs")
	for i := 1; i <= n && r.Err == nil; i++ {
		var e span.Event
		timed := false
		r.StructBegin()
		for {
			typ, id := r.Field()
			if typ == wire.ThriftStop {
				break
			}
			switch {
			case id == 1 && typ == wire.ThriftI64:
				timed = true
				e.Time = r.micros("timestamp", i)
			case id == 2 && typ == wire.ThriftList:
				e.Name, e.Attrs = r.logFields(i)
			default:
				r.Skip(typ)
			}
		}
		r.StructEnd()
		if !timed {
			r.refuse(inLog(i, "timestamp"), "nothing", "an i64")
		}
		r.w.Event(e)
	}
}

// logFields reads the fields of a log: the first string of the key event is
// its name.
func (r *thriftReader) logFields(log int) (name span.Text, fields span.Range) {
	mark := r.w.AttrMark()
	n, _ := r.structs("fields")
	for i := 1; i <= n && r.Err == nil; i++ {
		a, ok := r.usualTag()
		if !ok {
			a, ok = r.tag()
		}
		switch {
		case r.Err != nil:
		case !ok:
			r.refuse(inLog(log, "field "+strconv.Itoa(i)), "no key", "a string")
		case !name.Present() && isEventName(r.w, &a):
			name = a.Text()
		default:
			r.w.Attr(a)
		}
	}
	return name, r.w.AttrsFrom(mark)
}
