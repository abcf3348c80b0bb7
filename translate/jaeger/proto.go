// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"fmt"
	"math"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// decodeProto reads a PostSpansRequest: field 1 is a Batch, whose field 1 is a
// span and whose field 2 is the process of the spans that have none of their
// own (jaeger-idl's model.proto; the collector does so in
// batchConsumer.consume).
func decodeProto(body []byte, origin span.Origin) (*span.Batch, error) {
	r := &protoReader{w: span.NewBuilder(body, origin), bad: translate.Malformed{Format: "jaeger proto"}}
	r.request(body)
	return r.finish()
}

func (r *protoReader) finish() (*span.Batch, error) {
	r.residues.Restore(r.w)
	return r.w.Batch(), r.bad.OrNil()
}

func (r *protoReader) request(body []byte) {
	bad := &r.bad
	// A span takes 150 to 500 bytes and has 4 to 10 tags. The first ones tell how
	// many there are.
	r.w.Grow(min(len(body)/300+1, 8), min(len(body)/50+1, 64))
	request := wire.ReadProto(body)
	for {
		field, typ, ok := request.Next()
		if !ok {
			break
		}
		if field != 1 || typ != wire.TypeBytes {
			request.Skip(field, typ)
			continue
		}
		batch := request.Message()
		r.batch(&batch, bad)
		request.Adopt(&batch)
	}
	if request.Err != nil {
		bad.Stop(translate.FaultOf("", request.Err))
	}
}

type protoReader struct {
	w      *span.Builder
	number int // of spans, for messages
	fault  translate.Fault
	// plain: what was read needs no repair, so its bytes can be used again.
	plain   bool
	warning span.Text // the key of warnings, once there was one
	// literal: nothing is taken for usual, for the test that it makes no difference.
	literal bool

	processes processes
	scopes    scopes
	residues  residue.Reader
	bad       translate.Malformed
}

// batch reads a Batch.
func (r *protoReader) batch(p *wire.Proto, bad *translate.Malformed) {
	first := r.w.Len()
	var own wire.Proto
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			m := p.Message()
			if p.Err != nil {
				break
			}
			r.number++
			mark, scopes, processes := r.w.Mark(), len(r.scopes), len(r.processes)
			r.w.At(m.Pos, len(m.Buf))
			if r.span(m); r.faulty() {
				r.w.Undo(mark)
				r.scopes, r.processes = r.scopes[:scopes], r.processes[:processes]
				r.fault.Place = joinPlace("span "+strconv.Itoa(r.number), r.fault.Place)
				bad.Refuse(r.fault)
				r.fault = translate.Fault{}
			}
		case field == 2 && typ == wire.TypeBytes:
			own = p.Message()
		default:
			p.Skip(field, typ)
		}
	}
	if own.Buf == nil {
		return
	}
	// What could be read of a broken process still names its spans.
	process := r.process(own)
	for i := first; i < r.w.Len(); i++ {
		if s := r.w.SpanAt(i); s.Resource == 0 {
			process.reports(s)
		}
	}
	if r.faulty() {
		bad.Stop(r.fault)
		r.fault = translate.Fault{}
	}
}

func joinPlace(outer, inner string) string {
	if inner == "" {
		return outer
	}
	return outer + ": " + inner
}

func (r *protoReader) faulty() bool { return r.fault.Found != "" }

// refuse records a fault of the span; the first one counts.
func (r *protoReader) refuse(place, found, want string) {
	if !r.faulty() {
		r.fault = translate.Fault{Place: place, Found: found, Want: want}
	}
}

// adopt takes over the fault of a message.
func (r *protoReader) adopt(place string, p *wire.Proto) {
	if p.Err != nil && !r.faulty() {
		r.fault = translate.FaultOf(place, p.Err)
	}
}

func (r *protoReader) text(p *wire.Proto) span.Text {
	return r.textAt(p.Bytes())
}

