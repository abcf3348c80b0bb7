// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"bytes"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// JSONEncoder writes spans as a list in v2 JSON. A span that came as v2 JSON in
// the normal form is copied as it is.
type JSONEncoder struct {
	buf     []byte
	text    []byte
	tags    translate.Tags
	spans   int
	msg     [1]translate.Message
	losses  translate.Losses
	opts    translate.EncoderOptions
	draft   *residue.Draft // nil in the encoder of a draft
	residue []byte         // of the span to be written
	foreign foreignWriter
}

// NewJSONEncoder makes an encoder.
func NewJSONEncoder(opts translate.EncoderOptions) translate.Encoder {
	e := &JSONEncoder{opts: opts}
	var r reader
	e.draft = &residue.Draft{
		Protocol: span.Zipkin, Format: formatV2JSON, Mode: opts.Residue,
		Encoder: &JSONEncoder{opts: opts},
		// Decode reads what the encoder wrote.
		Decode: func(w *span.Builder, body []byte) {
			r = reader{w: w, j: wire.JSON{Buf: body}}
			r.readList(&translate.Malformed{}, (*reader).v2span)
		},
	}
	e.foreign.sight = residue.NewSight(opts, true, isTold, keyForm)
	return e
}

// copies: what a Collector takes is told by the tags (forCollector).
func copies(opts translate.EncoderOptions) (format string) {
	if opts.Residue == translate.OTel {
		return ""
	}
	return formatV2JSON
}

// Fork makes another encoder: there is nothing to share.
func (e *JSONEncoder) Fork() translate.Encoder { return NewJSONEncoder(e.opts) }

// Reset starts a new list.
func (e *JSONEncoder) Reset() {
	e.buf = e.buf[:0]
	e.spans = 0
	e.losses.Reset()
}

// Add writes spans. Every canonical span has a form in Zipkin.
func (e *JSONEncoder) Add(items []span.Item) int {
	sighted := e.foreign.sight != nil
	drafted := 0 // items up to here have their residues from a draft that begins at from
	from := 0
	for i := 0; i < len(items); i++ {
		sep := byte(',')
		if e.spans == 0 {
			sep = '['
		}
		e.buf = append(e.buf, sep)
		it := &items[i]
		s := it.Span()
		if e.copied(it.Batch, s) {
			raw, n := e.adjoining(items[i:])
			e.buf = it.Batch.AppendStr(e.buf, raw)
			e.spans += n
			i += n - 1
			continue
		}
		e.spans++
		e.residue = nil
		if e.draft != nil && !isOwn(it.Batch, s) {
			if sighted && i >= drafted {
				var ok bool
				if e.buf, ok = e.appendForeign(e.buf, it); ok {
					continue
				}
			}
			if i >= drafted {
				from, drafted = i, len(items)
				if sighted {
					drafted = e.draft.More(items, i)
				}
				e.draft.Compare(items[from:drafted], &e.losses)
			}
			e.residue = e.draft.Text(i - from)
		}
		e.buf = e.AppendJSON(e.buf, it)
	}
	e.residue = nil
	e.foreign.forget()
	return 0
}

// copied is true for a span that is written as it came.
func (e *JSONEncoder) copied(b *span.Batch, s *span.Span) bool {
	return s.Has&span.Exact != 0 && b.Origin.Format == formatV2JSON && (e.opts.Residue != translate.OTel || forCollector(b, s))
}

// adjoining is the text of the first item, which is copied, and of those behind it
// that are too and stand in the body just so, with a comma between them.
func (e *JSONEncoder) adjoining(items []span.Item) (raw span.Text, n int) {
	b := items[0].Batch
	raw = items[0].Span().Raw
	for n = 1; n < len(items) && items[n].Batch == b; n++ {
		s := items[n].Span()
		both, ok := b.Join(raw, s.Raw, ',')
		if !ok || !e.copied(b, s) {
			break
		}
		raw = both
	}
	return raw, n
}

// Drafted is for how many spans it took a draft to find their residues.
func (e *JSONEncoder) Drafted() int { return e.draft.Drafted }

// Notices does nothing: Zipkin knows no instances.
func (e *JSONEncoder) Notices(*span.Batch) {}

// Losses are what the spans added since Reset could not carry.
func (e *JSONEncoder) Losses() *translate.Losses { return &e.losses }

// Messages is the list as one body, or nothing.
func (e *JSONEncoder) Messages() []translate.Message {
	if e.spans == 0 {
		return nil
	}
	n := len(e.buf)
	e.buf = append(e.buf, ']')
	e.msg[0] = translate.Message{Body: e.buf, Spans: e.spans}
	e.buf = e.buf[:n] // more may come
	return e.msg[:]
}

// kinds are the names and the numbers in zipkin.proto of the canonical kinds;
// the others have none.
var kinds = [256]struct {
	name   string
	number uint64
}{
	span.KindClient: {"CLIENT", 1}, span.KindServer: {"SERVER", 2},
	span.KindProducer: {"PRODUCER", 3}, span.KindConsumer: {"CONSUMER", 4},
}

