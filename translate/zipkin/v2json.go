// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

const v2json = "zipkin v2 json"

// reader reads a list of spans in JSON of either version.
type reader struct {
	j   wire.JSON
	w   *span.Builder
	bad *translate.Malformed
	n   int // number of the span in the list, from 1

	item int // number of the annotation in the span, 0 outside of them

	fault  translate.Fault
	faulty bool

	v1 v1span
}

// decodeV2JSON reads a list of v2 spans.
func decodeV2JSON(body []byte, origin span.Origin) (*span.Batch, error) {
	return decodeJSON(body, origin, v2json, (*reader).v2span)
}

// decodeJSON reads a list of objects. The server looks at the first byte
// before anything else, so white space or a byte order mark before the list is
// a fault; what follows the list is ignored.
func decodeJSON(body []byte, origin span.Origin, name string, one func(*reader)) (*span.Batch, error) {
	if !utf8.Valid(body) {
		// The server replaces what is not UTF-8.
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	r := &reader{w: span.NewBuilder(body, origin), bad: &translate.Malformed{Format: name}}
	r.j.Buf = body
	if len(body) == 0 {
		return r.w.Batch(), nil
	}
	if body[0] != '[' {
		r.bad.Stop(translate.Fault{Place: "byte 0", Found: fmt.Sprintf("%q", body[0]), Want: "'[', a list of spans"})
		return r.w.Batch(), r.bad
	}
	// A span takes 300 to 700 bytes and has 4 to 10 tags.
	r.w.Grow(len(body)/600+1, len(body)/100+1)
	r.j.Array()
	for r.j.Elem() {
		r.n++
		if r.j.Peek() != '{' {
			r.j.Fail(r.j.Pos, r.j.Found(), "a span object")
			break
		}
		r.faulty = false
		mark := r.w.Mark()
		one(r)
		if r.j.Err != nil {
			r.w.Undo(mark)
			break
		}
		if r.faulty {
			r.w.Undo(mark)
			r.bad.Refuse(r.fault)
		}
	}
	if r.j.Err != nil {
		r.bad.Stop(translate.FaultOf(r.place(""), r.j.Err))
	}
	return r.w.Batch(), r.bad.OrNil()
}

func (r *reader) place(field string) string {
	p := "span " + strconv.Itoa(r.n)
	if r.item > 0 {
		p += ", item " + strconv.Itoa(r.item)
	}
	if field != "" {
		p += ": " + field
	}
	return p
}

// refuse records the first fault of the span; reading goes on, since the body
// around it is sound.
func (r *reader) refuse(field, found, want string) {
	if !r.faulty {
		r.faulty = true
		r.fault = translate.Fault{Place: r.place(field), Found: found, Want: want}
	}
}

// refuseValue is refuse for a value that has not been read; it steps over it.
func (r *reader) refuseValue(field, want string) {
	at := r.j.Pos
	r.j.Skip()
	r.refuse(field, short(r.j.Buf[min(at, len(r.j.Buf)):r.j.Pos]), want)
}

// short shows the start of a value.
func short(p []byte) string {
	const most = 40
	p = bytes.TrimSpace(p)
	if len(p) > most {
		return strconv.Quote(string(p[:most])) + "…"
	}
	if len(p) > 0 && p[0] == '"' {
		return string(p)
	}
	return strconv.Quote(string(p))
}

// text reads a string.
func (r *reader) text(field string) (wire.Str, bool) {
	if !r.j.IsText() {
		r.refuseValue(field, "a string")
		return wire.Str{}, false
	}
	return r.j.String(), r.j.Err == nil
}

// keep makes a string of the body a text of the batch.
func (r *reader) keep(s wire.Str, field string) span.Text {
	if !s.Escaped {
		return span.At(s.At, s.N)
	}
	at := len(r.w.Side())
	side, ok := r.j.AppendUnescaped(r.w.Side(), s)
	if !ok {
		r.refuse(field, short(r.j.Bytes(s)), `escapes of the form \" \\ \/ \b \f \n \r \t \u0000`)
		return span.Empty
	}
	r.w.SetSide(side)
	return span.SideAt(at, len(side)-at)
}

// nonEmpty is keep for fields where an empty string means absent.
func (r *reader) nonEmpty(field string) span.Text {
	s, ok := r.text(field)
	if !ok || s.N == 0 {
		return span.Text{}
	}
	return r.keep(s, field)
}

// integer reads an integer.
func (r *reader) integer(field string) (int64, bool) {
	r.j.Peek()
	at := r.j.Pos
	v, ok := r.j.Int64()
	if !ok && r.j.Err == nil {
		r.refuse(field, short(r.j.Buf[at:r.j.Pos]), "an integer of 64 bits")
	}
	return v, ok
}

func (r *reader) boolean(field string) bool {
	if c := r.j.Peek(); c != 't' && c != 'f' {
		r.refuseValue(field, "true or false")
		return false
	}
	return r.j.Bool()
}

// v2span reads one span and adds it to the batch.
func (r *reader) v2span() {
	j := &r.j
	start := j.Pos
	j.Lenient = false
	var s span.Span
	var shared bool
	j.Object()
	for {
		k, ok := j.Key()
		if !ok {
			break
		}
		switch key := j.Raw(k); key {
		case "traceId":
			r.traceID(&s)
		case "id":
			s.ID, _ = r.id("id")
			if s.ID == 0 && !r.faulty {
				r.refuse("id", "all zeros", "a digit other than 0")
			}
		case "parentId":
			if !j.Null() {
				s.Parent, _ = r.id("parentId")
			}
		case "kind":
			if !j.Null() {
				s.Kind = r.kind()
			}
		case "name":
			if !j.Null() {
				s.Name = r.nonEmpty("name")
			}
		case "timestamp":
			s.Start, ok = r.micros("timestamp")
			s.Has = with(s.Has, span.HasStart, ok)
		case "duration":
			s.Duration, ok = r.micros("duration")
			s.Has = with(s.Has, span.HasDuration, ok)
		case "localEndpoint":
			s.Local = r.endpoint(&localFields)
		case "remoteEndpoint":
			s.Remote = r.endpoint(&remoteFields)
		case "annotations":
			if !j.Null() {
				s.Events = r.annotations()
			}
		case "tags":
			if !j.Null() {
				s.Attrs = r.tags(&s)
			}
		case "debug":
			if !j.Null() && r.boolean("debug") {
				s.Sampling = span.Debug | span.Sampled
			}
		case "shared":
			shared = !j.Null() && r.boolean("shared")
		case "binaryAnnotations":
			r.refuse("binaryAnnotations", "a v1 field", "a JSON_V2 encoded list, but received: JSON_V1")
			j.Skip()
		default:
			j.Skip()
		}
	}
	if r.faulty || j.Err != nil {
		return
	}
	switch {
	case s.Trace.IsZero():
		r.refuse("traceId", "nothing", "1 to 32 lower-case hex digits")
		return
	case s.ID == 0:
		r.refuse("id", "nothing", "1 to 16 lower-case hex digits")
		return
	}
	if !setWire(&s, shared) && !j.Lenient {
		s.Has |= span.Exact
	}
	s.Raw = span.At(start, j.Pos-start)
	r.w.Span(s)
}

// setWire sets the wire identity and applies the rules of the server's model
// that need the whole span. It says whether a rule changed anything.
func setWire(s *span.Span, shared bool) (changed bool) {
	if s.Parent == s.ID {
		s.Parent = 0
		changed = true
	}
	if shared && s.Kind == span.KindClient {
		shared = false
		changed = true
	}
	s.Has = with(s.Has, span.Shared, shared) | span.HasWire
	s.Wire = span.Wire{ID: s.ID, Parent: s.Parent}
	return changed
}

func with(h, bit span.Has, on bool) span.Has {
	if on {
		return h | bit
	}
	return h &^ bit
}

// lowerHex holds the value of lower-case hex digits and 0xff for other bytes:
// the server takes no upper case.
var lowerHex = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range 10 {
		t['0'+i] = byte(i)
	}
	for i := range 6 {
		t['a'+i] = byte(10 + i)
	}
	return t
}()