func (r *protoReader) textAt(at, n int) span.Text {
	valid := r.w.ValidAt(at, n)
	if valid != span.At(at, n) {
		r.plain = false
	}
	return valid
}

// process reads a Process, unless the same bytes were read before.
func (r *protoReader) process(p wire.Proto) *process {
	raw := p.Buf[p.Pos:p.End]
	if known := r.processes.find(raw); known != nil {
		return known
	}
	made := process{raw: raw}
	mark := r.w.AttrMark()
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			made.local.Service = serviceName(r.w, r.text(&p))
		case field == 2 && typ == wire.TypeBytes:
			r.w.Attr(r.keyValue(&p))
		default:
			p.Skip(field, typ)
		}
	}
	r.adopt("process", &p)
	made.finish(r.w, mark)
	r.processes = append(r.processes, made)
	return &r.processes[len(r.processes)-1]
}

// keyValue reads a tag. Any part of it may be missing, which is its zero.
func (r *protoReader) keyValue(outer *wire.Proto) span.Attr {
	if a, next := r.usualTag(outer.Buf[:outer.End], outer.Pos); next > 0 {
		outer.Pos = next
		return a
	}
	p := outer.Message()
	v := value{key: span.Empty}
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			v.key = r.text(&p)
		case field == 2 && typ == wire.TypeVarint:
			v.kind = int64(int32(p.Varint()))
		case field == 3 && typ == wire.TypeBytes:
			v.text, v.given = r.text(&p), span.String
		case field == 4 && typ == wire.TypeVarint:
			v.truth, v.given = p.Varint() != 0, span.Bool
		case field == 5 && typ == wire.TypeVarint:
			v.number, v.given = int64(p.Varint()), span.Int
		case field == 6 && typ == wire.TypeFixed64:
			v.float, v.given = math.Float64frombits(p.Fixed64()), span.Float
		case field == 7 && typ == wire.TypeBytes:
			at, n := p.Bytes()
			v.blob, v.given = span.At(at, n), span.Bytes
		default:
			p.Skip(field, typ)
		}
	}
	r.adopt("tag", &p)
	if v.kind < 0 || v.kind >= int64(len(protoTypes)) {
		r.plain = false
	}
	return v.attr(protoTypes)
}

// goZeroSeconds is what Go programs send for a time that they never set: the
// first of January of the year 1.
const goZeroSeconds = -62135596800

// maxSeconds is the last whole second that 64-bit nanoseconds can say.
const maxSeconds = math.MaxInt64/1_000_000_000 - 1

// seconds reads a Timestamp or a Duration as nanoseconds. The two have the same
// fields; the nanoseconds of a duration have the sign of its seconds, those of
// a time count up.
func (r *protoReader) seconds(outer *wire.Proto, place string, duration bool) int64 {
	if ns, next := usualSeconds(outer.Buf[:outer.End], outer.Pos); next > 0 && !r.literal {
		outer.Pos = next
		return ns
	}
	p := outer.Message()
	var sec int64
	var nanos int32
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeVarint:
			sec = int64(p.Varint())
		case field == 2 && typ == wire.TypeVarint:
			nanos = int32(p.Varint())
		default:
			p.Skip(field, typ)
		}
	}
	r.adopt(place, &p)
	least := int32(0)
	if duration {
		least = -999_999_999
	}
	switch {
	case !duration && sec == goZeroSeconds && nanos == 0:
		r.plain = false
		return 0
	case sec > maxSeconds || sec < -maxSeconds:
		r.refuse(place, strconv.FormatInt(sec, 10), "seconds up to "+strconv.FormatInt(maxSeconds, 10))
	case nanos > 999_999_999 || nanos < least || sec < 0 && duration && nanos > 0 || sec > 0 && nanos < 0:
		r.refuse(place, fmt.Sprintf("%d s and %d ns", sec, nanos), "less than 1000000000 ns, with the sign of the seconds in a duration")
	}
	return sec*1_000_000_000 + int64(nanos)
}
