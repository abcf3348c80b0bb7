// SPDX-License-Identifier: Apache-2.0

package zipkin

import "github.com/spanbridge/spanbridge/span"

// unusual is the place behind a value that is not as usual.
const unusual = -1

// usualSpan reads the span that comes next, which begins with a brace, if it is in
// the normal form and written as clients usually do: without white space, null and
// repeated or unknown keys (BenchmarkDecodeV2JSON). Of all else, faults included, it
// says false, and what it has added is to be undone; v2span is the judge of that, and
// it is v2span that every rule here is taken from.
//
// Where every target only copies spans in the normal form, nobody looks at their tags
// and annotations (span.Origin.Outline). They are looked through then and not kept,
// unless there are escapes or tags that stand for fields of other protocols
// (BenchmarkOutlineV2JSON, ADR 0028).
func (r *reader) usualSpan() bool {
	j := &r.j
	buf, start := j.Buf, j.Pos
	s := r.w.NextSpan()
	attrs, events := r.w.AttrMark(), r.w.EventMark()
	var o outlined
	seen := uint32(0)
	shared := false
	if buf[start] != '{' {
		return false
	}
	at := start + 1
	for {
		if uint(at) >= uint(len(buf)) || buf[at] != '"' {
			return false
		}
		at++
		var key jsonKey
		n := 0
		if at+longestKey <= len(buf) {
			key, n = usualKey((*[longestKey]byte)(buf[at:]))
		} else {
			var last [longestKey]byte
			copy(last[:], buf[at:])
			key, n = usualKey(&last)
		}
		if n == 0 || seen&(1<<key) != 0 {
			return false
		}
		seen |= 1 << key
		at += n
		switch key {
		case keyTraceID:
			at = o.traceID(&s.Trace, buf, at)
		case keyID:
			at = o.spanID(&s.ID, buf, at)
		case keyParentID:
			at = o.spanID(&s.Parent, buf, at)
		case keyKind:
			at = o.kind(&s.Kind, buf, at)
		case keyName:
			s.Name, at = r.usualText(at)
			o.longest = max(o.longest, s.Name.Len())
		case keyTimestamp:
			s.Start, at = r.usualMicros(at)
			s.Has |= span.HasStart
		case keyDuration:
			s.Duration, at = r.usualMicros(at)
			s.Has |= span.HasDuration
		case keyLocal:
			at = r.usualEndpoint(&s.Local, &r.endpoints[localFields.memory], at)
			s.Local.Service = invented(r.w, s.Local.Service)
		case keyRemote:
			at = r.usualEndpoint(&s.Remote, &r.endpoints[remoteFields.memory], at)
		case keyAnnotations:
			at = r.usualAnnotations(&o, at)
		case keyTags:
			at = r.usualTags(&o, at)
		case keyShared:
			if !starts(buf[at:], "true") {
				return false
			}
			shared = true
			at += len("true")
		default:
			return false
		}
		if uint(at) >= uint(len(buf)) { // or a value is not as usual: negative
			return false
		}
		at++
		if c := buf[at-1]; c == '}' {
			break
		} else if c != ',' {
			return false
		}
	}
	if s.Trace.IsZero() || s.ID == 0 || s.Parent == s.ID || shared && s.Kind == span.KindClient {
		return false
	}
	s.Attrs, s.Events = r.w.AttrsFrom(attrs), r.w.EventsFrom(events)
	o.said.set(r.w, s, attrs)
	setWire(s, shared)
	s.Has |= span.Exact
	s.Raw = span.At(start, at-start)
	j.Pos = at
	r.w.AddSpan()
	if r.outline {
		r.w.Outlined(o.attrs, o.events, o.longest)
	} else if o.said.residue {
		r.residues.Found(r.w.Len() - 1)
	}
	return true
}

// outlined is what is known of a span whose tags and annotations are not kept.
type outlined struct {
	attrs, events int
	longest       int // text
	said          outcome
}

// usualTags reads tags whose values are strings.
func (r *reader) usualTags(o *outlined, at int) int {
	buf := r.j.Buf
	if starts(buf[at:], "{}") {
		return at + 2
	}
	if !starts(buf[at:], "{") {
		return unusual
	}
	m := &r.tagKeys
	for prev := uint8(0); ; {
		at++
		if uint(at) >= uint(len(buf)) || buf[at] != '"' {
			return unusual
		}
		at++
		key := at
		var special bool
		n := m.known[prev].after[0]
		if n == 0 || !starts(buf[at:], m.known[n].lit) { // mostly it is that one
			n = m.next(prev, buf[at:])
		}
		if n != 0 {
			known := &m.known[n]
			prev, special = n, known.special
			at += len(known.lit)
			if known.poisons {
				return unusual
			}
		} else {
			end := r.j.PlainString(at)
			if end < 0 || end+1 >= len(buf) || buf[end+1] != ':' || poisons(asString(buf[at:end])) {
				return unusual
			}
			special = isSpecial(asString(buf[at:end]))
			at = end + 2
			prev = m.add(prev, asString(buf[key:at]))
		}
		if uint(at) >= uint(len(buf)) || buf[at] != '"' {
			return unusual
		}
		at++
		if !r.outline {
			at = r.usualTag(o, key, at, special)
		} else if end := r.j.PlainString(at); end < 0 || poisons(asString(buf[at:end])) {
			return unusual
		} else {
			if o.attrs++; special && !r.outlineSpecial(o, key, at, end) {
				return unusual
			}
			o.longest = max(o.longest, end-at, at-key-len(`":"`))
			at = end + 1
		}
		if uint(at) >= uint(len(buf)) {
			return unusual
		}
		switch buf[at] {
		case ',':
		case '}':
			return at + 1
		default:
			return unusual
		}
	}
}

// usualTag keeps a tag whose key and value begin at places.
func (r *reader) usualTag(o *outlined, key, at int, special bool) int {
	name := span.At(key, at-key-len(`":"`))
	var value span.Text
	end := r.j.PlainString(at)
	if end < 0 {
		if value, end = r.usualEscaped(at); end < 0 {
			return unusual
		}
	} else {
		if poisons(asString(r.j.Buf[at:end])) {
			return unusual
		}
		value = span.At(at, end-at)
		end++
	}
	a := span.StringAttr(name, value)
	if special {
		o.said.read(r.w, &a)
	}
	r.w.Attr(a)
	return end
}

// outlineSpecial takes into account a tag that may say something of the span; false
// if it says more than the status, or has another key than the one that it came with.
func (r *reader) outlineSpecial(o *outlined, key, value, end int) bool {
	a := span.StringAttr(span.At(key, value-key-len(`":"`)), span.At(value, end-value))
	named := a.Key
	o.said.read(r.w, &a)
	return !o.said.residue && !o.said.otel.any && a.Key == named
}