// appendIdentity opens the object of a span and appends its ids, as Zipkin knows
// them, and its kind.
func appendIdentity(d []byte, s *span.Span, id, parent span.ID) []byte {
	d = append(d, `{"traceId":"`...)
	d = s.Trace.AppendHex(d)
	if parent != 0 {
		d = append(d, `","parentId":"`...)
		d = parent.AppendHex(d)
	}
	d = append(d, `","id":"`...)
	d = id.AppendHex(d)
	d = append(d, '"')
	if k := kinds[s.Kind].name; k != "" {
		d = append(d, `,"kind":"`...)
		d = append(d, k...)
		d = append(d, '"')
	}
	return d
}

// AppendJSON appends one span as a v2 JSON object, with the fields in the order
// of Zipkin's own writer.
func (e *JSONEncoder) AppendJSON(d []byte, it *span.Item) []byte {
	b, s := it.Batch, it.Span()
	id, parent, shared := wireIdentity(it, s)
	d = appendIdentity(d, s, id, parent)
	if s.Name.Len() > 0 {
		d = append(d, `,"name":`...)
		d = appendText(d, b.Str(s.Name))
	}
	if start, ok := startMicros(s); ok {
		d = append(d, `,"timestamp":`...)
		d = wire.AppendDecimal(d, start)
	}
	if dur, ok := durationMicros(s); ok {
		d = append(d, `,"duration":`...)
		d = wire.AppendDecimal(d, dur)
	}
	d = appendEndpoint(d, `,"localEndpoint":{`, b, &s.Local)
	d = appendEndpoint(d, `,"remoteEndpoint":{`, b, &s.Remote)
	d = e.appendAnnotations(d, b, s)
	d = e.appendTags(d, b, s)
	if s.Sampling&span.Debug != 0 {
		d = append(d, `,"debug":true`...)
	}
	if shared {
		d = append(d, `,"shared":true`...)
	}
	return append(d, '}')
}

func (e *JSONEncoder) appendAnnotations(d []byte, b *span.Batch, s *span.Span) []byte {
	events := b.Events(s.Events)
	for i := range events {
		ev := &events[i]
		if i == 0 {
			d = append(d, `,"annotations":[{"timestamp":`...)
		} else {
			d = append(d, `,{"timestamp":`...)
		}
		if e.opts.Residue == translate.OTel {
			d = wire.AppendDecimal(d, max(ev.Time/1000, 1))
			e.text = appendEventForCollector(e.text[:0], b, ev)
			d = append(d, `,"value":`...)
			d = append(appendText(d, e.text), '}')
			continue
		}
		d = wire.AppendDecimal(d, ev.Time/1000)
		d = append(d, `,"value":`...)
		if hasFields(b, ev) {
			e.text = appendEventText(e.text[:0], b, ev)
			d = appendText(d, e.text)
		} else {
			d = appendText(d, b.Str(ev.Name))
		}
		d = append(d, '}')
	}
	if len(events) > 0 {
		d = append(d, ']')
	}
	return d
}

func (e *JSONEncoder) appendTags(d []byte, b *span.Batch, s *span.Span) []byte {
	CollectTags(&e.tags, b, s)
	if e.opts.Residue == translate.OTel {
		e.appendOTel(b, s)
	}
	list := e.tags.List
	sep := `,"tags":{`
	for i := range list {
		d = append(d, sep...)
		sep = ","
		t := &list[i]
		d = appendText(d, residue.Outside(t.Key))
		d = append(d, ':')
		switch {
		case t.Attr == nil:
			d = appendText(d, t.Text)
		case t.Attr.Type == span.String || t.Attr.Type == span.JSON:
			d = appendText(d, b.Str(t.Attr.Text()))
		default: // numbers and base64, in which nothing is to be escaped
			d = append(b.AppendText(append(d, '"'), t.Attr), '"')
		}
	}
	if len(e.residue) > 0 {
		d = append(d, sep...)
		sep = ","
		d = append(d, `"`+residue.Key+`":`...)
		d = appendText(d, e.residue)
	}
	if sep == "," {
		d = append(d, '}')
	}
	return d
}

// appendText appends a JSON string. One that the server would take for a sign
// of version 1, and refuse the whole body for, gets its last letter escaped.
func appendText[T string | []byte](d []byte, s T) []byte {
	return unmark(wire.AppendJSON(d, s))
}

// unmark escapes the last letter of a string that is such a sign.
func unmark(d []byte) []byte {
	if d[len(d)-2] == 's' && bytes.HasSuffix(d, []byte(v1Mark)) {
		d = append(d[:len(d)-2], `\u0073"`...)
	}
	return d
}

// appendEndpoint appends an endpoint after its key and opening brace, nothing
// for an absent one.
func appendEndpoint(d []byte, key string, b *span.Batch, p *span.Endpoint) []byte {
	start := len(d)
	d = append(d, key...)
	empty := len(d)
	if p.Service.Len() > 0 {
		d = append(d, `"serviceName":`...)
		d = appendText(d, b.Str(p.Service))
		d = append(d, ',')
	}
	if a := p.IP4(); a.IsValid() {
		d = append(d, `"ipv4":"`...)
		d = wire.AppendIP(d, a)
		d = append(d, `",`...)
	}
	if a := p.IP6(); a.IsValid() {
		d = append(d, `"ipv6":"`...)
		d = appendIP6(d, a)
		d = append(d, `",`...)
	}
	if p.Port != 0 {
		d = append(d, `"port":`...)
		d = wire.AppendDecimal(d, int64(p.Port))
		d = append(d, ',')
	}
	if len(d) == empty {
		return d[:start]
	}
	d[len(d)-1] = '}'
	return d
}
