// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Encoder writes spans as one ExportTraceServiceRequest. Neighbours of one
// batch that have the resource and scope in common share its groups. What came
// by OTLP is copied where it need not change.
type Encoder struct {
	buf     []byte
	text    []byte
	spans   int
	msg     [1]translate.Message
	losses  translate.Losses
	opts    translate.EncoderOptions
	draft   *residue.Draft // nil in the encoder of a draft
	residue []byte         // of the span to be written
	sighted foreignWriter

	// The groups that are open, and what their spans have in common. A mark is
	// 0 while there is no such group.
	resourceMark, scopeMark int
	batch                   *span.Batch
	own                     bool
	resource, scope         uint32
	service, instance       string

	// rewrite is set by tests: no bytes are copied.
	rewrite bool
}

// NewEncoder makes an encoder.
func NewEncoder(opts translate.EncoderOptions) translate.Encoder {
	return &Encoder{opts: opts, sighted: foreignWriter{sight: residue.NewSight(opts, false, isTold, keyForm)}, draft: &residue.Draft{
		Protocol: span.OTLP, Format: formatProto, Mode: opts.Residue, Encoder: &Encoder{opts: opts},
		Decode: func(w *span.Builder, body []byte) {
			(&reader{w: w, bad: &translate.Malformed{}}).request(wire.ReadProto(body))
		},
	}}
}

// Fork makes another encoder: there is nothing to share.
func (e *Encoder) Fork() translate.Encoder { return NewEncoder(e.opts) }

// Reset starts a new request.
func (e *Encoder) Reset() {
	*e = Encoder{buf: e.buf[:0], text: e.text[:0], rewrite: e.rewrite, opts: e.opts, draft: e.draft, sighted: e.sighted}
}

// Add writes spans. Every canonical span has a form in OTLP.
func (e *Encoder) Add(items []span.Item) int {
	sighted := e.sighted.sight != nil
	from, drafted := 0, 0 // items that have their residues from a draft
	for i := range items {
		it := &items[i]
		s := it.Span()
		e.group(it.Batch, s)
		e.spans++
		if e.own && !e.rewrite && s.Has&span.Exact != 0 && it.ID == s.ID && it.Parent == s.Parent {
			e.buf = wire.AppendStringAlways(e.buf, spansField, it.Batch.Str(s.Raw))
			continue
		}
		e.residue = nil
		if e.draft != nil && !e.own {
			if sighted && i >= drafted && e.foreign(it) {
				continue
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
		e.span(it, s)
	}
	e.residue = nil
	e.sighted.forget()
	return 0
}

// Drafted is for how many spans it took a draft to find their residues.
func (e *Encoder) Drafted() int { return e.draft.Drafted }

// Notices does nothing: OTLP has no place for instances apart from spans.
func (e *Encoder) Notices(*span.Batch) {}

// Losses are what the spans added since Reset could not carry.
func (e *Encoder) Losses() *translate.Losses { return &e.losses }

// Messages is the request as one message, or nothing.
func (e *Encoder) Messages() []translate.Message {
	if e.spans == 0 {
		return nil
	}
	e.closeResource()
	e.msg[0] = translate.Message{Method: exportMethod, Body: e.buf, Spans: e.spans}
	return e.msg[:]
}

// What the lengths of a group and of a span take in most requests.
const groupWidth, spanWidth = 3, 2

// isOwn tells a span whose attributes follow OTLP's conventions.
func isOwn(b *span.Batch, s *span.Span) bool { return b.Home(s) == span.OTLP }

// group sees to it that the groups which a span belongs to are open.
func (e *Encoder) group(b *span.Batch, s *span.Span) {
	service, instance := "", ""
	own, fresh := isOwn(b, s), false
	if !own {
		service, instance = b.Str(s.Local.Service), instanceOf(b, s)
	}
	if e.resourceMark == 0 || e.batch != b || e.own != own || e.resource != s.Resource || e.service != service || e.instance != instance {
		e.closeResource()
		e.batch, e.own, e.resource, e.service, e.instance = b, own, s.Resource, service, instance
		e.buf, e.resourceMark = wire.OpenWide(e.buf, resourceSpansField, groupWidth)
		e.appendResource()
		fresh = true
	}
	if e.scopeMark == 0 || e.scope != s.Scope {
		e.closeScope()
		e.scope = s.Scope
		e.buf, e.scopeMark = wire.OpenWide(e.buf, scopeSpansField, groupWidth)
		e.appendScope()
		fresh = true
	}
	if fresh && !own && e.sighted.sight != nil {
		e.sighted.groups(b, s, instance)
	}
}

func (e *Encoder) closeScope() {
	if e.scopeMark != 0 {
		e.buf = wire.CloseWide(e.buf, e.scopeMark, groupWidth)
		e.scopeMark = 0
	}
}

func (e *Encoder) closeResource() {
	e.closeScope()
	if e.resourceMark != 0 {
		e.buf = wire.CloseWide(e.buf, e.resourceMark, groupWidth)
		e.resourceMark = 0
	}
}

// instanceOf is the instance that a SkyWalking agent reports for.
func instanceOf(b *span.Batch, s *span.Span) string {
	if g := b.Segment(s.Segment); g != nil {
		return b.Str(g.Instance)
	}
	return ""
}

// appendResource appends the resource of the open group and its schema.
func (e *Encoder) appendResource() {
	b := e.batch
	r := b.Resource(e.resource)
	if r == nil && e.service == "" && e.instance == "" {
		return
	}
	if e.own && r != nil && r.Raw.Present() && !e.rewrite {
		e.buf = wire.AppendStringAlways(e.buf, 1, b.Str(r.Raw))
		e.buf = wire.AppendString(e.buf, 3, b.Str(r.Schema))
		return
	}
	d, mark := wire.Open(e.buf, 1)
	if e.service != "" {
		d = appendStringAttr(d, 1, keyService, e.service)
	}
	if e.instance != "" && (r == nil || !written(b, r.Attrs, translate.TagInstance)) {
		d = appendStringAttr(d, 1, translate.TagInstance, e.instance)
	}
	if r != nil {
		attrs := b.Attrs(r.Attrs)
		for i := range attrs {
			a := &attrs[i]
			if e.own || !a.Mirrored && (e.service == "" || b.Str(a.Key) != keyService) {
				d = e.appendAttr(d, 1, b, a)
			}
		}
		d = wire.AppendVarint(d, 2, uint64(r.Dropped))
	}
	d = wire.Close(d, mark)
	if r != nil {
		d = wire.AppendString(d, 3, b.Str(r.Schema))
	}
	e.buf = d
}

// appendScope appends the scope of the open group and its schema.
func (e *Encoder) appendScope() {
	b := e.batch
	c := b.Scope(e.scope)
	if c == nil {
		return
	}
	d, mark := wire.Open(e.buf, 1)
	d = wire.AppendString(d, 1, b.Str(c.Name))
	d = wire.AppendString(d, 2, b.Str(c.Version))
	d = e.appendAttrs(d, 3, b, c.Attrs)
	d = wire.AppendVarint(d, 4, uint64(c.Dropped))
	d = wire.Close(d, mark)
	e.buf = wire.AppendString(d, 3, b.Str(c.Schema))
}
