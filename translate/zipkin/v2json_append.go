// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"net/netip"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// JSONEncoder writes spans as a list in v2 JSON. A span that came as v2 JSON in
// the normal form is copied as it is.
type JSONEncoder struct {
	buf   []byte
	text  []byte
	tags  translate.Tags
	spans int
	msg   [1]translate.Message
}

// NewJSONEncoder makes an encoder.
func NewJSONEncoder() translate.Encoder { return &JSONEncoder{} }

// Reset starts a new list.
func (e *JSONEncoder) Reset() {
	e.buf = append(e.buf[:0], '[')
	e.spans = 0
}

// Add writes spans. Every canonical span has a form in Zipkin.
func (e *JSONEncoder) Add(items []span.Item) int {
	for i := range items {
		if e.spans > 0 {
			e.buf = append(e.buf, ',')
		}
		e.spans++
		it := &items[i]
		if s := it.Span(); s.Has&span.Exact != 0 && it.Batch.Origin.Format == formatV2JSON {
			e.buf = it.Batch.AppendStr(e.buf, s.Raw)
		} else {
			e.add(it)
		}
	}
	return 0
}

// Notices does nothing: Zipkin knows no instances.
func (e *JSONEncoder) Notices(*span.Batch) {}

// Messages is the list as one body, or nothing.
func (e *JSONEncoder) Messages() []translate.Message {
	if e.spans == 0 {
		return nil
	}
	e.buf = append(e.buf, ']')
	e.msg[0] = translate.Message{Body: e.buf, Spans: e.spans}
	return e.msg[:]
}

// AppendJSON appends one span as a v2 JSON object.
func (e *JSONEncoder) AppendJSON(dst []byte, it *span.Item) []byte {
	e.buf, dst = dst, e.buf
	e.add(it)
	e.buf, dst = dst, e.buf
	return dst
}

// wireIdentity is the identity under which Zipkin knows a span.
func wireIdentity(it *span.Item, s *span.Span) (id, parent span.ID, shared bool) {
	if s.Has&span.HasWire != 0 {
		return s.Wire.ID, s.Wire.Parent, s.Has&span.Shared != 0
	}
	return it.ID, it.Parent, false
}