// hex reads up to 32 lower-case hex digits.
func (r *reader) hex(field string, most int) (hi, lo uint64, ok bool) {
	want := func() string { return "1 to " + strconv.Itoa(most) + " lower-case hex digits" }
	s, ok := r.text(field)
	if !ok {
		return 0, 0, false
	}
	p := r.j.Bytes(s)
	if s.Escaped {
		p, _ = r.j.AppendUnescaped(nil, s)
	}
	if len(p) == 0 || len(p) > most {
		r.refuse(field, strconv.Itoa(len(p))+" characters", want())
		return 0, 0, false
	}
	for i, c := range p {
		d := lowerHex[c]
		if d == 0xff {
			r.refuse(field, fmt.Sprintf("%q at digit %d", c, i+1), want())
			return 0, 0, false
		}
		hi = hi<<4 | lo>>60
		lo = lo<<4 | uint64(d)
	}
	if len(p) != 16 && len(p) != 32 {
		r.j.Lenient = true
	}
	return hi, lo, true
}

func (r *reader) traceID(s *span.Span) {
	hi, lo, ok := r.hex("traceId", 32)
	if ok && hi|lo == 0 {
		r.refuse("traceId", "all zeros", "a digit other than 0")
	}
	s.Trace = span.TraceID{Hi: hi, Lo: lo}
}

// id reads a span id; 0 when all digits are zero.
func (r *reader) id(field string) (span.ID, bool) {
	_, lo, ok := r.hex(field, 16)
	return span.ID(lo), ok
}

func (r *reader) kind() span.Kind {
	s, ok := r.text("kind")
	if !ok {
		return 0
	}
	switch r.j.Raw(s) {
	case "CLIENT":
		return span.KindClient
	case "SERVER":
		return span.KindServer
	case "PRODUCER":
		return span.KindProducer
	case "CONSUMER":
		return span.KindConsumer
	}
	r.refuse("kind", short(r.j.Bytes(s)), "CLIENT, SERVER, PRODUCER or CONSUMER")
	return 0
}

// maxMicros is the last microsecond that fits 64 bits of nanoseconds, in the
// year 2262. The server takes later ones; they are refused here.
const maxMicros = (1<<63 - 1) / 1000

// micros reads microseconds as nanoseconds. Zero, negative and null mean
// absent.
func (r *reader) micros(field string) (int64, bool) {
	if r.j.Null() {
		return 0, false
	}
	v, ok := r.integer(field)
	if !ok || v <= 0 {
		return 0, false
	}
	if v > maxMicros {
		r.refuse(field, strconv.FormatInt(v, 10), "microseconds up to "+strconv.Itoa(maxMicros))
		return 0, false
	}
	return v * 1000, true
}
