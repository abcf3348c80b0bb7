// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// The functions below read a value for usualSpan and give the place behind it.

// traceID reads 16 digits, or 32 of which the first half is not all zeros.
func (*outlined) traceID(id *span.TraceID, buf []byte, at int) int {
	if len(buf)-at < 18 || buf[at] != '"' {
		return unusual
	}
	v, ok := span.ParseLower16(asString(buf[at+1 : at+17]))
	switch {
	case !ok || v == 0:
		return unusual
	case buf[at+17] == '"':
		id.Lo = v
		return at + 18
	case len(buf)-at < 34 || buf[at+33] != '"':
		return unusual
	}
	id.Hi = v
	if id.Lo, ok = span.ParseLower16(asString(buf[at+17 : at+33])); !ok {
		return unusual
	}
	return at + 34
}

// spanID reads 16 digits that are not all zeros.
func (*outlined) spanID(id *span.ID, buf []byte, at int) int {
	if len(buf)-at < 18 || buf[at] != '"' || buf[at+17] != '"' {
		return unusual
	}
	v, ok := span.ParseLower16(asString(buf[at+1 : at+17]))
	if !ok || v == 0 {
		return unusual
	}
	*id = span.ID(v)
	return at + 18
}

func (*outlined) kind(k *span.Kind, buf []byte, at int) int {
	switch rest := buf[at:]; {
	case starts(rest, `"CLIENT"`):
		*k = span.KindClient
	case starts(rest, `"SERVER"`):
		*k = span.KindServer
	case starts(rest, `"PRODUCER"`):
		*k = span.KindProducer
		return at + len(`"PRODUCER"`)
	case starts(rest, `"CONSUMER"`):
		*k = span.KindConsumer
		return at + len(`"CONSUMER"`)
	default:
		return unusual
	}
	return at + len(`"CLIENT"`)
}

// usualText reads a string; one without characters counts as absent.
func (r *reader) usualText(at int) (span.Text, int) {
	buf := r.j.Buf
	if uint(at) >= uint(len(buf)) || buf[at] != '"' {
		return span.Text{}, unusual
	}
	at++
	end := r.j.PlainString(at)
	switch {
	case end < 0:
		return r.usualEscaped(at)
	case poisons(asString(buf[at:end])):
		return span.Text{}, unusual
	case end == at:
		return span.Text{}, end + 1
	}
	return span.At(at, end-at), end + 1
}

// usualEscaped reads a string with escapes, which begins before at, for one who keeps it.
func (r *reader) usualEscaped(at int) (span.Text, int) {
	if r.outline {
		return span.Text{}, unusual
	}
	j := wire.JSON{Buf: r.j.Buf, Pos: at - 1}
	s := j.String()
	if j.Err != nil || j.Lenient || poisons(j.Raw(s)) {
		return span.Text{}, unusual
	}
	return r.keep(s, ""), j.Pos
}

// usualMicros reads microseconds, of which there is at least one.
func (r *reader) usualMicros(at int) (ns int64, end int) {
	v, end := r.j.PlainInt(at)
	if end < 0 || !inRange(v) {
		return 0, unusual
	}
	return v * 1000, end
}

func (r *reader) usualEndpoint(e *span.Endpoint, memory *endpointMemory, at int) int {
	buf := r.j.Buf
	if uint(at) >= uint(len(buf)) || buf[at] != '{' {
		return unusual
	}
	start := at
	tries := memory.tries()
	if tries {
		if known, n := memory.find(buf[at:]); known != nil {
			*e = *known
			return at + n
		}
	}
	at++
	for {
		if uint(at) >= uint(len(buf)) || buf[at] != '"' {
			return unusual
		}
		switch rest := buf[at+1:]; {
		case starts(rest, `serviceName":`):
			e.Service, at = r.usualText(at + 1 + len(`serviceName":`))
		case starts(rest, `ipv4":`):
			a, n, ok := plainIP4(buf, at+1+len(`ipv4":`))
			if !ok {
				return unusual
			}
			e.SetIP4(a)
			at = n
		case starts(rest, `ipv6":`):
			var text span.Text
			if text, at = r.usualText(at + 1 + len(`ipv6":`)); !setIPText(e, r.w.Str(text), true) {
				return unusual
			}
		case starts(rest, `port":`):
			var port int64
			if port, at = r.j.PlainInt(at + 1 + len(`port":`)); port > 65535 {
				return unusual
			}
			e.Port = uint16(port)
		default:
			return unusual
		}
		if uint(at) >= uint(len(buf)) {
			return unusual
		}
		at++
		if c := buf[at-1]; c == '}' {
			break
		} else if c != ',' {
			return unusual
		}
	}
	if tries {
		memory.add(buf[start:], at-start, e)
	}
	return at
}

// usualAnnotations reads annotations that stand in the order of the server.
func (r *reader) usualAnnotations(o *outlined, at int) int {
	buf := r.j.Buf
	var before int64
	var text string
	if starts(buf[at:], "[]") {
		return at + 2
	}
	if !starts(buf[at:], "[") {
		return unusual
	}
	for {
		at++
		const first, second = `{"timestamp":`, `,"value":`
		if !starts(buf[at:], first) {
			return unusual
		}
		v, end := r.j.PlainInt(at + len(first))
		if end < 0 || !inRange(v) || !starts(buf[end:], second) {
			return unusual
		}
		value, end := r.usualText(end + len(second))
		if end < 0 || end+1 >= len(buf) || buf[end] != '}' || !value.Present() {
			return unusual
		}
		said := r.w.Str(value)
		if v < before || v == before && said <= text || mayExpand(said) {
			return unusual
		}
		before, text = v, said
		if r.outline {
			o.events++
			o.longest = max(o.longest, len(said))
		} else {
			r.w.Event(span.Event{Time: v * 1000, Name: value})
		}
		at = end + 1
		switch buf[at] {
		case ',':
		case ']':
			return at + 1
		default:
			return unusual
		}
	}
}

// mayExpand is true for the text of an annotation that may be an event with fields.
func mayExpand(text string) bool {
	return len(text) >= len("|{}|0") && text[len(text)-1] <= '9' && strings.Contains(text, "|{")
}