var kindNames = [...]string{"", "", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"}

// add writes a span with the fields in the order of Zipkin's own writer.
func (e *JSONEncoder) add(it *span.Item) {
	b, s := it.Batch, it.Span()
	id, parent, shared := wireIdentity(it, s)
	d := append(e.buf, `{"traceId":"`...)
	d = s.Trace.AppendHex(d)
	if parent != 0 {
		d = append(d, `","parentId":"`...)
		d = parent.AppendHex(d)
	}
	d = append(d, `","id":"`...)
	d = id.AppendHex(d)
	d = append(d, '"')
	if k := kindNames[s.Kind]; k != "" {
		d = append(d, `,"kind":"`...)
		d = append(d, k...)
		d = append(d, '"')
	}
	if s.Name.Len() > 0 {
		d = append(d, `,"name":`...)
		d = wire.AppendJSON(d, b.Str(s.Name))
	}
	if start, ok := startMicros(s); ok {
		d = append(d, `,"timestamp":`...)
		d = strconv.AppendInt(d, start, 10)
	}
	if dur, ok := durationMicros(s); ok {
		d = append(d, `,"duration":`...)
		d = strconv.AppendInt(d, dur, 10)
	}
	d = appendEndpoint(d, `,"localEndpoint":`, b, &s.Local)
	d = appendEndpoint(d, `,"remoteEndpoint":`, b, &s.Remote)
	if s.Events.N > 0 {
		d = append(d, `,"annotations":[`...)
		events := b.Events(s.Events)
		for i := range events {
			if i > 0 {
				d = append(d, ',')
			}
			d = append(d, `{"timestamp":`...)
			d = strconv.AppendInt(d, events[i].Time/1000, 10)
			d = append(d, `,"value":`...)
			e.text = appendEventText(e.text[:0], b, &events[i])
			d = wire.AppendJSON(d, string(e.text))
			d = append(d, '}')
		}
		d = append(d, ']')
	}
	collectTags(&e.tags, b, s)
	for i := range e.tags.List {
		if i == 0 {
			d = append(d, `,"tags":{`...)
		} else {
			d = append(d, ',')
		}
		t := &e.tags.List[i]
		d = wire.AppendJSON(d, t.Key)
		d = append(d, ':')
		if t.Attr != nil && t.Attr.Type == span.String {
			d = wire.AppendJSON(d, b.Str(t.Attr.Text()))
		} else {
			e.text = t.AppendValue(e.text[:0], b)
			d = wire.AppendJSON(d, string(e.text))
		}
	}
	if len(e.tags.List) > 0 {
		d = append(d, '}')
	}
	if s.Sampling&span.Debug != 0 {
		d = append(d, `,"debug":true`...)
	}
	if shared {
		d = append(d, `,"shared":true`...)
	}
	e.buf = append(d, '}')
}

// startMicros is the start in microseconds. Zipkin takes 0 for absent, so a
// start in the first microsecond of 1970 cannot be said.
func startMicros(s *span.Span) (int64, bool) {
	v := s.Start / 1000
	return v, s.Has&span.HasStart != 0 && v > 0
}

// durationMicros is the duration in microseconds: below one it counts as one,
// as Zipkin's own libraries do; 0 cannot be said.
func durationMicros(s *span.Span) (int64, bool) {
	if s.Has&span.HasDuration == 0 || s.Duration <= 0 {
		return 0, false
	}
	return max(s.Duration/1000, 1), true
}

func appendEndpoint(d []byte, key string, b *span.Batch, p *span.Endpoint) []byte {
	if p.IsZero() || p.Service.Len() == 0 && !p.IP().IsValid() && p.Port == 0 {
		return d
	}
	d = append(d, key...)
	sep := byte('{')
	if p.Service.Len() > 0 {
		d = append(d, `{"serviceName":`...)
		d = wire.AppendJSON(d, b.Str(p.Service))
		sep = ','
	}
	if a := p.IP4(); a.IsValid() {
		d = append(d, sep)
		d = append(d, `"ipv4":"`...)
		d = a.AppendTo(d)
		d = append(d, '"')
		sep = ','
	}
	if a := p.IP6(); a.IsValid() {
		d = append(d, sep)
		d = append(d, `"ipv6":"`...)
		d = appendIP6(d, a)
		d = append(d, '"')
		sep = ','
	}
	if p.Port != 0 {
		d = append(d, sep)
		d = append(d, `"port":`...)
		d = strconv.AppendUint(d, uint64(p.Port), 10)
	}
	return append(d, '}')
}

// appendIP6 writes an address that maps IPv4 without dots: in text with dots
// Zipkin takes it for IPv4.
func appendIP6(d []byte, a netip.Addr) []byte {
	if !a.Is4In6() {
		return a.AppendTo(d)
	}
	p := a.As16()
	d = append(d, "::ffff:"...)
	d = strconv.AppendUint(d, uint64(p[12])<<8|uint64(p[13]), 16)
	d = append(d, ':')
	return strconv.AppendUint(d, uint64(p[14])<<8|uint64(p[15]), 16)
}

// appendEventFields appends |{fields}|dropped.
func appendEventFields(d []byte, b *span.Batch, e *span.Event) []byte {
	d = append(d, "|{"...)
	attrs := b.Attrs(e.Attrs)
	for i := range attrs {
		if i > 0 {
			d = append(d, ',')
		}
		d = wire.AppendJSON(d, b.Str(attrs[i].Key))
		d = append(d, ':')
		d = appendJSONValue(d, b, &attrs[i])
	}
	d = append(d, "}|"...)
	return strconv.AppendUint(d, uint64(e.Dropped), 10)
}

// appendJSONValue appends a typed value as JSON.
func appendJSONValue(d []byte, b *span.Batch, a *span.Attr) []byte {
	switch a.Type {
	case span.Int, span.Bool, span.JSON:
		return b.AppendText(d, a)
	case span.Float:
		if v := a.Float(); v-v == 0 { // finite
			return b.AppendText(d, a)
		}
		return wire.AppendJSON(d, string(b.AppendText(nil, a)))
	case span.Null:
		return append(d, "null"...)
	case span.Bytes:
		return wire.AppendJSON(d, string(b.AppendText(nil, a)))
	default:
		return wire.AppendJSON(d, b.Str(a.Text()))
	}
}
