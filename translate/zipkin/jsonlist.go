// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// reader reads a list of spans in JSON of either version.
type reader struct {
	refusal
	j wire.JSON
	w *span.Builder

	bad translate.Malformed

	n    int // number of the span in the list, from 1
	item int // number of the annotation in the span, 0 outside of them

	wordless bool  // faults are only counted
	usual    bool  // spans may be read by usualSpan
	outline  bool  // what is copied whole is not kept; see usualSpan
	odd      uint8 // spans in a row, up to a few, that were not usual

	v1        v1span
	residues  residue.Reader
	endpoints [2]endpointMemory
	tagKeys   tagMemory
}

// decodeJSON reads a list of objects, each by one. The server looks at the
// first byte before anything else, so white space or a byte order mark before
// the list is a fault; what follows the list is ignored.
func decodeJSON(body []byte, origin span.Origin, name string, one func(*reader), usual bool) (*span.Batch, error) {
	if !utf8.Valid(body) {
		// The server replaces what is not UTF-8.
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	r := readers.Get().(*reader)
	r.w, r.j.Buf, r.usual, r.outline = span.NewBuilder(body, origin), body, usual, usual && origin.Outline
	r.bad.Format = name
	r.readList(&r.bad, one)
	r.residues.Restore(r.w)
	b, err := r.w.Batch(), r.bad.OrNil()
	if err != nil {
		bad := r.bad
		err = &bad
	}
	*r = reader{} // what it knows are places in this body
	readers.Put(r)
	return b, err
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// readList reads the list.
func (r *reader) readList(bad *translate.Malformed, one func(*reader)) {
	body := r.j.Buf
	if len(body) == 0 {
		return
	}
	if body[0] != '[' {
		found := strconv.QuoteRune(rune(body[0]))
		if body[0] >= utf8.RuneSelf {
			found = fmt.Sprintf("byte %#02x", body[0])
		}
		bad.Stop(translate.Fault{Place: "byte 0", Found: found, Want: "'[', a list of spans"})
		return
	}
	// A span takes 300 to 700 bytes and has 4 to 10 tags. The first ones tell how
	// many there are.
	attrs := min(len(body)/100+1, 64)
	if r.outline {
		attrs = 0
	}
	r.w.Grow(min(len(body)/600+1, 8), attrs)
	r.j.Array()
	for r.j.Elem() {
		r.n++
		r.w.At(r.j.Pos, len(body))
		mark := r.w.Mark()
		if r.usual && r.tries() {
			if r.usualSpan() {
				r.odd = 0
				continue
			}
			r.w.Undo(mark)
			r.odd++
		}
		r.faulty = false
		if r.j.Peek() == '{' {
			one(r)
		} else {
			r.refuseValue("", "a span object")
		}
		if r.faulty || r.j.Err != nil {
			r.w.Undo(mark)
		}
		if r.faulty && r.j.Err == nil {
			bad.Refuse(r.fault)
			r.wordless = bad.Full()
		}
	}
	if r.j.Err != nil {
		bad.Stop(translate.FaultOf(r.place(""), r.j.Err))
	}
}

// tries is true when it is worth to take the next span for a usual one: where none is,
// one in sixteen is begun twice.
func (r *reader) tries() bool {
	const patience, pause = 8, 16
	if r.odd < patience {
		return true
	}
	if r.n%pause != 0 {
		return false
	}
	r.odd = patience - 1
	return true
}

func (r *reader) place(field string) string {
	if r.n == 0 {
		return field
	}
	p := "span " + strconv.Itoa(r.n)
	if r.item > 0 {
		p += ", item " + strconv.Itoa(r.item)
	}
	if field != "" {
		p += ": " + field
	}
	return p
}

func (r *reader) refuse(field, found, want string) {
	switch {
	case r.faulty:
	case r.wordless:
		r.faulty = true
	default:
		r.refusal.refuse(r.place(field), found, want)
	}
}

// refuseValue is refuse for a value that has not been read; it steps over it.
func (r *reader) refuseValue(field, want string) {
	r.j.Peek()
	at := r.j.Pos
	r.j.Skip()
	if r.wordless {
		r.faulty = true
		return
	}
	r.refuse(field, short(r.j.Buf[min(at, len(r.j.Buf)):r.j.Pos]), want)
}

// short shows the start of a value.
func short(p []byte) string {
	const most = 40
	switch {
	case len(p) > most:
		return strconv.Quote(string(p[:most])) + "…"
	case len(p) > 0 && p[0] == '"':
		return string(p)
	default:
		return strconv.Quote(string(p))
	}
}

// text reads a string.
func (r *reader) text(field string) (wire.Str, bool) {
	if at := r.j.Pos + 1; at < len(r.j.Buf) && r.j.Buf[at-1] == '"' {
		if end := r.j.PlainString(at); end >= 0 {
			r.j.Pos = end + 1
			return wire.Str{At: at, N: end - at}, true
		}
	}
	if !r.j.IsText() {
		r.refuseValue(field, "a string")
		return wire.Str{}, false
	}
	return r.j.String(), r.j.Err == nil
}

// keep makes a string of the body a text of the batch.
func (r *reader) keep(s wire.Str, field string) span.Text {
	if poisons(r.j.Raw(s)) {
		r.j.Lenient = true
	}
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

// nanos is a time or duration in nanoseconds.
func (r *reader) nanos(field string, micros int64) int64 {
	if inRange(micros) {
		return micros * 1000
	}
	return r.refusal.nanos(r.place(field), micros)
}

func (r *reader) boolean(field string) bool {
	if c := r.j.Peek(); c != 't' && c != 'f' {
		r.refuseValue(field, "true or false")
		return false
	}
	return r.j.Bool()
}
